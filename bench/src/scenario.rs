//! The scenarios as rows: how many clients, how deep a pipeline, which command on which data.
//!
//! Not here: how a row is run (`load`, `round`) and on what (`target`).

use crate::resp::Reply;

/// What stands in a command for a value of [`VALUE_BYTES`] bytes.
const VALUE: &str = "{value}";
/// What redis-benchmark replaces by a random number of twelve digits, anew in every command.
const RANDOM: &str = "__rand_int__";
/// Size of the small values: a token or a counter, as a session store holds them.
pub(crate) const VALUE_BYTES: usize = 32;
/// Size of the large values: a cached page fragment, larger than a usual read buffer.
pub(crate) const BIG_VALUE_BYTES: usize = 20_000;

/// One kind of load.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// Its name on the command line and in reports.
    pub(crate) name: &'static str,
    /// One line for people.
    pub(crate) about: &'static str,
    /// Connections that send at the same time.
    pub(crate) clients: u32,
    /// What those connections do.
    pub(crate) work: Work,
    /// Which targets it is for.
    pub(crate) audience: Audience,
}

/// What the clients of a scenario do.
#[derive(Debug)]
pub(crate) enum Work {
    /// They send one command over and over.
    Send(Load),
    /// They connect, read one key each and stay: only memory is measured.
    Hold,
}

/// One command sent over and over.
#[derive(Debug)]
pub(crate) struct Load {
    /// The command; [`VALUE`] and [`RANDOM`] stand for a value and a key number.
    command: &'static [&'static str],
    /// What every reply must look like.
    expect: Expect,
    /// Keys that must exist before.
    pub(crate) dataset: Option<&'static Dataset>,
    /// A command that is sent so many times before, beginning with the one that clears the way.
    pub(crate) setup: Option<(&'static [&'static [&'static str]], u32)>,
    /// Requests in flight per client.
    pub(crate) pipeline: u32,
    /// Operations, in percent of `--ops`: dearer operations run fewer times, cheaper ones more often.
    ops_percent: u64,
}

/// Which targets a scenario is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Front doors and nodes.
    All,
    /// All but a node in cluster mode, which refuses keys of several slots.
    AcrossSlots,
    /// Nodes alone.
    Nodes,
}

/// The shape a right reply has.
#[derive(Clone, Copy, Debug)]
enum Expect {
    Any,
    Ok,
    Integer,
    Bulk(usize),
    Bulks(usize),
}

/// Keys `prefix` + twelve digits from 0 to `keys_count` - 1, each with a value of `value_bytes`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dataset {
    pub(crate) prefix: &'static str,
    pub(crate) keys_count: u32,
    pub(crate) value_bytes: usize,
}

/// 100 000 small values: more keys than a processor cache holds.
pub(crate) const SMALL: Dataset =
    Dataset { prefix: "key:", keys_count: 100_000, value_bytes: VALUE_BYTES };
/// 1000 large values, 20 MB in all.
const BIG: Dataset = Dataset { prefix: "big:", keys_count: 1_000, value_bytes: BIG_VALUE_BYTES };

const GET: &[&str] = &["GET", "key:__rand_int__"];
const SET: &[&str] = &["SET", "key:__rand_int__", VALUE];
const INCR: &[&str] = &["INCR", "count:__rand_int__"];
const SETEX: &[&str] = &["SET", "lease:__rand_int__", VALUE, "EX", "3600"];
const KEY: &str = "key:__rand_int__";
const PING: &[&str] = &["PING"];
const LPUSH: &[&str] = &["LPUSH", "list", VALUE];
const RPUSH: &[&str] = &["RPUSH", "list", VALUE];
const LPOP: &[&str] = &["LPOP", "list"];
const RPOP: &[&str] = &["RPOP", "list"];
const SADD: &[&str] = &["SADD", "set", "element:__rand_int__"];
const SPOP: &[&str] = &["SPOP", "set"];
const HSET: &[&str] = &["HSET", "hash", "element:__rand_int__", VALUE];
const ZADD: &[&str] = &["ZADD", "sorted-set", "__rand_int__", "element:__rand_int__"];
const ZPOPMIN: &[&str] = &["ZPOPMIN", "sorted-set"];
const XADD: &[&str] = &["XADD", "stream", "MAXLEN", "~", "100000", "*", "field", VALUE];
const PFADD: &[&str] = &["PFADD", "hll", "element:__rand_int__"];
const GEOADD: &[&str] = &["GEOADD", "geo", "13.361", "38.115", "element:__rand_int__"];
// The number has leading zeros, which no integer argument may have: it goes into the key.
const SETBIT: &[&str] = &["SETBIT", "bits:__rand_int__", "100", "1"];
const LRANGE_100: &[&str] = &["LRANGE", "range", "0", "99"];
const LRANGE_300: &[&str] = &["LRANGE", "range", "0", "299"];
const LRANGE_600: &[&str] = &["LRANGE", "range", "0", "599"];
const EVAL: &[&str] = &["EVAL", "return redis.call('GET', KEYS[1])", "1", KEY];
const MGET: &[&str] = &["MGET", KEY, KEY, KEY, KEY, KEY, KEY, KEY, KEY, KEY, KEY];

/// All scenarios, in the order they run.
///
/// The large values come last: buffers that grew for them would be counted as memory of the others.
pub(crate) const SCENARIOS: &[Scenario] = &[
    row(
        "get",
        "GET, 50 clients",
        50,
        send(GET, Expect::Bulk(VALUE_BYTES), Some(&SMALL), 1, 100),
        Audience::All,
    ),
    row("set", "SET, 50 clients", 50, send(SET, Expect::Ok, None, 1, 100), Audience::All),
    row(
        "get-p16",
        "GET, 50 clients, pipelines of 16",
        50,
        send(GET, Expect::Bulk(VALUE_BYTES), Some(&SMALL), 16, 500),
        Audience::All,
    ),
    row(
        "set-p16",
        "SET, 50 clients, pipelines of 16",
        50,
        send(SET, Expect::Ok, None, 16, 500),
        Audience::All,
    ),
    row(
        "get-c500",
        "GET, 500 clients",
        500,
        send(GET, Expect::Bulk(VALUE_BYTES), Some(&SMALL), 1, 100),
        Audience::All,
    ),
    row("memory", "500 clients connected, one GET each", 500, Work::Hold, Audience::All),
    row(
        "mget",
        "MGET of 10 keys over all nodes, 50 clients",
        50,
        send(MGET, Expect::Bulks(10), Some(&SMALL), 1, 50),
        Audience::AcrossSlots,
    ),
    row("incr", "INCR, 50 clients", 50, send(INCR, Expect::Integer, None, 1, 100), Audience::Nodes),
    row(
        "incr-p16",
        "INCR, 50 clients, pipelines of 16",
        50,
        send(INCR, Expect::Integer, None, 16, 500),
        Audience::Nodes,
    ),
    row(
        "setex-p16",
        "SET with EX, 50 clients, pipelines of 16",
        50,
        send(SETEX, Expect::Ok, None, 16, 500),
        Audience::Nodes,
    ),
    of_type("ping", PING, Expect::Any, None, 1, 100),
    of_type("ping-p16", PING, Expect::Any, None, 16, 500),
    of_type("lpush", LPUSH, Expect::Integer, None, 1, 100),
    of_type("lpush-p16", LPUSH, Expect::Integer, None, 16, 500),
    of_type("rpush", RPUSH, Expect::Integer, None, 1, 100),
    of_type("rpush-p16", RPUSH, Expect::Integer, None, 16, 500),
    of_type("lpop", LPOP, Expect::Any, None, 1, 100),
    of_type("lpop-p16", LPOP, Expect::Any, None, 16, 500),
    of_type("rpop", RPOP, Expect::Any, None, 1, 100),
    of_type("rpop-p16", RPOP, Expect::Any, None, 16, 500),
    of_type("sadd", SADD, Expect::Integer, None, 1, 100),
    of_type("sadd-p16", SADD, Expect::Integer, None, 16, 500),
    of_type("spop", SPOP, Expect::Any, None, 1, 100),
    of_type("spop-p16", SPOP, Expect::Any, None, 16, 500),
    of_type("hset", HSET, Expect::Integer, None, 1, 100),
    of_type("hset-p16", HSET, Expect::Integer, None, 16, 500),
    of_type("zadd", ZADD, Expect::Integer, None, 1, 100),
    of_type("zadd-p16", ZADD, Expect::Integer, None, 16, 500),
    of_type("zpopmin", ZPOPMIN, Expect::Any, None, 1, 100),
    of_type("zpopmin-p16", ZPOPMIN, Expect::Any, None, 16, 500),
    of_type("xadd", XADD, Expect::Any, None, 1, 100),
    of_type("xadd-p16", XADD, Expect::Any, None, 16, 300),
    of_type("pfadd", PFADD, Expect::Integer, None, 1, 100),
    of_type("pfadd-p16", PFADD, Expect::Integer, None, 16, 500),
    of_type("geoadd", GEOADD, Expect::Integer, None, 1, 100),
    of_type("geoadd-p16", GEOADD, Expect::Integer, None, 16, 300),
    of_type("setbit", SETBIT, Expect::Integer, None, 1, 100),
    of_type("setbit-p16", SETBIT, Expect::Integer, None, 16, 500),
    of_type("lrange-100", LRANGE_100, Expect::Bulks(100), RANGE, 1, 40),
    of_type("lrange-100-p16", LRANGE_100, Expect::Bulks(100), RANGE, 16, 40),
    of_type("lrange-300", LRANGE_300, Expect::Bulks(300), RANGE, 1, 20),
    of_type("lrange-300-p16", LRANGE_300, Expect::Bulks(300), RANGE, 16, 20),
    of_type("lrange-600", LRANGE_600, Expect::Bulks(600), RANGE, 1, 10),
    of_type("lrange-600-p16", LRANGE_600, Expect::Bulks(600), RANGE, 16, 10),
    row(
        "eval",
        "EVAL of a script that calls GET, 50 clients",
        50,
        send(EVAL, Expect::Bulk(VALUE_BYTES), Some(&SMALL), 1, 100),
        Audience::Nodes,
    ),
    row(
        "eval-p16",
        "EVAL of a script that calls GET, 50 clients, pipelines of 16",
        50,
        send(EVAL, Expect::Bulk(VALUE_BYTES), Some(&SMALL), 16, 300),
        Audience::Nodes,
    ),
    row(
        "get-20k",
        "GET of 20 000-byte values, 50 clients",
        50,
        send(&["GET", "big:__rand_int__"], Expect::Bulk(BIG_VALUE_BYTES), Some(&BIG), 1, 40),
        Audience::All,
    ),
];

const fn row(
    name: &'static str,
    about: &'static str,
    clients: u32,
    work: Work,
    audience: Audience,
) -> Scenario {
    Scenario { name, about, clients, work, audience }
}

const fn send(
    command: &'static [&'static str],
    expect: Expect,
    dataset: Option<&'static Dataset>,
    pipeline: u32,
    ops_percent: u64,
) -> Work {
    Work::Send(Load { command, expect, dataset, setup: None, pipeline, ops_percent })
}

/// A row for nodes: one command of a type.
const fn of_type(
    name: &'static str,
    command: &'static [&'static str],
    expect: Expect,
    setup: Option<(&'static [&'static [&'static str]], u32)>,
    pipeline: u32,
    ops_percent: u64,
) -> Scenario {
    let load = Load { command, expect, dataset: None, setup, pipeline, ops_percent };
    let about = if pipeline == 1 {
        "one command of a type, 50 clients"
    } else {
        "one command of a type, 50 clients, pipelines of 16"
    };
    row(name, about, 50, Work::Send(load), Audience::Nodes)
}

/// Six hundred elements, as `LRANGE` of redis-benchmark reads them.
const RANGE: Option<(&[&[&str]], u32)> = Some((&[&["RPUSH", "range", VALUE]], 600));

impl Load {
    /// The command as redis-benchmark takes it, random numbers left for it to fill in.
    pub(crate) fn template(&self) -> Vec<String> {
        self.filled_in(self.command)
    }

    /// A command with values in it, random numbers left as they are.
    pub(crate) fn filled_in(&self, command: &[&str]) -> Vec<String> {
        let value = "v".repeat(VALUE_BYTES);
        command.iter().map(|word| word.replace(VALUE, &value)).collect()
    }

    /// The command once, on key number 0.
    pub(crate) fn example(&self) -> Vec<String> {
        self.template().iter().map(|word| word.replace(RANDOM, "000000000000")).collect()
    }

    /// How far the random key numbers reach (exclusive).
    pub(crate) fn keys_count(&self) -> u32 {
        self.dataset.unwrap_or(&SMALL).keys_count
    }

    /// Operations of one run for the given `--ops`, a whole number of pipelines for every client.
    ///
    /// redis-benchmark sends whole pipelines only, so any other number would not be what it did.
    pub(crate) fn ops(&self, base: u64, clients: u32) -> u64 {
        let step = u64::from(self.pipeline) * u64::from(clients);
        (base * self.ops_percent / 100).div_ceil(step) * step
    }

    /// Whether a reply to [`example`](Self::example) is what a correct server answers.
    pub(crate) fn accepts(&self, reply: &Reply) -> bool {
        match (self.expect, reply) {
            (Expect::Any, Reply::Error(_)) => false,
            (Expect::Any, _) => true,
            (Expect::Ok, Reply::Simple(text)) => text == "OK",
            (Expect::Integer, Reply::Integer(_)) => true,
            (Expect::Bulk(bytes), Reply::Bulk(value)) => value.len() == bytes,
            (Expect::Bulks(count), Reply::Array(items)) => {
                items.len() == count && items.iter().all(|item| matches!(item, Reply::Bulk(_)))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (index, scenario) in SCENARIOS.iter().enumerate() {
            assert!(SCENARIOS[..index].iter().all(|other| other.name != scenario.name));
        }
    }

    #[test]
    fn operations_are_whole_pipelines_of_every_client() {
        for scenario in SCENARIOS {
            let Work::Send(load) = &scenario.work else { continue };
            let ops = load.ops(12_345, scenario.clients);
            assert_eq!(ops % (u64::from(load.pipeline) * u64::from(scenario.clients)), 0);
            assert!(ops >= 12_345 * load.ops_percent / 100);
        }
    }

    #[test]
    fn an_example_has_no_placeholder_left() {
        for scenario in SCENARIOS {
            let Work::Send(load) = &scenario.work else { continue };
            assert!(load.example().iter().all(|word| !word.contains('{') && !word.contains("__")));
        }
    }

    #[test]
    fn a_missing_key_or_an_error_is_not_accepted_as_a_value() {
        let Work::Send(get) = &SCENARIOS[0].work else { panic!("the first row sends GET") };
        assert!(get.accepts(&Reply::Bulk(vec![b'v'; VALUE_BYTES])));
        assert!(!get.accepts(&Reply::Null));
        assert!(!get.accepts(&Reply::Error("ERR no such command".into())));
        assert!(!get.accepts(&Reply::Bulk(vec![b'v'; 3])));
    }
}
