//! A node sends what is no reply: its connection is given up, and nobody else notices.

use reddoor_tests::client::{Client, text};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;

fn start() -> (FakeNode, FrontDoor, Client) {
    let node = FakeNode::start();
    let settings = [("workers.count", "1"), ("request.timeout_ms", "60000")];
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    let client = door.client();
    (node, door, client)
}

const GARBAGE: [&str; 6] = [
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "$-2\r\n",
    "$99999999999999999999\r\n",
    "$999999999999\r\nx",
    "*9223372036854775807\r\n",
    "$3\r\nabcde",
];

#[test]
fn garbage_fails_a_write_and_a_read_is_asked_anew() {
    let (node, door, mut client) = start();
    for garbage in GARBAGE {
        client.send_line("SET k v");
        node.expect_call("SET k v").reply(garbage);
        let reply = text(&client.reply());
        let start = format!("-BADREPLY node {} broke the protocol: ", node.addr());
        assert!(reply.starts_with(&start), "{garbage:?}: {reply}");
        assert!(reply.ends_with("; the command may have been applied"), "{garbage:?}: {reply}");
        client.send_line("GET k");
        node.expect_call("GET k").reply(garbage);
        node.expect_call("GET k").reply("$1\r\nv\r\n");
        assert_eq!(text(&client.reply()), "v", "{garbage:?}");
    }
    let broken = door.metric("reddoor_protocol_errors_total{side=\"node\"}");
    assert_eq!(broken, 2.0 * GARBAGE.len() as f64);
}

#[test]
fn a_length_that_was_announced_takes_no_memory() {
    let (node, door, mut client) = start();
    let before = door.process.resident_bytes();
    client.send_line("GET k");
    let call = node.expect_call("GET k");
    call.reply("$1000000000\r\nonly this");
    // Once a second client has its answer, the first bytes of the large reply have been read.
    assert_eq!(door.client().ask("PING"), "PONG");
    assert!(door.process.resident_bytes() < before + (16 << 20));
    call.cut();
    node.expect_call("GET k").reply("$-1\r\n");
    assert_eq!(text(&client.reply()), "nil");
}

#[test]
fn nesting_without_end_is_garbage() {
    let (node, _door, mut client) = start();
    client.send_line("SET k v");
    node.expect_call("SET k v").reply("*1\r\n".repeat(100_000));
    let reply = text(&client.reply());
    assert!(reply.starts_with("-BADREPLY "), "{reply}");
}

#[test]
fn what_nobody_asked_for_ends_the_connection_not_the_order() {
    let (node, _door, mut client) = start();
    client.send_line("GET a");
    node.expect_call("GET a").reply("$1\r\na\r\n+unasked\r\n");
    assert_eq!(text(&client.reply()), "a");
    for _ in 0..3 {
        client.send_line("GET b");
        node.expect_call("GET b").reply("$1\r\nb\r\n");
        assert_eq!(text(&client.reply()), "b");
    }
}

#[test]
fn messages_out_of_band_answer_nothing() {
    let (node, door, _) = start();
    let mut client = door.client_v3();
    client.send_line("GET a");
    let push = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n";
    node.expect_call("GET a").reply(format!("{push}{push}$1\r\na\r\n{push}"));
    client.send_line("GET b");
    node.expect_call("GET b").reply("$1\r\nb\r\n");
    assert_eq!(text(&client.reply()), "a");
    assert_eq!(text(&client.reply()), "b");
}

#[test]
fn errors_of_a_node_are_passed_on_as_they_are() {
    let (node, _door, mut client) = start();
    for error in
        ["ERR whatever", "WRONGTYPE Operation against a key", "MOVEDX 1 h:1", "-", "OOM x  y "]
    {
        client.send_line("SET k v");
        node.expect_call("SET k v").reply(format!("-{error}\r\n"));
        assert_eq!(client.reply_bytes(), format!("-{error}\r\n"));
    }
}
