//! The limit holds under load, whatever the policy.

use crate::process::{Kind, Server, wait_until};
use crate::{Numbers, POLICIES, counted_bytes, load, number, pipeline, request, used_bytes};

/// Room for data beside what an empty node uses (bytes).
const DATA_BYTES: usize = 4 * 1024 * 1024;

/// By how much memory may exceed the limit for a moment: the requests and replies of one pipeline, and one value.
const MARGIN_BYTES: usize = 256 * 1024;

/// Commands sent at once.
const PIPELINE_LEN: usize = 50;

/// Keys that are written.
const KEYS: usize = 30_000;

/// A node with a limit above what it uses when it is empty.
fn limited(policy: &str, settings: &str) -> (Server, usize) {
    let server = Server::start(Kind::Ours, settings);
    let bytes_max = used_bytes(&server) + DATA_BYTES;
    for setting in [format!("maxmemory-policy {policy}"), format!("maxmemory {bytes_max}")] {
        assert_eq!(server.ask(&format!("CONFIG SET {setting}")), "OK");
    }
    (server, bytes_max)
}

/// Writes of several types, some of them without any memory of their own. All keys expire some time.
fn writes(numbers: &mut Numbers, count: usize) -> Vec<Vec<Vec<u8>>> {
    let mut requests = Vec::new();
    for _ in 0..count / 2 {
        let key = format!("key:{}", numbers.below(KEYS)).into_bytes();
        let small = numbers.below(1000).to_string().into_bytes();
        let large = vec![b'x'; numbers.below(1500)];
        let (key, write) = match numbers.below(6) {
            0 => ([b"l".as_slice(), &key].concat(), b"RPUSH".as_slice()),
            1 => ([b"s".as_slice(), &key].concat(), b"SADD".as_slice()),
            2 => (key, b"APPEND".as_slice()),
            _ => (key, b"SET".as_slice()),
        };
        let value = if numbers.below(2) == 0 { &small } else { &large };
        requests.push(request(&[write, &key, value]));
        requests.push(request(&[b"EXPIRE", &key, b"10000"]));
    }
    requests
}

/// Loads a node, and looks at its memory after each pipeline. The errors among its replies.
fn load(server: &Server, bytes_max: usize) -> Vec<String> {
    let (mut client, mut numbers) = (server.client(), Numbers(5));
    let mut errors = Vec::new();
    for _ in 0..number("MEMORY_WRITES", 30_000) / PIPELINE_LEN {
        let replies = pipeline(&mut client, &writes(&mut numbers, PIPELINE_LEN));
        errors.extend(replies.into_iter().filter(|reply| reply.starts_with("OOM")));
        let used = counted_bytes(server);
        assert!(used <= bytes_max + MARGIN_BYTES, "{used} of {bytes_max}");
    }
    errors
}

#[test]
fn memory_stays_within_its_limit_by_every_policy() {
    for settings in ["", "--cluster-enabled yes"] {
        for policy in POLICIES {
            println!("{policy} {settings}");
            let (server, bytes_max) = limited(policy, settings);
            if !settings.is_empty() {
                assert_eq!(server.ask("CLUSTER ADDSLOTSRANGE 0 16383"), "OK");
                wait_until(
                    || "the cluster to serve".to_owned(),
                    || server.ask("CLUSTER INFO").contains("cluster_state:ok"),
                );
            }
            let errors = load(&server, bytes_max);
            assert_eq!(errors, [""; 0]);
            assert_ne!(server.field("stats", "evicted_keys"), "0");
            // It is used, too: nothing goes that need not.
            let used = used_bytes(&server);
            assert!(used > bytes_max - DATA_BYTES / 4, "{used} of {bytes_max}");
        }
    }
}

#[test]
fn without_a_policy_writes_are_refused_at_the_limit() {
    let (server, bytes_max) = limited("noeviction", "");
    let errors = load(&server, bytes_max);
    assert_eq!(errors[0], "OOM command not allowed when used memory > 'maxmemory'.");
    assert_eq!(server.field("stats", "evicted_keys"), "0");
    assert_ne!(server.field("stats", "current_eviction_exceeded_time"), "0");
    assert_eq!(server.ask("FLUSHALL"), "OK");
    assert_eq!(server.ask("SET a 1"), "OK");
    assert_eq!(server.field("stats", "current_eviction_exceeded_time"), "0");
    assert_ne!(server.field("stats", "total_eviction_exceeded_time"), "0");
}

/// Keys that do not expire stay, and when no others are left writes are refused.
#[test]
fn keys_that_do_not_expire_stay_by_the_volatile_policies() {
    for policy in POLICIES.into_iter().filter(|policy| policy.starts_with("volatile")) {
        let (server, _) = limited(policy, "");
        let value = vec![b'x'; 1000];
        let mut client = server.client();
        let mut write = |key: String, expires: bool| {
            let mut words = vec![b"SET".as_slice(), key.as_bytes(), &value];
            if expires {
                words.extend([b"EX".as_slice(), b"10000"]);
            }
            pipeline(&mut client, &[request(&words)]).remove(0)
        };
        let mut stay = 0;
        while write(format!("stays:{stay}"), false) == "OK" {
            stay += 1;
            write(format!("goes:{stay}"), true);
        }
        assert!(stay > DATA_BYTES / 1500, "{policy}: {stay}");
        assert_eq!(server.ask("DBSIZE"), stay.to_string(), "{policy}");
    }
}

/// A limit that is set below what is in use is reached without any command.
#[test]
fn a_new_limit_is_reached_by_the_node_itself() {
    let (server, bytes_max) = limited("allkeys-random", "--lazyfree-lazy-eviction yes");
    load(&server, bytes_max);
    let bytes_max = bytes_max - DATA_BYTES / 2;
    assert_eq!(server.ask(&format!("CONFIG SET maxmemory {bytes_max}")), "OK");
    wait_until(
        || format!("{} to fall to {bytes_max}", used_bytes(&server)),
        || used_bytes(&server) <= bytes_max,
    );
}

/// What goes on the primary goes on its replicas, of either kind, and in its append-only file; they give nothing up.
#[test]
fn replicas_hold_the_same_after_keys_have_gone() {
    let has_real = crate::process::has_redis_server();
    for replica in [Kind::Ours, Kind::Real] {
        if replica == Kind::Real && !has_real {
            continue;
        }
        let (mut primary, bytes_max) = limited("allkeys-lru", "--appendonly yes");
        let replica = Server::start(replica, "--maxmemory 2mb --maxmemory-policy allkeys-random");
        assert_eq!(replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port)), "OK");
        wait_until(
            || "a link".to_owned(),
            || replica.info("replication").contains("master_link_status:up"),
        );
        load(&primary, bytes_max);
        assert_ne!(primary.field("stats", "evicted_keys"), "0");
        let same = |first: &Server, second: &Server| {
            wait_until(
                || format!("the same data: {:?}", load::difference(first, second)),
                || load::difference(first, second).is_none(),
            );
        };
        same(&primary, &replica);
        assert_eq!(replica.field("stats", "evicted_keys"), "0");
        primary.end_and_restart("SHUTDOWN", "");
        same(&primary, &replica);
    }
}
