//! Data of every type and encoding, and what is known of all of it.

use crate::server::Server;

/// Words of commands that make every type, small and large, with and without expiry, in two databases.
const FIXED: &str = "\
SET str hello\nSET int 12345\nSET negative -7\nSET big 9223372036854775807\nSET empty_ \nAPPEND raw some\n\
APPEND raw more\nSET soon x PX 100000000\nSETRANGE holes 100 end\nPFADD hll a b c d e f g\n\
RPUSH list a b 3 -4 5000000000\nSADD ints 1 2 3 -4 70000 5000000000\nSADD words a b c 1\n\
HSET hash f v g 12 h -1\nZADD zset 1 a 2.5 b -inf c inf d 1e300 e\nXADD stream 1-1 f v g w\n\
XADD stream 1-2 f v g w\nXADD stream 2-1 other 7\nXDEL stream 1-1\nXGROUP CREATE stream group 0\n\
XREADGROUP GROUP group alice COUNT 1 STREAMS stream >\nXREADGROUP GROUP group bob COUNT 1 STREAMS stream >\n\
XGROUP CREATECONSUMER stream group idle\nXGROUP CREATE stream none $\nXADD gone 5-5 a b\nXDEL gone 5-5\n\
EXPIRE hash 100000\nPEXPIREAT zset 33177117420000";

/// Fills a server with data of every kind; `seed` makes other data.
pub(crate) fn fill(server: &Server, seed: usize) {
    let mut client = server.client();
    for db in [0, 9] {
        assert_eq!(client.ask(&format!("SELECT {db}")), "OK");
        for line in FIXED.lines() {
            let reply = client.ask(line);
            assert!(!reply.starts_with('-'), "{line}: {reply}");
        }
        for number in 0..700 {
            let member = format!("member:{}:{}", number * (seed + 1), "x".repeat(number % 90));
            client.ask(&format!("RPUSH long_list {member}"));
            client.ask(&format!("SADD big_set {member}"));
            client.ask(&format!("HSET big_hash {member} {number}"));
            client.ask(&format!("ZADD big_zset {}.5 {member}", number % 50));
            client.ask(&format!("XADD big_stream {}-{number} {member} {number}", number + 1));
            client.ask(&format!("SADD big_ints {}", number * 1000));
            client.ask(&format!("SET key:{number} {}", member.repeat(number % 20)));
        }
        client.ask(&format!("RPUSH huge_element {} a", "y".repeat(100_000)));
    }
}

/// Every key of every database with its type, content and expiry, as lines in one order.
///
/// Contents are told by commands and sorted, so the order in tables does not matter.
pub(crate) fn content(server: &Server) -> Vec<String> {
    let mut client = server.client();
    let mut all = Vec::new();
    for db in 0..16 {
        client.ask(&format!("SELECT {db}"));
        let keys = client.ask("KEYS *");
        let keys = keys.trim_start_matches('[').trim_end_matches(']');
        for key in keys.split(", ").filter(|key| !key.is_empty()) {
            let kind = client.ask(&format!("TYPE {key}"));
            let questions: &[String] = &match kind.as_str() {
                "string" => vec![format!("GET {key}")],
                "list" => vec![format!("LRANGE {key} 0 -1")],
                "set" => vec![format!("SORT {key} ALPHA")],
                "hash" => vec![format!("SORT_RO {key} BY nosort")],
                "zset" => vec![format!("ZRANGE {key} 0 -1 WITHSCORES")],
                "stream" => vec![format!("XRANGE {key} - +")],
                // Its time has come since the names were told.
                "none" => continue,
                other => panic!("{key} is a {other}"),
            };
            let mut answers: Vec<String> =
                questions.iter().map(|question| client.ask(question)).collect();
            if kind == "hash" {
                answers = pairs(&client.ask(&format!("HGETALL {key}")));
            }
            if kind == "stream" {
                answers.push(groups(&client.ask(&format!("XINFO STREAM {key} FULL COUNT 0"))));
            }
            let time = client.ask(&format!("PEXPIRETIME {key}"));
            // What was changed in place is kept apart; no file tells that.
            let encoding = client.ask(&format!("OBJECT ENCODING {key}")).replace("raw", "embstr");
            all.push(format!("{db} {key} {kind} {encoding} {time} {answers:?}"));
        }
    }
    all.sort();
    assert!(all.len() > 20, "{all:?}");
    all
}

/// Fields with their values, sorted.
fn pairs(list: &str) -> Vec<String> {
    let words: Vec<&str> = list.trim_matches(['[', ']']).split(", ").collect();
    let mut pairs: Vec<String> = words.chunks(2).map(|pair| pair.join("=")).collect();
    pairs.sort();
    pairs
}

/// What is known of a stream, without what tells how it is kept.
fn groups(text: &str) -> String {
    let (head, tail) = text.split_once("radix-tree-keys").expect("XINFO STREAM has it");
    let tail = tail.split_once("last-generated-id").expect("XINFO STREAM has it").1;
    // What a Redis does not keep by commands either: when a consumer was last seen, how much a group has read.
    const UNKEPT: [&str; 3] = ["seen-time", "entries-read", "lag"];
    let mut words: Vec<&str> = tail.split(", ").collect();
    let is_unkept = |word: &str| UNKEPT.iter().any(|name| word.ends_with(name));
    let unkept: Vec<usize> = (1..words.len()).filter(|at| is_unkept(words[at - 1])).collect();
    unkept.into_iter().for_each(|at| words[at] = "");
    format!("{head} {}", words.join(", "))
}

/// Asserts that two servers hold the same.
pub(crate) fn assert_same(ours: &[String], theirs: &[String]) {
    for (a, b) in ours.iter().zip(theirs) {
        assert_eq!(a, b);
    }
    assert_eq!(ours.len(), theirs.len());
}
