//! Everything has a limit: at it one client is held back or cut, and the others do not notice.

use std::io::Write;
use std::thread;

use reddoor_tests::client::{Client, request_line, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::wait_for;

over_clusters!(real | bundled: a_client_that_does_not_read_is_cut_and_others_live,
    a_client_that_does_not_read_is_not_read_either);

const VALUE_BYTES: usize = 500_000;

/// A front door before a cluster with a large value behind `big`.
fn start(kind: Kind, settings: &[(&str, &str)]) -> FrontDoor {
    let door = FrontDoor::start(&Cluster::shared(kind).seeds(), settings);
    let value = "x".repeat(VALUE_BYTES);
    assert_eq!(text(&door.client().call(&["SET", "big", &value])), "OK");
    door
}

fn a_client_that_does_not_read_is_cut_and_others_live(kind: Kind) {
    const COUNT: usize = 500;
    let max = (2 << 20).to_string();
    let settings = [("limits.client_output_bytes_max", &*max), ("limits.reply_bytes_max", &max)];
    let door = start(kind, &settings);
    let (mut client, mut other) = (door.client(), door.client());
    client.send_bytes(&request_line("GET big").repeat(COUNT));
    let series = "reddoor_limits_reached_total{limit=\"client_output_bytes_max\"}";
    reddoor_tests::wait::wait_until("the limit to be reached", || {
        assert_eq!(other.ask("PING"), "PONG");
        door.metric(series) == 1.0
    });
    assert!(client.read_to_end().len() < COUNT * VALUE_BYTES);
    assert_eq!(other.ask("EXISTS big"), ":1");
}

fn a_client_that_does_not_read_is_not_read_either(kind: Kind) {
    const COUNT: usize = 2000;
    /// What two limits allow: replies not fetched, and those of requests that were in flight at that moment.
    const BYTES_MAX: usize = 64 << 20;
    let settings = [("limits.client_pipeline_max", "16")];
    let door = start(kind, &settings);
    let mut client = door.client();
    let mut writer = client.stream().try_clone().unwrap();
    let bytes = request_line("GET big").repeat(COUNT);
    let writing = thread::spawn(move || writer.write_all(&bytes).unwrap());
    let series = "reddoor_limits_reached_total{limit=\"client_pipeline_max\"}";
    reddoor_tests::wait::wait_until("the client to be held back", || door.metric(series) >= 1.0);
    let mut other = door.client();
    let mut most = 0;
    for index in 0..COUNT {
        assert_eq!(client.reply().as_bytes().map(<[u8]>::len), Some(VALUE_BYTES));
        if index % 100 == 0 {
            assert_eq!(other.ask("PING"), "PONG");
            most = most.max(door.process.resident_bytes());
        }
    }
    writing.join().unwrap();
    assert!(most < BYTES_MAX, "{most} bytes");
}

#[test]
fn one_client_too_many_is_told_and_closed() {
    let node = FakeNode::start();
    let settings = [("listen.clients_max", "2"), ("workers.count", "2")];
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    let (mut first, mut second) = (door.client(), door.client());
    assert_eq!((first.ask("PING"), second.ask("PING")), ("PONG".into(), "PONG".into()));
    for _ in 0..3 {
        assert_eq!(door.client().read_to_end(), "-ERR max number of clients reached\r\n");
    }
    drop(first);
    // A place is free as soon as the front door has seen the end of the first.
    let mut third = wait_for("a free place", || {
        let mut client = door.client();
        client.try_ask("PING").is_ok_and(|reply| reply == "PONG").then_some(client)
    });
    assert_eq!((second.ask("PING"), third.ask("PING")), ("PONG".into(), "PONG".into()));
    let rejected = door.metric("reddoor_client_connections_total{result=\"rejected\"}");
    assert!(rejected >= 3.0, "{rejected}");
}

#[test]
fn a_link_that_is_full_refuses_what_is_too_much() {
    let node = FakeNode::start();
    let settings = [("limits.link_inflight_max", "3"), ("workers.count", "1")];
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    let mut client = door.client();
    client.send_bytes(&request_line("GET k").repeat(4));
    let calls = [node.next_call(), node.next_call(), node.next_call()];
    calls[0].reply("$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
    let replies: Vec<String> = (0..4).map(|_| text(&client.reply())).collect();
    let refusal =
        "-OVERLOAD requests in flight to one node: limit of 3 reached; the command was not applied";
    assert_eq!(replies, ["a", "b", "c", refusal]);
}

#[test]
fn a_command_of_too_many_parts_is_refused_whole() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("limits.split_parts_max", "2")]);
    let mut client = door.client();
    let refusal = "-OVERLOAD parts of one command: limit of 2 reached; the command was not applied";
    assert_eq!(client.ask("MSET a 1 b 2 c 3"), refusal);
    client.send_line("DEL a");
    node.expect_call("DEL a").reply(":0\r\n");
    assert_eq!(text(&client.reply()), ":0");
}

#[test]
fn an_idle_client_takes_next_to_no_memory() {
    const CLIENTS: usize = 500;
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let before = door.process.resident_bytes();
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| door.client()).collect();
    for client in &mut clients {
        assert_eq!(client.ask("PING"), "PONG");
    }
    let each = door.process.resident_bytes().saturating_sub(before) / CLIENTS;
    assert!(each < 16 << 10, "{each} bytes for each client");
}
