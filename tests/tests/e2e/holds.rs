//! While no node runs a slot's requests they wait, in their order and within bounds; those of other slots go on.

use reddoor_protocol::slot::Slot;
use reddoor_tests::client::{Client, request_line, text};
use reddoor_tests::fake_node::{Call, FakeNode};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::wait::wait_until;

const DOWN: &str = "-CLUSTERDOWN The cluster is down\r\n";

fn start(settings: &[(&str, &str)]) -> (FakeNode, FrontDoor, Client) {
    let node = FakeNode::start();
    let one_worker = [&[("workers.count", "1")], settings].concat();
    let door = FrontDoor::start(&node.addr().to_string(), &one_worker);
    let client = door.client();
    (node, door, client)
}

fn wait_held(door: &FrontDoor, count: f64) {
    wait_until("requests to be held", || door.metric("reddoor_held_requests") == count);
}

#[test]
fn one_request_goes_ahead_and_the_others_follow_in_their_order() {
    let (node, door, mut client) = start(&[("request.retry_delay_ms", "300")]);
    client.send_line("SET {s}1 a");
    node.expect_call("SET {s}1 a").reply(DOWN);
    wait_held(&door, 1.0);
    // They come while the first waits, over two connections, and must not pass it.
    let mut other = door.client();
    for line in ["SET {s}1 b", "INCR {s}2", "GET {s}1"] {
        client.send_line(line);
    }
    wait_held(&door, 4.0);
    other.send_line("SET {s}1 c");
    wait_held(&door, 5.0);
    let scout = node.expect_call("SET {s}1 a");
    assert!(node.arrived().is_empty(), "nothing goes beside the first");
    scout.reply("+OK\r\n");
    for line in ["SET {s}1 b", "INCR {s}2", "GET {s}1", "SET {s}1 c"] {
        let reply = match line.split(' ').next() {
            Some("SET") => "+OK\r\n",
            Some("INCR") => ":1\r\n",
            _ => "$1\r\nb\r\n",
        };
        node.expect_call(line).reply(reply);
    }
    let replies: Vec<String> = (0..4).map(|_| text(&client.reply())).collect();
    assert_eq!(replies, ["OK", "OK", ":1", "b"]);
    assert_eq!(text(&other.reply()), "OK");
    wait_held(&door, 0.0);
}

#[test]
fn other_slots_go_on_as_far_as_the_order_of_replies_allows() {
    let (node, door, mut client) = start(&[("request.retry_delay_ms", "300")]);
    client.send_line("SET held 1");
    node.expect_call("SET held 1").reply(DOWN);
    wait_held(&door, 1.0);
    client.send_line("SET free 1");
    node.expect_call("SET free 1").reply("+OK\r\n");
    let mut other = door.client();
    other.send_line("INCR free");
    node.expect_call("INCR free").reply(":2\r\n");
    assert_eq!(text(&other.reply()), ":2");
    node.expect_call("SET held 1").reply("-ERR first\r\n");
    assert_eq!(text(&client.reply()), "-ERR first");
    assert_eq!(text(&client.reply()), "OK");
}

fn refuse(call: &Call) -> Vec<u8> {
    assert_eq!(call.args[1][0], b'{');
    DOWN.as_bytes().to_vec()
}

#[test]
fn what_waits_is_bounded_in_time() {
    let settings = [("failover.hold_ms", "300"), ("request.retry_delay_ms", "100")];
    let (node, _door, mut client) = start(&settings);
    node.answer_all(refuse);
    let reply = client.ask("SET {s}1 a");
    assert!(reply.starts_with("-UNAVAILABLE ") && reply.ends_with("not applied"), "{reply}");
}

#[test]
fn what_waits_is_bounded_in_number_and_bytes() {
    let settings = [("failover.hold_requests_max", "2"), ("failover.hold_bytes_max", "65536")];
    let (node, door, mut client) = start(&settings);
    client.send_line("SET {s}1 a");
    node.expect_call("SET {s}1 a").reply(DOWN);
    wait_held(&door, 1.0);
    node.answer_all(refuse);
    let mut other = door.client();
    other.send(&["SET", "{s}2", &"x".repeat(65_536)]);
    let reply = text(&other.reply());
    let expect = "-OVERLOAD bytes of requests that wait for a node: limit of 65536 reached; the command was not applied";
    assert_eq!(reply, expect);
    let mut second = door.client();
    second.send_line("SET {s}3 c");
    wait_held(&door, 2.0);
    for _ in 0..2 {
        let reply = other.ask("SET {s}3 d");
        assert!(reply.starts_with("-OVERLOAD requests that wait"), "{reply}");
    }
    for limit in ["hold_requests_max", "hold_bytes_max"] {
        assert!(door.metric(&format!("reddoor_limits_reached_total{{limit=\"{limit}\"}}")) > 0.0);
    }
}

#[test]
fn a_command_under_way_between_nodes_waits_without_its_slot() {
    let (node, door, mut client) = start(&[("request.retry_delay_ms", "300")]);
    client.send_line("DEL {s}1 {s}2");
    node.expect_call("DEL {s}1 {s}2").reply("-TRYAGAIN Multiple keys request\r\n");
    wait_until("the command to be put off", || {
        door.metric("reddoor_redirects_total{kind=\"tryagain\"}") == 1.0
    });
    let mut other = door.client();
    other.send_line("GET {s}1");
    // Whichever comes first: neither waits for the reply to the other.
    let calls = [node.next_call(), node.next_call()];
    let mut lines = calls.each_ref().map(Call::line);
    lines.sort();
    assert_eq!(lines, ["DEL {s}1 {s}2", "GET {s}1"]);
    for call in calls {
        call.reply(if call.line().starts_with("GET") { "$-1\r\n" } else { ":1\r\n" });
    }
    assert_eq!((text(&other.reply()), text(&client.reply())), ("nil".into(), ":1".into()));
}

/// A node is missed soon when it owes a reply to a client; it is asked for none otherwise, which could come late, too.
const MISSED_SOON: [(&str, &str); 2] =
    [("health.silence_ms", "100"), ("health.probe_interval_ms", "0")];

#[test]
fn a_silent_node_is_sent_nothing_more_until_it_answers() {
    let (node, door, mut client) = start(&MISSED_SOON);
    client.send_line("INCR {s}slow");
    let slow = node.expect_call("INCR {s}slow");
    let silent = format!("reddoor_node_silences_total{{node=\"{}\"}}", node.addr());
    wait_until("the node to be missed", || door.metric(&silent) == 1.0);
    let mut other = door.client();
    other.send_bytes(&[request_line("INCR {s}a"), request_line("MGET a b c")].concat());
    wait_held(&door, 4.0);
    assert!(node.arrived().is_empty());
    slow.reply(":1\r\n");
    assert_eq!(text(&client.reply()), ":1");
    for _ in 0..4 {
        let call = node.next_call();
        call.reply(if call.line() == "INCR {s}a" { ":1\r\n" } else { "*1\r\n$1\r\nv\r\n" });
    }
    assert_eq!(text(&other.reply()), ":1");
    assert_eq!(text(&other.reply()), "[v, v, v]");
}

#[test]
fn what_a_silent_node_was_not_sent_goes_to_its_successor() {
    let (old, new) = (FakeNode::start(), FakeNode::start());
    old.set_view(&(old.line("myself,master", 1, "0-16383") + &new.line("slave", 1, "")));
    new.set_view(&(old.line("master", 1, "0-16383") + &new.line("myself,slave", 1, "")));
    let settings = [&MISSED_SOON[..], &[("workers.count", "1")]].concat();
    let door = FrontDoor::start(&old.addr().to_string(), &settings);
    let (mut client, mut late) = (door.client(), door.client());
    // In one piece, or the second might find the node missed already.
    client.send_bytes(&[request_line("INCR k"), request_line("GET k")].concat());
    old.expect_call("INCR k");
    old.expect_call("GET k");
    let silent = format!("reddoor_node_silences_total{{node=\"{}\"}}", old.addr());
    wait_until("the node to be missed", || door.metric(&silent) == 1.0);
    late.send_line("INCR late");
    wait_held(&door, 1.0);
    let view = old.line("master,fail", 1, "") + &new.line("myself,master", 2, "0-16383");
    new.set_view(&view);
    old.set_view(&view.replace("myself,", ""));
    for _ in 0..2 {
        let call = new.next_call();
        match call.line().as_str() {
            "GET k" => call.reply("$1\r\n7\r\n"),
            line => {
                assert_eq!(line, "INCR late");
                call.reply(":1\r\n");
            }
        }
    }
    let (lost, read) = (text(&client.reply()), text(&client.reply()));
    assert_eq!((read, text(&late.reply())), ("7".into(), ":1".into()));
    assert!(lost.starts_with("-LINKLOST ") && lost.ends_with("may have been applied"), "{lost}");
    assert!(new.arrived().is_empty() && old.arrived().is_empty());
    assert_ne!(Slot::of_key(b"k"), Slot::of_key(b"late"));
}

#[test]
fn a_silent_node_that_hands_over_may_still_say_where_to_go() {
    let (old, new) = (FakeNode::start(), FakeNode::start());
    old.set_view(&(old.line("myself,master", 1, "0-16383") + &new.line("slave", 1, "")));
    new.set_view(&(old.line("master", 1, "0-16383") + &new.line("myself,slave", 1, "")));
    // It is heard for as long again once it has a successor.
    let settings =
        [("health.silence_ms", "3000"), ("health.probe_interval_ms", "0"), ("workers.count", "1")];
    let door = FrontDoor::start(&old.addr().to_string(), &settings);
    let mut client = door.client();
    client.send_line("INCR k");
    let held = old.expect_call("INCR k");
    let silent = format!("reddoor_node_silences_total{{node=\"{}\"}}", old.addr());
    wait_until("the node to be missed", || door.metric(&silent) == 1.0);
    let view = old.line("slave", 1, "") + &new.line("myself,master", 2, "0-16383");
    new.set_view(&view);
    old.set_view(&view);
    wait_until("the successor to be known", || door.metric("reddoor_topology_epoch") == 2.0);
    held.reply(format!("-MOVED {} {}\r\n", Slot::of_key(b"k").number(), new.addr()));
    new.expect_call("INCR k").reply(":1\r\n");
    assert_eq!(text(&client.reply()), ":1");
}

#[test]
fn an_idle_connection_is_asked_whether_its_node_lives() {
    let settings = [("health.silence_ms", "1000"), ("health.probe_interval_ms", "50")];
    let (node, door, mut client) = start(&settings);
    client.send_line("SET k v");
    node.expect_call("SET k v").reply("+OK\r\n");
    assert_eq!(text(&client.reply()), "OK");
    let silent = format!("reddoor_node_silences_total{{node=\"{}\"}}", node.addr());
    // On a busy machine it may have been late before.
    let before = door.metric(&silent);
    let held = node.stop_reading();
    wait_until("the node to be missed", || door.metric(&silent) > before);
    // Nothing was on its way, so nothing is lost.
    client.send_line("INCR k");
    wait_held(&door, 1.0);
    drop(held);
    node.expect_call("INCR k").reply(":1\r\n");
    assert_eq!(text(&client.reply()), ":1");
}
