//! Snapshots of either kind, read by both.

use std::time::Instant;

use crate::data::{assert_same, content, fill};
use crate::server::{Kind, Server, check, has_redis_server, wait_for};

/// Saves with one server, reads with the other, and compares all that they hold.
fn carry(from: Kind, to: Kind, directives: &str) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(from, dir.path(), directives);
    fill(&server, 1);
    let before = content(&server);
    assert_eq!(server.ask("SAVE"), "OK");
    server.shut_down("SHUTDOWN NOSAVE");
    let (is_sound, told) = check("redis-check-rdb", &dir.path().join("dump.rdb"));
    assert!(is_sound, "{told}");
    let server = Server::start(to, dir.path(), directives);
    assert_same(&content(&server), &before);
    assert_eq!(server.info("rdb_last_load_keys_loaded"), before.len().to_string());
}

#[test]
fn a_real_server_reads_our_snapshot() {
    if has_redis_server() {
        carry(Kind::Ours, Kind::Real, "");
        carry(Kind::Ours, Kind::Real, "--rdbcompression no --rdbchecksum no");
    }
}

#[test]
fn we_read_the_snapshot_of_a_real_server() {
    if has_redis_server() {
        carry(Kind::Real, Kind::Ours, "");
        carry(Kind::Real, Kind::Ours, "--rdbcompression no --rdbchecksum no");
    }
}

#[test]
fn a_snapshot_in_a_child_is_of_one_moment_and_told_as_a_redis_tells_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(Kind::Ours, dir.path(), "");
    fill(&server, 2);
    let before = content(&server);
    let saved_at = server.ask("LASTSAVE");
    assert_eq!(server.ask("BGSAVE"), "Background saving started");
    server.ask("SET after x");
    server.wait_info("rdb_bgsave_in_progress", "0");
    assert_eq!(server.info("rdb_last_bgsave_status"), "ok");
    assert_eq!(server.info("rdb_saves"), "1");
    assert_eq!(server.info("total_forks"), "1");
    assert!(server.ask("LASTSAVE") >= saved_at);
    assert_eq!(server.ask("BGSAVE nonsense"), "-ERR syntax error");
    server.kill();
    let server = Server::start(Kind::Ours, dir.path(), "");
    assert_same(&content(&server), &before);
}

#[test]
fn a_killed_child_leaves_the_old_snapshot_and_refuses_writes_until_one_is_saved() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Kind::Ours, dir.path(), "--save 3600 1000000");
    assert_eq!(server.ask("SET a 1"), "OK");
    assert_eq!(server.ask("SAVE"), "OK");
    let saved = std::fs::read(dir.path().join("dump.rdb")).unwrap();
    server.ask("DEBUG POPULATE 300000");
    have_children_killed(&server);
    assert_eq!(server.ask("BGSAVE"), "Background saving started");
    server.wait_info("rdb_last_bgsave_status", "err");
    server.limit_files(None);
    assert_eq!(std::fs::read(dir.path().join("dump.rdb")).unwrap(), saved);
    assert_eq!(temporaries(&server), Vec::<String>::new());
    assert!(
        server.ask("SET a 2").starts_with("-MISCONF Redis is configured to save RDB snapshots")
    );
    assert!(server.ask("PING").starts_with("-MISCONF"));
    assert_eq!(server.ask("GET a"), "1");
    let mut client = server.client();
    client.ask("MULTI");
    assert!(client.ask("SET a 3").starts_with("-MISCONF"));
    assert_eq!(client.ask("EXEC"), "-EXECABORT Transaction discarded because of previous errors.");
    assert_eq!(server.ask("SAVE"), "OK");
    assert_eq!(server.ask("SET a 2"), "OK");
}

#[test]
fn save_points_save_and_the_end_saves() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(Kind::Ours, dir.path(), "--save 1 3");
    server.ask("MSET a 1 b 2 c 3");
    server.wait_info("rdb_changes_since_last_save", "0");
    server.kill();
    let server = Server::start(Kind::Ours, dir.path(), "--save 3600 1");
    assert_eq!(server.ask("MGET a b c"), "[1, 2, 3]");
    server.ask("SET d 4");
    server.shut_down("SHUTDOWN");
    let server = Server::start(Kind::Ours, dir.path(), "--save 3600 1");
    assert_eq!(server.ask("MGET a d"), "[1, 4]");
    // What a process that is gone left unfinished is removed; what may belong to somebody stays.
    let leftover = |name: &str| dir.path().join(name);
    for name in ["temp-999999999.rdb", "temp-1.rdb", "temp-x.rdb"] {
        std::fs::write(leftover(name), "x").unwrap();
    }
    // What was removed does not come back after a crash.
    assert_eq!(server.ask("FLUSHALL"), "OK");
    drop(server);
    let server = Server::start(Kind::Ours, dir.path(), "--save 3600 1");
    assert_eq!(server.ask("DBSIZE"), ":0");
    assert!(!leftover("temp-999999999.rdb").exists());
    assert!(leftover("temp-1.rdb").exists() && leftover("temp-x.rdb").exists());
}

#[test]
fn a_reload_keeps_everything_in_every_form() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Kind::Ours, dir.path(), "");
    fill(&server, 3);
    let before = content(&server);
    assert_eq!(server.ask("DEBUG RELOAD"), "OK");
    assert_same(&content(&server), &before);
    assert_eq!(server.ask("SET more x"), "OK");
    assert_eq!(server.ask("DEBUG RELOAD NOSAVE NOFLUSH MERGE"), "OK");
    assert_eq!(server.ask("GET more"), "x");
    assert!(server.ask("DEBUG RELOAD NOSAVE NOFLUSH").starts_with("-ERR Error trying to load"));
    assert!(server.ask("DEBUG RELOAD WHAT").starts_with("-ERR DEBUG RELOAD only supports"));
    assert_eq!(server.ask("DEBUG RELOAD NOSAVE"), "OK");
    assert_eq!(server.ask("EXISTS more"), ":0");
    assert_same(&content(&server), &before);
}

/// Keys whose time comes while nobody serves are gone, and do not count as loaded.
#[test]
fn keys_that_expired_meanwhile_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Kind::Ours, dir.path(), "");
    server.ask("DEBUG SET-ACTIVE-EXPIRE 0");
    server.ask("SET gone x PX 1");
    server.ask("SET kept x PX 100000000");
    let set_at = Instant::now();
    server.ask("SAVE");
    wait_for("its time to come", || (set_at.elapsed().as_millis() > 5).then_some(()));
    assert_eq!(server.ask("DEBUG RELOAD NOSAVE"), "OK");
    assert_eq!(server.info("rdb_last_load_keys_expired"), "1");
    assert_eq!(server.info("rdb_last_load_keys_loaded"), "1");
    assert_eq!(server.ask("DBSIZE"), ":1");
}

/// While data is read, clients are told so, and nothing else is answered.
#[test]
fn clients_hear_that_data_is_being_read() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Kind::Ours, dir.path(), "");
    server.ask("DEBUG POPULATE 400000");
    assert_eq!(server.ask("SAVE"), "OK");
    drop(server);
    let (server, answers) = Server::start_listening(Kind::Ours, dir.path(), "");
    for answer in &answers[..answers.len() - 1] {
        assert_eq!(answer, "-LOADING Redis is loading the dataset in memory");
    }
    assert_eq!(server.ask("DBSIZE"), ":400000");
    assert_eq!(server.info("loading"), "0");
}

/// From now on the system kills what writes more than a little into one file, which a server at rest does not.
pub(crate) fn have_children_killed(server: &Server) {
    server.limit_files(Some(100_000));
}

/// Files that a server has not put in their places.
pub(crate) fn temporaries(server: &Server) -> Vec<String> {
    let dirs = [server.dir.clone(), server.dir.join("appendonlydir")];
    let names = dirs.iter().filter_map(|dir| std::fs::read_dir(dir).ok()).flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    // That of a manifest is always the same, and replaced by the next one.
    names.filter(|name| name.starts_with("temp-") && !name.ends_with(".manifest")).collect()
}
