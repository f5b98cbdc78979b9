//! Large replies go to their clients as they come: not held whole, in their place, and no burden to others.

use std::io::Read;
use std::thread;

use reddoor_tests::client::{Client, request_line, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::{Call, FakeNode};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: a_large_value_is_not_held_whole,
    large_replies_stand_between_small_ones_in_their_order, a_replica_s_large_reply_is_not_held_whole,
    the_reply_of_a_transaction_is_not_held_whole);

const MIB: usize = 1 << 20;

/// Counts the replies that were handed on as they came.
const STREAMED: &str = "reddoor_replies_streamed_total";

fn a_large_value_is_not_held_whole(kind: Kind) {
    /// What an idle front door takes, and the limits of one client.
    const BYTES_MAX: usize = 64 * MIB;
    let value_bytes = match kind {
        Kind::Real => 512 * MIB,
        Kind::Bundled => 128 * MIB,
    };
    // The node needs time to make so much, and answers nobody meanwhile.
    let (cluster, settings) = (Cluster::start(kind, 1), [("request.timeout_ms", "60000")]);
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let (mut client, mut other) = (door.client(), door.client());
    // The node makes it from nothing.
    let last = (value_bytes - 1).to_string();
    assert_eq!(client.ask(&format!("SETRANGE large {last} x")), format!(":{value_bytes}"));
    client.send_line("GET large");
    fetch_large(&client, &format!("${value_bytes}\r\n"), value_bytes);
    assert_eq!(
        (client.ask("STRLEN large"), other.ask("PING")),
        (format!(":{value_bytes}"), "PONG".into())
    );
    assert_eq!(door.metric(STREAMED), 1.0);
    let peak = door.process.resident_bytes_peak();
    assert!(peak < BYTES_MAX, "{peak} bytes");
}

fn large_replies_stand_between_small_ones_in_their_order(kind: Kind) {
    const ROUNDS: usize = 20;
    let settings = [("request.timeout_ms", "60000")];
    let door = FrontDoor::start(&Cluster::shared(kind).seeds(), &settings);
    let mut client = door.client_v3();
    let member = "m".repeat(1000);
    for index in 0..2000 {
        client.send(&["RPUSH", "{l}ist", &format!("{member}{index}")]);
    }
    (0..2000).for_each(|_| drop(client.reply()));
    assert_eq!(text(&client.call(&["SET", "whole", &"w".repeat(MIB)])), "OK");
    let round = ["INCR {l}count", "LRANGE {l}ist 0 -1", "ECHO a", "GET whole", "STRLEN whole"];
    for _ in 0..ROUNDS {
        round.iter().for_each(|line| client.send_line(line));
    }
    for number in 1..=ROUNDS {
        assert_eq!(text(&client.reply()), format!(":{number}"));
        let list = client.reply();
        let members = list.as_array().unwrap();
        assert_eq!(members.len(), 2000);
        let last = format!("{member}1999");
        assert_eq!(members[1999].as_bytes(), Some(last.as_bytes()));
        assert_eq!(text(&client.reply()), "a");
        assert_eq!(client.reply().as_bytes().map(<[u8]>::len), Some(MIB));
        assert_eq!(text(&client.reply()), format!(":{MIB}"));
    }
    assert!(door.metric(STREAMED) >= 1.0);
    client.ask("DEL {l}ist {l}count whole");
}

/// Fetches a reply that begins with `head`, and the `value_bytes` of zeros behind it, of which the last is an x.
fn fetch_large(client: &Client, head: &str, value_bytes: usize) {
    let mut stream = client.stream().try_clone().unwrap();
    let mut received = vec![0; head.len()];
    stream.read_exact(&mut received).unwrap();
    assert_eq!(String::from_utf8_lossy(&received), head);
    let mut piece = vec![0; MIB];
    for index in 1..=value_bytes / MIB {
        stream.read_exact(&mut piece).unwrap();
        let end = if index == value_bytes / MIB { b'x' } else { 0 };
        assert!(piece[..MIB - 1].iter().all(|byte| *byte == 0) && piece[MIB - 1] == end);
    }
    let mut line_end = [0; 2];
    stream.read_exact(&mut line_end).unwrap();
    assert_eq!(&line_end, b"\r\n");
}

fn a_replica_s_large_reply_is_not_held_whole(kind: Kind) {
    const VALUE_BYTES: usize = 128 * MIB;
    let cluster = Cluster::start_with_replicas(kind, 1);
    let settings =
        [("request.timeout_ms", "60000"), ("reads.from", "replica"), ("failover.hold_ms", "60000")];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let mut client = door.client();
    let last = (VALUE_BYTES - 1).to_string();
    assert_eq!(client.ask(&format!("SETRANGE large {last} x")), format!(":{VALUE_BYTES}"));
    assert_eq!(client.ask("HSET hash f v"), ":1");
    assert_eq!(client.ask("WAIT 1 0"), ":1");
    assert_eq!(client.ask("STRLEN large"), format!(":{VALUE_BYTES}"));
    let of_replicas = || door.metric("reddoor_reads_total{role=\"replica\"}");
    let before = of_replicas();
    client.send_line("GET large");
    fetch_large(&client, &format!("${VALUE_BYTES}\r\n"), VALUE_BYTES);
    assert_eq!((of_replicas(), door.metric(STREAMED)), (before + 1.0, 1.0));
    let peak = door.process.resident_bytes_peak();
    assert!(peak < 64 * MIB, "{peak} bytes");
    // What an absent key would get, too, is asked of the primary, however long it is.
    let fields: Vec<String> = (0..60_000).map(|index| format!("f{index}")).collect();
    let mut request = vec!["HMGET", "hash"];
    request.extend(fields.iter().map(String::as_str));
    let reply = client.call(&request);
    assert!(reply.as_array().unwrap().iter().all(|element| text(element) == "nil"));
    let missing = "reddoor_read_detours_total{reason=\"missing\"}";
    assert!(door.metric(missing) >= 1.0);
}

fn the_reply_of_a_transaction_is_not_held_whole(kind: Kind) {
    const VALUE_BYTES: usize = 128 * MIB;
    let (cluster, settings) = (Cluster::start(kind, 1), [("request.timeout_ms", "60000")]);
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let mut client = door.client();
    let last = (VALUE_BYTES - 1).to_string();
    assert_eq!(client.ask(&format!("SETRANGE large {last} x")), format!(":{VALUE_BYTES}"));
    for (command, reply) in [
        ("MULTI", "OK"),
        ("INCR {large}count", "QUEUED"),
        ("GET large", "QUEUED"),
        ("INCR {large}count", "QUEUED"),
    ] {
        assert_eq!(client.ask(command), reply);
    }
    client.send_line("EXEC");
    client.send_line("INCR {large}count");
    fetch_large(&client, &format!("*3\r\n:1\r\n${VALUE_BYTES}\r\n"), VALUE_BYTES);
    assert_eq!((text(&client.reply()), text(&client.reply())), (":2".into(), ":3".into()));
    assert_eq!(door.metric(STREAMED), 1.0);
    let peak = door.process.resident_bytes_peak();
    assert!(peak < 64 * MIB, "{peak} bytes");
    // What a node refuses of it is told as ever.
    assert_eq!(client.ask("MULTI"), "OK");
    assert_eq!(client.ask("GET large"), "QUEUED");
    assert_eq!(client.ask("DISCARD"), "OK");
}

/// A front door with one worker before a node.
fn start(settings: &[(&str, &str)]) -> (FakeNode, FrontDoor) {
    let node = FakeNode::start();
    let settings = [settings, &[("workers.count", "1")]].concat();
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    (node, door)
}

/// Answers a request by a large value, as fast as that is taken.
fn reply_large(call: Call, bytes: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        call.reply(format!("${bytes}\r\n"));
        let piece = "x".repeat(MIB);
        (0..bytes / MIB).for_each(|_| call.reply(&piece));
        call.reply("\r\n");
    })
}

#[test]
fn who_fetches_slowly_does_not_hold_up_those_behind() {
    const VALUE_BYTES: usize = 64 * MIB;
    let (node, door) = start(&[("limits.stream_wait_ms", "20")]);
    let (mut slow, mut other) = (door.client(), door.client());
    slow.send_line("GET large");
    let writing = reply_large(node.expect_call("GET large"), VALUE_BYTES);
    wait_until("the reply to begin", || door.metric(STREAMED) == 1.0);
    other.send_line("GET small");
    let call = node.expect_call("GET small");
    writing.join().unwrap();
    call.reply("$1\r\ns\r\n");
    assert_eq!(text(&other.reply()), "s");
    assert_eq!(slow.reply().as_bytes().map(<[u8]>::len), Some(VALUE_BYTES));
    other.send_line("GET small");
    node.expect_call("GET small").reply("$1\r\nt\r\n");
    assert_eq!(text(&other.reply()), "t");
}

#[test]
fn a_link_is_not_read_for_a_client_that_does_not_fetch() {
    const VALUE_BYTES: usize = 256 * MIB;
    let (node, door) = start(&[]);
    let (mut slow, mut other) = (door.client(), door.client());
    slow.send_line("GET large");
    let writing = reply_large(node.expect_call("GET large"), VALUE_BYTES);
    wait_until("the reply to begin", || door.metric(STREAMED) == 1.0);
    // Nobody waits behind it, so it may take as long as its client likes.
    let output = "reddoor_buffer_bytes{buffer=\"client_output\"}";
    wait_until("the client to be waited for", || door.metric(output) >= (MIB / 2) as f64);
    assert_eq!(other.ask("PING"), "PONG");
    assert_eq!(slow.reply().as_bytes().map(<[u8]>::len), Some(VALUE_BYTES));
    writing.join().unwrap();
    let peak = door.process.resident_bytes_peak();
    assert!(peak < 64 * MIB, "{peak} bytes");
}

#[test]
fn half_a_reply_ends_its_client_and_no_other() {
    let (node, door) = start(&[]);
    let (mut client, mut other) = (door.client(), door.client());
    client.send_line("GET large");
    let call = node.expect_call("GET large");
    other.send_line("GET small");
    drop(node.expect_call("GET small"));
    call.reply(format!("${}\r\n{}", 2 * MIB, "x".repeat(MIB)));
    wait_until("the reply to begin", || door.metric(STREAMED) == 1.0);
    call.cut();
    assert!(client.read_to_end().len() < 2 * MIB);
    // What only reads is asked again.
    node.expect_call("GET small").reply("$1\r\ns\r\n");
    assert_eq!(text(&other.reply()), "s");
    let series = "reddoor_client_disconnections_total{reason=\"broken_reply\"}";
    wait_until("the end to be counted", || door.metric(series) == 1.0);
}

#[test]
fn a_node_that_stops_in_the_middle_of_a_reply_ends_its_client() {
    let (node, door) = start(&[("request.timeout_ms", "3000")]);
    let mut client = door.client();
    client.send_line("GET large");
    let call = node.expect_call("GET large");
    call.reply(format!("${}\r\n{}", 2 * MIB, "x".repeat(MIB)));
    assert!(client.read_to_end().len() < 2 * MIB);
    let series = "reddoor_client_disconnections_total{reason=\"broken_reply\"}";
    wait_until("the end to be counted", || door.metric(series) == 1.0);
    // The rest belongs to nobody any more.
    let mut other = door.client();
    other.send_line("GET small");
    let next = node.expect_call("GET small");
    call.reply(format!("{}\r\n", "x".repeat(MIB)));
    next.reply("$1\r\ns\r\n");
    assert_eq!(text(&other.reply()), "s");
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_reply_leaves_nothing_behind() {
    let (node, door) = start(&[]);
    let mut client = door.client();
    client.send_bytes(&request_line("GET large"));
    let writing = reply_large(node.expect_call("GET large"), 64 * MIB);
    wait_until("the reply to begin", || door.metric(STREAMED) == 1.0);
    drop(client);
    writing.join().unwrap();
    let mut other: Client = door.client();
    other.send_line("GET small");
    node.expect_call("GET small").reply("$1\r\ns\r\n");
    assert_eq!(text(&other.reply()), "s");
    wait_until("nothing to be held", || door.metric("reddoor_held_bytes") == 0.0);
}
