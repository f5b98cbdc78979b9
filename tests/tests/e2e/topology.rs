//! The front door finds the cluster, whatever part of it is up, and keeps to the newest of what nodes tell.

use reddoor_protocol::slot::Slot;
use reddoor_tests::client::text;
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::wait::wait_until;
use reddoor_tests::{over_clusters, port};

over_clusters!(real | bundled: some_seeds_may_be_down, a_front_door_may_be_there_before_its_cluster,
    a_slot_that_moved_while_idle_is_picked_up, a_node_that_is_started_again_is_found_again);

const OFTEN: [(&str, &str); 3] = [
    ("cluster.refresh_interval_ms", "100"),
    ("cluster.refresh_min_gap_ms", "10"),
    ("workers.count", "1"),
];

fn some_seeds_may_be_down(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let last = cluster.nodes[2].port();
    let seeds = format!("127.0.0.1:{},nowhere.invalid:7000,localhost:{last}", port::deserted());
    let door = FrontDoor::start(&seeds, &[]);
    assert_eq!(door.client().ask("MSET seed:a 1 seed:b 2 seed:c 3"), "OK");
}

fn a_front_door_may_be_there_before_its_cluster(kind: Kind) {
    let cluster = Cluster::unformed(kind, 3);
    let door = FrontDoor::start_unready(&cluster.seeds(), &[]);
    let (status, why) = door.http("/readyz");
    assert_eq!(status, 503, "{why}");
    assert_eq!(door.http("/healthz").0, 200);
    assert_eq!(door.client().ask("PING"), "PONG");
    cluster.form(3);
    door.wait_ready();
    assert_eq!(door.client().ask("MSET early:a 1 early:b 2 early:c 3"), "OK");
}

fn a_slot_that_moved_while_idle_is_picked_up(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &OFTEN);
    let mut client = door.client();
    assert_eq!(client.ask("GET idle"), "nil");
    let slot = Slot::of_key(b"idle");
    let from = cluster.owner_of_slot(slot);
    let epoch = door.metric("reddoor_topology_epoch");
    cluster.move_slot(slot, from, cluster.other_than(from));
    wait_until("the front door to see a new epoch", || {
        door.metric("reddoor_topology_epoch") > epoch
    });
    assert_eq!(client.ask("SET idle 1"), "OK");
    assert_eq!(door.metric("reddoor_redirects_total{kind=\"moved\"}"), 0.0);
}

fn a_node_that_is_started_again_is_found_again(kind: Kind) {
    let mut cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "60000")]);
    let mut client = door.client();
    assert_eq!(client.ask("MGET back:a back:b back:c"), "[nil, nil, nil]");
    cluster.nodes[1].kill();
    client.send_line("MGET back:1 back:2 back:3 back:4 back:5 back:6 back:7 back:8");
    cluster.nodes[1].restart();
    assert_eq!(text(&client.reply()), "[nil, nil, nil, nil, nil, nil, nil, nil]");
    assert_eq!(client.ask("MSET back:a 1 back:b 2 back:c 3"), "OK");
}

/// Waits until this many more refreshes are over.
fn wait_refreshes(door: &FrontDoor, count: f64) {
    let refreshes = || {
        let (_, text) = door.http("/metrics");
        let lines =
            text.lines().filter(|line| line.starts_with("reddoor_topology_refreshes_total{"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>()
    };
    let seen = refreshes();
    wait_until("refreshes", || refreshes() >= seen + count);
}

#[test]
fn a_node_of_a_minority_cannot_roll_the_map_back() {
    let (stale, fresh) = (FakeNode::start(), FakeNode::start());
    stale.set_view(&(stale.line("myself,master", 1, "0-16383") + &fresh.line("master", 2, "")));
    fresh.set_view(
        &(stale.line("master,fail?", 1, "") + &fresh.line("myself,master", 7, "0-16383")),
    );
    let seeds = format!("{},{}", stale.addr(), fresh.addr());
    let door = FrontDoor::start(&seeds, &OFTEN);
    // On a busy machine the fresh one may have been heard second.
    wait_until("the fresh node to be heard", || door.metric("reddoor_topology_epoch") == 7.0);
    let mut client = door.client();
    for _ in 0..5 {
        client.send_line("GET k");
        fresh.expect_call("GET k").reply("$5\r\nfresh\r\n");
        assert_eq!(text(&client.reply()), "fresh");
        wait_refreshes(&door, 5.0);
    }
    assert!(stale.arrived().is_empty());
}

#[test]
fn a_stale_node_that_answers_alone_cannot_roll_the_map_back() {
    let (stale, fresh) = (FakeNode::start(), FakeNode::start());
    let fresh_view = stale.line("master", 1, "") + &fresh.line("master", 7, "0-16383");
    fresh.set_view(&fresh_view);
    stale.set_view(&fresh_view);
    let seeds = format!("{},{}", stale.addr(), fresh.addr());
    let door = FrontDoor::start(&seeds, &OFTEN);
    // From now on the fresh node does not tell its view, and the other one tells what was true long ago.
    fresh.set_view("nothing to be understood");
    stale.set_view(&(stale.line("myself,master", 1, "0-16383") + &fresh.line("master", 2, "")));
    wait_refreshes(&door, 5.0);
    let mut client = door.client();
    client.send_line("GET k");
    fresh.expect_call("GET k").reply("$5\r\nfresh\r\n");
    assert_eq!(text(&client.reply()), "fresh");
    assert!(stale.arrived().is_empty());
}

#[test]
fn a_cluster_that_is_gone_is_looked_for_at_the_seeds_again() {
    let first = FakeNode::start();
    let later = port::deserted();
    let seeds = format!("{},localhost:{later}", first.addr());
    let door = FrontDoor::start(&seeds, &OFTEN);
    first.end();
    let second = FakeNode::start_at(later);
    second.set_view(&second.line("myself,master", 9, "0-16383"));
    let mut client = door.client();
    client.send_line("GET k");
    second.expect_call("GET k").reply("$6\r\nsecond\r\n");
    assert_eq!(text(&client.reply()), "second");
}

#[test]
fn readiness_follows_the_slots() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &OFTEN);
    node.set_view(&node.line("myself,master", 2, "0-16000"));
    wait_until("not to be ready", || door.http("/readyz").0 == 503);
    let (_, why) = door.http("/readyz");
    assert!(why.contains("383 of 16384 slots have no owner"), "{why}");
    node.set_view(&node.line("myself,master", 3, "0-16383"));
    door.wait_ready();
}
