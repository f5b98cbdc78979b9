//! One node of the cluster as this node knows it, and the set of slots that it owns.

use bitflags::bitflags;
use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::NodeId;

bitflags! {
    /// What is known of a node, with the bits that the bus and `nodes.conf` have for it.
    ///
    /// Source: redis `src/cluster.h` CLUSTER_NODE_*.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct MemberFlags: u16 {
        /// It is a primary.
        const PRIMARY = 1;
        /// It is a replica.
        const REPLICA = 2;
        /// It does not answer this node.
        const PFAIL = 4;
        /// It does not answer the majority.
        const FAIL = 8;
        /// It is this node.
        const MYSELF = 16;
        /// It was contacted and has not told its name yet; the one it bears is made up.
        const HANDSHAKE = 32;
        /// Its address is not known.
        const NOADDR = 64;
        /// The first message to it has to be a `MEET`.
        const MEET = 128;
        /// Its replicas may move to a primary that has none.
        const MIGRATE_TO = 256;
        /// It takes part in no election.
        const NOFAILOVER = 512;
        /// It reads extensions behind the gossip of a ping.
        const EXTENSIONS = 1024;
    }
}

/// A set of slots as the bus carries it: bit `n % 8` of byte `n / 8`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SlotSet {
    bits: Box<[u8; SlotSet::BYTES]>,
    /// Invariant: how many bits are set. Whether a cluster is well is judged with every message, by these counts.
    len: usize,
}

impl SlotSet {
    /// Bytes of the bitmap.
    pub(crate) const BYTES: usize = Slot::COUNT / 8;

    /// No slots.
    pub(crate) fn new() -> SlotSet {
        SlotSet { bits: Box::new([0; SlotSet::BYTES]), len: 0 }
    }

    /// The set that this bitmap is.
    pub(crate) fn from_bytes(bytes: &[u8; SlotSet::BYTES]) -> SlotSet {
        let len = bytes.iter().map(|byte| byte.count_ones() as usize).sum();
        SlotSet { bits: Box::new(*bytes), len }
    }

    /// The bitmap.
    pub(crate) fn as_bytes(&self) -> &[u8; SlotSet::BYTES] {
        &self.bits
    }

    /// Whether a slot is in it.
    pub(crate) fn contains(&self, slot: Slot) -> bool {
        self.bits[slot.index() / 8] & (1 << (slot.index() % 8)) != 0
    }

    /// Puts a slot in.
    pub(crate) fn insert(&mut self, slot: Slot) {
        self.len += usize::from(!self.contains(slot));
        self.bits[slot.index() / 8] |= 1 << (slot.index() % 8);
    }

    /// Takes a slot out.
    pub(crate) fn remove(&mut self, slot: Slot) {
        self.len -= usize::from(self.contains(slot));
        self.bits[slot.index() / 8] &= !(1 << (slot.index() % 8));
    }

    /// How many slots are in it (count). Costs O(1).
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether it is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its slots in ascending order. Costs a look at each of [`SlotSet::BYTES`] and at each slot in it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Slot> {
        let used = self.bits.iter().zip((0u16..).step_by(8)).filter(|(byte, _)| **byte != 0);
        used.flat_map(|(byte, first)| {
            (0..8)
                .filter(move |bit| byte & (1 << bit) != 0)
                .filter_map(move |bit| Slot::new(first + bit))
        })
    }
}

impl std::fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(reddoor_protocol::topology::ranges_of(self.iter())).finish()
    }
}

/// A promise not to stand by a primary; see `core::pledge`. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pledge {
    /// When the vote was given.
    pub(crate) since_ms: u64,
    /// When it does not count any more.
    pub(crate) decided_ms: u64,
    /// Whether the primary is told nothing now.
    pub(crate) is_kept: bool,
}

/// One node of the cluster. Times are milliseconds since 1970, 0 for never.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its name; made up while it is in handshake.
    pub(crate) id: NodeId,
    /// What is known of it.
    pub(crate) flags: MemberFlags,
    /// Address as text; empty while not known.
    pub(crate) ip: String,
    /// TCP port for clients.
    pub(crate) port: u16,
    /// TCP port of the bus.
    pub(crate) bus_port: u16,
    /// The host name that it announces; empty for none.
    pub(crate) hostname: String,
    /// For a replica: its primary.
    pub(crate) primary: Option<NodeId>,
    /// The epoch of its claim on its slots.
    pub(crate) config_epoch: u64,
    /// The slots it owns.
    pub(crate) slots: SlotSet,
    /// How far its replication has come, in bytes.
    pub(crate) repl_offset: u64,
    /// When the ping was sent that has no answer yet.
    pub(crate) ping_sent_ms: u64,
    /// When the last ping was sent to which its answer has come.
    pub(crate) answered_ms: u64,
    /// When its last pong came.
    pub(crate) pong_received_ms: u64,
    /// When its last bytes came.
    pub(crate) data_received_ms: u64,
    /// When it was given up by the majority.
    pub(crate) failed_ms: u64,
    /// When this node last voted for one of its replicas.
    pub(crate) voted_ms: u64,
    /// What that vote promises, while it is open who leads the shard.
    pub(crate) pledge: Option<Pledge>,
    /// Since when it is a primary whose replicas are all lost.
    pub(crate) orphaned_ms: u64,
    /// When it was first heard of.
    pub(crate) created_ms: u64,
    /// Which primaries say that it does not answer them, and when they last said so.
    pub(crate) failure_reports: Vec<(NodeId, u64)>,
}

impl Member {
    /// A node of which only name, flags and address are known.
    pub(crate) fn new(
        id: NodeId,
        flags: MemberFlags,
        (ip, port, bus_port): (String, u16, u16),
        now_ms: u64,
    ) -> Member {
        Member {
            id,
            flags,
            ip,
            port,
            bus_port,
            hostname: String::new(),
            primary: None,
            config_epoch: 0,
            slots: SlotSet::new(),
            repl_offset: 0,
            ping_sent_ms: 0,
            answered_ms: 0,
            pong_received_ms: 0,
            data_received_ms: 0,
            failed_ms: 0,
            voted_ms: 0,
            pledge: None,
            orphaned_ms: 0,
            created_ms: now_ms,
            failure_reports: Vec::new(),
        }
    }

    /// Whether it is a primary.
    pub(crate) fn is_primary(&self) -> bool {
        self.flags.contains(MemberFlags::PRIMARY)
    }

    /// Whether it is a replica. A node in handshake is neither.
    pub(crate) fn is_replica(&self) -> bool {
        self.flags.contains(MemberFlags::REPLICA)
    }

    /// Whether it is this node.
    pub(crate) fn is_myself(&self) -> bool {
        self.flags.contains(MemberFlags::MYSELF)
    }

    /// Whether its real name is not known yet.
    pub(crate) fn is_in_handshake(&self) -> bool {
        self.flags.contains(MemberFlags::HANDSHAKE)
    }

    /// Whether it is a primary that owns slots: only those vote and report failures.
    pub(crate) fn is_voter(&self) -> bool {
        self.is_primary() && !self.slots.is_empty()
    }

    /// Whether it is known where it lives.
    pub(crate) fn has_address(&self) -> bool {
        !self.flags.contains(MemberFlags::NOADDR) && !self.ip.is_empty()
    }

    /// Whether the majority has given it up.
    pub(crate) fn is_failed(&self) -> bool {
        self.flags.contains(MemberFlags::FAIL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_go_in_and_out() {
        let mut set = SlotSet::new();
        let slots: Vec<Slot> = [0, 7, 8, 16383].into_iter().filter_map(Slot::new).collect();
        for slot in slots.iter().chain(&slots) {
            set.insert(*slot);
        }
        assert_eq!((set.len(), set.iter().collect::<Vec<_>>()), (4, slots.clone()));
        assert_eq!(set.as_bytes()[..2], [0b1000_0001, 1]);
        assert_eq!(SlotSet::from_bytes(set.as_bytes()), set);
        for slot in slots.iter().chain(&slots) {
            set.remove(*slot);
        }
        assert!(set.is_empty());
    }
}
