//! With a password, nobody is served before it is given; the words are those of a plain Redis.

use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::redis_server::{self, RedisServer};

const SCRIPT: &str = "\
    PING
    GET a
    NOPE
    GET
    HELLO
    HELLO 3
    HELLO 3 AUTH default wrong
    HELLO 3 AUTH nobody secret
    AUTH wrong
    AUTH nobody secret
    AUTH default wrong
    CLIENT ID
    COMMAND COUNT
    AUTH secret
    PING
    RESET
    PING
    AUTH default secret
    ECHO in
    AUTH wrong
    ECHO still
    RESET
    ECHO out
    QUIT";

#[test]
fn strangers_are_told_what_a_plain_redis_tells_them() {
    if !redis_server::is_installed() {
        return;
    }
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("auth.password", "secret")]);
    let oracle = RedisServer::start(&["--requirepass", "secret"]);
    let (mut client, mut expected) = (door.client(), oracle.client());
    for line in SCRIPT.lines().map(str::trim) {
        client.send_line(line);
        expected.send_line(line);
        assert_eq!(client.reply_bytes(), expected.reply_bytes(), "{line}");
    }
    assert!(node.arrived().is_empty());
}

#[test]
fn hello_may_bring_the_password() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("auth.password", "secret")]);
    let mut client = door.client();
    assert!(client.ask("HELLO 3 AUTH default secret SETNAME me").starts_with("{server: redis"));
    assert_eq!(client.ask("CLIENT GETNAME"), "me");
    client.send_line("GET k");
    node.expect_call("GET k").reply("_\r\n");
    assert_eq!(client.reply_bytes(), "_\r\n");
}

#[test]
fn the_password_is_shown_nowhere() {
    let node = FakeNode::start();
    let door = FrontDoor::start(
        &node.addr().to_string(),
        // The node tells nothing of itself, and is not waited for long.
        &[("auth.password", "sesame-1"), ("log.level", "trace"), ("request.timeout_ms", "500")],
    );
    let mut client = door.client();
    client.ask("AUTH sesame-2");
    assert_eq!(client.ask("AUTH sesame-1"), "OK");
    let shown = [
        client.ask("INFO"),
        client.ask("CONFIG GET *"),
        door.http("/config").1,
        door.http("/metrics").1,
    ];
    for text in shown.iter().chain([&door.process.log()]) {
        assert!(!text.contains("sesame"), "{text}");
    }
}
