//! Messages of the cluster bus, in the wire format of Redis 7.0.
//!
//! In: the bytes of one whole message. Out: a [`Message`], and the bytes of one.
//! Invariants: no bytes can panic the decoder or make it allocate more than they are long; what is written reads
//! back the same.
//!
//! Spec: <https://valkey.io/topics/cluster-spec/#cluster-bus>

mod wire;

use reddoor_protocol::topology::NodeId;
use thiserror::Error;
use zerocopy::network_endian::{U16, U32, U64};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use self::wire::{ExtensionHeader, GossipEntry, Header, PublishHead, UpdateBody};
use super::member::{MemberFlags, SlotSet};

/// Bytes that must have come before the length of a message is known.
pub(crate) const LEN_BYTES: usize = 8;

/// The largest message that is accepted, in bytes: a publication of the largest bulk, and its header.
pub(crate) const MESSAGE_BYTES_MAX: usize = 512 * 1024 * 1024 + 4096;

/// Bytes of the longest host name.
const HOSTNAME_BYTES_MAX: usize = 256;

/// Why bytes are no message. The link they came on is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum MessageError {
    /// They do not begin as a message does.
    #[error("bus message does not begin with RCmb")]
    BadSignature,
    /// They tell another length than a message can have.
    #[error("bus message of {len} bytes, which none can have")]
    BadLength {
        /// The length told, in bytes.
        len: usize,
    },
    /// Their layout is of another version.
    #[error("bus protocol version {version}, not 1")]
    BadVersion {
        /// The version told.
        version: u16,
    },
    /// A name, an address or an extension is not what it has to be.
    #[error("bus message with a malformed {field}")]
    BadField {
        /// Which.
        field: &'static str,
    },
}

/// What kind of message it is; the numbers are those of the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Kind {
    /// Are you there?
    Ping = 0,
    /// I am.
    Pong = 1,
    /// Are you there? And take me for a member.
    Meet = 2,
    /// A node is down, says the majority.
    Fail = 3,
    /// A publication to all nodes.
    Publish = 4,
    /// A replica asks for votes.
    AuthRequest = 5,
    /// A vote.
    AuthAck = 6,
    /// A newer claim on slots than the receiver knows.
    Update = 7,
    /// A failover by hand begins.
    ManualFailoverStart = 8,
    /// A module's own.
    Module = 9,
    /// A publication within a shard.
    PublishShard = 10,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub(crate) const ALL: [Kind; 11] = [
        Kind::Ping,
        Kind::Pong,
        Kind::Meet,
        Kind::Fail,
        Kind::Publish,
        Kind::AuthRequest,
        Kind::AuthAck,
        Kind::Update,
        Kind::ManualFailoverStart,
        Kind::Module,
        Kind::PublishShard,
    ];

    /// The name that `CLUSTER INFO` has for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Ping => "ping",
            Kind::Pong => "pong",
            Kind::Meet => "meet",
            Kind::Fail => "fail",
            Kind::Publish => "publish",
            Kind::AuthRequest => "auth-req",
            Kind::AuthAck => "auth-ack",
            Kind::Update => "update",
            Kind::ManualFailoverStart => "mfstart",
            Kind::Module => "module",
            Kind::PublishShard => "publishshard",
        }
    }
}

/// What every message tells of its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    /// Its name.
    pub(crate) id: NodeId,
    /// The address that it announces; empty: take the socket's.
    pub(crate) ip: String,
    /// TCP port for clients.
    pub(crate) port: u16,
    /// TCP port of the bus; 0: client port + 10000.
    pub(crate) bus_port: u16,
    /// Primary or replica, and what else it tells of itself.
    pub(crate) flags: MemberFlags,
    /// The newest epoch it has seen.
    pub(crate) current_epoch: u64,
    /// The epoch of its claim; a replica tells its primary's.
    pub(crate) config_epoch: u64,
    /// How far its replication has come, in bytes.
    pub(crate) repl_offset: u64,
    /// The slots it owns; a replica tells its primary's.
    pub(crate) slots: SlotSet,
    /// For a replica: its primary.
    pub(crate) primary: Option<NodeId>,
    /// Whether it sees the cluster well.
    pub(crate) sees_ok: bool,
    /// Whether it reads extensions.
    pub(crate) reads_extensions: bool,
    /// Whether its clients are paused for a failover by hand.
    pub(crate) is_paused: bool,
    /// Whether the vote asked for is to be given though the primary lives.
    pub(crate) is_forced: bool,
}

/// What a ping, pong or meet tells of a third node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gossip {
    /// Its name.
    pub(crate) id: NodeId,
    /// When the sender pinged it without an answer so far, in seconds since 1970; 0 for never.
    pub(crate) ping_sent_s: u32,
    /// When its last pong came to the sender, in seconds since 1970.
    pub(crate) pong_received_s: u32,
    /// Its address.
    pub(crate) ip: String,
    /// TCP port for clients.
    pub(crate) port: u16,
    /// TCP port of the bus.
    pub(crate) bus_port: u16,
    /// What the sender knows of it.
    pub(crate) flags: MemberFlags,
}

/// What a message says besides who sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// A ping, pong or meet.
    Ping {
        /// Which of the three.
        kind: Kind,
        /// Third nodes.
        gossip: Vec<Gossip>,
        /// The host name that the sender announces, if it told any: empty for none.
        hostname: Option<String>,
    },
    /// This node is down.
    Fail {
        /// Its name.
        id: NodeId,
    },
    /// This node owns these slots since this epoch.
    Update {
        /// The epoch of its claim.
        config_epoch: u64,
        /// Its name.
        id: NodeId,
        /// Its slots.
        slots: SlotSet,
    },
    /// A publication.
    Publish {
        /// Within the shard or to all.
        is_sharded: bool,
        /// The channel.
        channel: Vec<u8>,
        /// The message.
        message: Vec<u8>,
    },
    /// A kind without a body.
    Bare {
        /// Which.
        kind: Kind,
    },
    /// A kind whose body is not read here: modules', and what later versions add.
    Unread {
        /// Its number.
        kind: u16,
    },
}

impl Body {
    /// The number of its kind.
    fn kind_number(&self) -> u16 {
        match self {
            Body::Ping { kind, .. } | Body::Bare { kind } => *kind as u16,
            Body::Fail { .. } => Kind::Fail as u16,
            Body::Update { .. } => Kind::Update as u16,
            Body::Publish { is_sharded: false, .. } => Kind::Publish as u16,
            Body::Publish { is_sharded: true, .. } => Kind::PublishShard as u16,
            Body::Unread { kind } => *kind,
        }
    }

    /// Its kind, if it is one of those known.
    pub(crate) fn kind(&self) -> Option<Kind> {
        Kind::ALL.get(usize::from(self.kind_number())).copied()
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Who sends it.
    pub(crate) sender: Sender,
    /// What it says.
    pub(crate) body: Body,
}

/// The length in bytes of the message that begins with these bytes; `None` while fewer than [`LEN_BYTES`] came.
///
/// # Errors
/// They are no message.
pub(crate) fn message_len(bytes: &[u8]) -> Result<Option<usize>, MessageError> {
    let Some(start) = bytes.get(..LEN_BYTES) else { return Ok(None) };
    if start[..4] != wire::SIGNATURE {
        return Err(MessageError::BadSignature);
    }
    let len = u32::from_be_bytes([start[4], start[5], start[6], start[7]]) as usize;
    if !(size_of::<Header>()..=MESSAGE_BYTES_MAX).contains(&len) {
        return Err(MessageError::BadLength { len });
    }
    Ok(Some(len))
}

/// Reads one whole message, of which [`message_len`] told the length.
///
/// # Errors
/// They are no message.
pub(crate) fn decode(bytes: &[u8]) -> Result<Message, MessageError> {
    let bad_length = MessageError::BadLength { len: bytes.len() };
    let (header, body) = Header::ref_from_prefix(bytes).map_err(|_| bad_length)?;
    if header.signature != wire::SIGNATURE {
        return Err(MessageError::BadSignature);
    }
    if header.total_len.get() as usize != bytes.len() {
        return Err(bad_length);
    }
    if header.version.get() != wire::VERSION {
        return Err(MessageError::BadVersion { version: header.version.get() });
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
    let body = decode_body(header, body).ok_or(bad_length)??;
    Ok(Message { sender, body })
}

/// `None` when the body has another length than its kind asks for.
fn decode_body(header: &Header, body: &[u8]) -> Option<Result<Body, MessageError>> {
    let number = header.kind.get();
    let Some(kind) = Kind::ALL.get(usize::from(number)).copied() else {
        return Some(Ok(Body::Unread { kind: number }));
    };
    match kind {
        Kind::Ping | Kind::Pong | Kind::Meet => decode_ping(kind, header, body),
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

fn decode_ping(kind: Kind, header: &Header, body: &[u8]) -> Option<Result<Body, MessageError>> {
    let count = usize::from(header.count.get());
    let (entries, mut rest) = <[GossipEntry]>::ref_from_prefix_with_elems(body, count).ok()?;
    let mut gossip = Vec::with_capacity(entries.len());
    for entry in entries {
        match decode_gossip(entry) {
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

fn decode_gossip(entry: &GossipEntry) -> Result<Gossip, MessageError> {
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
    NodeId::parse(bytes).ok_or(MessageError::BadField { field: "node name" })
}

fn optional_id(bytes: &[u8; 40]) -> Result<Option<NodeId>, MessageError> {
    if bytes.iter().all(|byte| *byte == 0) { Ok(None) } else { node_id(bytes).map(Some) }
}

/// Text up to the first zero byte. What it becomes a part of is written to files line by line.
fn text(bytes: &[u8], field: &'static str) -> Result<String, MessageError> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b',';
    if !bytes[..end].iter().all(is_plain) {
        return Err(MessageError::BadField { field });
    }
    Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

fn checked_hostname(name: String) -> Result<String, MessageError> {
    if name.len() >= HOSTNAME_BYTES_MAX {
        return Err(MessageError::BadField { field: "host name" });
    }
    Ok(name)
}

/// Writes a message.
///
/// Addresses and host names longer than their fields are cut; the core holds none.
pub(crate) fn encode(message: &Message) -> Vec<u8> {
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
    encode_body(&message.body, &mut header, &mut body);
    let total_len = size_of::<Header>() + body.len();
    header.total_len = U32::new(u32::try_from(total_len).unwrap_or(u32::MAX));
    let mut out = Vec::with_capacity(total_len);
    out.extend_from_slice(header.as_bytes());
    out.append(&mut body);
    out
}

fn encode_body(body: &Body, header: &mut Header, out: &mut Vec<u8>) {
    match body {
        Body::Ping { gossip, hostname, .. } => {
            header.count = U16::new(u16::try_from(gossip.len()).unwrap_or(u16::MAX));
            for entry in gossip.iter().take(usize::from(u16::MAX)) {
                out.extend_from_slice(gossip_entry(entry).as_bytes());
            }
            if let Some(hostname) = hostname {
                header.extensions = U16::new(1);
                encode_hostname(hostname, out);
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
fn encode_hostname(hostname: &str, out: &mut Vec<u8>) {
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

#[cfg(test)]
mod tests;
