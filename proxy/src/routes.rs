//! One worker's own copy of slot → node, so that a redirect can patch it at once and no lookup is shared.
//!
//! Invariant: every entry of `owners` is [`NO_NODE`] or the index of a node in `nodes`.

use std::collections::HashMap;
use std::sync::Arc;

use reddoor_protocol::encode::Resp;
use reddoor_protocol::slot::Slot;

use crate::cluster_map::{ClusterMap, NodeAddr};
use crate::errand::{Lane, LinkKey, NodeIndex};
use crate::metrics::node::NodeMetrics;
use crate::token_bucket::TokenBucket;

/// Marks a slot without an owner.
const NO_NODE: u16 = u16::MAX;

/// What one worker knows of a node.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where it listens.
    pub(crate) addr: NodeAddr,
    /// The link of each lane and protocol version, once one was needed.
    pub(crate) links: [Option<LinkKey>; LINKS_MAX],
    /// No new link is made before this moment, in microseconds of the worker's clock.
    pub(crate) connect_after_us: u64,
    /// What new links to it take from.
    pub(crate) connects: TokenBucket,
    /// Attempts to connect that failed since the last that did not (count).
    pub(crate) connect_failures: u32,
    /// When it last refused to be read from, in microseconds of the worker's clock: what was found of it before is no
    /// reason to ask it.
    pub(crate) refused_us: u64,
    /// Its counters.
    pub(crate) metrics: Arc<NodeMetrics>,
    /// Links to it that are not shared (count).
    pub(crate) pinned_count: usize,
    /// Whether the topology still has it; if not, it goes when its links do.
    pub(crate) is_known: bool,
    /// Whether the cluster has given it up.
    pub(crate) is_failed: bool,
}

/// Links of one worker to one node, at most (count).
const LINKS_MAX: usize = Lane::COUNT * Resp::COUNT;

/// See the module.
#[derive(Debug)]
pub(crate) struct Routes {
    owners: Box<[u16]>,
    nodes: Vec<Option<Node>>,
    index_of: HashMap<NodeAddr, NodeIndex>,
    /// The node that was chosen last for a command without keys.
    last_any: usize,
    /// Whether a slot has another owner than when that was asked last.
    has_moved: bool,
}

impl Routes {
    /// No nodes, no owners.
    pub(crate) fn new() -> Routes {
        Routes {
            owners: vec![NO_NODE; Slot::COUNT].into_boxed_slice(),
            nodes: Vec::new(),
            index_of: HashMap::new(),
            last_any: 0,
            has_moved: false,
        }
    }

    /// The node that owns a slot.
    #[inline]
    pub(crate) fn owner(&self, slot: Slot) -> Option<NodeIndex> {
        let index = self.owners[slot.index()];
        (index != NO_NODE).then_some(NodeIndex(index))
    }

    /// A node that owns slots, a different one each time, for commands that any of them can answer.
    pub(crate) fn any_owner(&mut self) -> Option<NodeIndex> {
        let count = self.nodes.len();
        for step in 1..=count {
            let index = (self.last_any + step) % count;
            let wanted = u16::try_from(index).ok()?;
            // A node without slots is rare, so this finds one of its slots soon or walks the table once.
            if self.nodes[index].is_some() && self.owners.contains(&wanted) {
                self.last_any = index;
                return Some(NodeIndex(wanted));
            }
        }
        None
    }

    /// Every node that owns slots, beginning with the owner of slot 0. Costs O(slots).
    pub(crate) fn primaries(&self) -> Vec<NodeIndex> {
        let mut is_seen = vec![false; self.nodes.len()];
        let mut primaries = Vec::new();
        for index in self.owners.iter().filter(|index| **index != NO_NODE) {
            if !std::mem::replace(&mut is_seen[usize::from(*index)], true) {
                primaries.push(NodeIndex(*index));
            }
        }
        primaries
    }

    /// The node at a place.
    #[inline]
    pub(crate) fn node(&self, index: NodeIndex) -> Option<&Node> {
        self.nodes.get(usize::from(index.0))?.as_ref()
    }

    /// The node at a place.
    #[inline]
    pub(crate) fn node_mut(&mut self, index: NodeIndex) -> Option<&mut Node> {
        self.nodes.get_mut(usize::from(index.0))?.as_mut()
    }

    /// The node with this address, added when it was not known; `None` when the table is full (65535 nodes).
    pub(crate) fn find_or_add(
        &mut self,
        addr: &NodeAddr,
        metrics: impl FnOnce(&str) -> Arc<NodeMetrics>,
    ) -> Option<NodeIndex> {
        if let Some(index) = self.index_of.get(addr) {
            return Some(*index);
        }
        let place = match self.nodes.iter().position(Option::is_none) {
            Some(place) => place,
            None => {
                self.nodes.push(None);
                self.nodes.len() - 1
            }
        };
        let index = NodeIndex(u16::try_from(place).ok().filter(|index| *index != NO_NODE)?);
        self.nodes[place] = Some(Node {
            addr: addr.clone(),
            links: [None; LINKS_MAX],
            connect_after_us: 0,
            connects: TokenBucket::default(),
            connect_failures: 0,
            refused_us: 0,
            metrics: metrics(addr.as_str()),
            pinned_count: 0,
            is_known: false,
            is_failed: false,
        });
        self.index_of.insert(addr.clone(), index);
        Some(index)
    }

    /// Every node that owns slots, beginning with the owner of slot 0, each with its first slot; `None` while a
    /// slot has no owner. Costs O(slots).
    pub(crate) fn shards(&self) -> Option<Vec<(Slot, NodeIndex)>> {
        let mut is_seen = vec![false; self.nodes.len()];
        let mut shards = Vec::new();
        for slot in Slot::all() {
            let node = self.owner(slot)?;
            if !std::mem::replace(is_seen.get_mut(usize::from(node.0))?, true) {
                shards.push((slot, node));
            }
        }
        Some(shards)
    }

    /// Every node of the cluster that it has not given up, replicas too.
    pub(crate) fn living(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().flatten().filter(|node| node.is_known && !node.is_failed)
    }

    /// Whether the topology has a node.
    pub(crate) fn is_known(&self, index: NodeIndex) -> bool {
        self.node(index).is_some_and(|node| node.is_known)
    }

    /// Whether a node owns slots. Costs O(slots).
    pub(crate) fn is_owner(&self, index: NodeIndex) -> bool {
        self.owners.contains(&index.0)
    }

    /// The node with this address.
    pub(crate) fn find(&self, addr: &NodeAddr) -> Option<NodeIndex> {
        self.index_of.get(addr).copied()
    }

    /// Gives one slot to a node: what a `MOVED` says, until the next topology confirms it.
    pub(crate) fn patch(&mut self, slot: Slot, node: NodeIndex) {
        let before = std::mem::replace(&mut self.owners[slot.index()], node.0);
        self.has_moved |= before != node.0;
    }

    /// Whether a slot has got another owner since this was asked last.
    pub(crate) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.has_moved)
    }

    /// Takes over a new map. Gives back the links of nodes that left the cluster or that it has given up.
    pub(crate) fn adopt(
        &mut self,
        map: &ClusterMap,
        mut metrics: impl FnMut(&str) -> Arc<NodeMetrics>,
    ) -> Vec<LinkKey> {
        for node in self.nodes.iter_mut().flatten() {
            node.is_known = false;
        }
        let indexes: Vec<Option<NodeIndex>> =
            map.nodes.iter().map(|node| self.find_or_add(&node.addr, &mut metrics)).collect();
        for (owner, mapped) in self.owners.iter_mut().zip(map.owners()) {
            let now = mapped.and_then(|index| indexes[index]).map_or(NO_NODE, |index| index.0);
            self.has_moved |= std::mem::replace(owner, now) != now;
        }
        let mut useless = Vec::new();
        for (mapped, index) in map.nodes.iter().zip(indexes) {
            let Some(node) = index.and_then(|index| self.node_mut(index)) else { continue };
            node.is_known = true;
            node.is_failed = mapped.is_failed;
            if mapped.is_failed {
                useless.extend(node.links.iter().flatten());
            }
        }
        for node in self.nodes.iter().flatten().filter(|node| !node.is_known) {
            useless.extend(node.links.iter().flatten());
        }
        self.forget_unused();
        useless
    }

    /// Drops nodes that neither the topology nor a link needs. Nothing may hold their index.
    pub(crate) fn forget_unused(&mut self) {
        for place in &mut self.nodes {
            let is_unused = place.as_ref().is_some_and(|node| {
                !node.is_known && node.pinned_count == 0 && node.links.iter().all(Option::is_none)
            });
            if is_unused && let Some(node) = place.take() {
                self.index_of.remove(&node.addr);
            }
        }
        for owner in self.owners.iter_mut().filter(|owner| **owner != NO_NODE) {
            if self.nodes[usize::from(*owner)].is_none() {
                *owner = NO_NODE;
            }
        }
    }

    /// Whether the node with this address is in the table.
    pub(crate) fn has(&self, addr: &str) -> bool {
        self.nodes.iter().flatten().any(|node| node.addr.as_str() == addr)
    }
}

#[cfg(test)]
mod tests {
    use reddoor_protocol::topology::nodes_text;

    use super::*;

    const A: &str = "07c37dfeb235213a872192d90877d0cd55635b91";
    const B: &str = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";

    fn map(text: &str) -> ClusterMap {
        let text = text.replace("$A", A).replace("$B", B);
        ClusterMap::new(&nodes_text::parse(&text).unwrap())
    }

    fn owner(routes: &Routes, slot: u16) -> Option<String> {
        let index = routes.owner(Slot::new(slot).unwrap())?;
        Some(routes.node(index)?.addr.as_str().to_owned())
    }

    #[test]
    fn a_patch_holds_until_the_next_map() {
        let mut routes = Routes::new();
        let metrics = |_: &str| Arc::new(NodeMetrics::default());
        routes.adopt(&map("$A h:1@2 master - 0 0 1 connected 0-16383"), metrics);
        let moved_to = routes.find_or_add(&NodeAddr::new("h", 2), metrics).unwrap();
        routes.patch(Slot::new(5).unwrap(), moved_to);
        assert_eq!(owner(&routes, 5).as_deref(), Some("h:2"));
        assert_eq!(owner(&routes, 6).as_deref(), Some("h:1"));
        routes.adopt(&map("$A h:1@2 master - 0 0 1 connected 0-16383"), metrics);
        assert_eq!(owner(&routes, 5).as_deref(), Some("h:1"));
        assert!(!routes.has("h:2"), "a node that no map and no link knows is forgotten");
    }

    #[test]
    fn links_of_nodes_that_left_or_failed_are_given_back() {
        let mut routes = Routes::new();
        let metrics = |_: &str| Arc::new(NodeMetrics::default());
        let both = "$A h:1@2 master - 0 0 1 connected 0-5\n$B h:2@3 master - 0 0 2 connected 6-9";
        routes.adopt(&map(both), metrics);
        for (port, link) in [(1, 11), (2, 22)] {
            let index = routes.find_or_add(&NodeAddr::new("h", port), metrics).unwrap();
            routes.node_mut(index).unwrap().links[0] = Some(LinkKey(link));
        }
        assert_eq!(routes.adopt(&map(both), metrics), vec![]);
        let failed = both.replace("h:2@3 master", "h:2@3 master,fail");
        assert_eq!(routes.adopt(&map(&failed), metrics), vec![LinkKey(22)]);
        let left = "$B h:2@3 master - 0 0 3 connected 0-9";
        assert_eq!(routes.adopt(&map(left), metrics), vec![LinkKey(11)]);
        assert!(routes.has("h:1"), "it stays while it has a link");
        assert_eq!(owner(&routes, 0).as_deref(), Some("h:2"));
    }

    #[test]
    fn commands_without_keys_visit_every_owner() {
        let mut routes = Routes::new();
        let metrics = |_: &str| Arc::new(NodeMetrics::default());
        assert!(routes.any_owner().is_none());
        let both = "$A h:1@2 master - 0 0 1 connected 0-5\n$B h:2@3 master - 0 0 2 connected 6-9";
        routes.adopt(&map(both), metrics);
        let visited: Vec<NodeIndex> = (0..4).filter_map(|_| routes.any_owner()).collect();
        assert_ne!(visited[0], visited[1]);
        assert_eq!(visited[..2], visited[2..]);
    }
}
