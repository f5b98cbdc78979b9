//! How keys were used is told by snapshots, to nodes of either kind.

use reddoor_protocol::value::Value;

use crate::process::{Kind, Server, has_redis_server};

/// What a server answers on how a key was used, and the bounds within which it must lie.
fn check(server: &Server, question: &str, from: i64, to: i64) {
    let answer = server.ask(question);
    let number: i64 = answer.parse().unwrap_or_else(|_| panic!("{question}: {answer}"));
    assert!((from..=to).contains(&number), "{:?} {question}: {number}", server.kind);
}

/// Begins servers of both kinds with the snapshot of a first one, of either kind.
fn restarted(first: &Server, settings: &str) -> Vec<Server> {
    assert_eq!(first.ask("SAVE"), "OK");
    let kinds = [Kind::Ours, Kind::Real].into_iter();
    kinds.map(|kind| Server::start_with_file(kind, settings, &first.file())).collect()
}

#[test]
fn times_and_frequencies_of_use_outlive_a_restart() {
    if !has_redis_server() {
        return;
    }
    for kind in [Kind::Ours, Kind::Real] {
        let settings = "--maxmemory-policy allkeys-lfu --lfu-log-factor 0 --lfu-decay-time 0";
        let first = Server::start(kind, settings);
        let mut client = first.client();
        assert_eq!(client.ask("SET a x"), "OK");
        (0..50).for_each(|_| assert_eq!(client.ask("GET a"), "x"));
        for server in restarted(&first, settings) {
            check(&server, "OBJECT FREQ a", 55, 55);
        }

        let settings = "--maxmemory-policy volatile-lru";
        let first = Server::start(kind, settings);
        let mut client = first.client();
        assert_eq!(client.ask("SET a x"), "OK");
        let Value::Bulk(payload) = client.call(&[b"DUMP", b"a"]) else { panic!("no payload") };
        client.call(&[b"RESTORE", b"b", b"0", &payload, b"IDLETIME", b"1000"]);
        for server in restarted(&first, settings) {
            check(&server, "OBJECT IDLETIME b", 1000, 1100);
        }
    }
}
