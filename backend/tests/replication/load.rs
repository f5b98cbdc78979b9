//! Writes of every type, some of them random, some that expire; and whether two servers hold the same.

use std::collections::BTreeSet;

use reddoor_protocol::value::Value;

use crate::process::{Client, Server, show};

/// Writes, one a line; `K` is a key of the line's type, `N` a number.
const WRITES: &[&str] = &[
    "SET K N",
    "SET K N EX 100",
    "SETEX K 1 N",
    "PSETEX K 20 N",
    "GETEX K EX 5",
    "GETDEL K",
    "APPEND K N",
    "INCRBYFLOAT fK 0.3",
    "BITFIELD bK SET u8 #1 N",
    "LPUSH lK N",
    "RPUSH lK N N",
    "LPOP lK",
    "LMOVE lK qK LEFT RIGHT",
    "EXPIRE lK 1",
    "SADD sK N xN",
    "SPOP sK",
    "SPOP sK 3",
    "PEXPIRE sK 30",
    "RENAME sK rK",
    "SORT sK BY nosort STORE oK",
    "HSET hK N N",
    "HINCRBYFLOAT nK a 1.1",
    "ZADD zK N N",
    "ZPOPMIN zK",
    "GEOADD gK 13 38 N",
    "XADD xK * a N",
    "XTRIM xK MAXLEN ~ 3",
    "XGROUP CREATE xK g 0",
    "XREADGROUP GROUP g c COUNT 2 STREAMS xK >",
    "XAUTOCLAIM xK g d 0 0",
    "XACK xK g 1-1",
    "PFADD pK N",
    "PFCOUNT pK",
    "COPY lK cK",
    "DEL hK",
    "MOVE K 1",
    "MULTI",
    "MULTI",
    "EXEC",
    "EXEC",
    "SELECT 1",
    "SELECT 0",
    "PUBLISH channel N",
];

/// Keys of each type.
const KEYS: u64 = 40;

/// A client that writes at random.
pub(crate) struct Load {
    client: Client,
    state: u64,
}

impl Load {
    pub(crate) fn new(server: &Server, seed: u64) -> Load {
        Load { client: server.client(), state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    /// Sends so many commands, one after the other.
    pub(crate) fn run(&mut self, count: usize) {
        for _ in 0..count {
            let form = WRITES[usize::try_from(self.below(WRITES.len() as u64)).expect("small")];
            let key = format!("key:{}", self.below(KEYS));
            let number = self.below(1000).to_string();
            let words: Vec<String> = form
                .split(' ')
                .enumerate()
                .map(
                    |(at, word)| {
                        if at == 0 { word.to_owned() } else { filled(word, &key, &number) }
                    },
                )
                .collect();
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            self.client.call(&words);
        }
    }

    /// Leaves no transaction open.
    pub(crate) fn finish(mut self) {
        self.client.ask("EXEC");
    }

    fn below(&mut self, bound: u64) -> u64 {
        // Xorshift: good enough to pick from a list.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % bound
    }
}

/// A word of a form with its key and number.
fn filled(word: &str, key: &str, number: &str) -> String {
    const LOWER: fn(char) -> bool = |c| c.is_ascii_lowercase();
    match word {
        "N" => number.to_owned(),
        "xN" => format!("x{number}"),
        word if word.ends_with('K') && word.trim_end_matches('K').chars().all(LOWER) => {
            format!("{}{key}", word.trim_end_matches('K'))
        }
        word => word.to_owned(),
    }
}

/// The first key that two servers do not hold alike, with what they hold; `None` if there is none.
pub(crate) fn difference(first: &Server, second: &Server) -> Option<String> {
    let mut clients = [first.client(), second.client()];
    for db in ["0", "1"] {
        let [names, others] = clients.each_mut().map(|client| {
            client.ask(&format!("SELECT {db}"));
            let Value::Array(keys) = client.call(&[b"KEYS", b"*"]) else { return BTreeSet::new() };
            keys.iter().map(show).collect::<BTreeSet<String>>()
        });
        if names != others {
            let only: Vec<&String> = names.symmetric_difference(&others).take(5).collect();
            return Some(format!("only one has {only:?}"));
        }
        for name in &names {
            let [ours, theirs] = clients.each_mut().map(|client| content(client, name));
            if ours != theirs {
                return Some(format!("{name}: {ours} and {theirs}"));
            }
        }
    }
    None
}

/// What a key holds, and when it expires. Tables have an order of each server's own, so they are asked for by
/// elements; so are streams, whose groups hold times at which they were read.
fn content(client: &mut Client, key: &str) -> String {
    let mut ask = |line: &str| client.call(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
    let expiry = show(&ask(&format!("PEXPIRETIME {key}")));
    let kind = show(&ask(&format!("TYPE {key}")));
    let held = match kind.as_str() {
        "set" => sorted(ask(&format!("SMEMBERS {key}"))),
        "hash" => sorted(ask(&format!("HGETALL {key}"))),
        "stream" => {
            let entries = ask(&format!("XRANGE {key} - +"));
            let pending = ask(&format!("XPENDING {key} g"));
            format!("{entries:?} {pending:?}")
        }
        _ => format!("{:?}", ask(&format!("DUMP {key}"))),
    };
    format!("{kind} {expiry} {held}")
}

fn sorted(reply: Value) -> String {
    let Value::Array(elements) = reply else { return format!("{reply:?}") };
    let mut texts: Vec<String> = elements.iter().map(show).collect();
    texts.sort();
    texts.join(" ")
}
