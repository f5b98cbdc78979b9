//! Messages written as bytes of the bus.

use zerocopy::network_endian::{U16, U32, U64};
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::wire::{self, ExtensionHeader, GossipEntry, Header, PublishHead, UpdateBody};
use super::{Body, Gossip, HOSTNAME_BYTES_MAX, Message};

/// Writes a message: the header of 2256 bytes and its body, laid out as [`super::decode::message`] tells.
///
/// Addresses and host names longer than their fields are cut; the core holds none.
pub(crate) fn message(message: &Message) -> Vec<u8> {
    let sender = &message.sender;
    let mut header = Header::new_zeroed();
    header.signature = wire::SIGNATURE;
    header.version = U16::new(wire::VERSION);
    header.port = U16::new(sender.port);
    header.kind = U16::new(message.body.kind_number());
    header.current_epoch = U64::new(sender.current_epoch);
    header.config_epoch = U64::new(sender.config_epoch);
    header.offset = U64::new(sender.repl_offset);
    header.sender = *sender.id.as_bytes();
    header.slots = *sender.slots.as_bytes();
    if let Some(primary) = &sender.primary {
        header.primary = *primary.as_bytes();
    }
    copy_text(&mut header.ip, &sender.ip);
    header.bus_port = U16::new(sender.bus_port);
    header.flags = U16::new(sender.flags.bits());
    header.state = u8::from(!sender.sees_ok);
    let more = [
        (sender.reads_extensions, wire::FLAG_EXTENSIONS),
        (sender.is_paused, wire::FLAG_PAUSED),
        (sender.is_forced, wire::FLAG_FORCE_ACK),
    ];
    header.flags_more[0] = more.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).sum();
    let mut body = Vec::new();
    write_body(&message.body, &mut header, &mut body);
    let total_len = size_of::<Header>() + body.len();
    header.total_len = U32::new(u32::try_from(total_len).unwrap_or(u32::MAX));
    let mut out = Vec::with_capacity(total_len);
    out.extend_from_slice(header.as_bytes());
    out.append(&mut body);
    out
}

fn write_body(body: &Body, header: &mut Header, out: &mut Vec<u8>) {
    match body {
        Body::Ping { gossip, hostname, .. } => {
            header.count = U16::new(u16::try_from(gossip.len()).unwrap_or(u16::MAX));
            for entry in gossip.iter().take(usize::from(u16::MAX)) {
                out.extend_from_slice(gossip_entry(entry).as_bytes());
            }
            if let Some(hostname) = hostname {
                header.extensions = U16::new(1);
                write_hostname(hostname, out);
            }
        }
        Body::Fail { id } => out.extend_from_slice(id.as_bytes()),
        Body::Update { config_epoch, id, slots } => {
            let update = UpdateBody {
                config_epoch: U64::new(*config_epoch),
                id: *id.as_bytes(),
                slots: *slots.as_bytes(),
            };
            out.extend_from_slice(update.as_bytes());
        }
        Body::Publish { channel, message, .. } => {
            let len = |bytes: &[u8]| U32::new(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            let head = PublishHead { channel_len: len(channel), message_len: len(message) };
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(channel);
            out.extend_from_slice(message);
        }
        Body::Bare { .. } | Body::Unread { .. } => {}
    }
}

fn gossip_entry(gossip: &Gossip) -> GossipEntry {
    let mut entry = GossipEntry::new_zeroed();
    entry.id = *gossip.id.as_bytes();
    entry.ping_sent_s = U32::new(gossip.ping_sent_s);
    entry.pong_received_s = U32::new(gossip.pong_received_s);
    copy_text(&mut entry.ip, &gossip.ip);
    entry.port = U16::new(gossip.port);
    entry.bus_port = U16::new(gossip.bus_port);
    entry.flags = U16::new(gossip.flags.bits());
    entry
}

/// The name with a zero byte behind it, padded to a multiple of 8 bytes.
fn write_hostname(hostname: &str, out: &mut Vec<u8>) {
    let name = &hostname.as_bytes()[..hostname.len().min(HOSTNAME_BYTES_MAX - 1)];
    let padded = (name.len() + 1).next_multiple_of(8);
    let len = size_of::<ExtensionHeader>() + padded;
    let header = ExtensionHeader {
        len: U32::new(u32::try_from(len).unwrap_or(u32::MAX)),
        kind: U16::new(wire::EXTENSION_HOSTNAME),
        unused: U16::new(0),
    };
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(name);
    out.resize(out.len() + padded - name.len(), 0);
}

/// Copies text into a field and leaves a zero byte behind it.
fn copy_text(field: &mut [u8], text: &str) {
    let len = text.len().min(field.len() - 1);
    field[..len].copy_from_slice(&text.as_bytes()[..len]);
}
