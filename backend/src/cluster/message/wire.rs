//! The bytes of the bus: fixed structures in network byte order.
//!
//! ```text
//! header   2256 bytes   who speaks, what it owns, how it sees the cluster
//! body     by type      gossip entries of 104 bytes with extensions behind them, or one of the structures below
//! ```
//!
//! Source: redis `src/cluster.h` clusterMsg, clusterMsgDataGossip, clusterMsgPingExt.

use zerocopy::network_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::cluster::member::SlotSet;

/// The first bytes of every message.
pub(super) const SIGNATURE: [u8; 4] = *b"RCmb";

/// The version of the layout.
pub(super) const VERSION: u16 = 1;

/// In [`Header::flags_more`]: the sender reads extensions, and if [`Header::extensions`] is not zero, sends some.
pub(super) const FLAG_EXTENSIONS: u8 = 4;

/// In [`Header::flags_more`]: the vote is to be given though the primary lives, as the failover is by hand.
pub(super) const FLAG_FORCE_ACK: u8 = 2;

/// In [`Header::flags_more`]: the primary has paused its clients for a failover by hand.
pub(super) const FLAG_PAUSED: u8 = 1;

/// The type of the extension that carries the sender's host name.
pub(super) const EXTENSION_HOSTNAME: u16 = 0;

/// 2256 bytes.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Header {
    pub(super) signature: [u8; 4],
    /// Bytes of the whole message.
    pub(super) total_len: U32,
    pub(super) version: U16,
    pub(super) port: U16,
    pub(super) kind: U16,
    /// Gossip entries (count).
    pub(super) count: U16,
    pub(super) current_epoch: U64,
    pub(super) config_epoch: U64,
    pub(super) offset: U64,
    pub(super) sender: [u8; 40],
    pub(super) slots: [u8; SlotSet::BYTES],
    /// Zeros for a primary.
    pub(super) primary: [u8; 40],
    /// Text with a zero byte behind it; empty when the receiver is to take the socket's address.
    pub(super) ip: [u8; 46],
    /// Extensions behind the gossip (count).
    pub(super) extensions: U16,
    pub(super) unused: [u8; 30],
    /// The plain port when `port` is for TLS.
    pub(super) plain_port: U16,
    pub(super) bus_port: U16,
    pub(super) flags: U16,
    /// 0: the cluster is well; 1: it is not.
    pub(super) state: u8,
    pub(super) flags_more: [u8; 3],
}

/// 104 bytes: what the sender knows of a third node.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct GossipEntry {
    pub(super) id: [u8; 40],
    /// Seconds since 1970.
    pub(super) ping_sent_s: U32,
    /// Seconds since 1970.
    pub(super) pong_received_s: U32,
    pub(super) ip: [u8; 46],
    pub(super) port: U16,
    pub(super) bus_port: U16,
    pub(super) flags: U16,
    pub(super) plain_port: U16,
    pub(super) unused: U16,
}

/// 8 bytes before every extension; its length counts them and the padding to a multiple of 8.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct ExtensionHeader {
    pub(super) len: U32,
    pub(super) kind: U16,
    pub(super) unused: U16,
}

/// 2096 bytes: the newer claim of a third node.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct UpdateBody {
    pub(super) config_epoch: U64,
    pub(super) id: [u8; 40],
    pub(super) slots: [u8; SlotSet::BYTES],
}

/// 8 bytes before the channel and the message.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct PublishHead {
    pub(super) channel_len: U32,
    pub(super) message_len: U32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_have_the_sizes_of_the_bus() {
        assert_eq!(size_of::<Header>(), 2256);
        assert_eq!(size_of::<GossipEntry>(), 104);
        assert_eq!(size_of::<ExtensionHeader>(), 8);
        assert_eq!(size_of::<UpdateBody>(), 2096);
    }
}
