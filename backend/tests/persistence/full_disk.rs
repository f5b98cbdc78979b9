//! A disk that takes no more: writes are refused, reads go on, and what was kept stays as it was.

use crate::server::{Kind, Server};

/// Files may have so many kilobytes.
const KILOBYTES: u64 = 64;

#[test]
fn a_snapshot_that_does_not_fit_leaves_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let save = "--save 3600 1000000";
    let mut server = Server::start_with_full_disk(Kind::Ours, dir.path(), save, KILOBYTES);
    server.ask("SET a 1");
    assert_eq!(server.ask("SAVE"), "OK");
    let saved = std::fs::read(dir.path().join("dump.rdb")).unwrap();
    server.ask("DEBUG POPULATE 20000");
    assert_eq!(server.ask("BGSAVE"), "Background saving started");
    server.wait_info("rdb_last_bgsave_status", "err");
    assert!(server.ask("SET a 2").starts_with("-MISCONF"));
    assert_eq!(server.ask("GET a"), "1");
    assert_eq!(server.ask("SAVE"), "-ERR");
    assert_eq!(server.ask("SHUTDOWN SAVE"), "-ERR Errors trying to SHUTDOWN. Check logs.");
    assert_eq!(crate::snapshots::temporaries(&server), Vec::<String>::new());
    assert_eq!(std::fs::read(dir.path().join("dump.rdb")).unwrap(), saved);
    // Whoever does not want that is not held up.
    assert_eq!(server.ask("CONFIG SET stop-writes-on-bgsave-error no"), "OK");
    assert_eq!(server.ask("SET a 2"), "OK");
    assert_eq!(server.ask("FLUSHALL"), "OK");
    assert_eq!(server.ask("BGSAVE"), "Background saving started");
    server.wait_info("rdb_last_bgsave_status", "ok");
    server.kill();
}

#[test]
fn effects_that_do_not_fit_refuse_writes_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    // With a sync every second an effect is not even written while one takes long, and accepted all the same.
    let directives = "--appendonly yes --appendfsync no";
    let mut server = Server::start_with_full_disk(Kind::Ours, dir.path(), directives, KILOBYTES);
    let mut client = server.client();
    let mut accepted = 0;
    let refusal = loop {
        let reply = client.ask(&format!("RPUSH list {}", "x".repeat(500)));
        if !reply.starts_with(':') {
            break reply;
        }
        accepted += 1;
        assert!(accepted < 1000, "no limit was met");
    };
    assert_eq!(refusal, "-MISCONF Errors writing to the AOF file: File too large");
    assert_eq!(server.info("aof_last_write_status"), "err");
    assert_eq!(client.ask("LLEN list"), format!(":{accepted}"));
    server.kill();
    let server = Server::start(Kind::Ours, dir.path(), "--appendonly yes --aof-load-truncated no");
    let kept: u64 = server.ask("LLEN list")[1..].parse().unwrap();
    // The last one was accepted before it was known that it does not fit.
    assert!(kept == accepted || kept + 1 == accepted, "{kept} of {accepted}");
}

#[test]
fn with_always_a_node_ends_rather_than_acknowledge_what_does_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    let directives = "--appendonly yes --appendfsync always";
    let server = Server::start_with_full_disk(Kind::Ours, dir.path(), directives, KILOBYTES);
    let mut client = server.client();
    let mut accepted: u64 = 0;
    while client.ask(&format!("RPUSH list {}", "x".repeat(500))).starts_with(':') {
        accepted += 1;
        assert!(accepted < 1000, "no limit was met");
    }
    assert!(server.log().contains("Can't recover from AOF write error"), "{}", server.log());
    drop(server);
    let server = Server::start(Kind::Ours, dir.path(), directives);
    assert_eq!(server.ask("LLEN list"), format!(":{accepted}"));
}
