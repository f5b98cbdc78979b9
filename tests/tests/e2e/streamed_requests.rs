//! Large requests go to their nodes as they come: not held whole, in their order, never half applied, and no burden to
//! others.

use std::io::Write;
use std::thread;

use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: a_large_value_is_taken_without_being_held_whole,
    every_write_of_one_key_is_answered_as_if_held_whole);

const MIB: usize = 1 << 20;

/// Counts the requests that were handed on as they came.
const STREAMED: &str = "reddoor_requests_streamed_total";

/// What a request lacks of its value, which comes in pieces.
fn begin_set(client: &mut Client, key: &str, value_bytes: usize) {
    let head = format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${value_bytes}\r\n", key.len());
    client.send_bytes(head.as_bytes());
}

/// `REDDOOR_TEST_LARGE_MIB=512` takes the largest value that there is.
fn a_large_value_is_taken_without_being_held_whole(kind: Kind) {
    /// What an idle front door takes, and what is on its way.
    const BYTES_MAX: usize = 40 * MIB;
    let mib = std::env::var("REDDOOR_TEST_LARGE_MIB").map_or(64, |mib| mib.parse().unwrap());
    let (cluster, settings) = (Cluster::start(kind, 1), [("request.timeout_ms", "60000")]);
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let (mut client, mut other) = (door.client(), door.client());
    client.send_line("INCR count");
    begin_set(&mut client, "large", mib * MIB);
    let piece = vec![b'v'; MIB];
    for index in 0..mib {
        client.send_bytes(&piece);
        if index == mib / 2 {
            assert_eq!(other.ask("SET small s"), "OK");
        }
    }
    client.send_bytes(b"\r\n");
    client.send_line("STRLEN large");
    client.send_line("INCR count");
    let replies: Vec<String> = (0..4).map(|_| text(&client.reply())).collect();
    assert_eq!(replies, [":1", "OK", &format!(":{}", mib * MIB), ":2"]);
    assert_eq!(client.ask(&format!("GETRANGE large {} -1", mib * MIB - 3)), "vvv");
    assert_eq!(door.metric(STREAMED), 1.0);
    let peak = door.process.resident_bytes_peak();
    assert!(peak < BYTES_MAX, "{peak} bytes");
}

/// `V` stands for a large value.
const WRITES: &[&str] = &[
    "SET k V",
    "SET k V EX 100 GET",
    "SET k V NX",
    "SETEX k 100 V",
    "PSETEX k 100000 V",
    "SETNX k V",
    "SETNX new V",
    "GETSET k V",
    "APPEND k V",
    "SETRANGE k 5 V",
    "RPUSH l a V b",
    "LPUSH l V V",
    "RPUSHX no V",
    "LSET l 0 V",
    "HSET h f V g V",
    "HSETNX h f V",
    "SADD s V",
    "ZADD z 1 V",
    "XADD x 1-1 f V",
    "RPUSH k V",
    "SET k V NONSENSE",
    "RESTORE r 0 V",
    "SETRANGE k x V",
    // Held whole.
    "MSET k V",
    "SET k",
    "SET",
    "MULTI",
    "SET k V",
    "EXEC",
    "STRLEN k",
    "LLEN l",
    "HLEN h",
];

fn every_write_of_one_key_is_answered_as_if_held_whole(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let settings = [("databases.mode", "prefix"), ("workers.count", "1")];
    let large = [&settings[..], &[("limits.upload_from_bytes", "65536")]].concat();
    let (whole, handed_on) =
        (FrontDoor::start(&cluster.seeds(), &settings), FrontDoor::start(&cluster.seeds(), &large));
    let value = "0123456789abcdef".repeat(MIB / 16);
    for database in ["SELECT 0", "SELECT 2"] {
        let run = |door: &FrontDoor| -> Vec<String> {
            let mut client = door.client();
            assert_eq!(client.ask(database), "OK");
            client.ask("FLUSHALL");
            let mut replies = Vec::new();
            for line in WRITES {
                let words: Vec<&str> = line
                    .split(' ')
                    .map(|word| if word == "V" { &value[..] } else { word })
                    .collect();
                replies.push(format!("{line}: {}", text(&client.call(&words))));
            }
            replies
        };
        let (expect, got) = (run(&whole), run(&handed_on));
        for (got, expect) in got.iter().zip(&expect) {
            assert!(got == expect, "{database}: {:.80} and {:.80}", got, expect);
        }
    }
    assert_eq!(whole.metric(STREAMED), 0.0);
    let count = WRITES.iter().take_while(|line| !line.starts_with("MSET")).count();
    assert_eq!(handed_on.metric(STREAMED), 2.0 * count as f64);
    wait_until("its connections to be given back", || {
        handed_on.metric("reddoor_pinned_links") <= 3.0
    });
}

/// A front door with one worker before a node, which hands on what has more than 64 KiB.
fn start(settings: &[(&str, &str)]) -> (FakeNode, FrontDoor) {
    let node = FakeNode::start();
    let own = [("workers.count", "1"), ("limits.upload_from_bytes", "65536")];
    let settings = [settings, &own].concat();
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    (node, door)
}

#[test]
fn its_node_is_found_before_it_leaves_and_its_neighbours_wait_for_it() {
    // What has come whole when its turn comes is held whole.
    let (node, door) = start(&[("limits.held_input_bytes_max", "65536")]);
    let mut client = door.client();
    client.send_line("INCR before");
    begin_set(&mut client, "large", MIB);
    client.send_bytes(&vec![b'v'; MIB]);
    client.send_bytes(b"\r\n");
    client.send_line("INCR behind");
    let before = node.expect_call("INCR before");
    assert!(node.arrived().is_empty());
    before.reply(":1\r\n");
    // What only asks is held and asked again as long as it takes.
    node.expect_call("EXISTS large").reply("-LOADING Redis is loading the dataset in memory\r\n");
    node.expect_call("EXISTS large").reply(":0\r\n");
    let large = node.next_call();
    assert_eq!(large.args[..2], [b"SET".to_vec(), b"large".to_vec()]);
    assert_eq!(large.args[2].len(), MIB);
    assert!(node.arrived().is_empty());
    large.reply("+OK\r\n");
    node.expect_call("INCR behind").reply(":2\r\n");
    let replies: Vec<String> = (0..3).map(|_| text(&client.reply())).collect();
    assert_eq!(replies, [":1", "OK", ":2"]);
    wait_until("nothing to be held", || door.metric("reddoor_held_bytes") == 0.0);
}

#[test]
fn a_client_is_not_read_ahead_of_a_node_that_takes_nothing() {
    const VALUE_BYTES: usize = 128 * MIB;
    let (node, door) = start(&[("request.timeout_ms", "60000")]);
    let mut client = door.client();
    begin_set(&mut client, "large", VALUE_BYTES);
    node.expect_call("EXISTS large").reply(":0\r\n");
    let reading = node.stop_reading();
    let sending = thread::spawn(move || {
        let piece = vec![b'v'; MIB];
        (0..VALUE_BYTES / MIB).for_each(|_| client.send_bytes(&piece));
        client.send_bytes(b"\r\n");
        text(&client.reply())
    });
    wait_until("the value to be on its way", || door.metric("reddoor_held_bytes") > 200_000.0);
    assert_eq!(door.client().ask("PING"), "PONG");
    assert!(door.metric("reddoor_held_bytes") < 2.0 * MIB as f64);
    drop(reading);
    let large = node.next_call();
    assert_eq!(large.args[2].len(), VALUE_BYTES);
    large.reply("+OK\r\n");
    assert_eq!(sending.join().unwrap(), "OK");
    let peak = door.process.resident_bytes_peak();
    assert!(peak < 40 * MIB, "{peak} bytes");
}

/// Sends half of a value, and the other half when `between` has happened; the reply, and that the connection goes on.
fn interrupted(node: &FakeNode, door: &FrontDoor, between: impl FnOnce()) -> String {
    let mut client = door.client();
    begin_set(&mut client, "large", 2 * MIB);
    node.expect_call("EXISTS large").reply(":0\r\n");
    client.send_bytes(&vec![b'v'; MIB]);
    between();
    client.send_bytes(&vec![b'v'; MIB]);
    client.send_bytes(b"\r\n");
    let reply = text(&client.reply());
    assert_eq!(client.ask("PING"), "PONG");
    reply
}

#[test]
fn a_node_that_is_lost_in_the_middle_has_applied_nothing() {
    let (node, door) = start(&[]);
    let sent = |door: &FrontDoor| {
        let labels = format!("node=\"{}\",direction=\"out\"", node.addr());
        door.metric(&format!("reddoor_node_bytes_total{{{labels}}}"))
    };
    let reply = interrupted(&node, &door, || {
        wait_until("half of it to be sent", || sent(&door) > (MIB / 2) as f64);
        node.cut_all();
    });
    assert!(reply.starts_with("-UNAVAILABLE a large request was handed on as it came"), "{reply}");
    assert!(reply.ends_with("; the command was not applied"), "{reply}");
    assert!(node.arrived().is_empty());
}

#[test]
fn what_a_node_says_behind_it_is_told_with_what_it_means() {
    let (node, door) = start(&[]);
    let target = format!("127.0.0.1:{}", node.addr().port());
    for (said, told) in [
        (
            format!("-MOVED 7 {target}"),
            "-UNAVAILABLE a large request was handed on as it came and is not there to be sent again: MOVED 7 ",
        ),
        (format!("-ASK 7 {target}"), "-UNAVAILABLE a large request"),
        ("-CLUSTERDOWN The cluster is down".to_owned(), "-UNAVAILABLE a large request"),
        (
            "-READONLY You can't write against a read only replica.".to_owned(),
            "-UNAVAILABLE a large request",
        ),
        ("-OOM command not allowed".to_owned(), "-OOM command not allowed"),
        ("+OK".to_owned(), "OK"),
    ] {
        let mut client = door.client();
        begin_set(&mut client, "large", MIB);
        client.send_bytes(&vec![b'v'; MIB]);
        client.send_bytes(b"\r\n");
        node.expect_call("EXISTS large").reply(":0\r\n");
        node.next_call().reply(format!("{said}\r\n"));
        let reply = text(&client.reply());
        assert!(reply.starts_with(told), "{said}: {reply}");
        assert_eq!(reply.contains("the command was not applied"), told.contains("UNAVAILABLE"));
        assert_eq!(client.ask("PING"), "PONG");
    }
    let mut client = door.client();
    begin_set(&mut client, "large", MIB);
    client.send_bytes(&vec![b'v'; MIB]);
    client.send_bytes(b"\r\n");
    node.expect_call("EXISTS large").reply(":0\r\n");
    node.next_call().cut();
    let reply = text(&client.reply());
    assert!(reply.starts_with("-LINKLOST ") && reply.ends_with("may have been applied"), "{reply}");
}

#[test]
fn an_answer_before_the_end_ends_the_connection_to_the_node_and_no_other() {
    let (node, door) = start(&[("request.timeout_ms", "3000"), ("failover.hold_ms", "0")]);
    // Its client stands still in the middle, and is told in time.
    let mut client = door.client();
    begin_set(&mut client, "large", 2 * MIB);
    node.expect_call("EXISTS large").reply(":0\r\n");
    client.send_bytes(&vec![b'v'; MIB]);
    let reply = text(&client.reply());
    let stalled = "nothing more of a large request for 3000 ms; the command was not applied";
    assert_eq!(reply, format!("-TIMEOUT the client sent {stalled}"));
    client.send_bytes(&vec![b'v'; MIB]);
    client.send_bytes(b"\r\n");
    assert_eq!(client.ask("PING"), "PONG");
    // So is one whose node cannot be asked.
    begin_set(&mut client, "large", MIB);
    drop(node.expect_call("EXISTS large"));
    let reply = text(&client.reply());
    assert!(
        reply.starts_with("-TIMEOUT no reply within ") && reply.ends_with(" not applied"),
        "{reply}"
    );
    client.send_bytes(&vec![b'v'; MIB]);
    client.send_bytes(b"\r\n");
    assert_eq!(client.ask("PING"), "PONG");
    wait_until("nothing to be held", || door.metric("reddoor_held_bytes") == 0.0);
    wait_until("no connection to be held", || door.metric("reddoor_pinned_links") == 0.0);
}

#[test]
fn a_late_request_may_have_been_applied_only_if_its_node_had_all_of_it() {
    let (node, door) = start(&[("request.timeout_ms", "3000")]);
    let unknown = "reddoor_outcomes_unknown_total";
    // The node takes nothing more.
    let mut client = door.client();
    begin_set(&mut client, "large", 64 * MIB);
    node.expect_call("EXISTS large").reply(":0\r\n");
    let reading = node.stop_reading();
    let mut stream = client.stream().try_clone().unwrap();
    let sending = thread::spawn(move || stream.write_all(&vec![b'v'; 32 * MIB]));
    let reply = text(&client.reply());
    let stalled = "-TIMEOUT its node took nothing more of a large request for 3000 ms";
    assert_eq!(reply, format!("{stalled}; the command was not applied"));
    drop(reading);
    sending.join().unwrap().unwrap();
    assert_eq!(door.metric(unknown), 0.0);
    // It had all of it.
    let mut client = door.client();
    begin_set(&mut client, "large", MIB);
    client.send_bytes(&vec![b'v'; MIB]);
    client.send_bytes(b"\r\n");
    node.expect_call("EXISTS large").reply(":0\r\n");
    let large = node.next_call();
    assert_eq!(large.args[2].len(), MIB);
    let reply = text(&client.reply());
    assert!(reply.ends_with("; the command may have been applied"), "{reply}");
    wait_until("the outcome to be counted", || door.metric(unknown) == 1.0);
    wait_until("the late ones to be counted", || {
        door.metric("reddoor_request_timeouts_total") == 2.0
    });
    assert!(node.arrived().is_empty());
}

#[test]
fn who_leaves_or_breaks_the_protocol_in_the_middle_leaves_nothing_behind() {
    let (node, door) = start(&[]);
    let mut client = door.client();
    begin_set(&mut client, "large", 2 * MIB);
    node.expect_call("EXISTS large").reply(":0\r\n");
    client.send_bytes(&vec![b'v'; MIB]);
    wait_until("it to be on its way", || door.metric("reddoor_pinned_links") == 1.0);
    drop(client);
    wait_until("its connection to be ended", || door.metric("reddoor_pinned_links") == 0.0);

    let mut client = door.client();
    client.send_bytes(format!("*4\r\n$5\r\nRPUSH\r\n$1\r\nl\r\n${MIB}\r\n").as_bytes());
    client.send_bytes(&vec![b'v'; MIB]);
    node.expect_call("EXISTS l").reply(":0\r\n");
    client.send_bytes(b"\r\n$x\r\n");
    assert!(client.read_to_end().contains("-ERR Protocol error: invalid bulk length"));
    wait_until("its connection to be ended", || door.metric("reddoor_pinned_links") == 0.0);
    wait_until("nothing to be held", || door.metric("reddoor_held_bytes") == 0.0);
    assert!(node.arrived().is_empty());
}
