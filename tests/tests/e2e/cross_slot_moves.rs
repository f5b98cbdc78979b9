//! Commands over several slots that move something: the end is that of one Redis, and nothing is lost on the way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use reddoor_protocol::value::Value;
use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::redis_server::{self, RedisServer};
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: moves_end_as_in_one_redis, readers_of_groups_get_what_one_redis_gives,
    queues_keep_every_element, what_is_sent_next_finds_what_was_moved, a_name_is_given_while_others_write);

/// Keys of every type, in different slots.
const DATA: &[&str] = &[
    "SET str hello",
    "SET num 42",
    "SADD set a b 3",
    "SADD set2 b c",
    "SADD one m",
    "RPUSH list 1 2 x 2",
    "RPUSH list2 y",
    "RPUSH single z",
    "HSET hash f 1 g 2",
    "ZADD zset 1 a 2 b",
    "XADD stream 1-1 a 1",
    "XGROUP CREATE stream g 0",
    "PFADD h1 a b c d",
    "PFADD h2 c d e",
    "SET ttl x",
    "PEXPIREAT ttl 9999999999999",
    "PEXPIREAT h1 9999999999999",
    "RPUSH sortable 3 1 2",
    "RPUSH words pear apple fig",
];

/// With what is compared afterwards.
pub(super) const MOVES: &[(&str, &[&str])] = &[
    ("RENAME str new", &["str", "new"]),
    ("RENAME num list", &["num", "list"]),
    ("RENAME ttl new", &["ttl", "new"]),
    ("RENAME str ttl", &["str", "ttl"]),
    ("RENAME set new", &["set", "new"]),
    ("RENAME list new", &["list", "new"]),
    ("RENAME hash new", &["hash", "new"]),
    ("RENAME zset new", &["zset", "new"]),
    ("RENAME stream new", &["stream", "new"]),
    ("RENAME missing new", &["new"]),
    ("RENAME missing str", &["str"]),
    ("RENAMENX str new", &["str", "new"]),
    ("RENAMENX ttl new", &["ttl", "new"]),
    ("RENAMENX str num", &["str", "num"]),
    ("RENAMENX missing num", &["num"]),
    ("SMOVE set set2 a", &["set", "set2"]),
    ("SMOVE set set2 b", &["set", "set2"]),
    ("SMOVE set new 3", &["set", "new"]),
    ("SMOVE one set2 m", &["one", "set2"]),
    ("SMOVE set set2 nope", &["set", "set2"]),
    ("SMOVE missing set2 a", &["set2"]),
    ("SMOVE missing str a", &["str"]),
    ("SMOVE set str a", &["set", "str"]),
    ("SMOVE set str nope", &["set", "str"]),
    ("SMOVE str set a", &["set", "str"]),
    ("LMOVE list list2 LEFT LEFT", &["list", "list2"]),
    ("LMOVE list list2 RIGHT LEFT", &["list", "list2"]),
    ("LMOVE list list2 left right", &["list", "list2"]),
    ("LMOVE list new RIGHT RIGHT", &["list", "new"]),
    ("LMOVE single list2 LEFT RIGHT", &["single", "list2"]),
    ("LMOVE missing list2 LEFT RIGHT", &["list2"]),
    ("LMOVE missing str LEFT RIGHT", &["str"]),
    ("LMOVE list str LEFT RIGHT", &["list", "str"]),
    ("LMOVE str list LEFT RIGHT", &["list", "str"]),
    ("LMOVE list list2 UP DOWN", &["list", "list2"]),
    ("RPOPLPUSH list list2", &["list", "list2"]),
    ("RPOPLPUSH single new", &["single", "new"]),
    ("RPOPLPUSH missing new", &["new"]),
    ("PFMERGE h1 h2", &["h1", "h2"]),
    ("PFMERGE new h1 h2 missing h2", &["new", "h1"]),
    ("PFMERGE new missing", &["new"]),
    ("PFMERGE h2 h1 h2", &["h2"]),
    ("PFMERGE h1 str", &["h1"]),
    ("PFMERGE str h1", &["str"]),
    ("SORT sortable STORE new", &["sortable", "new"]),
    ("SORT sortable DESC LIMIT 0 2 STORE list", &["list"]),
    ("SORT words ALPHA STORE ttl", &["ttl"]),
    ("SORT words STORE new", &["new"]),
    ("SORT set2 BY nosort GET # ALPHA STORE list", &["list"]),
    ("SORT missing STORE str", &["str"]),
    ("SORT str STORE new", &["new"]),
    ("SORT zset ALPHA STORE new", &["new"]),
    ("RENAMENX set new", &["set", "new"]),
    ("RENAMENX list new", &["list", "new"]),
    ("RENAMENX hash new", &["hash", "new"]),
    ("RENAMENX zset new", &["zset", "new"]),
    ("RENAMENX stream new", &["stream", "new"]),
    ("RPOPLPUSH list str", &["list", "str"]),
    ("RPOPLPUSH str list", &["list", "str"]),
    ("RPOPLPUSH missing str", &["str"]),
    ("MSETNX new 1 new2 2", &["new", "new2"]),
    ("MSETNX new 1 new2 2 new3 3 new4 4", &["new", "new2", "new3", "new4"]),
    ("MSETNX new 1 str 2", &["new", "str"]),
    ("MSETNX str 1 new 2", &["new", "str"]),
    ("MSETNX new 1 ttl 2", &["new", "ttl"]),
    ("MSETNX new 1 list 2", &["new", "list"]),
    ("MSETNX new 1 new 2 new2 3", &["new", "new2"]),
    ("MSETNX new 1 new2", &["new", "new2"]),
];

/// Streams of two groups, in different slots.
pub(super) const GROUPS: &[&str] = &[
    "XADD s1 1-1 a 1",
    "XADD s1 2-1 b 2",
    "XADD s2 1-5 c 3",
    "XADD s3 7-7 d 4",
    "XGROUP CREATE s1 g 0",
    "XGROUP CREATE s2 g 0",
    "XGROUP CREATE s3 other 0",
    "XGROUP CREATE s4 g 0 MKSTREAM",
    "SET text x",
    "XREADGROUP GROUP g me COUNT 1 STREAMS s2 s1 > >",
    "XREADGROUP GROUP g me STREAMS s1 s2 s4 > > >",
    "XREADGROUP GROUP g me STREAMS s1 s2 s4 > > >",
    "XREADGROUP GROUP g me STREAMS s1 s2 s4 0 0 0",
    "XREADGROUP GROUP g me STREAMS s1 s2 1-1 >",
    "XADD s1 9-1 e 5",
    "XREADGROUP GROUP g me STREAMS s1 s3 s2 > > >",
    "XPENDING s1 g",
    "XREADGROUP GROUP g me STREAMS missing s1 > >",
    "XREADGROUP GROUP g me STREAMS s1 text > >",
    "XREADGROUP GROUP g me NOACK STREAMS s2 s1 > >",
    "XREADGROUP GROUP g me STREAMS s1 s2 nope >",
    "XREADGROUP GROUP g me STREAMS s1 s2 >",
    "XPENDING s1 g",
    "XPENDING s2 g",
];

/// A front door that does all that can be done over several slots.
fn emulating(seeds: &str) -> FrontDoor {
    FrontDoor::start(seeds, &[("cross_slot.writes", "emulate")])
}

/// What a key holds, however it is kept.
fn look(client: &mut Client, key: &str) -> Vec<String> {
    let encoding = format!("OBJECT ENCODING {key}");
    let mut found: Vec<String> =
        [&format!("TYPE {key}"), &format!("PEXPIRETIME {key}"), &encoding, &format!("GET {key}")]
            // What comes by RESTORE is a string of the compact kind.
            .map(|line| client.ask(line).replace("raw", "embstr"))
            .into();
    for line in [
        format!("LRANGE {key} 0 -1"),
        format!("HGETALL {key}"),
        format!("ZRANGE {key} 0 -1 WITHSCORES"),
        format!("XRANGE {key} - +"),
        format!("XINFO GROUPS {key}"),
        format!("PFCOUNT {key}"),
    ] {
        client.send_line(&line);
        found.push(client.reply_bytes());
    }
    found.extend(members(client, key));
    found
}

fn members(client: &mut Client, key: &str) -> BTreeSet<String> {
    match client.call(&["SMEMBERS", key]) {
        Value::Array(members) | Value::Set(members) => members.iter().map(text).collect(),
        other => [text(&other)].into(),
    }
}

fn fill(client: &mut Client) {
    client.ask("FLUSHALL");
    for line in DATA {
        assert!(!client.ask(line).starts_with('-'), "{line}");
    }
}

fn moves_end_as_in_one_redis(kind: Kind) {
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&[]);
    let cluster = Cluster::start(kind, 3);
    let door = emulating(&cluster.seeds());
    for hello in ["HELLO 2", "HELLO 3"] {
        let (mut ours, mut theirs) = (door.client(), oracle.client());
        for (line, keys) in MOVES {
            let run = |client: &mut Client| -> Vec<Vec<String>> {
                client.ask(hello);
                fill(client);
                client.send_line(line);
                let mut replies = vec![vec![client.reply_bytes()]];
                replies.extend(keys.iter().map(|key| look(client, key)));
                replies
            };
            assert_eq!(run(&mut ours), run(&mut theirs), "{hello}: {line}");
        }
    }
    let emulated =
        "reddoor_cross_slot_commands_total{family=\"list\",command=\"lmove\",result=\"emulated\"}";
    assert!(door.metric(emulated) > 0.0);
}

fn readers_of_groups_get_what_one_redis_gives(kind: Kind) {
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&[]);
    let cluster = Cluster::start(kind, 3);
    let door = emulating(&cluster.seeds());
    for hello in ["HELLO 2", "HELLO 3"] {
        let (mut ours, mut theirs) = (door.client(), oracle.client());
        for line in [hello, "FLUSHALL"].iter().chain(GROUPS) {
            let mut replies = [&mut ours, &mut theirs].map(|client| {
                client.send_line(line);
                client.reply_bytes()
            });
            if line.starts_with("HELLO") {
                replies = Default::default();
            }
            assert_eq!(replies[0], replies[1], "{hello}: {line}");
        }
    }
}

fn what_is_sent_next_finds_what_was_moved(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = emulating(&cluster.seeds());
    let mut client = door.client();
    for round in 0..20 {
        let lines = [
            format!("RPUSH a {round}"),
            "LMOVE a b LEFT RIGHT".to_owned(),
            "LLEN a".to_owned(),
            "RENAME b c".to_owned(),
            "LPOP c".to_owned(),
            "EXISTS a b c".to_owned(),
        ];
        lines.iter().for_each(|line| client.send_line(line));
        let replies: Vec<String> = lines.iter().map(|_| text(&client.reply())).collect();
        let round = round.to_string();
        assert_eq!(replies, [":1", &round, ":0", "OK", &round, ":0"]);
    }
}

/// Many clients move elements round and round while others put more in: all are there in the end.
fn queues_keep_every_element(kind: Kind) {
    const MOVERS: usize = 6;
    const ELEMENTS: usize = 60;
    let cluster = Cluster::start(kind, 3);
    let door = Arc::new(emulating(&cluster.seeds()));
    let movers: Vec<_> = (0..MOVERS)
        .map(|mover| {
            let door = Arc::clone(&door);
            thread::spawn(move || {
                let mut client = door.client();
                let (from, to) = ([mover % 3, (mover + 1) % 3]).map(|n| format!("q{n}")).into();
                for element in 0..ELEMENTS {
                    client.ask(&format!("RPUSH q{} {mover}:{element}", element % 3));
                    let moved = client.ask(&format!("LMOVE {from} {to} LEFT RIGHT"));
                    assert!(
                        moved == "nil" || moved.contains(':') && !moved.starts_with('-'),
                        "{moved}"
                    );
                    client.ask(&format!("SADD s{from} {mover}:{element}"));
                    client.ask(&format!("SMOVE s{from} s{to} {mover}:{element}"));
                }
            })
        })
        .collect();
    movers.into_iter().for_each(|mover| mover.join().unwrap());
    let mut client = door.client();
    let (mut queued, mut kept) = (BTreeSet::new(), BTreeSet::new());
    for n in 0..3 {
        let Value::Array(elements) = client.call(&["LRANGE", &format!("q{n}"), "0", "-1"]) else {
            panic!("no list");
        };
        queued.extend(elements.iter().map(text));
        kept.extend(members(&mut client, &format!("sq{n}")));
    }
    let all: BTreeSet<String> = (0..MOVERS)
        .flat_map(|mover| (0..ELEMENTS).map(move |element| format!("{mover}:{element}")))
        .collect();
    assert_eq!(queued, all);
    assert_eq!(kept, all);
}

/// What others write to the old name until it is gone stands at the new one.
fn a_name_is_given_while_others_write(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = Arc::new(emulating(&cluster.seeds()));
    let writer = {
        let door = Arc::clone(&door);
        thread::spawn(move || {
            let mut client = door.client();
            (0..400).for_each(|n| assert!(client.ask(&format!("RPUSH old {n}")).starts_with(':')));
        })
    };
    let mut client = door.client();
    let mut found = BTreeSet::new();
    let mut names = 0;
    while !writer.is_finished() || client.ask("EXISTS old") == ":1" {
        let reply = client.ask("RENAME old new");
        assert!(reply == "OK" || reply == "-ERR no such key", "{reply}");
        if reply != "OK" {
            continue;
        }
        names += 1;
        let Value::Array(elements) = client.call(&["LRANGE", "new", "0", "-1"]) else {
            panic!("no list");
        };
        found.extend(elements.iter().map(text));
    }
    writer.join().unwrap();
    assert!(names > 0);
    assert_eq!(found, (0..400).map(|n| n.to_string()).collect());
}

/// What is done before, and a command that overwrites a key by one request: at every moment all keys hold what they
/// held before, or what they hold behind it.
const OVERWRITING: &[(&[&str], &str)] = &[
    (&["SADD a x y", "SADD b y", "SADD c z"], "SINTERSTORE c a b"),
    (&["SADD a x y", "SADD b y", "SADD c z"], "SDIFFSTORE a a b"),
    (&["SADD a x y", "SADD b y", "SET c z", "PEXPIREAT c 9999999999999"], "SUNIONSTORE c a b"),
    (&["ZADD a 1 x", "ZADD b 2 y", "ZADD c 3 z"], "ZUNIONSTORE c 2 a b"),
    (&["ZADD a 1 x", "ZADD b 2 x", "ZADD c 3 z"], "ZINTERSTORE c 2 a b"),
    (&["ZADD a 1 x", "ZADD b 2 y", "SET c z"], "ZDIFFSTORE c 2 a b"),
    (&["ZADD a 1 x 2 y", "SET b z"], "ZRANGESTORE b a 0 0"),
    (&["GEOADD a 13 38 p", "SET b z"], "GEOSEARCHSTORE b a FROMLONLAT 13 38 BYRADIUS 9 km"),
    (&["GEOADD a 13 38 p", "SET b z"], "GEORADIUS a 13 38 9 km STORE b"),
    (&["GEOADD a 13 38 p", "SET b z"], "GEORADIUSBYMEMBER a p 9 km STOREDIST b"),
    (&["SET a abc", "SET b xyz", "SET c z"], "BITOP XOR c a b"),
    (&["RPUSH a 2 1", "SET b z"], "SORT a STORE b"),
    (&["HSET a f 1", "SET b z"], "COPY a b REPLACE"),
    (&["PFADD a 1 2", "PFADD b 3", "PFADD c 4"], "PFMERGE c a b"),
];

/// What is done before, the command, and what is there at every moment of it.
const DYING: &[(&[&str], &str, &[&str])] = &[
    (&["SET a v", "SET b w"], "RENAME a b", &["v"]),
    (&["RPUSH a x y"], "RENAMENX a b", &["x", "y"]),
    (&["SADD a x y", "SADD b z"], "SMOVE a b x", &["x", "y", "z"]),
    (&["RPUSH a x y", "RPUSH b x z"], "LMOVE a b LEFT RIGHT", &["x", "y", "z"]),
    (&["RPUSH a x", "RPUSH b z"], "RPOPLPUSH a b", &["x", "z"]),
    (&["RPUSH a 2 1"], "SORT a STORE b", &["1", "2"]),
    (&["SADD a x", "SADD b z", "SADD c y"], "SUNIONSTORE c a b", &["x", "z"]),
    (&["RPUSH a x"], "COPY a b", &["x"]),
    (&["HSET a x y", "SET b w"], "RENAME a b", &["x", "y"]),
    (&["ZADD a 1 x"], "RENAMENX a b", &["x"]),
    (&["RPUSH a x y", "RPUSH b z"], "BLMOVE a b RIGHT LEFT 0", &["x", "y", "z"]),
    (&["RPUSH a x", "RPUSH b z"], "BRPOPLPUSH a b 0", &["x", "z"]),
    (&["RPUSH a x y z"], "LMPOP 2 b a LEFT", &["y", "z"]),
    (&["ZADD a 1 x 2 y"], "ZMPOP 2 b a MIN", &["y"]),
    (&["RPUSH a x y z"], "BLPOP b a 0", &["y", "z"]),
    (&["RPUSH a x y z"], "BRPOP b a 0", &["x", "y"]),
    (&["RPUSH a x y z"], "BLMPOP 0 2 b a LEFT", &["y", "z"]),
    (&["ZADD a 1 x 2 y"], "BZPOPMIN b a 0", &["y"]),
    (&["ZADD a 1 x 2 y"], "BZPOPMAX b a 0", &["x"]),
    (&["ZADD a 1 x 2 y"], "BZMPOP 0 2 b a MIN", &["y"]),
    (&["SADD c y"], "MSETNX a v b w", &["y"]),
];

/// Runs a command with a front door that dies after each of its steps, and shows what is there then.
fn die_at_every_step(
    oracle: &RedisServer,
    before: &[&str],
    line: &str,
    check: impl Fn(usize, &mut Client),
) {
    let start = || {
        let mut client = oracle.client();
        client.ask("FLUSHALL");
        before.iter().for_each(|line| assert!(!client.ask(line).starts_with('-'), "{line}"));
        let node = FakeNode::start();
        let door = emulating(&node.addr().to_string());
        (client, node, door)
    };
    let (mut relayed, node, door) = start();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    node.answer_all(move |call| {
        counted.fetch_add(1, Ordering::Relaxed);
        answer_of(&mut relayed, &call.args)
    });
    let reply = door.client().ask(line);
    assert!(!reply.starts_with('-'), "{line}: {reply}");
    let steps = count.load(Ordering::Relaxed);
    assert!(steps >= 2, "{line}: {steps}");
    for step in 0..=steps {
        let (mut relayed, node, mut door) = start();
        let mut client = door.client();
        client.send_line(line);
        for _ in 0..step {
            let call = node.next_call();
            call.reply(answer_of(&mut relayed, &call.args));
        }
        door.process.kill();
        check(step, &mut oracle.client());
    }
}

/// What a Redis answers, whose connection is to stay one of RESP2 on which nothing is told.
fn answer_of(relayed: &mut Client, args: &[Vec<u8>]) -> Vec<u8> {
    if args[0].eq_ignore_ascii_case(b"CLIENT") {
        return b"+OK\r\n".to_vec();
    }
    relayed.send(args);
    relayed.try_reply_bytes().unwrap()
}

#[test]
fn what_is_overwritten_holds_the_old_or_the_new_whoever_dies() {
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&[]);
    let state = |client: &mut Client| {
        let mut state = ["a", "b", "c"].map(|key| look(client, key));
        // To count one changes its bytes.
        let sketches = state.iter_mut().flatten().filter(|text| text.starts_with("HYLL"));
        sketches.for_each(|text| text.truncate(4));
        state
    };
    for (before, line) in OVERWRITING {
        let mut client = oracle.client();
        client.ask("FLUSHALL");
        before.iter().for_each(|line| assert!(!client.ask(line).starts_with('-'), "{line}"));
        let old = state(&mut client);
        assert!(!client.ask(line).starts_with('-'), "{line}");
        let new = state(&mut client);
        assert_ne!(old, new, "{line}");
        die_at_every_step(&oracle, before, line, |step, client| {
            let found = state(client);
            assert!(found == old || found == new, "{line}, dead after {step}: {found:?}");
        });
    }
}

/// Reading for a consumer takes nothing out: whoever dies, each entry is either new for the group or pending.
#[test]
fn entries_of_a_group_are_new_or_pending_whoever_dies() {
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&[]);
    let before = [
        "XADD a 1-1 f 1",
        "XADD a 2-1 f 2",
        "XADD b 3-1 f 3",
        "XGROUP CREATE a g 0",
        "XGROUP CREATE b g 0",
    ];
    let line = "XREADGROUP GROUP g me STREAMS a b > >";
    die_at_every_step(&oracle, &before, line, |step, client| {
        for (key, entries) in [("a", 2), ("b", 1)] {
            let Value::Array(pending) = client.call(&["XPENDING", key, "g"]) else {
                panic!("{key}")
            };
            let pending = text(&pending[0]);
            let rest = client.call(&["XREADGROUP", "GROUP", "g", "you", "STREAMS", key, ">"]);
            let rest = text(&rest).matches("[f, ").count();
            assert_eq!(pending, format!(":{}", entries - rest), "{key}, dead after {step}");
        }
    });
}

/// `MSETNX b c a` (the order of their slots), while another client sets one of them before each of its calls.
#[test]
fn what_others_set_meanwhile_stays_and_is_told() {
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&[]);
    let mut other = oracle.client();
    // Behind the three looks `a` is taken, so that what was set of `b` and `c` has to be taken back.
    for (taken_at, other_at) in (0..20).map(|at| (usize::MAX, at)).chain((3..20).map(|at| (3, at)))
    {
        other.ask("FLUSHALL");
        let (mut relayed, node) = (oracle.client(), FakeNode::start());
        let door = emulating(&node.addr().to_string());
        let (calls, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, reached) = (Arc::clone(&calls), Arc::clone(&done));
        let mut rival = oracle.client();
        node.answer_all(move |call| {
            let at = counted.fetch_add(1, Ordering::Relaxed);
            if at == taken_at {
                rival.ask("SET a taken");
            }
            if at == other_at {
                rival.ask("SET c other");
                reached.store(1, Ordering::Relaxed);
            }
            answer_of(&mut relayed, &call.args)
        });
        let reply = door.client().ask("MSETNX a 1 b 1 c 1");
        let is_other = done.load(Ordering::Relaxed) == 1;
        let found = ["a", "b", "c"].map(|key| other.ask(&format!("GET {key}")));
        let c = if is_other { "other" } else { "1" };
        let expect = match (reply.as_str(), taken_at) {
            (":1", usize::MAX) => ["1", "1", c],
            (":0", usize::MAX) => ["nil", "nil", c],
            (":0", _) => ["taken", "nil", if is_other { "other" } else { "nil" }],
            _ => panic!("{taken_at} {other_at}: {reply}"),
        };
        assert_eq!(found, expect, "{taken_at} {other_at}");
        if reply == ":1" {
            assert!(other_at > 4, "c was there before it was set, at {other_at}");
        }
    }
}

#[test]
fn a_front_door_may_die_at_every_step() {
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&[]);
    for (before, line, there) in DYING {
        die_at_every_step(&oracle, before, line, |step, client| {
            let held = held(client);
            for element in *there {
                assert!(held.contains(*element), "{line}, dead after {step}: {held:?}");
            }
        });
    }
}

/// All that the keys of the table above hold.
fn held(client: &mut Client) -> BTreeSet<String> {
    let mut held = BTreeSet::new();
    for key in ["a", "b", "c"] {
        let line = match client.ask(&format!("TYPE {key}")).as_str() {
            "list" => vec!["LRANGE", key, "0", "-1"],
            "set" => vec!["SMEMBERS", key],
            "zset" => vec!["ZRANGE", key, "0", "-1"],
            "hash" => vec!["HGETALL", key],
            _ => vec!["GET", key],
        };
        match client.call(&line) {
            Value::Array(elements) => held.extend(elements.iter().map(text)),
            other => drop(held.insert(text(&other))),
        }
    }
    held
}

/// What `DUMP` answers for the string "1".
const PAYLOAD: &[u8] = b"$13\r\n\x00\xc0\x01\n\x00&x\xe7\xb6\xd1\x01\x11\xfc\r\n";

/// The questions for the value of a key, answered with one that does not expire.
fn answer_copy(node: &FakeNode, key: &str) {
    node.expect_call(&format!("DUMP {key}")).reply(PAYLOAD);
    node.expect_call(&format!("PEXPIRETIME {key}")).reply(":-1\r\n");
    node.expect_call(&format!("PTTL {key}")).reply(":-1\r\n");
}

/// The write to a guarded key.
fn expect_guarded(node: &FakeNode, line: &str) -> reddoor_tests::fake_node::Call {
    node.expect_call("MULTI").reply("+OK\r\n");
    node.expect_call(line).reply("+QUEUED\r\n");
    node.expect_call("EXEC")
}

#[test]
fn a_name_is_given_again_if_the_key_has_changed_or_its_guard_is_lost() {
    let node = FakeNode::start();
    let door = emulating(&node.addr().to_string());
    let mut client = door.client();
    client.send_line("RENAME a b");
    for round in 0..3 {
        let guard = node.expect_call("WATCH a");
        guard.reply("+OK\r\n");
        answer_copy(&node, "a");
        let store = node.next_call();
        assert!(store.line().starts_with("RESTORE b 0 "), "{}", store.line());
        if round == 1 {
            let guards = || door.metric("reddoor_pinned_links");
            wait_until("the guard to be counted", || guards() == 1.0);
            guard.cut();
            wait_until("the guard to be missed", || guards() == 0.0);
        }
        store.reply("+OK\r\n");
        match round {
            // It has changed.
            0 => expect_guarded(&node, "DEL a").reply("*-1\r\n"),
            1 => {}
            _ => expect_guarded(&node, "DEL a").reply("*1\r\n:1\r\n"),
        }
    }
    assert_eq!(text(&client.reply()), "OK");
}

#[test]
fn who_fails_between_two_steps_says_what_was_done() {
    let node = FakeNode::start();
    let door = emulating(&node.addr().to_string());
    let mut client = door.client();
    client.send_line("LMOVE a b LEFT LEFT");
    node.expect_call("LINDEX a 0").reply("$1\r\nx\r\n");
    node.expect_call("TYPE b").reply("+list\r\n");
    node.expect_call("LPUSH b x").reply(":2\r\n");
    // Another has taken it, so it is taken back.
    node.expect_call("LREM a 1 x").reply(":0\r\n");
    node.expect_call("LREM b 1 x").reply(":1\r\n");
    node.expect_call("LINDEX a 0").reply("$1\r\ny\r\n");
    node.expect_call("TYPE b").reply("+list\r\n");
    node.expect_call("LPUSH b y").reply(":2\r\n");
    node.expect_call("LREM a 1 y").cut();
    let reply = text(&client.reply());
    let told = "-PARTIAL the destination has the element, and so may the source; then: LINKLOST ";
    assert!(reply.starts_with(told), "{reply}");

    client.send_line("RENAMENX a b");
    node.expect_call("WATCH a").reply("+OK\r\n");
    answer_copy(&node, "a");
    node.expect_call("EXISTS b").reply(":0\r\n");
    node.next_call().reply("-BUSYKEY Target key name already exists.\r\n");
    node.expect_call("UNWATCH").reply("+OK\r\n");
    assert_eq!(text(&client.reply()), ":0");
}
