//! The cluster as the workers need it: slot → node address. Made from a topology, shared read-only, swapped whole.

use std::collections::HashMap;

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::{Health, NodeInfo, Role, Topology};

/// Marks a slot without an owner in [`ClusterMap::owners`].
const NO_OWNER: u16 = u16::MAX;

/// A node's address as text, `host:port`, as `tokio::net::lookup_host` takes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeAddr(String);

impl NodeAddr {
    /// The address of this host and port; IPv6 addresses get their brackets.
    pub(crate) fn new(host: &str, port: u16) -> NodeAddr {
        if host.contains(':') && !host.starts_with('[') {
            return NodeAddr(format!("[{host}]:{port}"));
        }
        NodeAddr(format!("{host}:{port}"))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The host without port and brackets.
    pub(crate) fn host(&self) -> &str {
        let host = self.0.rsplit_once(':').map_or(self.0.as_str(), |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

/// One usable node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MappedNode {
    /// Where it listens for clients.
    pub(crate) addr: NodeAddr,
    /// Primary or replica.
    pub(crate) role: Role,
    /// Whether the cluster has given it up.
    pub(crate) is_failed: bool,
    /// A replica: its primary, if that can be used, too.
    pub(crate) primary: Option<NodeAddr>,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClusterMap {
    /// All usable nodes.
    pub(crate) nodes: Vec<MappedNode>,
    /// For every slot an index into `nodes`, or [`NO_OWNER`].
    owners: Vec<u16>,
    /// The highest config epoch in it.
    pub(crate) epoch: u64,
}

impl ClusterMap {
    /// The map of a topology. Nodes without an address are left out; at most 65534 nodes are kept.
    pub(crate) fn new(topology: &Topology) -> ClusterMap {
        let mut map =
            ClusterMap { nodes: Vec::new(), owners: vec![NO_OWNER; Slot::COUNT], epoch: 0 };
        let mut index_of: HashMap<NodeAddr, u16> = HashMap::new();
        let usable = topology.nodes.iter().filter(|n| !n.is_unusable && !n.ip.is_empty());
        for node in usable {
            let addr = NodeAddr::new(&node.ip, node.port);
            let index = match index_of.get(&addr) {
                Some(index) => *index,
                None => {
                    let Some(index) = map.add(node, &addr, topology) else { continue };
                    index_of.insert(addr, index);
                    index
                }
            };
            map.epoch = map.epoch.max(node.config_epoch);
            for range in &node.slots {
                map.owners[usize::from(*range.start())..=usize::from(*range.end())].fill(index);
            }
        }
        map
    }

    fn add(&mut self, node: &NodeInfo, addr: &NodeAddr, topology: &Topology) -> Option<u16> {
        let index = u16::try_from(self.nodes.len()).ok().filter(|index| *index < NO_OWNER)?;
        let primary = node.primary.filter(|_| node.role == Role::Replica);
        let primary = primary.and_then(|id| topology.node(&id));
        let primary = primary.filter(|primary| !primary.is_unusable && !primary.ip.is_empty());
        self.nodes.push(MappedNode {
            addr: addr.clone(),
            role: node.role,
            is_failed: node.health == Health::Failed,
            primary: primary.map(|primary| NodeAddr::new(&primary.ip, primary.port)),
        });
        Some(index)
    }

    /// Every slot with the index of its owner in `nodes`, slot 0 first.
    pub(crate) fn owners(&self) -> impl Iterator<Item = Option<usize>> {
        self.owners.iter().map(|index| (*index != NO_OWNER).then_some(usize::from(*index)))
    }

    /// How many slots have an owner (count).
    pub(crate) fn slots_covered(&self) -> usize {
        self.owners.iter().filter(|index| **index != NO_OWNER).count()
    }

    /// How many nodes there are in this role (count).
    pub(crate) fn count(&self, role: Role) -> usize {
        self.nodes.iter().filter(|node| node.role == role).count()
    }
}

#[cfg(test)]
mod tests {
    use reddoor_protocol::topology::nodes_text;

    use super::*;

    #[test]
    fn a_topology_becomes_a_map() {
        let text = "\
            07c37dfeb235213a872192d90877d0cd55635b91 10.0.0.1:1@2 master - 0 0 3 connected 0-8191\n\
            67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 ::1:2@3 master,fail - 0 0 4 connected 8192\n\
            e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca :0@0 master,noaddr - 0 0 9 connected 9000\n\
            824fe116063bc5fcf9f4ffd895bc17aee7731ac3 10.0.0.3:3@4 slave \
            07c37dfeb235213a872192d90877d0cd55635b91 0 0 3 connected\n\
            292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f 10.0.0.4:4@5 slave \
            e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 0 3 connected\n";
        let map = ClusterMap::new(&nodes_text::parse(text).unwrap());
        assert_eq!(map.nodes.len(), 4);
        let primaries: Vec<_> = map.nodes.iter().map(|node| node.primary.as_ref()).collect();
        assert_eq!(primaries, [None, None, Some(&NodeAddr::new("10.0.0.1", 1)), None]);
        assert_eq!(map.nodes[1].addr.as_str(), "[::1]:2");
        assert_eq!(map.nodes[1].addr.host(), "::1");
        assert!(map.nodes[1].is_failed);
        assert_eq!((map.epoch, map.slots_covered()), (4, 8193));
        let owners: Vec<Option<usize>> = map.owners().collect();
        assert_eq!((owners[0], owners[8192], owners[9000]), (Some(0), Some(1), None));
    }
}
