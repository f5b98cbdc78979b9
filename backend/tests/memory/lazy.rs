//! Large values are freed beside the node where a Redis frees them so, and everything is counted alike.

use crate::process::{Kind, Server, has_redis_server, wait_until};

/// What is done, with how many values are freed by the thread by then.
const STEPS: &[(&str, usize)] = &[
    ("UNLINK small", 0),
    ("UNLINK large:1", 1),
    ("DEL large:2", 1),
    ("CONFIG SET lazyfree-lazy-user-del yes", 1),
    ("DEL large:3 small", 2),
    ("RENAME small large:4", 2),
    ("CONFIG SET lazyfree-lazy-server-del yes", 2),
    ("RENAME other large:5", 3),
    ("SET large:6 1", 4),
    ("COPY other large:7 REPLACE", 5),
    ("PEXPIRE large:8 1", 5),
    ("CONFIG SET lazyfree-lazy-expire yes", 5),
    ("CONFIG RESETSTAT", 0),
    ("FLUSHALL SYNC", 0),
    ("SET a 1", 0),
    ("SET b 1", 0),
    ("FLUSHDB ASYNC", 2),
    ("SET a 1", 2),
    ("CONFIG SET lazyfree-lazy-user-flush yes", 2),
    ("FLUSHALL", 3),
];

#[test]
fn values_are_freed_beside_the_node_where_a_redis_does_so() {
    for kind in [Kind::Real, Kind::Ours] {
        if kind == Kind::Real && !has_redis_server() {
            continue;
        }
        let server = Server::start(kind, "");
        let mut client = server.client();
        client.ask("MSET small 1 other 1");
        for number in 1..9 {
            let members = (0..200).map(|member| format!("m{member}")).collect::<Vec<_>>().join(" ");
            assert_eq!(client.ask(&format!("SADD large:{number} {members}")), "200");
        }
        for (step, freed) in STEPS {
            client.ask(step);
            if step.starts_with("RENAME") {
                // What was renamed is there again for the next step.
                client.ask("MSET small 1 other 1");
            }
            if step.starts_with("PEXPIRE") {
                wait_until(|| "a key to expire".to_owned(), || client.ask("EXISTS large:8") == "0");
            }
            let count = || server.field("memory", "lazyfreed_objects");
            wait_until(
                || format!("{kind:?} to have freed {freed} after {step}, not {}", count()),
                || count() == freed.to_string(),
            );
            assert_eq!(server.field("memory", "lazyfree_pending_objects"), "0");
        }
    }
}

/// A flush hands everything over at once, and the memory comes back.
#[test]
fn memory_comes_back_from_what_is_freed_beside_the_node() {
    let server = Server::start(Kind::Ours, "");
    let before = crate::used_bytes(&server);
    assert_eq!(server.ask("DEBUG POPULATE 50000"), "OK");
    assert!(crate::used_bytes(&server) > before + 3_000_000);
    assert_eq!(server.ask("FLUSHALL ASYNC"), "OK");
    wait_until(
        || "memory to come back".to_owned(),
        || crate::used_bytes(&server) < before + 1_000_000,
    );
    // What was freed is counted when the last of it is gone.
    wait_until(
        || "what was freed to be counted".to_owned(),
        || server.field("memory", "lazyfreed_objects") == "50000",
    );
}
