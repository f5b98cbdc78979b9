//! Bytes of the bus read as messages.
//!
//! Invariants: no bytes can panic it or make it allocate more than they are long.

use reddoor_protocol::topology::NodeId;
use zerocopy::FromBytes as _;

use super::wire::{self, ExtensionHeader, GossipEntry, Header, PublishHead, UpdateBody};
use super::{Body, Gossip, HOSTNAME_BYTES_MAX, Kind, Message, MessageError, Sender};
use crate::cluster::member::{MemberFlags, SlotSet};

/// The largest message that is accepted, in bytes: a publication of the largest bulk, and its header.
const MESSAGE_BYTES_MAX: usize = 512 * 1024 * 1024 + 4096;

/// The largest message but for publications, in bytes: a ping with as many entries as it can count, and a host name.
pub(crate) const PING_BYTES_MAX: usize =
    size_of::<Header>() + size_of::<GossipEntry>() * u16::MAX as usize + 4096;

/// The length in bytes of the message that begins with these bytes; `None` while too few came to know it.
///
/// ```text
/// 0  "RCmb"
/// 4  u32  bytes of the whole message, these included
/// 8  u16  version, then u16 port
/// 12 u16  kind: only a publication may be longer than PING_BYTES_MAX
/// ```
/// Numbers are in network byte order.
///
/// # Errors
/// They are no message.
pub(crate) fn len(bytes: &[u8]) -> Result<Option<usize>, MessageError> {
    let Some(start) = bytes.get(..8) else { return Ok(None) };
    if start[..4] != wire::SIGNATURE {
        return Err(MessageError::Signature);
    }
    let len = u32::from_be_bytes([start[4], start[5], start[6], start[7]]) as usize;
    if !(size_of::<Header>()..=MESSAGE_BYTES_MAX).contains(&len) {
        return Err(MessageError::Length { len });
    }
    let Some(kind) = bytes.get(12..14) else { return Ok(None) };
    let kind = usize::from(u16::from_be_bytes([kind[0], kind[1]]));
    let is_publication = matches!(Kind::ALL.get(kind), Some(Kind::Publish | Kind::PublishShard));
    if len > PING_BYTES_MAX && !is_publication {
        return Err(MessageError::Length { len });
    }
    Ok(Some(len))
}

/// Reads one whole message, of which [`len()`] told the length.
///
/// ```text
/// 0     header, 2256 bytes: see `wire::Header`
/// 2256  body, by the kind in the header:
///       ping, pong, meet   `count` entries of 104 bytes, then `extensions` extensions: u32 length, u16 type,
///                          u16 unused, and the rest of the length, which is a multiple of 8
///       fail               the name of a node, 40 bytes
///       publish(shard)     u32 length of the channel, u32 length of the message, the two
///       update             u64 epoch, name of a node of 40 bytes, slots as a bitmap of 2048 bytes
///       auth-req, auth-ack, mfstart   nothing
/// ```
/// Numbers are in network byte order. Of the extensions, Redis 7.0 knows type 0, the sender's host name.
///
/// # Errors
/// They are no message.
pub(crate) fn message(bytes: &[u8]) -> Result<Message, MessageError> {
    let bad_length = MessageError::Length { len: bytes.len() };
    let (header, body) = Header::ref_from_prefix(bytes).map_err(|_| bad_length)?;
    if header.signature != wire::SIGNATURE {
        return Err(MessageError::Signature);
    }
    if header.total_len.get() as usize != bytes.len() {
        return Err(bad_length);
    }
    if header.version.get() != wire::VERSION {
        return Err(MessageError::Version { version: header.version.get() });
    }
    let sender = Sender {
        id: node_id(&header.sender)?,
        ip: text(&header.ip, "address")?,
        port: header.port.get(),
        bus_port: header.bus_port.get(),
        flags: MemberFlags::from_bits_truncate(header.flags.get()),
        current_epoch: header.current_epoch.get(),
        config_epoch: header.config_epoch.get(),
        repl_offset: header.offset.get(),
        slots: SlotSet::from_bytes(&header.slots),
        primary: optional_id(&header.primary)?,
        sees_ok: header.state == 0,
        reads_extensions: header.flags_more[0] & wire::FLAG_EXTENSIONS != 0,
        is_paused: header.flags_more[0] & wire::FLAG_PAUSED != 0,
        is_forced: header.flags_more[0] & wire::FLAG_FORCE_ACK != 0,
    };
    let body = body_of(header, body).ok_or(bad_length)??;
    Ok(Message { sender, body })
}

/// `None` when the body has another length than its kind asks for.
fn body_of(header: &Header, body: &[u8]) -> Option<Result<Body, MessageError>> {
    let number = header.kind.get();
    let Some(kind) = Kind::ALL.get(usize::from(number)).copied() else {
        return Some(Ok(Body::Unread { kind: number }));
    };
    match kind {
        Kind::Ping | Kind::Pong | Kind::Meet => ping_of(kind, header, body),
        Kind::Fail => {
            let id: &[u8; 40] = body.try_into().ok()?;
            Some(node_id(id).map(|id| Body::Fail { id }))
        }
        Kind::Update => {
            let update = UpdateBody::ref_from_bytes(body).ok()?;
            Some(node_id(&update.id).map(|id| Body::Update {
                config_epoch: update.config_epoch.get(),
                id,
                slots: SlotSet::from_bytes(&update.slots),
            }))
        }
        Kind::Publish | Kind::PublishShard => {
            let (head, rest) = PublishHead::ref_from_prefix(body).ok()?;
            let (channel_len, message_len) =
                (head.channel_len.get() as usize, head.message_len.get() as usize);
            if rest.len() != channel_len.checked_add(message_len)? {
                return None;
            }
            let (channel, message) = rest.split_at(channel_len);
            Some(Ok(Body::Publish {
                is_sharded: kind == Kind::PublishShard,
                channel: channel.to_vec(),
                message: message.to_vec(),
            }))
        }
        Kind::AuthRequest | Kind::AuthAck | Kind::ManualFailoverStart => {
            body.is_empty().then_some(Ok(Body::Bare { kind }))
        }
        Kind::Module => Some(Ok(Body::Unread { kind: number })),
    }
}

fn ping_of(kind: Kind, header: &Header, body: &[u8]) -> Option<Result<Body, MessageError>> {
    let count = usize::from(header.count.get());
    let (entries, mut rest) = <[GossipEntry]>::ref_from_prefix_with_elems(body, count).ok()?;
    let mut gossip = Vec::with_capacity(entries.len());
    for entry in entries {
        match gossip_of(entry) {
            Ok(entry) => gossip.push(entry),
            Err(error) => return Some(Err(error)),
        }
    }
    let mut hostname = None;
    for _ in 0..header.extensions.get() {
        let (extension, _) = ExtensionHeader::ref_from_prefix(rest).ok()?;
        let len = extension.len.get() as usize;
        if len < size_of::<ExtensionHeader>() || len > rest.len() || !len.is_multiple_of(8) {
            return None;
        }
        let payload = &rest[size_of::<ExtensionHeader>()..len];
        // Extensions of later versions are passed over.
        if extension.kind.get() == wire::EXTENSION_HOSTNAME {
            match text(payload, "host name").and_then(checked_hostname) {
                Ok(name) => hostname = Some(name),
                Err(error) => return Some(Err(error)),
            }
        }
        rest = &rest[len..];
    }
    rest.is_empty().then_some(Ok(Body::Ping { kind, gossip, hostname }))
}

fn gossip_of(entry: &GossipEntry) -> Result<Gossip, MessageError> {
    Ok(Gossip {
        id: node_id(&entry.id)?,
        ping_sent_s: entry.ping_sent_s.get(),
        pong_received_s: entry.pong_received_s.get(),
        ip: text(&entry.ip, "address")?,
        port: entry.port.get(),
        bus_port: entry.bus_port.get(),
        flags: MemberFlags::from_bits_truncate(entry.flags.get()),
    })
}

fn node_id(bytes: &[u8; 40]) -> Result<NodeId, MessageError> {
    NodeId::parse(bytes).ok_or(MessageError::Field { field: "node name" })
}

fn optional_id(bytes: &[u8; 40]) -> Result<Option<NodeId>, MessageError> {
    if bytes.iter().all(|byte| *byte == 0) { Ok(None) } else { node_id(bytes).map(Some) }
}

/// Text up to the first zero byte. What it becomes a part of is written to files line by line.
fn text(bytes: &[u8], field: &'static str) -> Result<String, MessageError> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b',';
    if !bytes[..end].iter().all(is_plain) {
        return Err(MessageError::Field { field });
    }
    Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

fn checked_hostname(name: String) -> Result<String, MessageError> {
    if name.len() >= HOSTNAME_BYTES_MAX {
        return Err(MessageError::Field { field: "host name" });
    }
    Ok(name)
}
