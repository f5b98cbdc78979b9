//! Commands that take from, or read, the first of several keys that has something, with keys in several slots.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use reddoor_protocol::value::Value;
use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::redis_server::{self, RedisServer};
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: what_is_there_is_taken_as_by_one_redis, what_comes_is_told_as_by_one_redis,
    each_element_reaches_one_client, who_leaves_takes_nothing, a_wait_outlives_its_links, all_readers_are_told);

const DATA: &[&str] = &[
    "RPUSH list 1 2 3",
    "RPUSH list2 x",
    "ZADD zset 1 a 2.5 b",
    "ZADD zset2 7 c",
    "SET str v",
    "XADD stream 1-1 a 1",
    "XADD stream2 2-2 b 2",
    "XGROUP CREATE stream g 0",
    "XGROUP CREATE stream2 g 0",
];

/// Answered at once, or when their time is over.
pub(super) const AT_ONCE: &[&str] = &[
    "LMPOP 3 no list list2 LEFT",
    "LMPOP 2 list2 list RIGHT COUNT 2",
    "LMPOP 2 no no2 LEFT",
    "LMPOP 2 no str LEFT",
    "LMPOP 2 list str LEFT",
    "LMPOP 2 str list LEFT",
    "LMPOP 2 list list2 UP",
    "LMPOP 2 list list2 LEFT COUNT 0",
    "ZMPOP 2 no zset MIN",
    "ZMPOP 3 zset2 zset no MAX COUNT 5",
    "ZMPOP 2 no no2 MIN",
    "BLPOP no list list2 0",
    "BLPOP list2 list 1",
    "BRPOP no2 no list 0",
    "BLPOP no str 0",
    "BLPOP list str 0",
    "BLPOP str list 0",
    "BLPOP no no2 0.05",
    "BLPOP no list -1",
    "BLPOP no list x",
    "BZPOPMIN no zset 0",
    "BZPOPMAX zset2 zset 0",
    "BZPOPMIN no no2 0.01",
    "BZPOPMAX list zset 0",
    "BLMPOP 0 2 no list LEFT COUNT 2",
    "BLMPOP 0.05 2 no no2 LEFT",
    "BLMPOP 0 2 no list LEFT COUNT x",
    "BZMPOP 0 2 no zset MIN COUNT 9",
    "BZMPOP 0.01 2 no no2 MAX",
    "XREAD BLOCK 0 STREAMS stream stream2 0 0",
    "XREAD COUNT 1 BLOCK 10 STREAMS no stream2 0 1",
    "XREAD BLOCK 10 STREAMS stream stream2 $ $",
    "XREAD BLOCK 10 STREAMS no stream2 0 $",
    "XREAD BLOCK -1 STREAMS no stream2 0 $",
    "XREAD BLOCK x STREAMS no stream2 0 $",
    "XREAD BLOCK 10 STREAMS str stream2 0 0",
    "XREADGROUP GROUP g me BLOCK 0 STREAMS stream stream2 > >",
    "XREADGROUP GROUP g me BLOCK 10 STREAMS stream stream2 0 0",
    "XREADGROUP GROUP g me BLOCK 10 STREAMS no stream2 > >",
    "XREADGROUP GROUP g me BLOCK x STREAMS stream stream2 > >",
    "BLMOVE list list2 LEFT RIGHT 0",
    "BLMOVE no list2 LEFT RIGHT 0.01",
    "BLMOVE str list2 LEFT RIGHT 0",
    "BLMOVE list str LEFT RIGHT 0",
    "BLMOVE list list2 LEFT UP 0",
    "BRPOPLPUSH list list2 0",
    "BRPOPLPUSH no list2 0.01",
    "BRPOPLPUSH no list2 -1",
];

/// What waits, what comes then, and what is there afterwards.
const COMES: &[(&str, &[&str], &str)] = &[
    ("BLPOP no no2 0", &["RPUSH no2 a b"], "LRANGE no2 0 -1"),
    ("BRPOP no no2 0", &["RPUSH no a b"], "LRANGE no 0 -1"),
    ("BLPOP no no2 no3 0", &["SET no x", "DEL no", "SADD no2 y", "RPUSH no3 z"], "EXISTS no3"),
    ("BLPOP no no2 0", &["RENAME list no"], "LRANGE no 0 -1"),
    ("BZPOPMIN no no2 0", &["ZADD no2 3 m 1 n"], "ZRANGE no2 0 -1"),
    ("BZPOPMAX no no2 0", &["ZADD no 3 m 1 n"], "ZRANGE no 0 -1"),
    ("BLMPOP 0 2 no no2 RIGHT COUNT 2", &["RPUSH no a b c"], "LRANGE no 0 -1"),
    ("BZMPOP 0 2 no no2 MIN", &["ZADD no2 1 a 2 b"], "ZRANGE no2 0 -1"),
    ("XREAD BLOCK 0 STREAMS stream stream2 $ $", &["XADD stream2 9-9 n 1"], "XLEN stream2"),
    ("XREAD COUNT 3 BLOCK 0 STREAMS no stream2 $ $", &["XADD no 9-9 n 1"], "XLEN no"),
    (
        "XREADGROUP GROUP g me BLOCK 0 STREAMS stream empty > >",
        &["XADD empty 9-9 n 1"],
        "XPENDING empty g",
    ),
    ("BLMOVE no list2 LEFT RIGHT 0", &["RPUSH no a b"], "LRANGE list2 0 -1"),
    ("BRPOPLPUSH no no2 0", &["RPUSH no a b"], "LRANGE no2 0 -1"),
];

fn emulating(cluster: &Cluster) -> FrontDoor {
    FrontDoor::start(&cluster.seeds(), &[("cross_slot.writes", "emulate")])
}

fn fill(client: &mut Client) {
    client.ask("FLUSHALL");
    for line in DATA {
        assert!(!client.ask(line).starts_with('-'), "{line}");
    }
}

fn waiting(door: &FrontDoor) -> f64 {
    door.metric("reddoor_waiting_clients")
}

fn what_is_there_is_taken_as_by_one_redis(kind: Kind) {
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&[]);
    let cluster = Cluster::start(kind, 3);
    let door = emulating(&cluster);
    for hello in ["HELLO 2", "HELLO 3"] {
        let (mut ours, mut theirs) = (door.client(), oracle.client());
        for line in AT_ONCE {
            let run = |client: &mut Client| -> Vec<String> {
                client.ask(hello);
                fill(client);
                let lines = [
                    line,
                    "LRANGE list 0 -1",
                    "LRANGE list2 0 -1",
                    "ZRANGE zset 0 -1",
                    "EXISTS zset2",
                ];
                let lines = lines.map(|line| {
                    client.send_line(line);
                    client.reply_bytes()
                });
                lines.into()
            };
            assert_eq!(run(&mut ours), run(&mut theirs), "{hello}: {line}");
        }
    }
}

fn what_comes_is_told_as_by_one_redis(kind: Kind) {
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&[]);
    let cluster = Cluster::start(kind, 3);
    let door = emulating(&cluster);
    let is_blocked = |client: &mut Client| client.ask("INFO clients").contains("blocked_clients:1");
    for hello in ["HELLO 2", "HELLO 3"] {
        for (line, coming, after) in COMES {
            let run = |mut other: Client,
                       mut client: Client,
                       is_waiting: &dyn Fn(&mut Client) -> bool| {
                client.ask(hello);
                fill(&mut other);
                other.ask("XREADGROUP GROUP g me STREAMS stream >");
                other.ask("XGROUP CREATE empty g $ MKSTREAM");
                client.send_line(line);
                wait_until("a client to wait", || is_waiting(&mut other));
                for line in *coming {
                    assert!(!other.ask(line).starts_with('-'), "{line}");
                }
                (client.reply_bytes(), other.ask(after))
            };
            let ours = run(door.client(), door.client(), &|_| waiting(&door) == 1.0);
            let theirs = run(oracle.client(), oracle.client(), &is_blocked);
            assert_eq!(ours, theirs, "{hello}: {line}");
            wait_until("nobody to wait", || waiting(&door) == 0.0);
        }
    }
    let waited =
        "reddoor_cross_slot_commands_total{family=\"list\",command=\"blpop\",result=\"waited\"}";
    assert!(door.metric(waited) > 0.0);
}

fn each_element_reaches_one_client(kind: Kind) {
    const CLIENTS: usize = 8;
    const ELEMENTS: usize = 200;
    let cluster = Cluster::start(kind, 3);
    let door = Arc::new(FrontDoor::start(&cluster.seeds(), &[("workers.count", "2")]));
    let takers: Vec<_> = (0..CLIENTS)
        .map(|taker| {
            let door = Arc::clone(&door);
            thread::spawn(move || {
                let mut client = door.client();
                let mut taken = Vec::new();
                let keys = ["q0", "q1", "q2"];
                let line = format!("BLPOP {} {} end 0", keys[taker % 3], keys[(taker + 1) % 3]);
                loop {
                    let Value::Array(pair) = client.call(&line.split(' ').collect::<Vec<_>>())
                    else {
                        panic!("no pair");
                    };
                    if text(&pair[0]) == "end" {
                        return taken;
                    }
                    taken.push(text(&pair[1]));
                }
            })
        })
        .collect();
    let mut client = door.client();
    for element in 0..ELEMENTS {
        // Every other time several at once.
        let (queue, other) = (element % 3, ELEMENTS + element);
        let line = match element % 2 {
            0 => format!("RPUSH q{queue} {element} {other}"),
            _ => format!("RPUSH q{queue} {element}"),
        };
        assert!(client.ask(&line).starts_with(':'));
    }
    wait_until("all to be taken", || client.ask("EXISTS q0 q1 q2") == ":0");
    for _ in 0..CLIENTS {
        client.ask("RPUSH end x");
    }
    let mut taken: Vec<String> =
        takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect();
    let count = taken.len();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!((count, taken.len()), (ELEMENTS + ELEMENTS / 2, ELEMENTS + ELEMENTS / 2));
}

fn who_leaves_takes_nothing(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let mut client = door.client();
    let (mut first, mut second) = (door.client(), door.client());
    first.send_line("BLPOP a b 0");
    wait_until("one client to wait", || waiting(&door) == 1.0);
    second.send_line("BLPOP c b 0");
    wait_until("two clients to wait", || waiting(&door) == 2.0);
    drop(first);
    wait_until("one client to wait", || waiting(&door) == 1.0);
    assert_eq!(client.ask("RPUSH b x"), ":1");
    assert_eq!(text(&second.reply()), "[b, x]");
    assert_eq!(client.ask("EXISTS b"), ":0");

    let id = second.ask("CLIENT ID");
    for (how, told) in
        [("TIMEOUT", "nil"), ("ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK")]
    {
        second.send_line("BZPOPMIN a b 0");
        wait_until("one client to wait", || waiting(&door) == 1.0);
        // While its keys are looked at it does not wait, as far as others can tell.
        let unblock = format!("CLIENT UNBLOCK {} {how}", &id[1..]);
        wait_until("the client to be let go", || client.ask(&unblock) == ":1");
        assert_eq!(text(&second.reply()), told);
    }
    second.send_line("MULTI");
    second.send_line("BLPOP a b 0");
    assert_eq!(text(&second.reply()), "OK");
    assert!(text(&second.reply()).starts_with("-UNSERVED command 'blpop'"));
}

fn a_wait_outlives_its_links(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let (mut client, mut waiter) = (door.client(), door.client());
    waiter.send_line("BLPOP a b c 0");
    wait_until("one client to wait", || waiting(&door) == 1.0);
    for node in &cluster.nodes {
        node.ask("CLIENT KILL TYPE normal SKIPME yes");
    }
    // Keys that are asked about again, wherever they lie.
    wait_until("an element to be put in", || client.ask("RPUSH c x") == ":1");
    assert_eq!(text(&waiter.reply()), "[c, x]");
}

fn all_readers_are_told(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "1")]);
    let mut readers: Vec<Client> = (0..3).map(|_| door.client()).collect();
    for reader in &mut readers {
        reader.send_line("XREAD BLOCK 0 STREAMS a b $ $");
    }
    wait_until("all to wait", || waiting(&door) == 3.0);
    assert_eq!(door.client().ask("XADD b 5-5 k v"), "5-5");
    for reader in &mut readers {
        assert_eq!(text(&reader.reply()), "[[b, [[5-5, [k, v]]]]]");
    }
}

#[test]
fn who_waits_asks_nothing_until_a_key_changes() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("workers.count", "1")]);
    let (mut waiter, mut client) = (door.client(), door.client());
    // That the worker learns of the slots counts as a move of all.
    client.send_line("GET x");
    node.expect_call("GET x").reply("$-1\r\n");
    assert_eq!(text(&client.reply()), "nil");
    waiter.send_line("BLPOP a b 0");
    node.expect_call("CLIENT TRACKING ON").reply("+OK\r\n");
    node.expect_call("TYPE a").reply("+none\r\n");
    let mut lookout = node.expect_call("TYPE b");
    lookout.reply("+none\r\n");
    wait_until("one client to wait", || waiting(&door) == 1.0);
    client.send_line("GET x");
    node.expect_call("GET x").reply("$-1\r\n");
    assert_eq!(text(&client.reply()), "nil");
    // Another has taken it already.
    lookout.reply(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nb\r\n");
    node.expect_call("TYPE b").reply("+list\r\n");
    node.expect_call("LPOP b").reply("$-1\r\n");
    // Its reply comes behind that one, so the client waits again when it is there.
    client.send_line("GET x");
    node.expect_call("GET x").reply("$-1\r\n");
    assert_eq!(text(&client.reply()), "nil");
    lookout.cut();
    node.expect_call("CLIENT TRACKING ON").reply("+OK\r\n");
    let mut asked = BTreeSet::new();
    for _ in 0..2 {
        let call = node.next_call();
        asked.insert(call.line());
        call.reply("+none\r\n");
        lookout = call;
    }
    assert_eq!(asked, ["TYPE a".to_owned(), "TYPE b".to_owned()].into());
    wait_until("one client to wait", || waiting(&door) == 1.0);
    lookout.reply(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n");
    node.expect_call("TYPE a").reply("+list\r\n");
    node.expect_call("LPOP a").cut();
    let reply = text(&waiter.reply());
    assert!(reply.starts_with("-LINKLOST "), "{reply}");
}

#[test]
fn only_so_many_may_wait() {
    let node = FakeNode::start();
    let settings = [("workers.count", "1"), ("limits.cross_slot_waits_max", "1")];
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    let (mut first, mut second) = (door.client(), door.client());
    first.send_line("BLPOP a b 0");
    node.expect_call("CLIENT TRACKING ON").reply("+OK\r\n");
    node.expect_call("TYPE a").reply("+none\r\n");
    let refusal = "-OVERLOAD commands over several slots that wait: limit of 1 reached";
    assert!(second.ask("BLPOP a b 0").starts_with(refusal));
    assert!(door.metric("reddoor_limits_reached_total{limit=\"cross_slot_waits_max\"}") == 1.0);
    let door = FrontDoor::start(&node.addr().to_string(), &[("cross_slot.pops", "reject")]);
    let text = "-CROSSSLOT Keys in request don't hash to the same slot";
    assert_eq!(
        door.client().ask("BLPOP a b 0"),
        format!("{text}; cross_slot.pops = \"serve\" serves it")
    );
}
