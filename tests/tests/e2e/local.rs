//! What the front door answers itself, in the words of a plain Redis.

use reddoor_protocol::value::Value;
use reddoor_tests::client::{text, words};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::redis_server::{self, RedisServer};

/// One request a line. Those whose answer tells of the server itself (`HELLO`, `INFO`, `CLIENT LIST`) are looked at in
/// tests of their own.
const SCRIPT: &str = "\
    PING
    ping hello
    PING a b
    ECHO x
    ECHO
    SELECT 0
    SELECT 1
    SELECT -1
    SELECT x
    SELECT 99999999999
    HELLO 1
    HELLO 4
    HELLO x
    HELLO 3 FOO
    HELLO 3 AUTH
    AUTH x
    AUTH nobody x
    AUTH default x
    AUTH a b c
    CLIENT GETNAME
    CLIENT SETNAME me
    CLIENT GETNAME
    CLIENT SETNAME ''
    CLIENT GETNAME
    CLIENT NO-EVICT on
    CLIENT NO-EVICT OFF
    CLIENT NO-EVICT maybe
    CLIENT KILL
    CLIENT KILL 1.1.1.1:1
    CLIENT KILL ID 999999
    CLIENT KILL ID x
    CLIENT KILL TYPE nobody
    CLIENT KILL USER nobody
    CLIENT KILL USER default EXTRA
    CLIENT KILL FOO bar
    CLIENT LIST FOO
    CLIENT LIST TYPE foo
    CLIENT LIST TYPE replica
    CLIENT LIST ID x
    CLIENT LIST ID 999999
    CLIENT REPLY maybe
    CLIENT FOO
    CLIENT ID extra
    CLIENT
    CLIENT GETREDIR
    CLIENT TRACKINGINFO
    CLIENT CACHING yes
    CLIENT CACHING maybe
    CLIENT MAINT_NOTIFICATIONS ON
    ACL WHOAMI
    TIME extra
    COMMAND COUNT extra
    COMMAND INFO get
    COMMAND INFO get nope mset
    COMMAND GETKEYS MSET a 1 b 2
    COMMAND GETKEYS PING
    COMMAND GETKEYS nope
    COMMAND GETKEYS EVAL s 1 k
    COMMAND LIST FILTERBY PATTERN xreadg*
    COMMAND LIST FILTERBY NOPE x
    COMMAND FOO
    CONFIG
    CONFIG FOO
    CONFIG GET
    CONFIG GET save
    CONFIG GET appendonly
    NOPE
    NOPE a b
    nope '' x
    GET
    GET a b
    SET a
    MGET
    XGROUP
    XGROUP FOO
    XGROUP CREATE
    OBJECT
    OBJECT FOO
    OBJECT ENCODING
    CLUSTER
    CLUSTER SLOTS
    CLUSTER NODES
    CLUSTER INFO
    ASKING
    READONLY
    READWRITE
    RESET
    PING
    QUIT";

#[test]
fn local_answers_are_those_of_a_plain_redis() {
    if !redis_server::is_installed() {
        return;
    }
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let oracle = RedisServer::start(&["--databases", "1"]);
    let mut differing = Vec::new();
    for hello in ["PING", "HELLO 2", "HELLO 3"] {
        let (mut client, mut expected) = (door.client(), oracle.client());
        client.ask(hello);
        expected.ask(hello);
        for line in SCRIPT.lines().map(str::trim) {
            client.send_line(line);
            expected.send_line(line);
            let (reply, expect) = (client.reply_bytes(), expected.reply_bytes());
            if reply != expect {
                differing.push(format!("{line} after {hello}: {reply:?}, expected {expect:?}"));
            }
        }
        assert_eq!(client.read_to_end(), "");
    }
    assert!(differing.is_empty(), "{differing:#?}");
    assert!(node.arrived().is_empty(), "no node is asked");
}

#[test]
fn hello_tells_a_plain_redis_in_either_version() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let mut client = door.client();
    for (line, version) in [("HELLO", 2), ("HELLO 3", 3), ("HELLO", 3), ("HELLO 2", 2)] {
        let reply = client.call(&words(line));
        assert_eq!(matches!(reply, Value::Map(_)), version == 3, "{line}: {reply:?}");
        assert_eq!(reply.field("proto"), Some(&Value::Integer(version)));
        for (name, value) in [("server", "redis"), ("mode", "standalone"), ("role", "master")] {
            assert_eq!(reply.field(name).and_then(Value::as_str), Some(value));
        }
        assert!(reply.field("version").and_then(Value::as_str).is_some());
        assert_eq!(reply.field("modules"), Some(&Value::Array(Vec::new())));
        assert_eq!(reply.field("id"), Some(&client.call(&["CLIENT", "ID"])));
    }
    assert_eq!(client.ask("HELLO 3 SETNAME me"), text(&client.call(&["HELLO"])));
    assert_eq!(client.ask("CLIENT GETNAME"), "me");
}

#[test]
fn what_client_libraries_say_at_connect_is_welcome() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let mut client = door.client();
    client.ask("HELLO 3");
    for line in [
        "CLIENT SETINFO LIB-NAME tests",
        "CLIENT SETINFO lib-ver 1.2",
        "CLIENT SETNAME n",
        "SELECT 0",
    ] {
        assert_eq!(client.ask(line), "OK", "{line}");
    }
    let info = client.ask("CLIENT INFO");
    for field in [" name=n ", " lib-name=tests ", " lib-ver=1.2", " resp=3 ", " cmd=client|info "] {
        assert!(info.contains(field), "{field} in {info}");
    }
    assert!(client.ask("CLIENT SETINFO LIB-NAME").starts_with("-ERR "));
    assert!(client.ask("CLIENT SETINFO FOO bar").starts_with("-ERR "));
    let refused = text(&client.call(&["CLIENT", "SETINFO", "LIB-NAME", "two words"]));
    assert!(refused.starts_with("-ERR "), "{refused}");
    client.send_line("INFO");
    let keyspace = "# Keyspace\r\ndb0:keys=3,expires=0,avg_ttl=0\r\n";
    node.expect_call("INFO default").reply(format!("${}\r\n{keyspace}\r\n", keyspace.len()));
    let info = text(&client.reply());
    for field in [
        "redis_version:7.",
        "loading:0\r\n",
        "db0:keys=3,expires=0,avg_ttl=0\r\n",
        "redis_mode:standalone\r\n",
        "role:master\r\n",
        "# Server\r\n",
    ] {
        assert!(info.contains(field), "{field} in {info}");
    }
    let server = client.ask("INFO server");
    assert!(server.starts_with("# Server\r\n") && !server.contains("# Clients"), "{server}");
}

#[test]
fn replies_that_are_not_wanted_are_not_sent() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let mut client = door.client();
    for line in [
        "CLIENT REPLY SKIP",
        "PING",
        "ECHO 1",
        "CLIENT REPLY OFF",
        "GET k",
        "PING",
        "MGET a b",
        "CLIENT REPLY ON",
        "ECHO 2",
    ] {
        client.send_line(line);
    }
    node.expect_call("GET k").reply("$1\r\nv\r\n");
    let parts = [node.next_call(), node.next_call()];
    parts[0].reply("*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n");
    let replies: Vec<String> = (0..3).map(|_| text(&client.reply())).collect();
    assert_eq!(replies, ["1", "OK", "2"]);
}

#[test]
fn quit_answers_what_came_before() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let mut client = door.client();
    for line in ["GET k", "QUIT", "PING"] {
        client.send_line(line);
    }
    node.expect_call("GET k").reply("$1\r\nv\r\n");
    assert_eq!(client.read_to_end(), "$1\r\nv\r\n+OK\r\n");
}

#[test]
fn a_client_that_has_said_all_still_gets_its_replies() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let mut client = door.client();
    client.send_line("GET k");
    client.stream().shutdown(std::net::Shutdown::Write).unwrap();
    node.expect_call("GET k").reply("$1\r\nv\r\n");
    assert_eq!(client.read_to_end(), "$1\r\nv\r\n");
}

#[test]
fn commands_that_no_client_can_run_are_not_told_of() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let allowing = [("admin.commands", "allow"), ("admin.cluster_commands", "allow")];
    let open = FrontDoor::start(&node.addr().to_string(), &allowing);
    let (mut client, mut allowed) = (door.client(), open.client());
    for name in ["psync", "asking", "shutdown", "cluster"] {
        assert_eq!(client.ask(&format!("COMMAND INFO {name}")), "[nil]");
        assert_eq!(client.ask(&format!("COMMAND DOCS {name}")), "[]");
    }
    assert_ne!(allowed.ask("COMMAND INFO shutdown"), "[nil]");
    assert!(!client.ask("COMMAND LIST").contains("config|rewrite"));
    assert!(allowed.ask("COMMAND LIST").contains("config|rewrite"));
    let count = |reply: String| reply.trim_start_matches(':').parse::<usize>().unwrap();
    let (few, more) = (count(client.ask("COMMAND COUNT")), count(allowed.ask("COMMAND COUNT")));
    assert!(few > 200 && few < more, "{few} {more}");
}
