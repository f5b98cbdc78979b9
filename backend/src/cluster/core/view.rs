//! What the core knows, for those who ask: commands and the nodes file.

use std::collections::BTreeMap;

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::{Health, NodeId, NodeInfo, Role, Topology, ranges_of};

use super::{BusStats, Core};
use crate::cluster::member::{Member, MemberFlags};

impl Core {
    /// This node.
    pub(crate) fn myself(&self) -> &Member {
        self.table.get(&self.myself).expect("this node is always a member of its own cluster")
    }

    /// The member with this name.
    pub(crate) fn member(&self, id: &NodeId) -> Option<&Member> {
        self.table.get(id)
    }

    /// All members, this node and those in handshake among them, sorted by name.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.table.iter()
    }

    /// How many members there are (count).
    pub(crate) fn members_count(&self) -> usize {
        self.table.len()
    }

    /// The node that a slot of this node is on its way to.
    pub(crate) fn migrating_to(&self, slot: Slot) -> Option<NodeId> {
        self.migrating.get(&slot).copied()
    }

    /// The node that a slot comes from which is on its way here.
    pub(crate) fn importing_from(&self, slot: Slot) -> Option<NodeId> {
        self.importing.get(&slot).copied()
    }

    /// All slots on their way to other nodes.
    pub(crate) fn migrating(&self) -> &BTreeMap<Slot, NodeId> {
        &self.migrating
    }

    /// All slots on their way here.
    pub(crate) fn importing(&self) -> &BTreeMap<Slot, NodeId> {
        &self.importing
    }

    /// The newest epoch seen.
    pub(crate) fn current_epoch(&self) -> u64 {
        self.current_epoch
    }

    /// The epoch of the last vote given.
    pub(crate) fn last_vote_epoch(&self) -> u64 {
        self.last_vote_epoch
    }

    /// Messages counted by kind.
    pub(crate) fn stats(&self) -> &BusStats {
        &self.stats
    }

    /// Nodes that were not taken for members because there are enough (count).
    pub(crate) fn refused_count(&self) -> u64 {
        self.refused_count
    }

    /// The cluster as clients are told of it: without nodes in handshake.
    pub(crate) fn topology(&self) -> Topology {
        let members = self.table.iter().filter(|member| !member.is_in_handshake());
        Topology { nodes: members.map(|member| self.node_info(member)).collect() }
    }

    fn node_info(&self, member: &Member) -> NodeInfo {
        NodeInfo {
            id: member.id,
            ip: member.ip.clone(),
            port: member.port,
            bus_port: member.bus_port,
            hostname: member.hostname.clone(),
            role: if member.is_primary() { Role::Primary } else { Role::Replica },
            primary: member.primary,
            health: match member.flags {
                flags if flags.contains(MemberFlags::FAIL) => Health::Failed,
                flags if flags.contains(MemberFlags::PFAIL) => Health::Suspected,
                _ => Health::Online,
            },
            is_myself: member.is_myself(),
            is_unusable: member.flags.contains(MemberFlags::NOADDR),
            config_epoch: member.config_epoch,
            is_linked: self.is_linked(&member.id),
            slots: ranges_of(member.slots.iter()),
        }
    }
}
