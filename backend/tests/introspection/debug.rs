//! `DEBUG`: digests are a Redis's own for the same data, and what ends the process does.

use crate::data::{fill, keys};
use crate::server::{Kind, Server, has_redis_server, wait_for};
use crate::told_by_both;

#[test]
fn equal_data_has_a_redis_s_own_digests() {
    if !has_redis_server() {
        return;
    }
    let told = told_by_both("", |server| {
        assert_eq!(server.ask("DEBUG DIGEST"), "0".repeat(40));
        fill(server);
        let values: Vec<(&str, String)> =
            keys().map(|key| (key, server.ask(&format!("DEBUG DIGEST-VALUE {key}")))).collect();
        let whole = server.ask("DEBUG DIGEST");
        assert_eq!(server.ask("DEBUG RELOAD"), "OK");
        assert_eq!(server.ask("DEBUG DIGEST"), whole, "{:?} after a reload", server.kind);
        (values, whole)
    });
    assert_eq!(told[1], told[0]);
}

/// Requests whose replies are the same bytes, in a cluster of one or alone.
const ANSWERS: &[&str] = &[
    "DEBUG SLEEP 0.001x",
    "DEBUG SLEEP x",
    "DEBUG HTSTATS 99",
    "DEBUG HTSTATS x",
    "DEBUG HTSTATS-KEY nosuch",
    "DEBUG HTSTATS-KEY text",
    "DEBUG HTSTATS-KEY compact",
    "DEBUG SDSLEN nosuch",
    "DEBUG SDSLEN number",
    "DEBUG SDSLEN list",
    "DEBUG PAUSE-CRON 1",
    "DEBUG PAUSE-CRON 0",
    "DEBUG REPLYBUFFER PEAK-RESET-TIME 100",
    "DEBUG REPLYBUFFER PEAK-RESET-TIME never",
    "DEBUG REPLYBUFFER PEAK-RESET-TIME RESET",
    "DEBUG REPLYBUFFER RESIZING 0",
    "DEBUG REPLYBUFFER nosuch 0",
    "DEBUG SET-DISABLE-DENY-SCRIPTS 1",
    "EVAL return(redis.call('time')[1]>'0') 0",
    "EVAL return(redis.call('auth','x')) 0",
    "DEBUG SET-DISABLE-DENY-SCRIPTS 0",
    "EVAL return(redis.call('auth','x')) 0",
    "DEBUG REPLICATE set a 1",
    "EXISTS a",
    "DEBUG CLUSTERLINK KILL TO x",
    "DEBUG DROP-CLUSTER-PACKET-FILTER -1",
    "DEBUG DROP-CLUSTER-PACKET-FILTER x",
    "DEBUG SET-SKIP-CHECKSUM-VALIDATION 1",
    "RESTORE broken 0 \u{0}\u{3}abc\u{a}\u{0}________",
    "DEBUG SET-SKIP-CHECKSUM-VALIDATION 0",
    "RESTORE broken2 0 \u{0}\u{3}abc\u{a}\u{0}________",
    "GET broken",
    "DEBUG AOF-FLUSH-SLEEP 100",
    "DEBUG AOF-FLUSH-SLEEP 0",
    "DEBUG LEAK x",
    "DEBUG MALLCTL",
    "DEBUG JMAP",
    "DEBUG PROTOCOL attrib",
    "DEBUG PROTOCOL push",
    "DEBUG OBJECT nosuch",
    "DEBUG DIGEST x",
    "DEBUG DIGEST-VALUE",
    "DEBUG",
];

#[test]
fn subcommands_answer_as_a_redis_s() {
    if !has_redis_server() {
        return;
    }
    let told = told_by_both("", |server| {
        fill(server);
        let mut client = server.client();
        let mut answers: Vec<(&str, String)> =
            ANSWERS.iter().map(|request| (*request, client.ask(request))).collect();
        // Where it lies, and when it was used, differs.
        for key in keys().filter(|key| *key != "nosuch") {
            let facts = client.ask(&format!("DEBUG OBJECT {key}"));
            let is_same = |word: &&str| !word.starts_with("at:") && !word.starts_with("lru");
            let facts: Vec<&str> = facts.split(' ').filter(is_same).collect();
            answers.push((key, facts.join(" ")));
        }
        answers
    });
    let [theirs, ours] = told;
    let differing = theirs.iter().zip(&ours).filter(|(theirs, ours)| theirs != ours);
    assert_eq!(differing.collect::<Vec<_>>(), []);
}

#[test]
fn a_restart_keeps_data_and_the_process_number() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Kind::Ours, dir.path(), "--appendonly yes");
    let pid = server.info("process_id");
    assert_eq!(server.ask("SET a 1"), "OK");
    let mut run_id = format!("run_id:{}", server.info("run_id"));
    for how in ["DEBUG RESTART", "DEBUG CRASH-AND-RECOVER 10"] {
        server.client().send(how);
        wait_for("another run of the node", || {
            let mut client = crate::tcp_client::Client::connect(server.port).ok()?;
            let info = client.ask("INFO server");
            let is_another = info.contains("run_id:") && !info.contains(&run_id);
            (is_another && client.ask("GET a") == "1").then_some(())
        });
        assert_eq!(server.info("process_id"), pid);
        run_id = format!("run_id:{}", server.info("run_id"));
    }
}

#[test]
fn a_crash_ends_the_process_by_a_signal() {
    for how in ["SEGFAULT", "PANIC", "ASSERT", "OOM"] {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::start(Kind::Ours, dir.path(), "");
        server.client().send(&format!("DEBUG {how}"));
        wait_for("the node to end", || server.has_ended().then_some(()));
        let log = server.log();
        assert!(log.contains("crashed by signal: "), "{how}: {log}");
    }
}

#[test]
fn who_is_sent_an_abort_says_so_even_if_it_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(Kind::Ours, dir.path(), "");
    server.client().send("DEBUG SLEEP 1000");
    let pid = rustix::process::Pid::from_raw(server.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::ABORT).unwrap();
    wait_for("the node to end", || server.has_ended().then_some(()));
    assert!(server.log().contains("crashed by signal: 6"), "{}", server.log());
}
