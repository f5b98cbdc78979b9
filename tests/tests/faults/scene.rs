//! The cluster, the front door before it, and the load between them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use reddoor_protocol::topology::{Health, Role, nodes_text};
use reddoor_tests::client::Client;
use reddoor_tests::cluster::node::{Node, Setup};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::wait::wait_until;

use super::clients::{Counter, MultiGetter, Pipeliner, Setter, Transactor, Work};
use super::door::Door;
use super::ledger::Ledger;
use super::pace::longest_pause;
use super::pairs::{Giver, Listener, Publisher, Taker};
use super::talker::Talker;

/// Shards of the cluster (count).
pub(crate) const SHARDS: usize = 3;

/// After how long nodes hold a silent node for failed.
const NODE_TIMEOUT_MS: u32 = 2000;

/// How the nodes are started.
pub(crate) const SETUP: Setup = Setup { node_timeout_ms: NODE_TIMEOUT_MS, has_relays: true };

/// See the module.
#[derive(Debug)]
pub(crate) struct Scene {
    /// Nodes, each behind a relay.
    pub(crate) cluster: Cluster,
    /// Who they are.
    pub(crate) kind: Kind,
    /// The front door.
    pub(crate) door: Door,
    /// Between which moments the fault of the moment struck a primary down, if it did.
    pub(crate) struck: Option<(Instant, Instant)>,
    /// Those that were replaced while they had clients.
    replaced: Vec<Door>,
}

/// A primary and its replica, by their places in the cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shard {
    /// The primary.
    pub(crate) primary: usize,
    /// Its replica.
    pub(crate) replica: usize,
}

impl Scene {
    /// Three primaries with a replica each, and the front door.
    pub(crate) fn set(kind: Kind) -> Scene {
        let cluster = Cluster::start_set_up(kind, SHARDS, SETUP);
        let door = Door::start(&cluster, None);
        Scene { cluster, kind, door, struck: None, replaced: Vec::new() }
    }

    /// Ends the front door as an operator does, and starts another in its place.
    pub(crate) fn restart_door(&mut self) {
        self.door.end();
        self.door = Door::start(&self.cluster, Some(self.door.addr()));
    }

    /// Has another process take the front door's place.
    pub(crate) fn replace_door(&mut self) {
        let successor = self.door.succeed(&self.cluster);
        self.replaced.push(std::mem::replace(&mut self.door, successor));
    }

    /// A node.
    pub(crate) fn node(&self, index: usize) -> &Node {
        &self.cluster.nodes[index]
    }

    /// The shards as they are now.
    pub(crate) fn shards(&self) -> Vec<Shard> {
        let ids: Vec<String> = self.cluster.nodes.iter().map(Node::id).collect();
        let view = self.cluster.nodes[0].topology();
        let place = |id: &str| ids.iter().position(|known| known == id);
        let replicas = view.nodes.iter().filter(|node| node.role == Role::Replica);
        let shards = replicas.filter_map(|node| {
            let primary = place(node.primary.as_ref()?.as_str())?;
            Some(Shard { primary, replica: place(node.id.as_str())? })
        });
        shards.collect()
    }

    /// Waits until every node agrees that all is well, and who is a primary, with a replica in step for each.
    pub(crate) fn wait_settled(&self) {
        wait_until("the cluster to be whole again", || {
            self.agrees_on_primaries()
                && self.cluster.nodes.iter().all(|node| {
                    Client::try_connect(("127.0.0.1", node.port())).is_ok_and(|mut client| {
                        let info = client.try_ask("CLUSTER INFO").unwrap_or_default();
                        let replication = client.try_ask("INFO replication").unwrap_or_default();
                        let is_whole = info.contains("cluster_state:ok");
                        let is_in_step = replication.contains("master_link_status:up")
                            || replication.contains("state=online");
                        is_whole && is_in_step && self.is_well_in_view_of(node)
                    })
                })
        });
    }

    /// An old primary may not have heard yet that another one has taken its place: whoever ended it now would end
    /// what its clients wait for.
    fn agrees_on_primaries(&self) -> bool {
        let primaries_of = |node: &Node| {
            let mut client = Client::try_connect(("127.0.0.1", node.port())).ok()?;
            let view = nodes_text::parse(&client.try_ask("CLUSTER NODES").ok()?).ok()?;
            Some(view.primaries().map(|primary| primary.id).collect::<BTreeSet<_>>())
        };
        let views: Vec<_> = self.cluster.nodes.iter().map(primaries_of).collect();
        views.iter().all(|view| view.is_some() && *view == views[0])
    }

    fn is_well_in_view_of(&self, node: &Node) -> bool {
        let view = node.topology();
        let count = self.cluster.nodes.len();
        view.nodes.len() == count
            && view.nodes.iter().all(|node| node.health == Health::Online)
            && view.nodes.iter().filter(|node| node.role == Role::Replica).count() == count / 2
    }

    /// Waits until these nodes find the cluster able to serve, with this one as a primary.
    pub(crate) fn wait_taken_over(&self, by: usize, asked: &[usize]) {
        wait_until("the replica to take over", || {
            self.node(by).ask("ROLE").starts_with("[master")
                && asked
                    .iter()
                    .all(|index| self.node(*index).ask("CLUSTER INFO").contains("cluster_state:ok"))
        });
    }

    /// Runs the clients while `happening` runs, and a little before and after; gives back what they saw.
    pub(crate) fn under_load<T>(&mut self, happening: impl FnOnce(&mut Scene) -> T) -> (Ledger, T) {
        let (rounds, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        let (addr, serves_all) = (self.door.addr(), self.door.serves_all());
        thread::scope(|scope| {
            let clients: Vec<_> = works(serves_all)
                .into_iter()
                .map(|work| scope.spawn(|| run(addr, work, &rounds, &is_over)))
                .collect();
            let pace = scope.spawn(|| longest_pause(&is_over));
            let _end = SetOnDrop(&is_over);
            wait_rounds(&rounds);
            let outcome = happening(self);
            self.wait_settled();
            wait_rounds(&rounds);
            is_over.store(true, Ordering::Relaxed);
            let mut all = Ledger::default();
            for client in clients {
                all.absorb(client.join().expect("a client that notes what it sees"));
            }
            all.machine_pause = pace.join().expect("a thread that only looks at the time");
            (all, outcome)
        })
    }
}

fn run(
    addr: SocketAddr,
    (mut work, is_timed): Job,
    rounds: &AtomicU64,
    is_over: &AtomicBool,
) -> Ledger {
    let mut talker = Talker::connect(addr);
    talker.is_timed = is_timed;
    while !is_over.load(Ordering::Relaxed) {
        work.round(&mut talker);
        rounds.fetch_add(1, Ordering::Relaxed);
    }
    work.settle(&mut talker);
    talker.ledger
}

/// Waits for some rounds more of all clients together.
fn wait_rounds(rounds: &AtomicU64) {
    let target = rounds.load(Ordering::Relaxed) + ROUNDS;
    wait_until("the clients to go on", || rounds.load(Ordering::Relaxed) >= target);
}

/// Rounds of all clients before something happens, and after it (count).
const ROUNDS: u64 = 3000;

/// A client's work, and whether its time counts.
type Job = (Box<dyn Work>, bool);

/// What the clients of one run do. Names differ from run to run, so that no run sees another's numbers.
fn works(serves_all: bool) -> Vec<Job> {
    static RUN: AtomicU64 = AtomicU64::new(0);
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    let published = Arc::<AtomicU64>::default();
    let setter =
        |name: &str| Setter { name: format!("{name}-{run}"), sent: 0, acked: Default::default() };
    let counter = |name: &str| Counter {
        name: format!("{name}-{run}"),
        rounds: 0,
        counts: Default::default(),
    };
    let mut works: Vec<Job> = vec![
        (Box::new(setter("a")), true),
        (Box::new(setter("b")), true),
        (Box::new(counter("c")), true),
        (Box::new(counter("d")), true),
        (Box::new(MultiGetter::default()), true),
        (Box::new(Pipeliner::default()), true),
    ];
    if !serves_all {
        works.extend([
            (Box::new(setter("e")) as Box<dyn Work>, true),
            (Box::new(setter("f")), true),
        ]);
        works.push((Box::new(counter("g")), true));
        return works;
    }
    let others: [Job; 5] = [
        (Box::new(Transactor::of_run(run)), true),
        (Box::new(Giver::of_run(run)), true),
        (Box::new(Taker::of_run(run)), false),
        (Box::new(Publisher { published: Arc::clone(&published) }), true),
        (Box::new(Listener { published, is_listening: false, last: 0 }), false),
    ];
    works.extend(others);
    works
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
