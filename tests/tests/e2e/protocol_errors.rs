//! What breaks the protocol is refused in Redis's own words, and the connection is closed, as a plain server does.

use reddoor_tests::client::Client;
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::redis_server::{self, RedisServer};

/// Bytes that a client sends before it asks for the end.
const BYTES: [&[u8]; 22] = [
    b"*1\r\n+PING\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n$x\r\n",
    b"*1\r\n$536870913\r\n",
    b"*1\r\n$99999999999999999999\r\n",
    b"*x\r\n",
    b"*2147483648\r\n",
    b"*99999999999999999999\r\n",
    b"*1 \r\n$4\r\nPING\r\n",
    b"*+1\r\n$4\r\nPING\r\n",
    b"*01\r\n$4\r\nPING\r\n",
    b"*1\r\n$04\r\nPING\r\n",
    b"*0\r\n",
    b"*-1\r\n",
    b"*-2147483649\r\n",
    b"\r\n\r\n",
    b"PING \"unbalanced\r\n",
    b"PING 'a'b\r\n",
    b"PING \"\\x41\\n\"\r\n",
    b"  PING  \r\n",
    b"PING\n",
    b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n",
];

#[test]
fn protocol_errors_are_those_of_a_plain_redis() {
    if !redis_server::is_installed() {
        return;
    }
    let (node, oracle) = (FakeNode::start(), RedisServer::start(&[]));
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    for bytes in BYTES {
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(outcome(door.client(), bytes), outcome(oracle.client(), bytes), "{shown:?}");
    }
    // Lines without an end are refused by themselves.
    for start in ["", "*", "*1\r\n$"] {
        let mut line = start.as_bytes().to_vec();
        line.resize(start.len() + 64 * 1024 + 1, b'1');
        let [refusal, expect] = [door.client(), oracle.client()].map(|mut client| {
            client.send_bytes(&line);
            client.read_to_end()
        });
        assert_eq!(refusal, expect, "{start:?}");
    }
    assert!(door.metric("reddoor_protocol_errors_total{side=\"client\"}") >= 10.0);
    assert!(node.arrived().is_empty());
}

/// Everything the server says until the end. A server that is content is asked to close.
fn outcome(mut client: Client, bytes: &[u8]) -> String {
    client.send_bytes(bytes);
    // Whoever has closed already does not read this, so it is not worth a look.
    let _ = std::io::Write::write_all(&mut client.stream(), b"*1\r\n$4\r\nQUIT\r\n");
    client.read_to_end()
}

#[test]
fn a_client_that_was_refused_leaves_nothing_to_the_next_one() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("workers.count", "1")]);
    let mut patient = door.client();
    assert_eq!(patient.ask("PING"), "PONG");
    for bytes in BYTES {
        outcome(door.client(), bytes);
        assert_eq!(patient.ask("ECHO whole"), "whole", "{:?}", String::from_utf8_lossy(bytes));
        assert_eq!(door.client().ask("PING"), "PONG");
    }
}

#[test]
fn a_stranger_may_say_little_before_the_password() {
    if !redis_server::is_installed() {
        return;
    }
    let (node, oracle) = (FakeNode::start(), RedisServer::start(&["--requirepass", "secret"]));
    let door = FrontDoor::start(&node.addr().to_string(), &[("auth.password", "secret")]);
    for bytes in
        [&b"*11\r\n"[..], b"*10\r\n", b"*1\r\n$16385\r\n", b"*1\r\n$16384\r\n", b"GET a\r\n"]
    {
        let shown = String::from_utf8_lossy(bytes);
        // Half a request gets no answer; whether it was refused shows by the end of the connection.
        let (mut client, mut expected) = (door.client(), oracle.client());
        for client in [&mut client, &mut expected] {
            client.send_bytes(bytes);
            client.stream().shutdown(std::net::Shutdown::Write).unwrap();
        }
        assert_eq!(client.read_to_end(), expected.read_to_end(), "{shown:?}");
    }
}
