//! Who owns which slot: one [`Topology`], read from and written as the three texts that a cluster speaks.
//!
//! - `CLUSTER NODES` is the only one that tells config epochs, so it is what the front door reads.
//! - `CLUSTER SLOTS` and `CLUSTER SHARDS` are what cluster clients read.
//!
//! Invariants: slot ranges of one node are sorted and do not overlap; every [`NodeInfo::primary`] names a node
//! by id and may be unknown to this view.
//!
//! Spec: <https://valkey.io/commands/cluster-nodes/>, <https://valkey.io/commands/cluster-slots/>,
//! <https://valkey.io/commands/cluster-shards/>

use std::fmt;
use std::ops::RangeInclusive;

use thiserror::Error;

pub mod nodes_text;

pub mod replies;

pub mod merge;

use crate::slot::Slot;

/// A node's name in its cluster: 40 lower-case hexadecimal characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; NodeId::LEN]);

impl NodeId {
    /// Length of the text in bytes.
    pub const LEN: usize = 40;

    /// Forty zeros: a name that no node bears, to stand where none is known yet.
    pub const ZERO: NodeId = NodeId([b'0'; NodeId::LEN]);

    /// The id that this text is, or `None` when it is not 40 lower-case hexadecimal characters.
    pub fn parse(text: &[u8]) -> Option<NodeId> {
        let id: [u8; NodeId::LEN] = text.try_into().ok()?;
        id.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')).then_some(NodeId(id))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Only hexadecimal characters ever enter.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The text as bytes.
    pub fn as_bytes(&self) -> &[u8; NodeId::LEN] {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

/// What a node does in its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Owns slots, or may.
    Primary,
    /// Copies a primary.
    Replica,
}

/// What the asked node thinks of another one's health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Answers.
    #[default]
    Online,
    /// Does not answer the node that was asked (`fail?`).
    Suspected,
    /// Does not answer the majority (`fail`).
    Failed,
}

/// One node as another one sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its name.
    pub id: NodeId,
    /// Its address as text, without port; empty when the node that was asked does not know its own.
    pub ip: String,
    /// TCP port for clients.
    pub port: u16,
    /// TCP port of the cluster bus.
    pub bus_port: u16,
    /// The host name it announces; empty for none.
    pub hostname: String,
    /// Primary or replica.
    pub role: Role,
    /// For a replica: its primary.
    pub primary: Option<NodeId>,
    /// What the node that was asked thinks of it.
    pub health: Health,
    /// Whether it is the node that was asked.
    pub is_myself: bool,
    /// Whether it has not been met yet, or has no address: not to be used.
    pub is_unusable: bool,
    /// The epoch of its claim on its slots; of two claims the higher one holds.
    pub config_epoch: u64,
    /// Whether the link from the node that was asked is up.
    pub is_linked: bool,
    /// The slots it owns. Invariant: sorted, no overlap.
    pub slots: Vec<RangeInclusive<u16>>,
}

impl NodeInfo {
    /// How many slots it owns (count).
    pub fn slots_count(&self) -> usize {
        self.slots.iter().map(ExactSizeIterator::len).sum()
    }
}

/// One view of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// All nodes, in the order in which they were read.
    pub nodes: Vec<NodeInfo>,
}

impl Topology {
    /// The node with this id. Costs O(nodes).
    pub fn node(&self, id: &NodeId) -> Option<&NodeInfo> {
        self.nodes.iter().find(|node| node.id == *id)
    }

    /// The usable primaries, in order.
    pub fn primaries(&self) -> impl Iterator<Item = &NodeInfo> {
        self.nodes.iter().filter(|node| node.role == Role::Primary && !node.is_unusable)
    }

    /// The replicas of a primary, in order.
    pub fn replicas_of(&self, primary: NodeId) -> impl Iterator<Item = &NodeInfo> {
        self.nodes.iter().filter(move |n| n.role == Role::Replica && n.primary == Some(primary))
    }

    /// How many slots have an owner (count, at most 16384 when the view is sound).
    pub fn slots_covered(&self) -> usize {
        self.primaries().map(NodeInfo::slots_count).sum()
    }
}

/// A topology text that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TopologyError {
    /// A `CLUSTER NODES` line with too few fields, or a field that is not what it has to be.
    #[error("CLUSTER NODES line {line}: {what}")]
    BadLine {
        /// Line number, from 1.
        line: usize,
        /// What was expected and not found.
        what: &'static str,
    },
    /// A `CLUSTER SLOTS` or `CLUSTER SHARDS` reply of another shape.
    #[error("{command}: {what}")]
    BadReply {
        /// The command that was asked.
        command: &'static str,
        /// What was expected and not found.
        what: &'static str,
    },
}

/// Turns ascending slots into ranges.
pub fn ranges_of(slots: impl IntoIterator<Item = Slot>) -> Vec<RangeInclusive<u16>> {
    let mut ranges: Vec<RangeInclusive<u16>> = Vec::new();
    for slot in slots {
        let number = slot.number();
        match ranges.last_mut() {
            Some(last) if number > 0 && *last.end() == number - 1 => *last = *last.start()..=number,
            _ => ranges.push(number..=number),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join_neighbours() {
        let slots = [0, 1, 2, 5, 7, 8].into_iter().filter_map(Slot::new);
        assert_eq!(ranges_of(slots), vec![0..=2, 5..=5, 7..=8]);
    }

    #[test]
    fn node_ids_are_forty_hexadecimal_characters() {
        assert!(NodeId::parse(&[b'a'; 40]).is_some());
        assert!(NodeId::parse(&[b'A'; 40]).is_none());
        assert!(NodeId::parse(&[b'a'; 39]).is_none());
    }
}
