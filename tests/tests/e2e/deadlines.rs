//! Every request has a deadline of its own. One that passes fails that request; the connection it went out on, and
//! everybody else's requests there, live on.

use reddoor_tests::client::text;
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;

/// A request fails after three seconds: others are answered sooner, also on a busy machine.
const SETTINGS: [(&str, &str); 2] = [("workers.count", "1"), ("request.timeout_ms", "3000")];

#[test]
fn a_late_reply_is_dropped_in_its_place() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &SETTINGS);
    let (mut client, mut other) = (door.client(), door.client());
    client.send_line("GET slow");
    let slow = node.expect_call("GET slow");
    let expect = "-TIMEOUT no reply within 3000 ms; the command was not applied";
    assert_eq!(text(&client.reply()), expect);
    // Behind it, on the same connection to the node, others wait whose deadline has not passed.
    other.send_line("GET other");
    node.expect_call("GET other");
    client.send_line("GET next");
    node.expect_call("GET next");
    slow.reply("$4\r\nlate\r\n$5\r\nother\r\n$4\r\nnext\r\n");
    assert_eq!(text(&other.reply()), "other");
    assert_eq!(text(&client.reply()), "next");
    assert_eq!(door.metric("reddoor_request_timeouts_total"), 1.0);
}

#[test]
fn a_write_that_is_late_may_have_been_applied() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &SETTINGS);
    let mut client = door.client();
    client.send_line("INCR k");
    let call = node.expect_call("INCR k");
    let expect = "-TIMEOUT no reply within 3000 ms; the command may have been applied";
    assert_eq!(text(&client.reply()), expect);
    call.reply(":1\r\n");
    client.send_line("INCR k");
    node.expect_call("INCR k").reply(":2\r\n");
    assert_eq!(text(&client.reply()), ":2");
}

#[test]
fn a_deadline_keeps_the_order_of_replies() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &SETTINGS);
    let mut client = door.client();
    for line in ["GET a", "PING", "GET b", "ECHO end"] {
        client.send_line(line);
    }
    node.expect_call("GET a");
    node.expect_call("GET b");
    let late = "-TIMEOUT no reply within 3000 ms; the command was not applied";
    let replies: Vec<String> = (0..4).map(|_| text(&client.reply())).collect();
    assert_eq!(replies, [late, "PONG", late, "end"]);
}

#[test]
fn a_client_that_left_leaves_no_trace_in_the_order() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("workers.count", "1")]);
    let (mut gone, mut client) = (door.client(), door.client());
    gone.send_line("GET gone");
    let call = node.expect_call("GET gone");
    drop(gone);
    client.send_line("GET here");
    node.expect_call("GET here");
    call.reply("$4\r\ngone\r\n$4\r\nhere\r\n");
    assert_eq!(text(&client.reply()), "here");
}
