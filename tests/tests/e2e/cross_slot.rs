//! Commands over several slots that cannot be split: done as one Redis does them, or refused with the setting named.

use std::collections::BTreeSet;
use std::time::Instant;

use reddoor_protocol::command::cross_slot::Way;
use reddoor_protocol::command::{self, CommandSpec};
use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::redis_server::{self, RedisServer};

use super::{cross_slot_moves, cross_slot_waits};

over_clusters!(real | bundled: reads_answer_as_one_redis, stores_end_as_in_one_redis, what_is_sent_next_finds_the_result,
    transactions_refuse_what_spans_slots, a_dead_node_fails_the_whole);

/// Keys of every type, in different slots.
const DATA: &[&str] = &[
    "SADD s1 1 2 3 4 a",
    "SADD s2 3 4 5 a b",
    "SADD s3 3 a c",
    "SADD ints 3 4 5 6",
    "ZADD z1 1 a 2.5 b 3 c",
    "ZADD z2 10 b -1 c 0.1 d",
    "ZADD z3 inf a -inf b 0 c",
    "SET text1 ohmytext",
    "SET text2 mynewtext",
    "SET bits1 abc",
    "SET bits2 \u{1}~xyz",
    "PFADD h1 a b c d",
    "PFADD h2 c d e",
    "XADD x1 1-1 a 1",
    "XADD x1 2-1 b 2",
    "XADD x2 1-5 c 3",
    "XADD x3 7-7 d 4",
    "RPUSH l 1 2 3",
    "HSET h f v",
    "GEOADD geo1 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
];

/// `$` stands before replies that have no order.
pub(super) const READS: &[&str] = &[
    "$SINTER s1 s2",
    "$SINTER s1 s2 s3 ints",
    "$SINTER s1 missing",
    "$SUNION s1 s2 missing ints",
    "$SDIFF s1 s2 s3",
    "$SDIFF missing s1",
    "$SUNION missing1 missing2",
    "SINTERCARD 2 s1 s2",
    "SINTERCARD 2 s1 s2 LIMIT 1",
    "SINTERCARD 3 s1 s2 s1",
    "SINTERCARD 2 s1 s2 LIMIT -1",
    "SINTER s1 text1",
    "SUNION h s1",
    "ZUNION 2 z1 z2",
    "ZUNION 3 z1 z2 z3 WEIGHTS 2 3 0.5 AGGREGATE MAX WITHSCORES",
    "ZINTER 2 z1 z2 WITHSCORES",
    "ZINTER 3 z1 s1 z2 AGGREGATE MIN WITHSCORES",
    "ZDIFF 2 z1 z2 WITHSCORES",
    "ZINTERCARD 2 z1 z3 LIMIT 2",
    "ZUNION 2 z1 z2 NOPE",
    "ZUNION 2 z1 text1",
    "ZUNION 2 z1 missing WITHSCORES",
    "ZINTER 2 z1 z3 WEIGHTS nan 1",
    "PFCOUNT h1 h2",
    "PFCOUNT h1 h2 missing",
    "PFCOUNT h1 text1",
    "LCS text1 text2",
    "LCS text1 text2 LEN",
    "LCS text1 text2 IDX MINMATCHLEN 4 WITHMATCHLEN",
    "LCS text1 l",
    "LCS text1 missing",
    "XREAD STREAMS x1 x2 x3 0 0 0",
    "XREAD COUNT 1 STREAMS x3 x1 x2 0 0 0",
    "XREAD STREAMS x2 missing x1 0 0 1-1",
    "XREAD STREAMS x1 x2 $ $",
    "XREAD STREAMS x1 x2 x1 0 0 1-1",
    "XREAD STREAMS x1 x2 nope 0",
    "XREAD STREAMS x1 text1 0 0",
    "XREAD STREAMS x1 x2 x3 0 0",
];

/// With what is compared afterwards.
pub(super) const STORES: &[(&str, &[&str])] = &[
    ("SINTERSTORE d s1 s2", &["d"]),
    ("SUNIONSTORE s1 s1 s2", &["s1"]),
    ("SDIFFSTORE ttl s1 s2", &["ttl"]),
    ("SINTERSTORE l s1 s2", &["l"]),
    ("SINTERSTORE ttl s1 missing", &["ttl"]),
    ("SINTERSTORE d s1 text1", &["d"]),
    ("ZUNIONSTORE d 2 z1 z2 WEIGHTS 2 3", &["d"]),
    ("ZINTERSTORE z1 2 z1 z2 AGGREGATE MIN", &["z1"]),
    ("ZDIFFSTORE d 2 z1 z2", &["d"]),
    ("ZRANGESTORE d z1 1 -1", &["d"]),
    ("ZRANGESTORE d missing 0 -1", &["d"]),
    ("GEOSEARCHSTORE d geo1 FROMLONLAT 15 37 BYRADIUS 200 km ASC", &["d"]),
    ("GEORADIUS geo1 15 37 200 km STORE d", &["d"]),
    ("BITOP AND d bits1 bits2", &["d"]),
    ("BITOP NOT d bits1", &["d"]),
    ("BITOP XOR bits1 bits1 bits2 missing", &["bits1"]),
    ("COPY s1 d", &["s1", "d"]),
    ("COPY s1 z1", &["z1"]),
    ("COPY s1 z1 REPLACE", &["z1"]),
    ("COPY ttl d REPLACE", &["d", "ttl"]),
    ("COPY missing d", &["d"]),
    ("COPY s1 d DB 3", &["d"]),
    ("SDIFFSTORE s2 s1 s2", &["s2"]),
    ("SINTERSTORE s1 s1 s2 s3", &["s1"]),
    ("SUNIONSTORE d missing1 missing2", &["d"]),
    ("SINTERSTORE text1 s1 s2", &["text1"]),
    ("SDIFFSTORE d h s1", &["d"]),
    ("ZUNIONSTORE z2 3 z1 z2 z3 AGGREGATE MAX", &["z2"]),
    ("ZUNIONSTORE ttl 2 s1 z1 WEIGHTS 1 2", &["ttl"]),
    ("ZUNIONSTORE d 2 z1 text1", &["d"]),
    ("ZINTERSTORE l 2 z1 missing", &["l"]),
    ("ZDIFFSTORE z1 2 z1 z2", &["z1"]),
    ("ZRANGESTORE ttl z1 1 2 BYSCORE LIMIT 0 1", &["ttl"]),
    ("ZRANGESTORE s1 missing 0 -1", &["s1"]),
    ("ZRANGESTORE d text1 0 -1", &["d"]),
    ("GEOSEARCHSTORE d geo1 FROMMEMBER Palermo BYBOX 400 400 km STOREDIST", &["d"]),
    ("GEOSEARCHSTORE ttl missing FROMLONLAT 15 37 BYRADIUS 200 km", &["ttl"]),
    ("GEOSEARCHSTORE d text1 FROMLONLAT 15 37 BYRADIUS 200 km", &["d"]),
    ("GEORADIUS geo1 15 37 200 km STOREDIST d", &["d"]),
    ("GEORADIUSBYMEMBER geo1 Palermo 200 km STORE d", &["d"]),
    ("GEORADIUSBYMEMBER geo1 Palermo 200 km STOREDIST ttl", &["ttl"]),
    ("GEORADIUSBYMEMBER geo1 Nobody 200 km STORE d", &["d"]),
    ("GEORADIUSBYMEMBER s1 Palermo 200 km STORE d", &["d"]),
    ("BITOP OR d bits1 bits2 missing", &["d"]),
    ("BITOP AND ttl bits1 missing", &["ttl"]),
    ("BITOP AND d bits1 s1", &["d"]),
    ("BITOP NOT d bits1 bits2", &["d"]),
    ("BITOP NOT ttl missing", &["ttl"]),
    ("COPY h d", &["h", "d"]),
    ("COPY z1 d", &["d"]),
    ("COPY l d", &["d"]),
    ("COPY x1 d", &["d"]),
    ("COPY ints d", &["d"]),
    ("COPY missing s1 REPLACE", &["s1"]),
    ("COPY s1 d NOPE", &["d"]),
];

/// A front door that does all that can be done over several slots.
fn emulating(cluster: &Cluster) -> FrontDoor {
    FrontDoor::start(&cluster.seeds(), &[("cross_slot.writes", "emulate")])
}

fn fill(client: &mut Client) {
    client.ask("FLUSHALL");
    for line in DATA.iter().chain(&["SET ttl x", "PEXPIREAT ttl 9999999999999"]) {
        assert!(!client.ask(line).starts_with('-'), "{line}");
    }
}

fn reads_answer_as_one_redis(kind: Kind) {
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&[]);
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    for hello in ["HELLO 2", "HELLO 3"] {
        let (mut ours, mut theirs) = (door.client(), oracle.client());
        for client in [&mut ours, &mut theirs] {
            client.ask(hello);
            fill(client);
        }
        for line in READS {
            let (got, expect) = (ours.ask_to_compare(line), theirs.ask_to_compare(line));
            assert_eq!(got, expect, "{hello}: {line}");
        }
    }
    let gathered =
        "reddoor_cross_slot_commands_total{family=\"set\",command=\"sinter\",result=\"gathered\"}";
    assert!(door.metric(gathered) > 0.0);
}

/// What is found behind a command of [`STORES`].
struct Found {
    replies: Vec<String>,
    /// When the copy expires that it has made, if it has made one that does.
    copy_expires_ms: Option<i64>,
}

fn find(client: &mut Client, line: &str, keys: &[&str]) -> Found {
    let mut found = Found { replies: vec![client.ask_to_compare(line)], copy_expires_ms: None };
    for key in keys {
        // What comes by RESTORE is a string of the compact kind, however it was made.
        let encoding = if line.starts_with("BITOP") { "EXISTS" } else { "OBJECT ENCODING" };
        for question in ["TYPE", encoding, "$SMEMBERS", "GET"] {
            found.replies.push(client.ask_to_compare(&format!("{question} {key}")));
        }
        let expiry = client.ask_to_compare(&format!("PEXPIRETIME {key}"));
        let ms = expiry.trim_start_matches(':').trim_end().parse().ok().filter(|ms| *ms > 0);
        if line.starts_with("COPY") && *key == "d" && ms.is_some() {
            found.copy_expires_ms = ms;
        } else {
            found.replies.push(expiry);
        }
        found.replies.push(client.ask_to_compare(&format!("ZRANGE {key} 0 -1 WITHSCORES")));
    }
    found
}

fn stores_end_as_in_one_redis(kind: Kind) {
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&["--databases", "1"]);
    let cluster = Cluster::start(kind, 3);
    let door = emulating(&cluster);
    for hello in ["HELLO 2", "HELLO 3"] {
        for (line, keys) in STORES {
            let (mut ours, mut theirs) = (door.client(), oracle.client());
            let [ours, theirs] = [&mut ours, &mut theirs].map(|client| {
                client.ask(hello);
                fill(client);
                let began = Instant::now();
                (find(client, line, keys), began.elapsed())
            });
            assert_eq!(ours.0.replies, theirs.0.replies, "{hello}: {line}");
            // A copy lives longer by the milliseconds that copying takes.
            let late = ours.0.copy_expires_ms.zip(theirs.0.copy_expires_ms).map(|(a, b)| a - b);
            let late_max = i64::try_from(ours.1.as_millis()).unwrap() + 1;
            assert_eq!(ours.0.copy_expires_ms.is_some(), theirs.0.copy_expires_ms.is_some());
            assert!((0..=late_max).contains(&late.unwrap_or(0)), "{hello}: {line}, {late:?}");
        }
    }
}

fn what_is_sent_next_finds_the_result(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = emulating(&cluster);
    let mut client = door.client();
    fill(&mut client);
    for round in 0..20 {
        client.send_line(&format!("SADD s1 r{round}"));
        client.send_line("SUNIONSTORE d s1 s2");
        client.send_line("SCARD d");
        client.send_line("DEL d");
        let replies: Vec<String> = (0..4).map(|_| text(&client.reply())).collect();
        let count = format!(":{}", 8 + round);
        assert_eq!(replies, [":1", count.as_str(), count.as_str(), ":1"], "round {round}");
    }
}

fn transactions_refuse_what_spans_slots(kind: Kind) {
    let door = emulating(Cluster::shared(kind));
    let mut client = door.client();
    assert_eq!(client.ask("MULTI"), "OK");
    assert!(client.ask("SINTER spans:a spans:b").starts_with("-UNSERVED command 'sinter'"));
    assert!(client.ask("EXEC").starts_with("-EXECABORT"));
}

fn a_dead_node_fails_the_whole(kind: Kind) {
    let mut cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(
        &cluster.seeds(),
        &[("failover.hold_ms", "500"), ("cross_slot.writes", "emulate")],
    );
    let mut client = door.client();
    fill(&mut client);
    cluster.nodes[1].kill();
    for line in ["SUNION s1 s2 s3 s4 s5 s6 s7", "SUNIONSTORE s1 s2 s3 s4 s5 s6 s7"] {
        let reply = client.ask(line);
        assert!(reply.starts_with("-UNAVAILABLE "), "{line}: {reply}");
    }
}

#[test]
fn writes_are_refused_with_the_setting_named() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let mut client = door.client();
    let text = "-CROSSSLOT Keys in request don't hash to the same slot";
    let setting = format!("{text}; cross_slot.writes = \"emulate\" serves it");
    for (line, expect) in
        [("COPY a b", setting.as_str()), ("RENAME a b", &setting), ("MSETNX a 1 b 2", &setting)]
    {
        assert_eq!(client.ask(line), expect, "{line}");
    }
    let door = FrontDoor::start(&node.addr().to_string(), &[("cross_slot.reads", "reject")]);
    let setting = format!("{text}; cross_slot.reads = \"gather\" serves it");
    assert_eq!(door.client().ask("SINTER a b"), setting);
    let refused =
        "reddoor_cross_slot_commands_total{family=\"set\",command=\"sinter\",result=\"refused\"}";
    assert!(door.metric(refused) > 0.0);
}

/// No command is done over several slots that is not compared with one Redis.
#[test]
fn every_command_that_is_done_over_several_slots_is_in_a_table() {
    let lines = READS.iter().map(|line| line.trim_start_matches('$'));
    let stores = STORES.iter().chain(cross_slot_moves::MOVES).map(|(line, _)| *line);
    let others = cross_slot_moves::GROUPS.iter().chain(cross_slot_waits::AT_ONCE).copied();
    let compared: BTreeSet<String> = lines
        .chain(stores)
        .chain(others)
        .filter_map(|line| Some(line.split(' ').next()?.to_lowercase()))
        .collect();
    let has_several =
        |row: &&CommandSpec| row.keys.len() > 1 || row.legacy.last != row.legacy.first;
    // The keys of these stand behind one another, or they have one more where they store.
    let done = command::all().iter().filter(|row| has_several(row) && Way::of(row).is_some());
    let missing: Vec<&str> =
        done.map(|row| row.name).filter(|name| !compared.contains(*name)).collect();
    assert_eq!(missing, [""; 0]);
}

/// Whatever dies in between, the destination is what it was, or the result.
#[test]
fn nothing_is_written_before_all_is_read_and_then_by_one_request() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("cross_slot.writes", "emulate")]);
    let mut client = door.client();
    client.send_line("COPY a b");
    answer(&node, "DUMP a", PAYLOAD);
    answer(&node, "PTTL a", b":-1\r\n");
    answer(&node, "EXISTS b", b":0\r\n");
    let store = node.next_call();
    let words: Vec<&[u8]> = store.args.iter().map(AsRef::as_ref).collect();
    assert_eq!(words[..3], [&b"RESTORE"[..], b"b", b"0"]);
    assert_eq!(words[4..], [b"ABSTTL"]);
    // Somebody made it meanwhile: all is looked at again, and now it is there.
    store.reply("-BUSYKEY Target key name already exists.\r\n");
    answer(&node, "DUMP a", PAYLOAD);
    answer(&node, "PTTL a", b":-1\r\n");
    answer(&node, "EXISTS b", b":1\r\n");
    assert_eq!(text(&client.reply()), ":0");
}

/// What `DUMP` answers for the string "1".
const PAYLOAD: &[u8] = b"$13\r\n\x00\xc0\x01\n\x00&x\xe7\xb6\xd1\x01\x11\xfc\r\n";

fn answer(node: &FakeNode, line: &str, reply: &[u8]) {
    node.expect_call(line).reply(reply);
}
