//! Either side ends, in good order or not, and goes on where it was.

use crate::load::Load;
use crate::process::{Kind, Server, has_redis_server, wait_until};
use crate::{PAIRS, follow, wait_linked, wait_same};

/// A primary with a replica that has everything, and data in several databases.
fn linked(primary: Kind, replica: Kind, seed: u64) -> (Server, Server) {
    let (primary, replica) = (Server::start(primary, ""), Server::start(replica, ""));
    follow(&replica, primary.port);
    wait_linked(&replica);
    run(&primary, seed);
    wait_same(&primary, &replica);
    wait_acked(&primary);
    (primary, replica)
}

fn run(primary: &Server, seed: u64) {
    let mut load = Load::new(primary, seed);
    load.run(600);
    load.finish();
}

/// Waits until the replica says that it has come as far as its primary.
fn wait_acked(primary: &Server) {
    wait_until(
        || "the replica to come as far".to_owned(),
        || {
            let offset = primary.field("replication", "master_repl_offset");
            primary.field("replication", "slave0").contains(&format!("offset={offset},"))
        },
    );
}

#[test]
fn a_replica_that_was_ended_asks_for_what_it_missed() {
    if !has_redis_server() {
        return;
    }
    for (primary, replica) in PAIRS {
        println!("{primary:?} {replica:?}");
        let (primary, mut replica) = linked(primary, replica, 11);
        // The stream goes on in this database, which only the replica's file tells.
        let mut writer = primary.client();
        writer.ask("SELECT 7");
        writer.ask("SET before 1");
        wait_acked(&primary);
        replica
            .end_and_restart("SHUTDOWN SAVE", &format!("--replicaof 127.0.0.1 {}", primary.port));
        writer.ask("SET behind 2");
        wait_linked(&replica);
        assert_eq!(primary.field("stats", "sync_partial_ok"), "1");
        let mut reader = replica.client();
        reader.ask("SELECT 7");
        wait_until(|| "the write behind".to_owned(), || reader.ask("GET behind") == "2");
        run(&primary, 12);
        wait_same(&primary, &replica);
    }
}

#[test]
fn a_replica_that_crashed_goes_on_from_what_it_saved_last() {
    if !has_redis_server() {
        return;
    }
    for (primary, replica) in PAIRS {
        println!("{primary:?} {replica:?}");
        let (primary, mut replica) = linked(primary, replica, 13);
        assert_eq!(replica.ask("SAVE"), "OK");
        run(&primary, 14);
        wait_same(&primary, &replica);
        replica.add_settings(&format!("--replicaof 127.0.0.1 {}", primary.port));
        replica.restart();
        run(&primary, 15);
        wait_linked(&replica);
        wait_same(&primary, &replica);
        assert_eq!(primary.field("stats", "sync_partial_ok"), "1");
    }
}

#[test]
fn a_primary_that_was_ended_is_followed_in_part() {
    if !has_redis_server() {
        return;
    }
    for (primary, replica) in PAIRS {
        println!("{primary:?} {replica:?}");
        let (mut primary, replica) = linked(primary, replica, 16);
        let id = primary.field("replication", "master_replid");
        // When it comes back this is gone, and the replica hears of it.
        primary.ask("SET fleeting 1 PX 1");
        wait_acked(&primary);
        primary.end_and_restart("SHUTDOWN SAVE", "");
        assert_eq!(primary.field("replication", "master_replid2"), id);
        wait_linked(&replica);
        assert_eq!(primary.field("stats", "sync_partial_ok"), "1");
        run(&primary, 17);
        wait_same(&primary, &replica);
    }
}

#[test]
fn a_primary_that_lost_writes_is_copied_anew() {
    if !has_redis_server() {
        return;
    }
    for (primary, replica) in PAIRS {
        println!("{primary:?} {replica:?}");
        let (mut primary, replica) = linked(primary, replica, 18);
        assert_eq!(primary.ask("SAVE"), "OK");
        primary.ask("SET lost 1");
        wait_acked(&primary);
        primary.restart();
        wait_linked(&replica);
        wait_same(&primary, &replica);
        assert_eq!(replica.ask("GET lost"), "(nil)");
        assert_eq!(primary.field("stats", "sync_partial_ok"), "0");
    }
}

/// What both kinds make of the same file.
#[test]
fn a_file_puts_either_kind_in_the_same_place() {
    if !has_redis_server() {
        return;
    }
    for (writer, replica) in PAIRS {
        let (writer, replica) = (Server::start(writer, ""), Server::start(replica, ""));
        follow(&replica, writer.port);
        wait_linked(&replica);
        assert_eq!(writer.ask("DEBUG SET-ACTIVE-EXPIRE 0"), "OK");
        let mut client = writer.client();
        for line in ["SET a 1", "SELECT 3", "SET b 2", "SET soon 1 PX 1"] {
            assert_eq!(client.ask(line), "OK");
        }
        wait_acked(&writer);
        for server in [&writer, &replica] {
            assert_eq!(server.ask("SAVE"), "OK");
            for settings in ["", "--replicaof 127.0.0.1 1"] {
                let [ours, theirs] = [Kind::Ours, Kind::Real].map(|kind| {
                    let reader = Server::start_with_file(kind, settings, &server.file());
                    // A primary's own name is new with every start.
                    let is_told = |line: &&str| {
                        let name = line.split(':').next().unwrap_or_default();
                        name.contains("repl") && (name != "master_replid" || !settings.is_empty())
                    };
                    let info = reader.info("replication");
                    info.lines().filter(is_told).map(str::to_owned).collect::<Vec<_>>()
                });
                assert_eq!(ours, theirs, "{:?} {settings}", server.kind);
            }
        }
    }
}

/// The middle of a chain tells the database in which the stream stands, and keeps it when it follows another.
#[test]
fn the_stream_goes_on_in_its_database() {
    if !has_redis_server() {
        return;
    }
    for kind in [Kind::Ours, Kind::Real] {
        let first = Server::start(Kind::Real, "");
        let (second, third) = (Server::start(Kind::Ours, ""), Server::start(kind, ""));
        follow(&second, first.port);
        wait_linked(&second);
        let mut writer = first.client();
        writer.ask("SELECT 5");
        writer.ask("SET a 1");
        wait_acked(&first);
        follow(&third, second.port);
        wait_linked(&third);
        writer.ask("SET b 1");
        let reads = |server: &Server, key: &str| {
            let mut reader = server.client();
            reader.ask("SELECT 5");
            wait_until(
                || format!("{key} in its database"),
                || reader.ask(&format!("GET {key}")) == "1",
            );
        };
        reads(&third, "b");
        follow(&third, first.port);
        wait_until(
            || "a link".to_owned(),
            || first.field("replication", "connected_slaves") == "2",
        );
        wait_linked(&third);
        writer.ask("SET c 1");
        reads(&third, "c");
    }
}
