//! Nodes of a cluster of both kinds die, stand still and come back while clients work through the front door: every
//! acknowledged write is counted and looked for.
//!
//! What may be seen: of each client and fault one write of unknown outcome, the one that was on its way to the node.
//! What a node acknowledged and could not pass on before it died is gone with it, as in any Redis Cluster; that is at
//! most what was on its way at that moment, one write of each client.

use reddoor_tests::account::{Account, Books};
use reddoor_tests::client::Client;
use reddoor_tests::cluster::node::{Node, Setup};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::load::Load;
use reddoor_tests::wait::wait_until;

/// Primaries (count); each has a replica of the other kind.
const SHARDS: usize = 3;

/// Clients at work (count).
const CLIENTS: usize = 6;

/// Rounds of all clients before and after a fault (count).
const ROUNDS: usize = 200;

const SETUP: Setup = Setup { node_timeout_ms: 2000, has_relays: false };

/// What happens to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Its process is killed, and started again when its replica has taken over.
    Killed,
    /// It stands still until its replica has taken over.
    Stopped,
    /// A replica is killed and started again at once.
    ReplicaRestarted,
    /// A primary is cut off from everybody, clients among them, until its replica has taken over.
    CutOff,
}

/// Primaries of both kinds in turn, each with a replica of the other kind: their number is odd.
fn kinds() -> [Kind; 2 * SHARDS] {
    std::array::from_fn(|index| if index.is_multiple_of(2) { Kind::Real } else { Kind::Bundled })
}

#[test]
fn clients_lose_nothing_but_what_was_on_its_way_while_nodes_of_either_kind_fail() {
    if !Kind::Real.is_available() {
        return;
    }
    let mut cluster = Cluster { nodes: Vec::new() };
    kinds().into_iter().for_each(|kind| cluster.add_nodes(kind, 1, SETUP));
    check_faults(cluster, &[Fault::Killed, Fault::Stopped, Fault::ReplicaRestarted]);
}

#[test]
fn clients_lose_nothing_but_what_was_on_its_way_while_nodes_of_either_kind_are_cut_off() {
    if !Kind::Real.is_available() {
        return;
    }
    let Some(cluster) = Cluster::unformed_in_namespaces(&kinds(), SETUP) else { return };
    check_faults(cluster, &[Fault::CutOff]);
}

/// Lets each fault befall a node of each kind.
fn check_faults(mut cluster: Cluster, faults: &[Fault]) {
    cluster.form(SHARDS);
    cluster.attach_replicas(SHARDS);
    // The defaults, where tests at large let nodes be slow and silent.
    let settings = [
        ("cluster.connect_timeout_ms", "1000"),
        ("health.silence_ms", "200"),
        ("health.unconfirmed_ms", "3000"),
    ];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let account = Account::open();
    Load::run(
        CLIENTS,
        |number| account.client(door.addr, number),
        |load| {
            load.wait_rounds(ROUNDS);
            for fault in faults {
                for kind in [Kind::Real, Kind::Bundled] {
                    let before = account.so_far();
                    let name = inflict(&mut cluster, *fault, kind);
                    load.wait_rounds(ROUNDS);
                    tell(&name, &before, &account.so_far());
                }
            }
        },
    );
    let books = account.settle(&mut door.client());
    println!("in the end: {books}");
    check(&books, 2 * faults.len());
}

/// Has something happen to a node of this kind and heals it; what happened.
fn inflict(cluster: &mut Cluster, fault: Fault, kind: Kind) -> String {
    wait_settled(cluster);
    let is_wanted =
        |node: &Node| node.kind() == kind && is_primary(node) != (fault == Fault::ReplicaRestarted);
    let victim = cluster.nodes.iter().position(is_wanted);
    let victim = victim.expect("a node of each kind in each role");
    match fault {
        Fault::Killed => {
            let heir = replica_of(cluster, victim);
            cluster.nodes[victim].kill();
            wait_until("the replica to take over", || is_primary(&cluster.nodes[heir]));
            cluster.nodes[victim].restart();
        }
        Fault::Stopped => {
            let heir = replica_of(cluster, victim);
            cluster.nodes[victim].pause();
            wait_until("the replica to take over", || is_primary(&cluster.nodes[heir]));
            cluster.nodes[victim].resume();
        }
        Fault::CutOff => {
            let heir = replica_of(cluster, victim);
            cluster.nodes[victim].namespace().cut();
            wait_until("the replica to take over", || is_primary(&cluster.nodes[heir]));
            cluster.nodes[victim].namespace().join();
        }
        Fault::ReplicaRestarted => cluster.nodes[victim].restart(),
    }
    wait_settled(cluster);
    format!("{kind:?} node {fault:?}")
}

fn is_primary(node: &Node) -> bool {
    node.ask("ROLE").starts_with("[master")
}

/// The place of the replica of a primary.
fn replica_of(cluster: &Cluster, primary: usize) -> usize {
    let id = cluster.nodes[primary].id();
    let is_its = |node: &Node| {
        let topology = node.topology();
        let myself = topology.nodes.iter().find(|node| node.is_myself);
        myself.and_then(|node| node.primary).is_some_and(|of| of.as_str() == id)
    };
    cluster.nodes.iter().position(is_its).expect("each primary has a replica")
}

/// Waits until all nodes answer, find the cluster well, and every replica has copied its primary.
fn wait_settled(cluster: &Cluster) {
    wait_until("the cluster to be whole again", || {
        let is_settled = |node: &Node| {
            let mut client = Client::try_connect((node.host(), node.port())).ok()?;
            let info = client.try_ask("CLUSTER INFO").ok()?;
            let replication = client.try_ask("INFO replication").ok()?;
            let is_in_step = replication.contains("master_link_status:up")
                || replication.contains("state=online");
            let view = node.topology();
            let is_known = view.primaries().count() == SHARDS
                && view.nodes.iter().all(|node| node.health == Default::default());
            Some(info.contains("cluster_state:ok") && is_in_step && is_known)
        };
        cluster.nodes.iter().all(|node| is_settled(node) == Some(true))
    });
}

fn tell(name: &str, before: &Books, after: &Books) {
    println!(
        "{name}: {} writes acknowledged before it, {} since; {} lost, {} of unknown outcome",
        before.acknowledged,
        after.acknowledged - before.acknowledged,
        after.lost - before.lost,
        after.unknown - before.unknown
    );
}

fn check(books: &Books, faults_count: usize) {
    let most = u64::try_from(CLIENTS * faults_count).expect("a small number");
    assert!(books.unknown <= most && books.lost <= most, "{books}");
    let is_unknown = |error: &String| error.contains("may have been applied");
    assert!(books.errors.iter().all(is_unknown), "{books}");
    // What is lost shows as a number that is too small, and nothing else may be wrong.
    let is_loss = |sentence: &String| sentence.starts_with("LOST") || sentence.starts_with("BACK");
    assert!(
        books.wrong.iter().all(is_loss) && (books.lost > 0 || books.wrong.is_empty()),
        "{books}"
    );
}
