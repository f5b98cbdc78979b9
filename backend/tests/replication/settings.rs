//! Settings of either side, with the effect that they have on a real redis-server.

use crate::process::{Kind, Server, has_redis_server, wait_until};
use crate::{PAIRS, follow, wait_linked, wait_same};

const KINDS: [Kind; 2] = [Kind::Real, Kind::Ours];

fn linked(primary: &Server, kind: Kind, settings: &str) -> Server {
    let replica = Server::start(kind, settings);
    follow(&replica, primary.port);
    wait_linked(&replica);
    replica
}

#[test]
fn files_of_copies_do_not_stay_where_nothing_is_kept() {
    if !has_redis_server() {
        return;
    }
    for (primary, replica) in PAIRS {
        let settings = "--repl-diskless-sync no --rdb-del-sync-files yes";
        let primary = Server::start(primary, settings);
        assert_eq!(primary.ask("SET a 1"), "OK");
        let replica = linked(&primary, replica, settings);
        wait_same(&primary, &replica);
        for server in [&primary, &replica] {
            wait_until(
                || format!("the file of {:?} to go", server.kind),
                || !server.file().exists(),
            );
        }
    }
}

/// A copy of unknown length ends by a mark, with which nothing comes that would have a large value looked at again.
#[test]
fn a_copy_that_ends_with_a_large_value_is_seen_to_end() {
    let settings = "--repl-diskless-sync yes --rdbcompression no --repl-diskless-load swapdb";
    for bytes in [70_000, 100_000, 200_000] {
        let primary = Server::start(Kind::Ours, settings);
        assert_eq!(primary.ask(&format!("DEBUG POPULATE 10 key {bytes}")), "OK");
        let replica = linked(&primary, Kind::Ours, settings);
        wait_same(&primary, &replica);
        assert_eq!(primary.field("stats", "sync_full"), "1", "{bytes}");
    }
}

#[test]
fn keys_that_only_a_replica_has_expire_there() {
    if !has_redis_server() {
        return;
    }
    let primary = Server::start(Kind::Real, "");
    for kind in KINDS {
        let replica = linked(&primary, kind, "--replica-read-only no");
        assert_eq!(replica.ask("SET later x EX 1000"), "OK");
        assert_eq!(replica.field("stats", "slave_expires_tracked_keys"), "1");
        assert_eq!(replica.ask("SET soon x PX 1"), "OK");
        let expired = || replica.field("stats", "expired_keys") == "1";
        wait_until(|| format!("a key of {kind:?} to expire"), expired);
        assert_eq!(replica.ask("DBSIZE"), "1");
        assert_eq!(replica.field("stats", "slave_expires_tracked_keys"), "1");
    }
}

#[test]
fn a_replica_that_cannot_keep_what_it_is_told_ends_or_goes_on() {
    if !has_redis_server() {
        return;
    }
    let primary = Server::start(Kind::Real, "");
    for kind in KINDS {
        for ignores in ["no", "yes"] {
            let settings = format!("--replica-ignore-disk-write-errors {ignores}");
            let mut replica = linked(&primary, kind, &settings);
            replica.client().call(&[b"CONFIG", b"SET", b"save", b"3600 1000000"]);
            replica.lose_directory();
            replica.ask("BGSAVE");
            wait_until(
                || "a snapshot to fail".to_owned(),
                || replica.field("persistence", "rdb_last_bgsave_status") == "err",
            );
            let key = format!("{kind:?}:{ignores}");
            primary.ask(&format!("SET {key} 1"));
            if ignores == "yes" {
                wait_until(|| "the write".to_owned(), || replica.ask(&format!("GET {key}")) == "1");
            } else {
                wait_until(|| format!("{kind:?} to end"), || replica.has_ended());
            }
        }
    }
}

#[test]
fn a_replica_that_cannot_do_what_it_is_told_ends_or_goes_on() {
    if !has_redis_server() {
        return;
    }
    let primary = Server::start(Kind::Real, "");
    for kind in KINDS {
        for behavior in ["ignore", "panic", "panic-on-replicas"] {
            let mut replica =
                linked(&primary, kind, &format!("--propagation-error-behavior {behavior}"));
            let key = format!("{kind:?}:{behavior}");
            assert_eq!(replica.ask("CONFIG SET replica-read-only no"), "OK");
            assert_eq!(replica.ask(&format!("SET {key} text")), "OK");
            assert_eq!(replica.ask("CONFIG SET replica-read-only yes"), "OK");
            assert_eq!(primary.ask(&format!("RPUSH {key} a")), "1");
            if behavior == "ignore" {
                wait_until(
                    || "an error".to_owned(),
                    || replica.field("stats", "unexpected_error_replies") == "1",
                );
            } else {
                wait_until(|| format!("{kind:?} to end"), || replica.has_ended());
            }
        }
    }
}

/// What a replica keeps of a transaction that is not whole has a limit; behind it a copy is taken instead.
#[test]
fn a_transaction_beyond_the_limit_comes_as_a_copy() {
    if !has_redis_server() {
        return;
    }
    let primary = Server::start(Kind::Real, "");
    let replica = linked(&primary, Kind::Ours, "");
    let set = [&b"CONFIG"[..], b"SET", b"client-output-buffer-limit", b"replica 200kb 0 0"];
    replica.client().call(&set);
    let mut writer = primary.client();
    writer.ask("MULTI");
    for number in 0..10 {
        writer.ask(&format!("SET key:{number} {}", "x".repeat(50_000)));
    }
    writer.ask("EXEC");
    wait_until(
        || "a second copy".to_owned(),
        || primary.field("stats", "sync_full").parse::<u32>().is_ok_and(|count| count >= 2),
    );
    wait_linked(&replica);
    wait_same(&primary, &replica);
}

#[test]
fn the_primary_of_today_is_told_by_config_get() {
    if !has_redis_server() {
        return;
    }
    let [theirs, ours] = KINDS.map(|kind| {
        let server = Server::start(kind, "");
        ["CONFIG GET replicaof", "REPLICAOF 127.0.0.1 1", "CONFIG GET slaveof", "REPLICAOF NO ONE"]
            .map(|line| server.ask(line))
            .into_iter()
            .chain([server.ask("CONFIG GET replicaof")])
            .collect::<Vec<_>>()
    });
    assert_eq!(ours, theirs);
}
