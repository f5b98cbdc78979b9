//! Messages of the cluster bus, in the wire format of Redis 7.0.
//!
//! In: the bytes of one whole message. Out: a [`Message`], and the bytes of one.
//! Invariants: no bytes can panic the decoder or make it allocate more than they are long; what is written reads
//! back the same.
//!
//! Spec: <https://valkey.io/topics/cluster-spec/#cluster-bus>

pub(crate) mod decode;

pub(crate) mod encode;

mod wire;

use reddoor_protocol::topology::NodeId;
use thiserror::Error;

use super::member::{MemberFlags, SlotSet};

/// Bytes of the longest host name.
const HOSTNAME_BYTES_MAX: usize = 256;

/// Why bytes are no message. The link they came on is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum MessageError {
    /// They do not begin as a message does.
    #[error("bus message does not begin with RCmb")]
    Signature,
    /// They tell another length than a message can have.
    #[error("bus message of {len} bytes, which none can have")]
    Length {
        /// The length told, in bytes.
        len: usize,
    },
    /// Their layout is of another version.
    #[error("bus protocol version {version}, not 1")]
    Version {
        /// The version told.
        version: u16,
    },
    /// A name, an address or an extension is not what it has to be.
    #[error("bus message with a malformed {field}")]
    Field {
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

#[cfg(test)]
mod tests;
