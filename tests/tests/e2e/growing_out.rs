//! A cluster of bundled nodes becomes one of real servers, and then one of bundled nodes again, while clients work
//! through the front door: the path of `docs/growing-out.md`, step by step.

use std::time::{Duration, Instant};

use reddoor_protocol::topology::{NodeInfo, Topology, nodes_text};
use reddoor_tests::account::Account;
use reddoor_tests::client::Client;
use reddoor_tests::cluster::node::{Node, Setup};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::cluster_tool::{run, wait_well};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::guard;
use reddoor_tests::load::Load;
use reddoor_tests::port::NodePort;
use reddoor_tests::redis_server::has_tool;
use reddoor_tests::wait::wait_until;

/// Primaries of the cluster (count); each has one replica.
const SHARDS: usize = 3;

/// Clients at work (count).
const CLIENTS: usize = 3;

/// Rounds of all clients between two steps (count).
const ROUNDS: usize = 100;

/// After this a failover by hand that has not come about was given up.
const FAILOVER_GIVEN_UP: Duration = Duration::from_secs(10);

#[test]
fn a_bundled_cluster_becomes_a_real_one_and_back_and_no_client_sees_it() {
    if !Kind::Real.is_available() || !has_tool("redis-cli") {
        return;
    }
    let ports = NodePort::free_run(6);
    let bundled: Vec<u16> = ports.iter().map(NodePort::number).collect();
    let patience = [("request.timeout_ms", "80000")];
    let door = FrontDoor::with_own_nodes(&guard::temp_dir("growing"), bundled[0], &patience);
    door.wait_ready();
    let newcomers = Cluster::unformed(Kind::Real, 2 * SHARDS);
    let real: Vec<u16> = newcomers.nodes.iter().map(Node::port).collect();
    // On a machine that is busy with other tests nobody is to be given up for being slow.
    for port in bundled.iter().chain(&real) {
        assert_eq!(ask(*port, "CONFIG SET cluster-node-timeout 30000"), "OK");
    }
    let account = Account::open();
    let second_door = std::cell::OnceCell::new();
    Load::run(
        CLIENTS,
        |number| account.client(door.addr, number),
        |load| {
            load.wait_rounds(ROUNDS);
            move_over(&bundled, &real, FirstShard::SlotBySlot, load);
            println!("bundled to real: {}", account.so_far());
            // From here on another front door can take the first one's place: it knows none of the old nodes.
            let seeds = format!("127.0.0.1:{},127.0.0.1:{}", real[0], real[1]);
            let other = second_door.get_or_init(|| FrontDoor::start(&seeds, &patience));
            assert_eq!(other.client().ask("SET through:both 1"), "OK");
            assert_eq!(door.client().ask("GET through:both"), "1");
            bundled.iter().for_each(|port| take_new_name(*port));
            move_over(&real, &bundled, FirstShard::AsTheOthers, load);
            println!("and back: {}", account.so_far());
        },
    );
    let books = account.settle(&mut door.client());
    println!("in the end: {books}");
    assert!(books.are_clean(), "{books}");
    // The second one had seeds that are all gone by now.
    let other = second_door.get().expect("it was started");
    assert_eq!(other.client().ask("GET through:both"), "1");
}

/// How the first shard goes over. The others go by replicas that take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstShard {
    SlotBySlot,
    AsTheOthers,
}

/// The nodes of one cluster give all they have to those of another, shard by shard, and leave. Primaries come first.
fn move_over(old: &[u16], new: &[u16], first: FirstShard, load: &Load) {
    let old = in_order(old);
    let mut members = old.clone();
    // Step 1: replicas that take over.
    let by_slots = usize::from(first == FirstShard::SlotBySlot);
    for (from, to) in old.iter().zip(new).take(SHARDS).skip(by_slots) {
        add_replica(&mut members, *to, *from);
        fail_over(*from, *to);
        wait_agreed(&members);
        load.wait_rounds(ROUNDS);
    }
    // Step 2: a primary that gets the slots of another one.
    let entry = new[1];
    for (from, to) in old.iter().zip(new).take(by_slots) {
        run(&["add-node", &addr(*to), &addr(entry)]);
        members.push(*to);
        wait_agreed(&members);
        move_slots(*from, *to);
        wait_agreed(&members);
        load.wait_rounds(ROUNDS);
    }
    // Step 3: a replica for each.
    for (primary, replica) in new.iter().zip(&new[SHARDS..]) {
        add_replica(&mut members, *replica, *primary);
    }
    load.wait_rounds(ROUNDS);
    // Step 4: the old ones leave, replicas before the nodes that they copy.
    for leaver in old.iter().rev() {
        run(&["del-node", &addr(entry), &id_of(*leaver)]);
        members.retain(|member| member != leaver);
        wait_agreed(&members);
        assert!(knows_exactly(*leaver, &[*leaver]), "it knows nobody any more");
        // It copied a primary that is written to, until this moment.
        assert_eq!(ask(*leaver, "DBSIZE"), ":0");
        load.wait_rounds(ROUNDS);
    }
    assert_eq!(members.len(), new.len());
}

/// Those who have forgotten a node's old name do not hear of it for a minute.
fn take_new_name(port: u16) {
    let old = id_of(port);
    assert_eq!(ask(port, "CLUSTER RESET HARD"), "OK");
    assert_ne!(id_of(port), old);
}

/// The nodes of a cluster, primaries first.
fn in_order(ports: &[u16]) -> Vec<u16> {
    let is_replica = |port: &u16| ask(*port, "ROLE").starts_with("[slave");
    let (replicas, primaries): (Vec<u16>, Vec<u16>) =
        ports.iter().partition(|port| is_replica(port));
    [primaries, replicas].concat()
}

/// Has a node join the cluster of another one, as its replica, and waits until it has copied it.
fn add_replica(members: &mut Vec<u16>, newcomer: u16, primary: u16) {
    let id = id_of(primary);
    let (newcomer_addr, entry) = (addr(newcomer), addr(primary));
    run(&["add-node", &newcomer_addr, &entry, "--cluster-slave", "--cluster-master-id", &id]);
    members.push(newcomer);
    wait_until("the new replica to be in step", || is_in_step(newcomer));
    wait_agreed(members);
}

/// Has a replica take the place of its primary, which becomes its replica. What is given up, as on a busy machine, is
/// asked for again, as the path says.
fn fail_over(from: u16, to: u16) {
    let mut asked_at = Instant::now();
    assert_eq!(ask(to, "CLUSTER FAILOVER"), "OK");
    wait_until("the roles to change", || {
        let has_changed = ask(to, "ROLE").starts_with("[master");
        if !has_changed && asked_at.elapsed() > FAILOVER_GIVEN_UP {
            asked_at = Instant::now();
            ask(to, "CLUSTER FAILOVER");
        }
        has_changed
    });
    wait_until("the old primary to follow", || is_in_step(from));
}

/// Waits until these nodes know each other and nobody else, find the cluster well, and redis-cli finds nothing wrong.
fn wait_agreed(members: &[u16]) {
    wait_until("the nodes to know each other", || {
        members.iter().all(|port| {
            // A primary that has just joined takes nothing, not even keys that are moved to it, for some seconds.
            knows_exactly(*port, members) && ask(*port, "CLUSTER INFO").contains("cluster_state:ok")
        })
    });
    wait_well(members[0]);
}

/// Gives all slots of one primary to another one.
fn move_slots(from: u16, to: u16) {
    let view = view(from);
    let myself = view.nodes.iter().find(|node| node.is_myself).expect("a node knows itself");
    let count = myself.slots_count();
    let (from_id, to_id, count) = (id_of(from), id_of(to), count.to_string());
    let mut words = vec!["reshard".to_owned(), addr(to)];
    for (flag, value) in [("from", &from_id), ("to", &to_id), ("slots", &count)] {
        words.extend([format!("--cluster-{flag}"), value.clone()]);
    }
    words.push("--cluster-yes".to_owned());
    run(&words.iter().map(String::as_str).collect::<Vec<_>>());
}

fn is_in_step(port: u16) -> bool {
    ask(port, "INFO replication").contains("master_link_status:up")
}

fn knows_exactly(port: u16, ports: &[u16]) -> bool {
    let view = view(port);
    let is_meant =
        |node: &NodeInfo| ports.contains(&node.port) && (node.is_linked || node.is_myself);
    view.nodes.len() == ports.len() && view.nodes.iter().all(is_meant)
}

fn view(port: u16) -> Topology {
    nodes_text::parse(&ask(port, "CLUSTER NODES")).expect("a view that can be read")
}

fn id_of(port: u16) -> String {
    ask(port, "CLUSTER MYID")
}

fn addr(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn ask(port: u16, line: &str) -> String {
    Client::connect(("127.0.0.1", port)).ask(line)
}

/// A front door whose only seed has left the cluster keeps to the nodes that it knows, even while none of them answers.
#[test]
fn a_seed_that_left_its_cluster_is_not_believed() {
    for kind in [Kind::Real, Kind::Bundled] {
        if kind.is_available() {
            check_seed_that_left(kind);
        }
    }
}

fn check_seed_that_left(kind: Kind) {
    let mut cluster = Cluster::unformed(kind, 3);
    cluster.add_nodes(kind, 1, Setup::default());
    cluster.form(3);
    let seed = cluster.nodes.pop().expect("the last one");
    // Nobody is waited for who stands still.
    let settings = [("cluster.refresh_interval_ms", "100"), ("cluster.connect_timeout_ms", "1000")];
    let door = FrontDoor::start(&seed.addr(), &settings);
    let mut client = door.client();
    assert_eq!(client.ask("SET left 1"), "OK");
    let id = seed.id();
    for node in &cluster.nodes {
        assert_eq!(node.ask(&format!("CLUSTER FORGET {id}")), "OK");
    }
    assert_eq!(seed.ask("CLUSTER RESET"), "OK");
    let failed =
        || door.metric("reddoor_topology_refreshes_total{reason=\"timer\",result=\"failed\"}");
    let before = failed();
    cluster.nodes.iter().for_each(Node::pause);
    wait_until("nobody to tell the topology", || failed() >= before + 3.0);
    cluster.nodes.iter().for_each(Node::resume);
    assert_eq!(client.ask("GET left"), "1");
    assert_eq!(client.ask("MSET left:a 1 left:b 2 left:c 3"), "OK");
}
