//! A transaction is what it is on one Redis: queued, run as one, refused in the same words.

use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::redis_server::{self, RedisServer};
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: the_replies_are_those_of_one_redis, what_runs_here_runs_in_its_place,
    debug_sleep_holds_up_the_transaction,
    several_slots_are_refused_and_both_are_named, several_slots_run_apart_where_that_is_allowed,
    a_transaction_is_bounded, transactions_may_be_pipelined);

/// Requests whose replies do not depend on the server that gives them; a line is a connection's life.
const SCRIPTS: &[&[&str]] = &[
    &["MULTI", "SET {t}a 1", "INCR {t}a", "GET {t}a", "EXEC", "GET {t}a"],
    &["MULTI", "EXEC", "MULTI", "DISCARD", "EXEC", "DISCARD"],
    &["MULTI", "MULTI", "WATCH {t}a", "PING", "EXEC"],
    &["MULTI", "NOPE a", "SET {t}a 5", "EXEC", "GET {t}a", "EXEC"],
    &["MULTI", "GET", "EXEC", "EXEC x", "MULTI", "EXEC x", "EXEC", "MULTI", "DISCARD x", "EXEC"],
    &["MULTI", "SYNC", "EXEC", "WATCH", "MULTI", "WATCH", "EXEC"],
    &["MULTI", "SET {t}a 1", "RESET", "EXEC", "GET {t}a"],
    &["WATCH {t}a", "RESET", "MULTI", "GET {t}a", "EXEC"],
    &[
        "MULTI",
        "UNWATCH",
        "PING",
        "ECHO x",
        "SELECT 0",
        "CLIENT SETNAME me",
        "CLIENT GETNAME",
        "EXEC",
    ],
    &["MULTI", "LPUSH {t}a x", "INCR {t}a", "GET {t}b", "EXEC"],
    &["WATCH {t}a", "MULTI", "EXEC", "WATCH {t}a", "UNWATCH", "UNWATCH", "MULTI", "PING", "EXEC"],
    &["WATCH {t}a", "SET {t}a 9", "MULTI", "PING", "GET {t}a", "EXEC", "GET {t}a"],
    &["WATCH {t}a {t}b", "WATCH {t}c", "MULTI", "SET {t}a 3", "EXEC", "MULTI", "GET {t}a", "EXEC"],
    &["WATCH {t}a", "SET {t}a 9", "MULTI", "NOPE", "EXEC", "MULTI", "EXEC"],
    &["WATCH {t}a", "SET {t}a 9", "DISCARD", "MULTI", "DISCARD", "MULTI", "GET {t}a", "EXEC"],
    // A refused EXEC ends guards even where no transaction is open.
    &["WATCH {t}a", "EXEC x", "SET {t}a 9", "MULTI", "GET {t}a", "EXEC"],
    // What a node finds wrong is found when its turn comes.
    &["MULTI", "MSET {t}a 1 {t}b", "SET {t}a 4", "EXEC", "GET {t}a"],
    &["MULTI", "SET {t}a 1", "QUIT"],
];

fn the_replies_are_those_of_one_redis(kind: Kind) {
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&[]);
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    for hello in ["HELLO 2", "HELLO 3"] {
        for script in SCRIPTS {
            // A bundled node that lacks a command cannot be told from the words of another.
            if script.iter().any(|line| line.contains("LPUSH"))
                && !cluster.nodes[0].serves("LINSERT")
            {
                continue;
            }
            let run = |mut client: Client| -> Vec<String> {
                client.ask(hello);
                script
                    .iter()
                    .map(|line| {
                        client.send_line(line);
                        client.reply_bytes()
                    })
                    .collect()
            };
            assert_eq!(run(door.client()), run(oracle.client()), "{hello} {script:?}");
            for server in [door.client(), oracle.client()] {
                let mut server = server;
                assert!(server.ask("DEL {t}a {t}b {t}c").starts_with(':'));
            }
        }
    }
}

fn what_runs_here_runs_in_its_place(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut client = door.client();
    let id = client.ask("CLIENT ID");
    for line in ["MULTI", "CLIENT ID", "SET here:a 1", "PING", "INCR here:a", "ECHO end"] {
        client.send_line(line);
        assert!(["OK", "QUEUED"].contains(&text(&client.reply()).as_str()), "{line}");
    }
    assert_eq!(client.ask("EXEC"), format!("[{id}, OK, PONG, :2, end]"));
    // What is aborted leaves no trace here either.
    for (line, reply) in [
        ("WATCH here:a", "OK"),
        ("SET here:a 5", "OK"),
        ("MULTI", "OK"),
        ("CLIENT SETNAME never", "QUEUED"),
        ("GET here:a", "QUEUED"),
        ("EXEC", "nil"),
        ("CLIENT GETNAME", "nil"),
        ("MULTI", "OK"),
        ("CLIENT LIST", "QUEUED"),
        ("EXEC", "[-UNSERVED the command is not served inside a transaction]"),
    ] {
        assert_eq!(client.ask(line), reply, "{line}");
    }
}

fn debug_sleep_holds_up_the_transaction(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("admin.commands", "allow")]);
    let mut client = door.client();
    for (line, reply) in [
        ("MULTI", "OK"),
        ("SET sleeps 1 PX 1", "QUEUED"),
        ("DEBUG SLEEP 0.01", "QUEUED"),
        ("GET other:{sleeps}", "QUEUED"),
        ("EXEC", "[OK, OK, nil]"),
        ("MULTI", "OK"),
        (
            "DEBUG JMAP",
            "-UNSERVED command 'debug' is not served inside a transaction: it needs several nodes, or the connection for itself",
        ),
        ("DISCARD", "OK"),
    ] {
        assert_eq!(client.ask(line), reply, "{line}");
    }
}

fn several_slots_are_refused_and_both_are_named(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut client = door.client();
    assert_eq!(client.ask("MULTI"), "OK");
    assert_eq!(client.ask("SET foo:x 1"), "QUEUED");
    let refusal = client.ask("SET bar:x 1");
    let (first, second) = (slot("foo:x"), slot("bar:x"));
    assert_eq!(
        refusal,
        format!(
            "-CROSSSLOT commands of one transaction have keys in slots {first} and {second}; \
             transactions.cross_slot = \"per_slot\" runs one transaction for each slot"
        )
    );
    let aborted = "-EXECABORT Transaction discarded because of previous errors.";
    assert_eq!(client.ask("EXEC"), aborted);
    assert_eq!(client.ask("GET foo:x"), "nil");
    assert_eq!(client.ask("MULTI"), "OK");
    let refusal = client.ask("MGET foo:x bar:x");
    assert!(refusal.starts_with("-CROSSSLOT commands of one transaction have keys"), "{refusal}");
    assert_eq!(client.ask("EXEC"), aborted);
    for (line, reply) in [
        (
            "HELLO 3",
            "-UNSERVED command 'hello' is not served inside a transaction: it needs several nodes, or the connection for itself",
        ),
        ("RENAME foo:x bar:x", "-CROSSSLOT Keys in request don't hash to the same slot"),
    ] {
        assert_eq!(client.ask("MULTI"), "OK");
        assert_eq!(client.ask(line), reply);
        assert_eq!(client.ask("EXEC"), aborted);
    }
    assert!(
        client
            .ask("WATCH foo:x bar:x")
            .starts_with(&format!("-CROSSSLOT WATCH of keys in slots {first} and {second}"))
    );
    assert_eq!(client.ask("WATCH foo:x"), "OK");
    assert!(
        client
            .ask("WATCH bar:x")
            .starts_with(&format!("-CROSSSLOT WATCH of keys in slots {first} and {second}"))
    );
}

fn slot(key: &str) -> String {
    reddoor_protocol::slot::Slot::of_key(key.as_bytes()).to_string()
}

fn several_slots_run_apart_where_that_is_allowed(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let door = FrontDoor::start(&cluster.seeds(), &[("transactions.cross_slot", "per_slot")]);
    for mut client in [door.client(), door.client_v3()] {
        assert_eq!(client.ask("MULTI"), "OK");
        for index in 0..20 {
            assert_eq!(client.ask(&format!("SET apart:{index} {index}")), "QUEUED");
        }
        assert_eq!(client.ask("PING"), "QUEUED");
        for index in 0..20 {
            assert_eq!(client.ask(&format!("GET apart:{index}")), "QUEUED");
        }
        let numbers: Vec<String> = (0..20).map(|index| index.to_string()).collect();
        let oks = vec!["OK"; 20].join(", ");
        assert_eq!(client.ask("EXEC"), format!("[{oks}, PONG, {}]", numbers.join(", ")));
        what_is_split_outside_is_split_inside(&mut client);
        // A guard holds for one slot, so nothing else may depend on it.
        assert_eq!(client.ask("WATCH apart:1"), "OK");
        assert_eq!(client.ask("MULTI"), "OK");
        assert!(client.ask("SET apart:2 1").starts_with("-CROSSSLOT WATCH guards slot"));
        assert_eq!(client.ask("DISCARD"), "OK");
    }
}

fn what_is_split_outside_is_split_inside(client: &mut Client) {
    let keys: Vec<String> = (0..10).map(|index| format!("split:{index}")).collect();
    let pairs: Vec<String> = keys.iter().map(|key| format!("{key} v{key}")).collect();
    let (keys, pairs) = (keys.join(" "), pairs.join(" "));
    let transaction = [
        "MULTI".to_owned(),
        "SET split:x 1".to_owned(),
        format!("MSET {pairs}"),
        "PING".to_owned(),
        "EXPIRE split:3 100".to_owned(),
        format!("MGET {keys} split:nope split:3"),
        format!("EXISTS {keys} split:3"),
        format!("DEL {keys} split:x"),
        "GET split:3".to_owned(),
    ];
    for line in &transaction {
        assert!(["OK", "QUEUED"].contains(&client.ask(line).as_str()), "{line}");
    }
    let values: Vec<String> = (0..10).map(|index| format!("vsplit:{index}")).collect();
    let values = format!("[{}, nil, vsplit:3]", values.join(", "));
    assert_eq!(client.ask("EXEC"), format!("[OK, OK, PONG, :1, {values}, :11, :11, nil]"));
}

fn a_transaction_is_bounded(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let settings =
        [("limits.transaction_commands_max", "3"), ("limits.transaction_bytes_max", "5000")];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let mut client = door.client();
    assert_eq!(client.ask("MULTI"), "OK");
    for _ in 0..3 {
        assert_eq!(client.ask("GET bounded"), "QUEUED");
    }
    let full =
        "-OVERLOAD commands of one transaction: limit of 3 reached; the command was not applied";
    assert_eq!(client.ask("GET bounded"), full);
    assert!(client.ask("EXEC").starts_with("-EXECABORT"));
    assert_eq!(client.ask("MULTI"), "OK");
    let long = "x".repeat(6000);
    assert!(
        client
            .ask(&format!("SET bounded {long}"))
            .starts_with("-OVERLOAD bytes of one transaction")
    );
    assert!(client.ask("EXEC").starts_with("-EXECABORT"));
    assert_eq!(
        door.metric("reddoor_limits_reached_total{limit=\"transaction_commands_max\"}"),
        1.0
    );
    assert_eq!(door.metric("reddoor_limits_reached_total{limit=\"transaction_bytes_max\"}"), 1.0);
}

fn transactions_may_be_pipelined(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    for mut client in [door.client(), door.client_v3()] {
        client.ask("DEL {pipe}n");
        for _ in 0..50 {
            for line in ["MULTI", "INCR {pipe}n", "INCR {pipe}n", "EXEC", "GET {pipe}n"] {
                client.send_line(line);
            }
        }
        for round in 1..=50 {
            let replies: Vec<String> = (0..5).map(|_| text(&client.reply())).collect();
            let (odd, even) = (2 * round - 1, 2 * round);
            let expect =
                ["OK", "QUEUED", "QUEUED", &format!("[:{odd}, :{even}]"), &even.to_string()];
            assert_eq!(replies, expect);
        }
    }
}

#[test]
fn a_transaction_reaches_its_node_as_one_run() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("workers.count", "1")]);
    let (mut client, mut other) = (door.client(), door.client());
    for line in ["MULTI", "SET k 1", "INCR k"] {
        client.send_line(line);
        client.reply();
    }
    assert!(node.arrived().is_empty(), "nothing is sent before EXEC");
    client.send_line("EXEC");
    other.send_line("GET other");
    let calls: Vec<_> = (0..5).map(|_| node.next_call()).collect();
    let lines: Vec<String> = calls.iter().map(|call| call.line()).collect();
    let run = ["MULTI", "SET k 1", "INCR k", "EXEC"];
    assert!(lines[..4] == run || lines[1..] == run, "{lines:?}");
    for call in calls {
        call.reply(match call.line().as_str() {
            "MULTI" => "+OK\r\n",
            "EXEC" => "*2\r\n+OK\r\n:2\r\n",
            "GET other" => "$1\r\nx\r\n",
            _ => "+QUEUED\r\n",
        });
    }
    assert_eq!(text(&client.reply()), "[OK, :2]");
    assert_eq!(text(&other.reply()), "x");
}

#[test]
fn a_command_that_its_node_refuses_aborts_and_says_why() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let mut client = door.client();
    for line in ["MULTI", "SET k 1", "EXEC"] {
        client.send_line(line);
    }
    node.expect_call("MULTI").reply("+OK\r\n");
    node.expect_call("SET k 1").reply("-OOM command not allowed\r\n");
    node.expect_call("EXEC")
        .reply("-EXECABORT Transaction discarded because of previous errors.\r\n");
    client.reply();
    client.reply();
    let why = "-EXECABORT Transaction discarded because of: OOM command not allowed";
    assert_eq!(text(&client.reply()), why);
}

#[test]
fn a_node_that_refuses_multi_is_not_believed_to_have_run_nothing() {
    let node = FakeNode::start();
    let addr = node.addr();
    let door = FrontDoor::start(&addr.to_string(), &[]);
    let mut client = door.client();
    for line in ["MULTI", "SET k 1", "EXEC"] {
        client.send_line(line);
    }
    node.expect_call("MULTI").reply("-NOPERM no\r\n");
    node.expect_call("SET k 1").reply("+OK\r\n");
    node.expect_call("EXEC").reply("-ERR EXEC without MULTI\r\n");
    client.reply();
    client.reply();
    let error = format!(
        "-BADREPLY node {addr} refused MULTI: NOPERM no; the command may have been applied"
    );
    assert_eq!(text(&client.reply()), error);
}

#[test]
fn a_run_that_was_cut_is_sent_again_only_if_exec_was_not_sent() {
    let node = FakeNode::start();
    let addr = node.addr();
    let door = FrontDoor::start(&addr.to_string(), &[("request.timeout_ms", "60000")]);
    let mut client = door.client();
    for line in ["MULTI", "SET k 1", "EXEC"] {
        client.send_line(line);
    }
    node.expect_call("MULTI").reply("+OK\r\n");
    node.expect_call("SET k 1");
    node.expect_call("EXEC").cut();
    client.reply();
    client.reply();
    let lost = format!(
        "-LINKLOST connection to node {addr} ended before it replied; the command may have been applied"
    );
    assert_eq!(text(&client.reply()), lost);
    // A run too long for the socket is cut in its middle, and comes again whole.
    let reading = node.stop_reading();
    let value = "v".repeat(8 << 20);
    client.send(&["MULTI"]);
    for _ in 0..4 {
        client.send(&["SET", "k", &value]);
    }
    client.send(&["EXEC"]);
    for _ in 0..5 {
        client.reply();
    }
    wait_until("the run to be under way", || {
        door.metric("reddoor_buffer_bytes{buffer=\"node_output\"}") > 0.0
    });
    node.cut_all();
    drop(reading);
    loop {
        let call = node.next_call();
        if call.line() == "EXEC" {
            call.reply("*4\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
            break;
        }
        call.reply(if call.line() == "MULTI" { "+OK\r\n" } else { "+QUEUED\r\n" });
    }
    assert_eq!(text(&client.reply()), "[OK, OK, OK, OK]");
}
