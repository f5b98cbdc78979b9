//! Clusters of real and of bundled nodes, told apart by nothing but the program that a node runs.
//!
//! A cluster is formed by the commands that any tool uses, and looked at through them.

pub mod node;

pub mod reshard;

use std::sync::OnceLock;

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::Topology;

use self::node::{Node, Setup};
use crate::guard;
use crate::namespace::Namespace;
use crate::redis_server;
use crate::wait::wait_until;

/// Who the nodes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `redis-server --cluster-enabled yes`
    Real,
    /// `reddoor node`
    Bundled,
}

impl Kind {
    /// Whether such nodes can be started here. Says so aloud when they cannot.
    ///
    /// # Panics
    /// They cannot, and the environment has `CI`.
    pub fn is_available(self) -> bool {
        match self {
            Kind::Real => redis_server::is_installed(),
            Kind::Bundled => true,
        }
    }
}

/// Makes a test of each named function for each kind of cluster it names; a test's name ends with the kind.
///
/// A function takes the [`Kind`](crate::cluster::Kind).
#[macro_export]
macro_rules! over_clusters {
    (real: $($name:ident),+ $(,)?) => {
        $(mod $name {
            #[test]
            fn real() {
                $crate::cluster::run_over($crate::cluster::Kind::Real, super::$name);
            }
        })+
    };
    (real | bundled: $($name:ident),+ $(,)?) => {
        $(mod $name {
            #[test]
            fn real() {
                $crate::cluster::run_over($crate::cluster::Kind::Real, super::$name);
            }

            #[test]
            fn bundled() {
                $crate::cluster::run_over($crate::cluster::Kind::Bundled, super::$name);
            }
        })+
    };
}

/// Runs a test over one kind of cluster, if that can be had here.
pub fn run_over(kind: Kind, test: fn(Kind)) {
    if kind.is_available() {
        test(kind);
    }
}

/// Nodes that know each other and serve every slot.
#[derive(Debug)]
pub struct Cluster {
    /// Primaries first, then replicas.
    pub nodes: Vec<Node>,
}

impl Cluster {
    /// Three primaries that all tests share which do not disturb them. Use keys of your own.
    pub fn shared(kind: Kind) -> &'static Cluster {
        static REAL: OnceLock<Cluster> = OnceLock::new();
        static BUNDLED: OnceLock<Cluster> = OnceLock::new();
        let cluster = match kind {
            Kind::Real => &REAL,
            Kind::Bundled => &BUNDLED,
        };
        cluster.get_or_init(|| Cluster::start(kind, 3))
    }

    /// Starts primaries and waits until each of them sees the cluster whole.
    pub fn start(kind: Kind, primaries: usize) -> Cluster {
        let cluster = Cluster::unformed(kind, primaries);
        cluster.form(primaries);
        cluster
    }

    /// As [`Cluster::start`], with one replica for each primary.
    pub fn start_with_replicas(kind: Kind, primaries: usize) -> Cluster {
        Cluster::start_set_up(kind, primaries, Setup::default())
    }

    /// As [`Cluster::start_with_replicas`], of nodes that are started so.
    pub fn start_set_up(kind: Kind, primaries: usize, setup: Setup) -> Cluster {
        let dir = guard::temp_dir("cluster");
        let start = |index| Node::start(kind, &dir, index, setup);
        let cluster = Cluster { nodes: (0..2 * primaries).map(start).collect() };
        cluster.nodes.iter().for_each(Node::wait_answers);
        cluster.form(primaries);
        cluster.attach_replicas(primaries);
        cluster
    }

    /// Starts nodes that do not know each other.
    pub fn unformed(kind: Kind, nodes: usize) -> Cluster {
        let dir = guard::temp_dir("cluster");
        let nodes: Vec<Node> =
            (0..nodes).map(|index| Node::start(kind, &dir, index, Setup::default())).collect();
        nodes.iter().for_each(Node::wait_answers);
        Cluster { nodes }
    }

    /// Makes the nodes behind the first `primaries` replicas of those, in turn, and waits until all know it.
    pub fn attach_replicas(&self, primaries: usize) {
        for (index, replica) in self.nodes[primaries..].iter().enumerate() {
            let id = self.nodes[index % primaries].id();
            assert_eq!(replica.ask(&format!("CLUSTER REPLICATE {id}")), "OK");
        }
        for replica in &self.nodes[primaries..] {
            wait_until("a replica to be in step", || {
                replica.ask("INFO replication").contains("master_link_status:up")
            });
        }
        wait_until("all nodes to know the replicas", || {
            self.nodes.iter().all(|node| {
                let topology = node.topology();
                topology.primaries().filter(|node| node.slots_count() > 0).count() == primaries
                    && topology.primaries().count() == primaries
            })
        });
    }

    /// Starts nodes of these kinds that do not know each other, each in a network of its own; `None`, said aloud, where
    /// the machine does not allow that.
    pub fn unformed_in_namespaces(kinds: &[Kind], setup: Setup) -> Option<Cluster> {
        let dir = guard::temp_dir("cluster");
        let start = |(index, kind): (usize, &Kind)| {
            Some(Node::start_in(*kind, &dir, index, setup, Some(Namespace::create()?)))
        };
        let nodes: Vec<Node> = kinds.iter().enumerate().map(start).collect::<Option<_>>()?;
        nodes.iter().for_each(Node::wait_answers);
        Some(Cluster { nodes })
    }

    /// Starts more nodes, which know nobody yet.
    pub fn add_nodes(&mut self, kind: Kind, count: usize, setup: Setup) {
        let dir = guard::temp_dir("more-nodes");
        let nodes: Vec<Node> =
            (0..count).map(|index| Node::start(kind, &dir, index, setup)).collect();
        nodes.iter().for_each(Node::wait_answers);
        self.nodes.extend(nodes);
    }

    /// Shares the slots among the first `primaries` nodes, and lets all nodes meet.
    pub fn form(&self, primaries: usize) {
        for (index, node) in self.nodes.iter().enumerate() {
            if index < primaries {
                let first = index * Slot::COUNT / primaries;
                let last = (index + 1) * Slot::COUNT / primaries - 1;
                assert_eq!(node.ask(&format!("CLUSTER ADDSLOTSRANGE {first} {last}")), "OK");
            }
            assert_eq!(node.ask(&format!("CLUSTER SET-CONFIG-EPOCH {}", index + 1)), "OK");
        }
        let (first, others) = self.nodes.split_first().expect("a cluster has nodes");
        for other in others {
            let meet = format!("CLUSTER MEET {} {}", other.host(), other.port());
            assert_eq!(first.ask(&meet), "OK");
        }
        self.wait_whole();
    }

    /// Waits until every node knows all others and finds every slot served.
    pub fn wait_whole(&self) {
        wait_until("the nodes to form a cluster", || {
            self.nodes.iter().all(|node| {
                let topology = node.topology();
                let known = topology.nodes.iter().filter(|node| !node.is_unusable).count();
                known == self.nodes.len()
                    && topology.slots_covered() == Slot::COUNT
                    && topology.nodes.iter().all(|node| node.is_linked || node.is_myself)
                    && node.ask("CLUSTER INFO").contains("cluster_state:ok")
            })
        });
    }

    /// A node is about to die, and the others are to miss it soon: until now they are patient, so that none is missed
    /// on a busy machine.
    pub fn expect_death(&self) {
        self.nodes.iter().for_each(|node| node.set_node_timeout(3000));
    }

    /// `host:port` of every node, as `--cluster` takes it.
    pub fn seeds(&self) -> String {
        let addrs: Vec<String> = self.nodes.iter().map(Node::addr).collect();
        addrs.join(",")
    }

    /// The node that owns a key's slot, in its own view.
    ///
    /// # Panics
    /// None does.
    pub fn owner_of(&self, key: &str) -> &Node {
        self.owner_of_slot(Slot::of_key(key.as_bytes()))
    }

    /// The node that owns a slot, in its own view.
    ///
    /// # Panics
    /// None does.
    pub fn owner_of_slot(&self, slot: Slot) -> &Node {
        let owns = |node: &&Node| owns(&node.topology(), slot);
        self.nodes.iter().find(owns).expect("every slot has an owner")
    }

    /// The owner of a key's slot and its replica, in a cluster started by [`Cluster::start_with_replicas`] in which nothing
    /// has changed since.
    ///
    /// # Panics
    /// There is no such pair.
    pub fn pair_of(&self, key: &str) -> (&Node, &Node) {
        let (primaries, replicas) = self.nodes.split_at(self.nodes.len() / 2);
        let owner = self.owner_of(key).port();
        let mut pairs = primaries.iter().zip(replicas);
        pairs.find(|(primary, _)| primary.port() == owner).expect("a primary of the beginning")
    }

    /// A node that does not own a slot, in its own view.
    ///
    /// # Panics
    /// There is one node.
    pub fn other_than(&self, owner: &Node) -> &Node {
        let is_other = |node: &&Node| node.port() != owner.port();
        self.nodes.iter().find(is_other).expect("another node")
    }
}

fn owns(topology: &Topology, slot: Slot) -> bool {
    let myself = topology.nodes.iter().find(|node| node.is_myself);
    myself.is_some_and(|node| node.slots.iter().any(|range| range.contains(&slot.number())))
}

/// `count` keys whose names begin with `prefix`, spread over all slots as they come.
pub fn keys(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|index| format!("{prefix}:{index}")).collect()
}
