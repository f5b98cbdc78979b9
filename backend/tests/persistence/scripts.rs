//! Libraries of functions, and what scripts have changed, in files of either kind.

use crate::server::{Kind, Server, has_redis_server};
use crate::tcp_client::text_of;

const COUNTER: &str = "#!lua name=counter\nredis.register_function('add', function(keys, args) \
    return redis.call('INCRBY', keys[1], args[1]) end)";
const READER: &str = "#!lua name=reader\nlocal calls = 0\n\
    redis.register_function{function_name='read', flags={'no-writes', 'allow-stale'}, description='reads a key', \
    callback=function(keys) calls = calls + 1 return {redis.call('GET', keys[1]), calls} end}";
const GONE: &str = "#!lua name=gone\nredis.register_function('gone', function() return 1 end)";

fn call(server: &Server, words: &[&str]) -> String {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    text_of(&server.client().call(&words).unwrap())
}

fn load(server: &Server, code: &str) {
    let name = call(server, &["FUNCTION", "LOAD", "REPLACE", code]);
    assert!(code.contains(&format!("name={name}\n")), "{name}");
}

/// Leaves two libraries, a key that a function has written, and one that a script has.
fn fill(server: &Server, in_the_middle: impl Fn()) {
    load(server, COUNTER);
    load(server, GONE);
    assert_eq!(server.ask("FCALL add 1 sum 5"), ":5");
    in_the_middle();
    load(server, READER);
    assert_eq!(server.ask("FUNCTION DELETE gone"), "OK");
    assert_eq!(server.ask("FCALL add 1 sum 2"), ":7");
    let script = "for i = 1, 3 do redis.call('RPUSH', KEYS[1], i) end redis.call('SPOP', KEYS[2])";
    assert_eq!(server.ask("SADD set a b c"), ":3");
    assert_eq!(call(server, &["EVAL", script, "2", "list", "set"]), "null");
}

/// What [`fill`] has left.
fn left(server: &Server) -> Vec<String> {
    let questions = [
        "FUNCTION LIST LIBRARYNAME counter WITHCODE",
        "FUNCTION LIST LIBRARYNAME reader WITHCODE",
        "FUNCTION LIST LIBRARYNAME gone",
        "FCALL_RO read 1 sum",
        "LRANGE list 0 -1",
        "SORT set ALPHA",
    ];
    questions.map(|question| server.ask(question)).into()
}

fn carry(from: Kind, to: Kind, directives: &str, keep: impl Fn(&Server), end: impl Fn(Server)) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(from, dir.path(), directives);
    fill(&server, || keep(&server));
    let before = left(&server);
    assert!(before[3].starts_with("[7, "), "{before:?}");
    end(server);
    let server = Server::start(to, dir.path(), directives);
    assert_eq!(left(&server), before, "{from:?} to {to:?}, {directives}");
    assert_eq!(server.ask("FCALL add 1 sum 1"), ":8");
}

const PAIRS: [(Kind, Kind); 3] =
    [(Kind::Ours, Kind::Real), (Kind::Real, Kind::Ours), (Kind::Ours, Kind::Ours)];

#[test]
fn snapshots_carry_libraries() {
    if !has_redis_server() {
        return;
    }
    for (from, to) in PAIRS {
        let end = |server: Server| {
            assert_eq!(server.ask("SAVE"), "OK");
            server.shut_down("SHUTDOWN NOSAVE");
        };
        carry(from, to, "", |_| (), end);
    }
}

#[test]
fn append_only_files_carry_libraries_rewritten_or_not() {
    if !has_redis_server() {
        return;
    }
    let rewrite = |server: &Server| {
        assert_eq!(server.ask("BGREWRITEAOF"), "Background append only file rewriting started");
        server.wait_info("aof_rewrite_in_progress", "0");
        assert_eq!(server.info("aof_last_bgrewrite_status"), "ok");
    };
    for (from, to) in PAIRS {
        for preamble in ["yes", "no"] {
            let directives =
                format!("--appendonly yes --appendfsync no --aof-use-rdb-preamble {preamble}");
            carry(from, to, &directives, |_| (), |mut server| server.kill());
            carry(from, to, &directives, rewrite, |mut server| server.kill());
        }
    }
}

#[test]
fn a_reload_keeps_libraries_and_flushing_the_data_does_not_take_them() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Kind::Ours, dir.path(), "");
    fill(&server, || ());
    assert_eq!(server.ask("DEBUG RELOAD"), "OK");
    assert_eq!(server.ask("FCALL add 1 sum 1"), ":8");
    assert_eq!(server.ask("FLUSHALL"), "OK");
    assert_eq!(server.ask("FCALL add 1 sum 1"), ":1");
}
