//! What happens to the cluster and the front door, and what clients may see of it.

use std::time::{Duration, Instant};

use reddoor_protocol::slot::Slot;
use reddoor_tests::client::text;
use reddoor_tests::relay::Passage;
use reddoor_tests::wait::wait_until;

use super::scene::{SETUP, Scene, Shard};

/// What clients may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Nothing at all.
    Nothing,
    /// Of each client, one write that was on its way at that moment may end in an error that says so.
    WriteInFlight,
    /// As [`Allowed::WriteInFlight`], once for each node: they lose their connections one after the other.
    WriteInFlightToEach,
    /// Connections end, and clients connect again.
    Cut,
    /// Writes are refused by their node, which says why.
    Refusals,
}

/// One fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// Its name, by which it can be asked for.
    pub(crate) name: &'static str,
    /// What clients may see.
    pub(crate) allowed: Allowed,
    /// Whether it is part of every test run.
    pub(crate) is_in_smoke: bool,
    /// Makes it happen, and heals what does not heal by itself. Gives back how long the cluster itself took to serve
    /// again, where it could not.
    pub(crate) inject: fn(&mut Scene) -> Option<Duration>,
}

/// All of them.
pub(crate) const FAULTS: [Fault; 15] = [
    fault("planned failover of every shard", Allowed::Nothing, true, fail_over_all),
    fault("primary killed", Allowed::WriteInFlight, true, kill_primary),
    fault("primary stopped past the node timeout", Allowed::WriteInFlight, true, stop_primary),
    fault("primary stopped for a moment", Allowed::Nothing, true, stop_briefly),
    fault("primary cut off", Allowed::WriteInFlight, false, cut_off_primary),
    fault("1500 slots moved", Allowed::Nothing, false, reshard),
    fault("shard added and removed", Allowed::Nothing, false, add_and_remove_shard),
    fault("every node restarted", Allowed::Nothing, false, restart_all),
    fault("every node connection dropped", Allowed::WriteInFlightToEach, true, drop_connections),
    fault("a reply that is garbage", Allowed::WriteInFlight, true, answer_garbage),
    fault("half a reply", Allowed::WriteInFlight, false, answer_half),
    fault("no reply, then a new connection", Allowed::WriteInFlight, false, answer_nothing),
    fault("a full disk on a primary", Allowed::Refusals, false, fill_disk),
    fault("front door restarted", Allowed::Cut, true, restart_door),
    fault("front door replaced by another", Allowed::Cut, true, replace_door),
];

const fn fault(
    name: &'static str,
    allowed: Allowed,
    is_in_smoke: bool,
    inject: fn(&mut Scene) -> Option<Duration>,
) -> Fault {
    Fault { name, allowed, is_in_smoke, inject }
}

fn fail_over_all(scene: &mut Scene) -> Option<Duration> {
    for shard in scene.shards() {
        scene.node(shard.replica).fail_over();
        scene.wait_settled();
    }
    None
}

/// The nodes that are neither of a shard.
fn others(scene: &Scene, shard: Shard) -> Vec<usize> {
    let is_other = |index: &usize| ![shard.primary, shard.replica].contains(index);
    (0..scene.cluster.nodes.len()).filter(is_other).collect()
}

fn first_shard(scene: &Scene) -> Shard {
    scene.shards()[0]
}

fn kill_primary(scene: &mut Scene) -> Option<Duration> {
    let shard = first_shard(scene);
    let asked = others(scene, shard);
    let began = Instant::now();
    scene.cluster.nodes[shard.primary].kill();
    scene.struck = Some((began, Instant::now()));
    scene.wait_taken_over(shard.replica, &asked);
    let took = began.elapsed();
    scene.cluster.nodes[shard.primary].restart();
    Some(took)
}

fn stop_primary(scene: &mut Scene) -> Option<Duration> {
    let shard = first_shard(scene);
    let asked = others(scene, shard);
    let began = Instant::now();
    scene.node(shard.primary).pause();
    scene.struck = Some((began, Instant::now()));
    scene.wait_taken_over(shard.replica, &asked);
    let took = began.elapsed();
    wait_until("six seconds", || began.elapsed() > Duration::from_secs(6));
    scene.node(shard.primary).resume();
    Some(took)
}

fn stop_briefly(scene: &mut Scene) -> Option<Duration> {
    let shard = first_shard(scene);
    let began = Instant::now();
    scene.node(shard.primary).pause();
    wait_until("a second", || began.elapsed() > Duration::from_secs(1));
    scene.node(shard.primary).resume();
    Some(began.elapsed())
}

/// The front door does not reach the primary any more, and the cluster gives its slots to the replica.
fn cut_off_primary(scene: &mut Scene) -> Option<Duration> {
    let shard = first_shard(scene);
    let began = Instant::now();
    // What the primary has acknowledged is to reach its replica first: what a cluster loses is not to be counted here.
    scene.node(shard.primary).relay().set(Passage::Deaf);
    wait_until("replies to pass", || began.elapsed() > Duration::from_millis(100));
    scene.node(shard.primary).relay().set(Passage::Dropping);
    wait_until("a second", || began.elapsed() > Duration::from_secs(1));
    assert_eq!(scene.node(shard.replica).ask("CLUSTER FAILOVER TAKEOVER"), "OK");
    scene.wait_taken_over(shard.replica, &others(scene, shard));
    let took = began.elapsed();
    wait_until("the old primary to follow", || {
        scene.node(shard.primary).ask("ROLE").starts_with("[slave")
    });
    scene.node(shard.primary).relay().set(Passage::Open);
    scene.node(shard.primary).relay().cut_all();
    Some(took)
}

fn reshard(scene: &mut Scene) -> Option<Duration> {
    let shards = scene.shards();
    move_slots(scene, shards[0].primary, shards[1].primary, 1500);
    None
}

/// Moves slots with their keys, the lowest that the node has.
fn move_slots(scene: &Scene, from: usize, to: usize, count: usize) {
    let (from, to) = (scene.node(from), scene.node(to));
    let view = from.topology();
    let slots = view.nodes.iter().filter(|node| node.is_myself).flat_map(|node| &node.slots);
    for number in slots.cloned().flatten().take(count) {
        let slot = Slot::new(number).expect("a slot of a node");
        scene.cluster.move_slot(slot, from, to);
    }
}

fn add_and_remove_shard(scene: &mut Scene) -> Option<Duration> {
    let first = first_shard(scene).primary;
    let place = scene.cluster.nodes.len();
    scene.cluster.add_nodes(scene.kind, 2, SETUP);
    for index in [place, place + 1] {
        let port = scene.node(index).port();
        assert_eq!(scene.node(first).ask(&format!("CLUSTER MEET 127.0.0.1 {port}")), "OK");
    }
    let id = scene.node(place).id();
    wait_until("the new nodes to be known", || {
        scene.cluster.nodes.iter().all(|node| node.topology().nodes.len() == place + 2)
    });
    assert_eq!(scene.node(place + 1).ask(&format!("CLUSTER REPLICATE {id}")), "OK");
    scene.wait_settled();
    move_slots(scene, first, place, 200);
    move_slots(scene, place, first, 200);
    for gone in [place + 1, place] {
        let id = scene.node(gone).id();
        for index in (0..place + 2).filter(|index| *index != gone) {
            scene.node(index).ask(&format!("CLUSTER FORGET {id}"));
        }
    }
    scene.cluster.nodes.truncate(place);
    None
}

fn restart_all(scene: &mut Scene) -> Option<Duration> {
    for index in 0..scene.cluster.nodes.len() {
        if let Some(shard) = scene.shards().into_iter().find(|shard| shard.primary == index) {
            scene.node(shard.replica).fail_over();
            scene.wait_settled();
        }
        scene.cluster.nodes[index].restart();
        scene.wait_settled();
    }
    None
}

fn drop_connections(scene: &mut Scene) -> Option<Duration> {
    scene.cluster.nodes.iter().for_each(|node| node.relay().cut_all());
    None
}

fn spoil(scene: &Scene, passage: Passage) {
    let relay = scene.node(first_shard(scene).primary).relay();
    relay.set(passage);
    wait_until("a reply to be spoilt", || relay.passage() == Passage::Open);
}

fn answer_garbage(scene: &mut Scene) -> Option<Duration> {
    spoil(scene, Passage::Garbage);
    None
}

fn answer_half(scene: &mut Scene) -> Option<Duration> {
    spoil(scene, Passage::Half);
    None
}

fn answer_nothing(scene: &mut Scene) -> Option<Duration> {
    let relay = scene.node(first_shard(scene).primary).relay();
    let began = Instant::now();
    relay.set(Passage::Mute);
    wait_until("a second", || began.elapsed() > Duration::from_secs(1));
    relay.set(Passage::Open);
    relay.cut_all();
    Some(began.elapsed())
}

fn restart_door(scene: &mut Scene) -> Option<Duration> {
    scene.restart_door();
    None
}

/// A primary cannot save for a second: what it would save to has no room for a file, as a directory has its name.
fn fill_disk(scene: &mut Scene) -> Option<Duration> {
    let node = scene.node(first_shard(scene).primary);
    let file = node.dir().join("dump.rdb");
    let save = |points: &str, outcome: &str| {
        assert_eq!(text(&node.client().call(&["CONFIG", "SET", "save", points])), "OK");
        node.ask("BGSAVE");
        let status = format!("rdb_last_bgsave_status:{outcome}");
        wait_until("a save to end", || {
            let info = node.ask("INFO persistence");
            info.contains("rdb_bgsave_in_progress:0") && info.contains(&status)
        });
    };
    // What it copied as a replica may lie there; it is not to be read again.
    let _ = std::fs::remove_file(&file);
    std::fs::create_dir(&file).expect("a directory in the file's place");
    // Only a node that is to save by itself refuses writes when it cannot.
    save("3600 1000000", "err");
    let began = Instant::now();
    wait_until("a second", || began.elapsed() > Duration::from_secs(1));
    std::fs::remove_dir(&file).expect("it is still there, and empty");
    save("", "ok");
    Some(began.elapsed())
}

fn replace_door(scene: &mut Scene) -> Option<Duration> {
    scene.replace_door();
    None
}
