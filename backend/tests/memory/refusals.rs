//! What is said at the limit, and of how keys are used: the words of a redis-server.

use reddoor_protocol::value::Value;

use crate::pipeline;
use crate::process::{Kind, Server, has_redis_server, show};

/// Lines of words; `'…'` holds a word with spaces, in which `;` ends a line.
const SCRIPTS: &[&[&str]] = &[
    &[
        "SET a 1",
        "CONFIG SET maxmemory 1",
        "SET a 2",
        "GET a",
        "APPEND a 1",
        "LPUSH l 1",
        "EXPIRE a 100",
        "PUBLISH c m",
        "OBJECT FREQ a",
        "RENAME a b",
        "DEL b",
        "CONFIG SET maxmemory 0",
        "SET a 2",
    ],
    // Everything is refused while it would be queued, but not the end.
    &[
        "CONFIG SET maxmemory 1",
        "MULTI",
        "GET a",
        "EXEC",
        "MULTI",
        "DISCARD",
        "MULTI",
        "EXEC",
        "PING",
    ],
    &["MULTI", "CONFIG SET maxmemory 1", "SET a 1", "EXEC", "SET a 1"],
    // A transaction that would write is refused as a whole.
    &[
        "MULTI",
        "SET a 1",
        "OTHER CONFIG SET maxmemory 1",
        "EXEC",
        "MULTI",
        "OTHER CONFIG SET maxmemory 0",
        "GET a",
        "OTHER CONFIG SET maxmemory 1",
        "EXEC",
        "EXEC",
    ],
    &[
        "SET x 0",
        "CONFIG SET maxmemory 1",
        "EVAL 'return redis.call(\"set\",\"x\",\"1\")' 0",
        "EVAL 'return redis.pcall(\"set\",\"x\",\"1\")' 0",
        "EVAL 'return redis.call(\"get\",\"x\")' 0",
        "EVAL 'redis.call(\"del\",\"x\"); return redis.call(\"set\",\"x\",\"1\")' 0",
        "EVAL '#!lua;return redis.call(\"set\",\"x\",\"1\")' 0",
        "EVAL '#!lua;return 1' 0",
        "EVAL '#!lua flags=allow-oom;return redis.call(\"set\",\"x\",\"2\")' 0",
        "EVAL '#!lua flags=no-writes;return redis.call(\"get\",\"x\")' 0",
        "EVAL_RO '#!lua flags=no-writes;return redis.call(\"get\",\"x\")' 0",
        "FUNCTION LOAD '#!lua name=lib;redis.register_function(\"f\", function() return 1 end)'",
        "FCALL f 0",
        "CONFIG SET maxmemory 0",
        "FUNCTION LOAD '#!lua name=lib;redis.register_function(\"f\", function() return 1 end)'",
        "MULTI",
        "EVAL '#!lua;return 1' 0",
        "FCALL f 0",
        "OTHER CONFIG SET maxmemory 1",
        "EXEC",
        "FCALL f 0",
        "OTHER CONFIG SET maxmemory 0",
        "FUNCTION FLUSH",
    ],
    &[
        // Or what is counted would fall as a minute ends, and rise now and then only.
        "CONFIG SET maxmemory-policy allkeys-lfu lfu-decay-time 0 lfu-log-factor 0",
        "SET a x",
        "OBJECT FREQ a",
        "GET a",
        "OBJECT FREQ a",
        "SET a y",
        "OBJECT FREQ a",
        "OBJECT IDLETIME a",
        "OBJECT FREQ nokey",
        "GET a",
        "GET a",
        "OBJECT FREQ a",
        "CONFIG SET maxmemory-policy noeviction",
        "OBJECT FREQ a",
        "OBJECT IDLETIME nokey",
        "CONFIG SET lfu-log-factor 10 lfu-decay-time 1",
    ],
    &[
        "CONFIG SET client-query-buffer-limit 1000",
        "CONFIG SET maxmemory-clients 101%",
        "CONFIG SET maxmemory-clients -1",
        "CONFIG SET maxmemory-clients 5%",
        "CONFIG GET maxmemory-clients",
        "CONFIG SET maxmemory-clients 0",
        "CONFIG SET maxmemory -1",
        "CONFIG SET maxmemory 1x",
        "CONFIG SET maxmemory 1gb",
        "CONFIG GET maxmemory",
        "CONFIG SET maxmemory 0",
        "CONFIG SET maxmemory-policy LRU",
        "CONFIG SET maxmemory-policy Volatile-TTL",
        "CONFIG GET maxmemory-policy",
        "CONFIG SET maxmemory-policy noeviction",
        "CONFIG SET maxmemory-samples 0",
        "CONFIG SET maxmemory-eviction-tenacity 101",
        "CONFIG SET lfu-log-factor -1",
        "CONFIG SET lfu-decay-time -1",
        "CONFIG SET proto-max-bulk-len 1000",
        "CONFIG SET client-output-buffer-limit 'pubsub 1 2'",
        "CONFIG SET client-output-buffer-limit 'pubsub 1mb 2mb 60'",
        "CONFIG GET client-output-buffer-limit",
    ],
];

/// The words of a line.
fn words(line: &str) -> Vec<Vec<u8>> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(index, part)| match index % 2 {
        0 => part.split_ascii_whitespace().map(|word| word.as_bytes().to_vec()).collect(),
        _ => vec![part.replace(';', "\n").into_bytes()],
    });
    words.collect()
}

#[test]
fn what_is_said_at_the_limit_is_what_a_redis_says() {
    if !has_redis_server() {
        return;
    }
    let servers = [Kind::Real, Kind::Ours].map(|kind| Server::start(kind, ""));
    for script in SCRIPTS {
        let mut clients = [0, 1].map(|index| (servers[index].client(), servers[index].client()));
        for line in *script {
            let (is_other, line) =
                line.strip_prefix("OTHER ").map_or((false, *line), |l| (true, l));
            let [theirs, ours] = clients.each_mut().map(|(client, other)| {
                let client = if is_other { other } else { client };
                pipeline(client, &[words(line)]).remove(0)
            });
            assert_eq!(ours, theirs, "{line} in {script:#?}");
        }
        for server in &servers {
            assert_eq!(server.ask("CONFIG SET maxmemory 0"), "OK");
            assert_eq!(server.ask("FLUSHALL"), "OK");
        }
    }
}

#[test]
fn who_listens_hears_of_keys_that_went() {
    let server = Server::start(Kind::Ours, "--maxmemory-policy allkeys-lru");
    let (mut listener, mut client) = (server.client(), server.client());
    assert_eq!(client.ask("CONFIG SET notify-keyspace-events Ee"), "OK");
    assert_eq!(client.ask("SET a 1"), "OK");
    listener.ask("SUBSCRIBE __keyevent@0__:evicted");
    let mut watcher = server.client();
    assert_eq!(watcher.ask("WATCH a"), "OK");
    assert_eq!(client.ask("CONFIG SET maxmemory 1"), "OK");
    let Value::Array(words) = listener.reply() else { panic!("no message") };
    let words: Vec<String> = words.iter().map(show).collect();
    assert_eq!(words, ["message", "__keyevent@0__:evicted", "a"]);
    assert_eq!(client.ask("DBSIZE"), "0");
    assert_eq!(client.ask("CONFIG SET maxmemory 0"), "OK");
    assert_eq!(watcher.ask("MULTI"), "OK");
    assert_eq!(watcher.ask("EXEC"), "(nil)");
    assert_eq!(server.field("stats", "evicted_keys"), "1");
}
