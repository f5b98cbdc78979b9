//! Several databases over one cluster (`databases.mode = "prefix"`), held against one redis-server that has them.

use reddoor_protocol::value::Value;
use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::redis_server::{self, RedisServer};
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: databases_answer_as_those_of_one_redis, each_database_is_counted_scanned_and_removed_alone,
    keys_come_back_from_what_waits, events_tell_of_the_clients_keys, invalidations_name_the_clients_keys,
    what_was_there_before_is_database_0);

over_clusters!(real: scripts_work_on_keys_of_the_database);

const PREFIX: (&str, &str) = ("databases.mode", "prefix");

fn door(cluster: &Cluster) -> FrontDoor {
    FrontDoor::start(&cluster.seeds(), &[PREFIX])
}

/// `$` stands before replies that have no order.
const SCRIPT: &[&str] = &[
    "SELECT 1",
    "SET a 1",
    "SELECT 2",
    "GET a",
    "SET a 2",
    "MSET b 1 c 2 {t}d 3",
    "MGET a b c {t}d e",
    "SELECT 0",
    "EXISTS a b c",
    "SELECT 16",
    "SELECT -1",
    "SELECT x",
    "SELECT 99999999999",
    "SELECT 2",
    "DEL a nothing",
    "MOVE b 3",
    "MOVE b 3",
    "MOVE nothing 3",
    "MOVE c 2",
    "MOVE c 16",
    "MOVE c x",
    "SELECT 3",
    "GET b",
    "SET c other",
    "SELECT 2",
    "MOVE c 3",
    "COPY c {c}2",
    "COPY c c DB 3",
    "COPY c c DB 3 REPLACE",
    "COPY c c",
    "COPY c d DB 77",
    "COPY c d DB x",
    "COPY c d NOPE",
    "COPY nothing {nothing}d DB 3",
    "SELECT 3",
    "GET c",
    "$KEYS *",
    "$KEYS c*",
    "$KEYS [bc]",
    "$KEYS nothing*",
    "SELECT 2",
    "$KEYS *",
    "TYPE c",
    "OBJECT ENCODING c",
    "RENAME c {c}3",
    "RPUSH {l}1 a b c",
    "LMOVE {l}1 {l}2 LEFT RIGHT",
    "LMPOP 2 {l}none {l}1 LEFT",
    "ZADD z 1 x 2 y",
    "ZMPOP 1 z MIN",
    "BLPOP {l}none {l}2 1",
    "BZPOPMIN z 1",
    "BLPOP {l}none 0.01",
    "XADD s 1-1 f v",
    "XREAD STREAMS s 0",
    "XREAD STREAMS s $",
    "XGROUP CREATE s g 0",
    "XGROUP CREATE nothing g 0",
    "XREADGROUP GROUP g c STREAMS s >",
    "XREADGROUP GROUP nope c STREAMS s >",
    "XPENDING s nope",
    "XCLAIM s nope c 0 1-1",
    "XINFO CONSUMERS s nope",
    "XGROUP DELCONSUMER s nope c",
    "SET n 5",
    "MULTI",
    "SET m 1",
    "MOVE m 5",
    "MOVE m 5",
    "SELECT 5",
    "GET m",
    "RPUSH {m}l x",
    "LMPOP 1 {m}l LEFT",
    "XADD {m}s 1-1 f v",
    "XREAD STREAMS {m}s 0",
    "EXEC",
    "GET m",
    "MULTI",
    "SELECT 2",
    "GET n",
    "DISCARD",
    "GET m",
    "WATCH m",
    "MULTI",
    "MOVE m 6",
    "MOVE m 6",
    "SELECT 77",
    "GET m",
    "EXEC",
    "SORT nothing BY nosort",
    "DBSIZE",
    "RANDOMKEY",
    "SELECT 9",
    "RANDOMKEY",
    "DBSIZE",
    "FLUSHDB NOPE",
    "FLUSHDB",
    "SELECT 2",
    "DBSIZE",
    "FLUSHDB ASYNC",
    "DBSIZE",
    "SELECT 5",
    "DBSIZE",
    "RESET",
    "DBSIZE",
    "GET m",
];

fn databases_answer_as_those_of_one_redis(kind: Kind) {
    if !redis_server::is_installed() {
        return;
    }
    let oracle = RedisServer::start(&[]);
    let cluster = Cluster::start(kind, 3);
    let door = door(&cluster);
    for hello in ["HELLO 2", "HELLO 3"] {
        let (mut ours, mut theirs) = (door.client(), oracle.client());
        for client in [&mut ours, &mut theirs] {
            client.ask(hello);
            client.ask("FLUSHALL");
        }
        for line in SCRIPT {
            assert_eq!(ours.ask_to_compare(line), theirs.ask_to_compare(line), "{hello}, {line}");
        }
        assert!(ours.ask("SWAPDB 0 1").starts_with("-UNSERVED "));
    }
}

/// All keys that `SCAN` tells with these options, sorted.
fn scanned(client: &mut Client, options: &str) -> Vec<String> {
    let (mut keys, mut cursor) = (Vec::new(), "0".to_owned());
    loop {
        let Value::Array(page) =
            client.call(&format!("SCAN {cursor}{options}").split(' ').collect::<Vec<_>>())
        else {
            panic!("no page");
        };
        cursor = text(&page[0]);
        let Value::Array(found) = &page[1] else { panic!("no keys") };
        keys.extend(found.iter().map(text));
        if cursor == "0" {
            keys.sort();
            keys.dedup();
            return keys;
        }
    }
}

fn each_database_is_counted_scanned_and_removed_alone(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = door(&cluster);
    let mut client = door.client();
    let names = |count: usize| {
        let mut names: Vec<String> = (0..count).map(|index| format!("key:{index}")).collect();
        names.sort();
        names
    };
    for (database, count) in [(0, 2500), (1, 1500), (12, 30)] {
        assert_eq!(client.ask(&format!("SELECT {database}")), "OK");
        for name in names(count) {
            client.send(&["SET", &name, &database.to_string()]);
        }
        for _ in 0..count {
            assert_eq!(text(&client.reply()), "OK");
        }
    }
    for (database, count) in [(0, 2500), (1, 1500), (12, 30), (5, 0)] {
        client.ask(&format!("SELECT {database}"));
        assert_eq!(client.ask("DBSIZE"), format!(":{count}"), "database {database}");
        assert_eq!(scanned(&mut client, ""), names(count), "database {database}");
        let matching: Vec<String> =
            names(count).into_iter().filter(|name| name.starts_with("key:2")).collect();
        assert_eq!(scanned(&mut client, " MATCH key:2* COUNT 100"), matching);
        let random = client.ask("RANDOMKEY");
        assert!(names(count).contains(&random) || count == 0 && random == "nil", "{random}");
    }
    client.ask("SELECT 1");
    // What is sent behind it is not removed with the rest.
    client.send_line("FLUSHDB");
    client.send_line("SET kept 1");
    assert_eq!([text(&client.reply()), text(&client.reply())], ["OK", "OK"]);
    assert_eq!(scanned(&mut client, ""), ["kept"]);
    for (database, count) in [(0, 2500), (12, 30)] {
        client.ask(&format!("SELECT {database}"));
        assert_eq!(client.ask("DBSIZE"), format!(":{count}"));
    }
    assert_eq!(client.ask("FLUSHDB"), "OK");
    client.ask("SELECT 0");
    assert_eq!([client.ask("DBSIZE"), client.ask("FLUSHALL")], [":2500", "OK"]);
    client.ask("SELECT 1");
    assert_eq!(client.ask("DBSIZE"), ":0");
}

fn keys_come_back_from_what_waits(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let door = door(cluster);
    let (mut waiting, mut pushing) = (door.client(), door.client_v3());
    for client in [&mut waiting, &mut pushing] {
        client.ask("SELECT 7");
    }
    pushing.ask("DEL waits:list waits:zset waits:stream");
    for (wait, push, expect) in [
        ("BLPOP waits:list 0", "RPUSH waits:list x", "[waits:list, x]"),
        ("BZPOPMAX waits:zset 0", "ZADD waits:zset 1 m", "[waits:zset, m, 1]"),
        ("BLMPOP 0 1 waits:list LEFT", "RPUSH waits:list y", "[waits:list, [y]]"),
        (
            // Not from what comes next on: it is not known here when the node has heard of that.
            "XREAD BLOCK 0 STREAMS waits:stream 0",
            "XADD waits:stream 9-9 f v",
            "[[waits:stream, [[9-9, [f, v]]]]]",
        ),
    ] {
        waiting.send_line(wait);
        wait_until("the client to wait", || {
            door.client()
                .ask("CLIENT LIST")
                .lines()
                .any(|line| line.contains("flags=b") && line.contains(" db=7 "))
        });
        assert!(!pushing.ask(push).starts_with('-'));
        assert_eq!(text(&waiting.reply()), expect, "{wait}");
    }
}

fn events_tell_of_the_clients_keys(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    for node in &cluster.nodes {
        assert_eq!(node.ask("CONFIG SET notify-keyspace-events KEA"), "OK");
    }
    let door = door(&cluster);
    let (mut hearing, mut writing) = (door.client(), door.client());
    hearing.send_line("SUBSCRIBE __keyspace@3__:foo __keyevent@0__:set");
    hearing.send_line("PSUBSCRIBE __key*@3__:*");
    for expect in [
        "[subscribe, __keyspace@3__:foo, :1]",
        "[subscribe, __keyevent@0__:set, :2]",
        "[psubscribe, __key*@3__:*, :3]",
    ] {
        assert_eq!(text(&hearing.reply()), expect);
    }
    let mut heard = |count: usize| {
        let mut lines: Vec<String> = (0..count).map(|_| text(&hearing.reply())).collect();
        lines.sort();
        lines
    };
    writing.ask("SELECT 3");
    assert_eq!(writing.ask("SET foo 1"), "OK");
    assert_eq!(
        heard(3),
        [
            "[message, __keyspace@3__:foo, set]",
            "[pmessage, __key*@3__:*, __keyevent@3__:set, foo]",
            "[pmessage, __key*@3__:*, __keyspace@3__:foo, set]",
        ]
    );
    writing.ask("SELECT 4");
    assert_eq!(writing.ask("SET foo 1"), "OK");
    writing.ask("SELECT 0");
    assert_eq!(writing.ask("SET bar 1"), "OK");
    assert_eq!(heard(1), ["[message, __keyevent@0__:set, bar]"]);
    // The one pattern that carries all is let go with the last that needs it.
    let mut leaving = door.client();
    leaving.ask("SUBSCRIBE __keyevent@0__:del");
    leaving.send_line("UNSUBSCRIBE __keyevent@0__:del");
    assert_eq!(text(&leaving.reply()), "[unsubscribe, __keyevent@0__:del, :0]");
    writing.ask("SELECT 3");
    assert_eq!(writing.ask("DEL foo"), ":1");
    assert_eq!(heard(3).len(), 3);
}

fn invalidations_name_the_clients_keys(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let door = door(cluster);
    let (mut reading, mut writing) = (door.client_v3(), door.client());
    for client in [&mut reading, &mut writing] {
        client.ask("SELECT 6");
    }
    assert_eq!(writing.ask("SET tracked:a 1"), "OK");
    assert_eq!(reading.ask("CLIENT TRACKING ON"), "OK");
    assert_eq!(reading.ask("GET tracked:a"), "1");
    assert_eq!(writing.ask("SET tracked:a 2"), "OK");
    assert_eq!(text(&reading.reply()), ">[invalidate, [tracked:a]]");

    let mut told = door.client_v3();
    assert_eq!(told.ask("CLIENT TRACKING ON BCAST PREFIX tracked:b"), "OK");
    for key in ["tracked:a", "other", "tracked:b1"] {
        assert_eq!(writing.ask(&format!("SET {key} 3")), "OK");
    }
    assert_eq!(text(&told.reply()), ">[invalidate, [tracked:b1]]");
}

fn what_was_there_before_is_database_0(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let plain = FrontDoor::before(&cluster);
    let mut client = plain.client();
    client.ask("SET old 1");
    assert_eq!(client.ask("SELECT 1"), "-ERR DB index is out of range");
    let door = door(&cluster);
    let mut client = door.client();
    assert_eq!(client.ask("GET old"), "1");
    // What looks like a key of another database is none.
    assert_eq!(client.ask("SET ~db1={x} a"), "OK");
    assert_eq!(client.ask("GET ~db1={x}"), "a");
    client.ask("SELECT 1");
    assert_eq!([client.ask("GET x"), client.ask("DBSIZE")], ["nil", ":0"]);
    assert_eq!(client.ask("SET x b"), "OK");
    client.ask("SELECT 0");
    assert_eq!(client.ask("GET ~db1={x}"), "a");
    assert_eq!(scanned(&mut client, ""), ["old", "~db1={x}"]);
}

fn scripts_work_on_keys_of_the_database(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let door = door(cluster);
    let mut client = door.client();
    for (database, expect) in [(8, ":1"), (9, ":1"), (8, ":2")] {
        client.ask(&format!("SELECT {database}"));
        assert_eq!(client.ask("EVAL return(redis.call('INCR',KEYS[1])) 1 scripts:n"), expect);
    }
    assert_eq!(client.ask("GET scripts:n"), "2");
}
