//! Slots move, and no client sees it: `MOVED`, `ASK` and `TRYAGAIN` are followed, with a bounded number of hops.

use reddoor_protocol::slot::Slot;
use reddoor_protocol::value::Value;
use reddoor_tests::client::{Client, request_line, text};
use reddoor_tests::cluster::reshard::{move_key, move_keys};
use reddoor_tests::cluster::{Cluster, Kind, keys};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::load::Load;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: a_slot_that_moved_is_followed_once_and_remembered,
    a_slot_under_way_is_asked_for_at_both_ends, keys_that_are_parted_while_under_way_are_waited_for,
    empty_slots_move_under_load_and_no_client_sees_it);
over_clusters!(real: slots_move_under_load_and_no_client_sees_it);

/// No refresh comes by itself, so that what is seen is the doing of a redirect.
const NO_TIMER: (&str, &str) = ("cluster.refresh_interval_ms", "3600000");
const ONE_WORKER: (&str, &str) = ("workers.count", "1");

fn a_slot_that_moved_is_followed_once_and_remembered(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[NO_TIMER, ONE_WORKER]);
    let mut client = door.client();
    assert_eq!(client.ask("GET moved"), "nil");
    let slot = Slot::of_key(b"moved");
    let from = cluster.owner_of_slot(slot);
    let to = cluster.other_than(from);
    cluster.move_slot(slot, from, to);
    for _ in 0..10 {
        assert_eq!(client.ask("SET moved 1"), "OK");
        assert_eq!(client.ask("MGET moved moved:2 moved"), "[1, nil, 1]");
    }
    assert_eq!(to.ask("GET moved"), "1");
    assert_eq!(door.metric("reddoor_redirects_total{kind=\"moved\"}"), 1.0);
    // The redirect has set off a refresh.
    wait_until("the refresh to be counted", || {
        let series = "reddoor_topology_refreshes_total{reason=\"moved\",result=\"adopted\"}";
        door.metric(series) == 1.0
    });
}

fn a_slot_under_way_is_asked_for_at_both_ends(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[ONE_WORKER]);
    let slot = Slot::of_key(b"{t}");
    let from = cluster.owner_of_slot(slot);
    let to = cluster.other_than(from);
    let mut client = door.client();
    assert_eq!(client.ask("SET {t}old 1"), "OK");
    cluster.open_slot(slot, from, to);
    for mut client in [client, door.client_v3()] {
        assert_eq!(client.ask("GET {t}old"), "1", "the source has it");
        assert_eq!(client.ask("GET {t}new"), "nil", "neither has it");
        assert_eq!(client.ask("SET {t}new 2"), "OK");
        assert_eq!(client.ask("GET {t}new"), "2", "the target has it");
        assert_eq!(client.ask("DEL {t}new"), ":1");
    }
    assert!(door.metric("reddoor_redirects_total{kind=\"ask\"}") >= 8.0);
    // What is asked for at the target does not change who owns the slot.
    assert_eq!(door.metric("reddoor_redirects_total{kind=\"moved\"}"), 0.0);
}

fn keys_that_are_parted_while_under_way_are_waited_for(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "60000")]);
    let slot = Slot::of_key(b"{t}");
    let from = cluster.owner_of_slot(slot);
    let to = cluster.other_than(from);
    let mut client = door.client();
    assert_eq!(client.ask("MSET {t}a 1 {t}b 2"), "OK");
    cluster.open_slot(slot, from, to);
    move_key("{t}a", from, to);
    client.send_line("MGET {t}a {t}b");
    wait_until("a node to ask for patience", || {
        door.metric("reddoor_redirects_total{kind=\"tryagain\"}") >= 3.0
    });
    move_keys(slot, from, to);
    cluster.close_slot(slot, from, to);
    assert_eq!(reddoor_tests::client::text(&client.reply()), "[1, 2]");
}

fn slots_move_under_load_and_no_client_sees_it(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "60000")]);
    move_under_load(&cluster, &door, count_up);
}

fn empty_slots_move_under_load_and_no_client_sees_it(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "60000")]);
    move_under_load(&cluster, &door, look_for_nothing);
}

/// What a client does in one round with its keys.
type Round = fn(&mut Client, &[String], usize);

/// Moves the slots that clients are at work on.
fn move_under_load(cluster: &Cluster, door: &FrontDoor, run_round: Round) {
    const CLIENTS: usize = 4;
    const MOVES: usize = 40;
    let client = |index: usize| -> Box<dyn FnMut(usize)> {
        let keys = keys(&format!("load{index}"), 20);
        let mut client = if index.is_multiple_of(2) { door.client() } else { door.client_v3() };
        Box::new(move |round| run_round(&mut client, &keys, round))
    };
    let redirects =
        |kind: &str| door.metric(&format!("reddoor_redirects_total{{kind=\"{kind}\"}}"));
    Load::run(CLIENTS, client, |load| {
        for key in (0..MOVES).map(|n| format!("load{}:{}", n % CLIENTS, n / CLIENTS)) {
            let slot = Slot::of_key(key.as_bytes());
            let from = cluster.owner_of_slot(slot);
            let to = cluster.other_than(from);
            cluster.open_slot(slot, from, to);
            load.wait_rounds(1);
            move_keys(slot, from, to);
            // Who asks the source now is sent after its keys.
            wait_until("a client to be sent to the target", || redirects("ask") > 0.0);
            cluster.close_slot(slot, from, to);
            load.wait_rounds(1);
        }
    });
    assert!(redirects("moved") > 0.0);
}

/// Reads, and writes that leave nothing behind.
fn look_for_nothing(client: &mut Client, keys: &[String], _: usize) {
    for key in keys {
        client.send(&["GET", key]);
        client.send(&["SETRANGE", key, "0", ""]);
    }
    for key in keys {
        assert_eq!(client.reply(), Value::Null, "{key}");
        assert_eq!(client.reply(), Value::Integer(0), "{key}");
    }
    assert_eq!(client.ask(&format!("EXISTS {}", keys.join(" "))), ":0");
    let nothing = vec!["nil"; keys.len()].join(", ");
    assert_eq!(client.ask(&format!("MGET {}", keys.join(" "))), format!("[{nothing}]"));
}

/// Every key is counted up once; a reply that is lost, doubled or swapped shows as another number.
fn count_up(client: &mut Client, keys: &[String], round: usize) {
    for key in keys {
        assert_eq!(client.ask(&format!("INCR {key}")), format!(":{round}"), "{key}");
    }
    for key in keys {
        client.send(&["APPEND", &format!("{key}:log"), "x"]);
    }
    for key in keys {
        assert_eq!(client.reply().as_integer(), i64::try_from(round).ok(), "{key}:log");
    }
    let values = vec![round.to_string(); keys.len()].join(", ");
    assert_eq!(client.ask(&format!("MGET {}", keys.join(" "))), format!("[{values}]"));
}

#[test]
fn nodes_that_point_at_each_other_are_not_followed_for_ever() {
    let (a, b) = (FakeNode::start(), FakeNode::start());
    let (a_addr, b_addr) = (a.addr(), b.addr());
    let door = FrontDoor::start(&a_addr.to_string(), &[("request.redirects_max", "5")]);
    a.answer_all(move |call| format!("-{} {b_addr}\r\n", word_for(&call.line())).into_bytes());
    b.answer_all(move |call| format!("-{} {a_addr}\r\n", word_for(&call.line())).into_bytes());
    let mut client = door.client();
    for line in ["GET moved", "GET ask", "SET moved 1"] {
        let expect = "-REDIRECTS more than 5 redirects; the command was not applied";
        assert_eq!(client.ask(line), expect);
    }
}

fn word_for(line: &str) -> String {
    let kind = if line.contains("ask") { "ASK" } else { "MOVED" };
    let key = line.split(' ').nth(1).unwrap();
    format!("{kind} {}", Slot::of_key(key.as_bytes()).number())
}

#[test]
fn a_redirect_without_a_host_means_the_node_that_gave_it() {
    let (a, b) = (FakeNode::start(), FakeNode::start());
    let door = FrontDoor::start(&a.addr().to_string(), &[NO_TIMER]);
    let mut client = door.client();
    client.send_line("GET k");
    let slot = Slot::of_key(b"k").number();
    a.expect_call("GET k").reply(format!("-MOVED {slot} :{}\r\n", b.addr().port()));
    b.expect_call("GET k").reply("$1\r\nv\r\n");
    assert_eq!(client.reply().as_str(), Some("v"));
}

#[test]
fn what_comes_after_a_redirect_does_not_pass_what_came_before() {
    let (old, new) = (FakeNode::start(), FakeNode::start());
    let settings = [("workers.count", "1")];
    let door = FrontDoor::start(&old.addr().to_string(), &settings);
    let mut client = door.client();
    client.send_bytes(&[request_line("SET k 1"), request_line("SET k 2")].concat());
    let calls = [old.expect_call("SET k 1"), old.expect_call("SET k 2")];
    let moved = format!("-MOVED 7629 {}\r\n", new.addr());
    calls[0].reply(&moved);
    let first = new.expect_call("SET k 1");
    // The front door knows the new owner, and the second is still on its way to the old one.
    client.send_line("SET k 3");
    wait_until("the third to wait", || door.metric("reddoor_held_requests") == 2.0);
    first.reply("+OK\r\n");
    assert!(new.arrived().is_empty());
    calls[1].reply(&moved);
    new.expect_call("SET k 2").reply("+OK\r\n");
    new.expect_call("SET k 3").reply("+OK\r\n");
    let replies: Vec<String> = (0..3).map(|_| text(&client.reply())).collect();
    assert_eq!(replies, ["OK"; 3]);
    assert!(old.arrived().is_empty());
}
