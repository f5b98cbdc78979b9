//! A connection to a node dies with requests in flight. What surely did not run, or only reads, is sent again; of the
//! rest nobody knows, and the client is told so.

use reddoor_tests::client::{Client, request_line, text};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;

fn start() -> (FakeNode, FrontDoor, Client) {
    let node = FakeNode::start();
    // Requests of any size are held whole, so that they can be sent again.
    let whole = ("limits.upload_from_bytes", "1073741824");
    let settings = [("workers.count", "1"), ("request.timeout_ms", "60000"), whole];
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    let client = door.client();
    (node, door, client)
}

fn link_lost(node: &FakeNode) -> String {
    let addr = node.addr();
    format!(
        "-LINKLOST connection to node {addr} ended before it replied; the command may have been applied"
    )
}

#[test]
fn a_read_is_sent_again() {
    let (node, _door, mut client) = start();
    client.send_line("GET k");
    for _ in 0..3 {
        node.expect_call("GET k").cut();
    }
    node.expect_call("GET k").reply("$1\r\nv\r\n");
    assert_eq!(text(&client.reply()), "v");
}

#[test]
fn a_write_that_was_sent_is_not_sent_again() {
    let (node, _door, mut client) = start();
    client.send_line("SET k v");
    node.expect_call("SET k v").cut();
    assert_eq!(text(&client.reply()), link_lost(&node));
    // The next thing the node hears is the next command.
    client.send_line("GET k");
    node.expect_call("GET k").reply("$1\r\nv\r\n");
    assert_eq!(text(&client.reply()), "v");
}

#[test]
fn reads_and_writes_in_flight_part_ways_and_keep_their_order() {
    let (node, door, mut client) = start();
    let mut bytes = Vec::new();
    for line in ["SET a 1", "GET b", "INCR c", "MGET d d", "PING"] {
        bytes.extend(request_line(line));
    }
    client.send_bytes(&bytes);
    let calls: Vec<_> = (0..4).map(|_| node.next_call()).collect();
    calls[3].cut();
    let mut again = [node.next_call(), node.next_call()];
    again.sort_by_key(|call| call.line());
    assert_eq!([again[0].line(), again[1].line()], ["GET b", "MGET d d"]);
    again.iter().for_each(|call| match call.line().as_str() {
        "GET b" => call.reply("$1\r\nb\r\n"),
        _ => call.reply("*2\r\n$1\r\nd\r\n$1\r\nd\r\n"),
    });
    let replies: Vec<String> = (0..5).map(|_| text(&client.reply())).collect();
    let lost = link_lost(&node);
    assert_eq!(replies, [lost.as_str(), "b", lost.as_str(), "[d, d]", "PONG"]);
    assert_eq!(door.metric("reddoor_outcomes_unknown_total"), 2.0);
}

#[test]
fn what_was_not_sent_whole_is_sent_again_even_if_it_writes() {
    let (node, _door, mut client) = start();
    // More than sockets hold, so that its end cannot have been sent while the node does not read.
    let value = "x".repeat(32 << 20);
    client.send_line("GET first");
    node.expect_call("GET first").reply("$-1\r\n");
    assert_eq!(text(&client.reply()), "nil");
    let held = node.stop_reading();
    client.send(&["SET", "big", &value]);
    client.send_line("SET small 1");
    // The front door has taken both once another client's command behind them was taken, too.
    let mut other = Client::connect(client.stream().peer_addr().unwrap());
    other.send_line("ECHO taken");
    assert_eq!(text(&other.reply()), "taken");
    node.cut_all();
    drop(held);
    for _ in 0..2 {
        node.next_call().reply("+OK\r\n");
    }
    assert_eq!(text(&client.reply()), "OK");
    assert_eq!(text(&client.reply()), "OK");
}

#[test]
fn a_split_write_tells_how_many_parts_are_lost() {
    let (node, _door, mut client) = start();
    client.send_line("MSET a 1 b 2 c 3");
    let calls = [node.next_call(), node.next_call(), node.next_call()];
    calls[0].reply("+OK\r\n");
    calls[1].cut();
    let expect = format!("-PARTIAL 2 of 3 parts failed: {}", &link_lost(&node)[1..]);
    assert_eq!(text(&client.reply()), expect);
}

#[test]
fn a_reply_that_is_cut_short_is_no_reply() {
    let (node, _door, mut client) = start();
    client.send_line("GET k");
    let call = node.expect_call("GET k");
    call.reply("$100\r\nonly the beg");
    call.cut();
    node.expect_call("GET k").reply("$5\r\nwhole\r\n");
    assert_eq!(text(&client.reply()), "whole");
    client.send_line("SET k v");
    let call = node.expect_call("SET k v");
    call.reply("+O");
    call.cut();
    assert_eq!(text(&client.reply()), link_lost(&node));
}
