//! Append-only files of either kind, read by both.

use std::path::PathBuf;

use crate::data::{assert_same, content, fill};
use crate::server::{Kind, Server, check, has_redis_server, wait_for};

const APPENDS: &str = "--appendonly yes --appendfsync no";

pub(crate) fn manifest(server: &Server) -> PathBuf {
    server.dir.join("appendonlydir/appendonly.aof.manifest")
}

fn manifest_text(server: &Server) -> String {
    std::fs::read_to_string(manifest(server)).unwrap()
}

/// Appends with one server, with a rewrite in the middle, crashes, reads with the other, and compares.
fn carry(from: Kind, to: Kind, more: &str) {
    let dir = tempfile::tempdir().unwrap();
    let directives = format!("{APPENDS} {more}");
    let mut server = Server::start(from, dir.path(), &directives);
    fill(&server, 1);
    assert_eq!(server.ask("BGREWRITEAOF"), "Background append only file rewriting started");
    for line in CHANGES.lines() {
        let reply = server.ask(line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
    server.wait_info("aof_rewrite_in_progress", "0");
    assert_eq!(server.info("aof_last_bgrewrite_status"), "ok");
    let before = content(&server);
    server.kill();
    let (is_sound, told) = check("redis-check-aof", &manifest(&server));
    assert!(is_sound, "{told}");
    let server = Server::start(to, dir.path(), &directives);
    assert_same(&content(&server), &before);
}

/// Commands whose effect is another command.
const CHANGES: &str = "\
SPOP big_set 3\nINCRBYFLOAT int 0.5\nEXPIRE key:1 100000\nGETEX key:2 EX 100000\nSET key:3 x EX 100000\n\
GETDEL key:4\nHINCRBYFLOAT hash g 1.25\nLMPOP 1 list LEFT COUNT 2\nZPOPMIN zset\nXADD stream * late x\n\
XTRIM big_stream MAXLEN ~ 100\nXADD big_stream MAXLEN ~ 20 LIMIT 30 * later x\nXAUTOCLAIM stream group carol 0 0\nCOPY words copied\nRENAME ints renamed\n\
SET short x PX 1\nSORT big_ints LIMIT 0 5 STORE sorted";

/// What a file was read into is not appended to it.
#[test]
fn a_file_is_read_again_while_the_server_serves() {
    let dir = tempfile::tempdir().unwrap();
    let server =
        Server::start(Kind::Ours, dir.path(), &format!("{APPENDS} --enable-debug-command yes"));
    assert_eq!(server.ask("SET a b"), "OK");
    for _ in 0..3 {
        assert_eq!(server.ask("DEBUG LOADAOF"), "OK");
        assert_eq!(server.ask("GET a"), "b");
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Kind::Ours, dir.path(), "--enable-debug-command yes");
    assert_eq!(server.ask("SET a b"), "OK");
    assert!(server.ask("DEBUG LOADAOF").starts_with("-ERR Error trying to load the AOF files"));
    assert_eq!(server.ask("GET a"), "b");
}

/// That several keys have expired on which one walk has come is no transaction.
#[test]
fn keys_that_a_walk_finds_expired_go_each_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let directives = "--appendonly yes --appendfsync always --enable-debug-command yes";
    let server = Server::start(Kind::Ours, dir.path(), directives);
    assert_eq!(server.ask("DEBUG SET-ACTIVE-EXPIRE 0"), "OK");
    for line in ["SET a x PX 1", "SET b x PX 1", "DEBUG SLEEP 0.01", "SCAN 0"] {
        server.ask(line);
    }
    assert_eq!(server.ask("DBSIZE"), ":0");
    let part = dir.path().join("appendonlydir/appendonly.aof.1.incr.aof");
    let text = std::fs::read_to_string(part).unwrap();
    assert_eq!(text.matches("DEL\r\n").count(), 2, "{text}");
    assert!(!text.contains("MULTI"), "{text}");
}

/// The file begins when the transaction that switches it on is over, with all that it did.
#[test]
fn a_transaction_switches_appending_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(Kind::Ours, dir.path(), "");
    let mut client = server.client();
    for line in ["MULTI", "SET a b", "CONFIG SET appendonly yes", "SET c d", "EXEC"] {
        client.ask(line);
    }
    assert!(server.log().contains("AOF was enabled during a transaction."), "{}", server.log());
    server.wait_info("aof_rewrite_scheduled", "0");
    server.wait_info("aof_rewrite_in_progress", "0");
    assert_eq!(server.ask("SET e f"), "OK");
    server.kill();
    let server = Server::start(Kind::Ours, dir.path(), APPENDS);
    assert_eq!(server.ask("EXISTS a c e"), ":3");
}

#[test]
fn a_real_server_reads_our_append_only_file() {
    if has_redis_server() {
        carry(Kind::Ours, Kind::Real, "");
        carry(Kind::Ours, Kind::Real, "--aof-use-rdb-preamble no --aof-timestamp-enabled yes");
    }
}

#[test]
fn we_read_the_append_only_file_of_a_real_server() {
    if has_redis_server() {
        carry(Kind::Real, Kind::Ours, "");
        carry(Kind::Real, Kind::Ours, "--aof-use-rdb-preamble no --aof-timestamp-enabled yes");
    }
}

/// The manifest is a Redis's own, byte for byte, at the start and after rewrites.
#[test]
fn manifests_are_those_of_a_redis() {
    if !has_redis_server() {
        return;
    }
    let texts = [Kind::Ours, Kind::Real].map(|kind| {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::start(kind, dir.path(), APPENDS);
        let mut texts = vec![manifest_text(&server)];
        for preamble in ["no", "yes"] {
            server.ask(&format!("CONFIG SET aof-use-rdb-preamble {preamble}"));
            server.ask("SET a b");
            let started = "Background append only file rewriting started";
            assert_eq!(server.ask("BGREWRITEAOF"), started);
            server.wait_info("aof_rewrite_in_progress", "0");
            wait_for("old parts to go", || {
                (!manifest_text(&server).contains("type h")).then_some(())
            });
            texts.push(manifest_text(&server));
        }
        server.kill();
        let server = Server::start(kind, dir.path(), APPENDS);
        texts.push(manifest_text(&server));
        assert_eq!(server.ask("GET a"), "b");
        texts
    });
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn the_bytes_of_an_increment_are_those_of_a_redis() {
    if !has_redis_server() {
        return;
    }
    let lines = "SET a 1\nINCR a\nSELECT 3\nSET b 2\nMULTI\nSET c 3\nDEL a\nEXEC\nGET b\nDEL nothing\nFLUSHALL\n\
        RPUSH l 1 2\nINCRBYFLOAT f 1.5\nSADD s x\nSPOP s\nSELECT 0\nFLUSHDB\nSWAPDB 0 1\nSET d 4";
    let bytes = [Kind::Ours, Kind::Real].map(|kind| {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(kind, dir.path(), APPENDS);
        let mut client = server.client();
        for line in lines.lines() {
            let reply = client.ask(line);
            assert!(!reply.starts_with('-'), "{line}: {reply}");
        }
        server.shut_down("SHUTDOWN NOSAVE");
        std::fs::read(dir.path().join("appendonlydir/appendonly.aof.1.incr.aof")).unwrap()
    });
    assert_eq!(bytes[0].escape_ascii().to_string(), bytes[1].escape_ascii().to_string());
}

#[test]
fn it_can_be_switched_on_and_off_while_the_node_serves() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(Kind::Ours, dir.path(), "");
    fill(&server, 2);
    assert_eq!(server.ask("CONFIG SET appendonly yes"), "OK");
    server.ask("SET during x");
    server.wait_info("aof_rewrite_in_progress", "0");
    assert_eq!(server.info("aof_enabled"), "1");
    server.ask("SET after x");
    let before = content(&server);
    server.kill();
    let mut server = Server::start(Kind::Ours, dir.path(), APPENDS);
    assert_same(&content(&server), &before);
    assert_eq!(server.ask("CONFIG SET appendonly no"), "OK");
    server.ask("SET unseen x");
    assert_eq!(server.info("aof_enabled"), "0");
    assert_eq!(server.ask("CONFIG SET appendonly yes"), "OK");
    server.wait_info("aof_rewrite_in_progress", "0");
    server.ask("SET seen x");
    server.kill();
    let server = Server::start(Kind::Ours, dir.path(), APPENDS);
    assert_eq!(server.ask("MGET unseen seen during"), "[x, x, x]");
    // Reading changes what is there, but is no change to be written down itself.
    for _ in 0..3 {
        server.ask("SET gone x PX 1");
        assert_eq!(server.ask("DEBUG LOADAOF"), "OK");
        assert_eq!(server.ask("MGET unseen seen during"), "[x, x, x]");
    }
}

#[test]
fn it_is_rewritten_when_it_has_grown() {
    let dir = tempfile::tempdir().unwrap();
    let more = "--auto-aof-rewrite-percentage 100 --auto-aof-rewrite-min-size 64kb";
    let server = Server::start(Kind::Ours, dir.path(), &format!("{APPENDS} {more}"));
    let mut client = server.client();
    for number in 0..2000 {
        client.ask(&format!("SET key {}", number.to_string().repeat(20)));
    }
    // Perhaps more than one: it may have grown as much again behind the first.
    wait_for("a rewrite that left it small", || {
        let size: u64 = server.info("aof_current_size").parse().unwrap();
        (server.info("aof_rewrites") != "0" && size < 64 * 1024).then_some(())
    });
    server.wait_info("aof_rewrite_in_progress", "0");
    assert_eq!(server.info("aof_last_bgrewrite_status"), "ok");
}

/// A rewrite whose child is killed leaves a file that is as good as before.
#[test]
fn a_rewrite_that_fails_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(Kind::Ours, dir.path(), APPENDS);
    fill(&server, 3);
    for _ in 0..2 {
        let mut client = server.client();
        for number in 0..3000 {
            client.send(&format!("SET many:{number} {}", "x".repeat(1000)));
        }
        for _ in 0..3000 {
            assert_eq!(client.read(), "OK");
        }
        crate::snapshots::have_children_killed(&server);
        server.ask("BGREWRITEAOF");
        server.wait_info("aof_rewrite_in_progress", "0");
        assert_eq!(server.info("aof_last_bgrewrite_status"), "err");
        server.limit_files(None);
        server.ask("RPUSH after x");
    }
    assert_eq!(manifest_text(&server).matches("type i").count(), 3);
    let before = content(&server);
    server.kill();
    let server = Server::start(Kind::Ours, dir.path(), APPENDS);
    assert_same(&content(&server), &before);
    server.ask("BGREWRITEAOF");
    server.wait_info("aof_last_bgrewrite_status", "ok");
    wait_for("old parts to go", || {
        (manifest_text(&server).matches("type i").count() == 1).then_some(())
    });
}

/// One file, as Redis had it before 7, with the snapshot in front of it or without.
#[test]
fn the_single_file_of_an_older_redis_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let commands = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    let snapshot = b"REDIS0009\xfe\x00\x00\x01b\x01v\xff\0\0\0\0\0\0\0\0";
    std::fs::write(dir.path().join("appendonly.aof"), [&snapshot[..], commands].concat()).unwrap();
    let mut server = Server::start(Kind::Ours, dir.path(), APPENDS);
    assert_eq!(server.ask("MGET a b"), "[1, v]");
    server.ask("SET c 3");
    server.kill();
    assert!(!dir.path().join("appendonly.aof").exists());
    let server = Server::start(Kind::Ours, dir.path(), APPENDS);
    assert_eq!(server.ask("MGET a b c"), "[1, v, 3]");
}

/// Where all increments are history, a new one had the name of a file that was about to be removed. It is so in a Redis,
/// too, which does not start any more then.
#[test]
fn an_increment_is_not_removed_as_the_history_of_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut server =
        Server::start(Kind::Ours, dir.path(), &format!("{APPENDS} --aof-disable-auto-gc yes"));
    assert_eq!(server.ask("INCR counter"), ":1");
    assert_eq!(server.ask("CONFIG SET appendonly no"), "OK");
    server.ask("BGREWRITEAOF");
    wait_for("all increments to be history", || {
        (!manifest_text(&server).contains("type i")).then_some(())
    });
    server.kill();
    for count in 2..4 {
        let mut server = Server::start(Kind::Ours, dir.path(), APPENDS);
        assert_eq!(server.ask("INCR counter"), format!(":{count}"));
        server.kill();
    }
}
