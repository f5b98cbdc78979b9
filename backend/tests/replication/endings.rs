//! A primary that ends gives its replicas what they lack, and links that end are built anew.

use std::time::{Duration, Instant};

use crate::process::{Kind, Server, has_redis_server, wait_until};
use crate::{PAIRS, follow, wait_linked, wait_one_offset, wait_same};

const KINDS: [Kind; 2] = [Kind::Real, Kind::Ours];

fn linked(primary: Kind, replica: Kind, settings: &str) -> (Server, Server) {
    let (primary, replica) = (Server::start(primary, settings), Server::start(replica, settings));
    follow(&replica, primary.port);
    wait_linked(&replica);
    wait_one_offset(&primary, &replica);
    (primary, replica)
}

fn wait_ending(primary: &Server) {
    wait_until(
        || "the primary to be about to end".to_owned(),
        || primary.info("server").contains("shutdown_in_milliseconds"),
    );
}

#[test]
fn a_primary_ends_when_its_replica_has_everything() {
    if !has_redis_server() {
        return;
    }
    for kind in KINDS {
        println!("{kind:?}");
        let (mut primary, replica) = linked(kind, Kind::Ours, "--shutdown-timeout 3600");
        replica.stop();
        assert_eq!(primary.ask("SET a 1"), "OK");
        let mut asker = primary.client();
        asker.send("SHUTDOWN NOSAVE");
        wait_ending(&primary);
        // Nothing is written that the replica would miss.
        let mut writer = primary.client();
        writer.send("SET b 1");
        assert_eq!(primary.ask("SHUTDOWN ABORT"), "OK");
        assert_eq!(asker.receive(), "ERR Errors trying to SHUTDOWN. Check logs.");
        assert_eq!(writer.receive(), "OK");
        assert_eq!(primary.ask("SHUTDOWN ABORT"), "ERR No shutdown in progress.");

        primary.signal("TERM");
        wait_ending(&primary);
        replica.signal("CONT");
        wait_until(|| "the primary to end".to_owned(), || primary.has_ended());
        assert_eq!((replica.ask("GET a"), replica.ask("GET b")), ("1".to_owned(), "1".to_owned()));
    }
}

#[test]
fn a_primary_does_not_wait_for_ever_nor_if_it_is_told_not_to() {
    for (settings, how) in [
        ("--shutdown-timeout 1", "SHUTDOWN"),
        ("--shutdown-timeout 3600", "SHUTDOWN NOW"),
        ("--shutdown-timeout 0", "SHUTDOWN"),
    ] {
        let (mut primary, replica) = linked(Kind::Ours, Kind::Ours, settings);
        replica.stop();
        primary.ask("SET a 1");
        primary.client().send(how);
        wait_until(|| format!("{how} {settings}"), || primary.has_ended());
        replica.signal("CONT");
    }
}

#[test]
fn a_link_is_a_client_that_can_be_ended() {
    if !has_redis_server() {
        return;
    }
    for (primary, replica) in PAIRS {
        let (primary, replica) = linked(primary, replica, "");
        let line = replica.ask("CLIENT LIST TYPE master");
        assert!(line.contains(&format!("addr=127.0.0.1:{} ", primary.port)), "{line}");
        assert!(line.contains(" flags=M "), "{line}");
        assert_eq!(replica.ask("CLIENT KILL TYPE normal"), "0");
        assert_eq!(replica.ask(&format!("CLIENT KILL 127.0.0.1:{}", primary.port)), "OK");
        wait_until(
            || "the link to be built anew".to_owned(),
            || primary.field("stats", "sync_partial_ok") == "1",
        );
        wait_linked(&replica);
        primary.ask("SET a 1");
        wait_same(&primary, &replica);
        assert_eq!(primary.field("stats", "sync_full"), "1");
        assert_eq!(primary.ask("CONFIG RESETSTAT"), "OK");
        for count in ["sync_full", "sync_partial_ok", "sync_partial_err"] {
            assert_eq!(primary.field("stats", count), "0", "{count}");
        }
    }
}

/// The primary hears of it at once, even if the replica has no time for anything else behind it.
#[test]
fn a_link_that_is_killed_ends_although_its_node_is_busy() {
    const BUSY: Duration = Duration::from_secs(5);
    let (primary, replica) = linked(Kind::Ours, Kind::Ours, "");
    let mut client = replica.client();
    let kill = format!("CLIENT KILL 127.0.0.1:{}", primary.port);
    for request in ["MULTI", &kill, &format!("DEBUG SLEEP {}", BUSY.as_secs())] {
        client.ask(request);
    }
    let began = Instant::now();
    client.send("EXEC");
    wait_until(
        || "the primary to have no replica".to_owned(),
        || primary.field("replication", "connected_slaves") == "0",
    );
    assert!(began.elapsed() < BUSY, "{:?}", began.elapsed());
    wait_linked(&replica);
}

#[test]
fn a_history_in_which_nothing_happened_is_gone_on_with() {
    if !has_redis_server() {
        return;
    }
    for (primary, replica) in PAIRS {
        let quiet = "--repl-ping-replica-period 3600 --shutdown-timeout 0";
        let (mut primary, replica) = linked(primary, replica, quiet);
        let id = primary.field("replication", "master_replid");
        assert_eq!(primary.field("replication", "master_repl_offset"), "0");
        primary.end_and_restart("SHUTDOWN SAVE", "");
        wait_until(
            || "the replica to go on".to_owned(),
            || primary.field("stats", "sync_partial_ok") == "1",
        );
        assert_eq!(primary.field("replication", "master_replid2"), id);
        assert_eq!(primary.field("replication", "second_repl_offset"), "1");
        wait_linked(&replica);
    }
}
