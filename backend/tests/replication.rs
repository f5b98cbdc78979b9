//! Nodes of ours and real ones copy each other: whole, in part, through links that break, and in chains.
//!
//! What is random takes its seed from `REPLICATION_SEED`, and runs `REPLICATION_ROUNDS` rounds.

#[path = "replication/process.rs"]
mod process;

#[path = "replication/load.rs"]
mod load;

#[path = "replication/relay.rs"]
mod relay;

#[path = "replication/scripts.rs"]
mod scripts;

#[path = "replication/restarts.rs"]
mod restarts;

#[path = "replication/failovers.rs"]
mod failovers;

#[path = "replication/settings.rs"]
mod settings;

#[path = "replication/roles.rs"]
mod roles;

#[path = "replication/endings.rs"]
mod endings;

#[path = "replication/users.rs"]
mod users;

use std::time::Duration;

use load::Load;
use process::{Kind, Server, has_redis_server, wait_until};
use relay::Relay;

/// Both directions between the two kinds, and ours alone.
const PAIRS: [(Kind, Kind); 3] =
    [(Kind::Ours, Kind::Real), (Kind::Real, Kind::Ours), (Kind::Ours, Kind::Ours)];

/// The ways by which a copy goes over.
const COPY_SETTINGS: [&str; 3] = [
    "--repl-diskless-sync yes",
    "--repl-diskless-sync no",
    "--repl-diskless-sync yes --repl-diskless-load swapdb",
];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Waits until the replica has what the primary has.
fn wait_same(primary: &Server, replica: &Server) {
    let differing = std::cell::RefCell::default();
    wait_until(
        || format!("{:?} to have the data of {:?}: {differing:?}", replica.kind, primary.kind),
        || {
            *differing.borrow_mut() = load::difference(primary, replica);
            differing.borrow().is_none()
        },
    );
}

/// Waits until the replica has come as far in the stream as its primary.
fn wait_one_offset(primary: &Server, replica: &Server) {
    wait_until(
        || "one offset".to_owned(),
        || {
            let of = |server: &Server| server.field("replication", "master_repl_offset");
            of(replica) == of(primary)
        },
    );
}

fn wait_linked(replica: &Server) {
    wait_until(
        || format!("a link of {:?}", replica.kind),
        || replica.info("replication").contains("master_link_status:up"),
    );
}

fn follow(replica: &Server, port: u16) {
    assert_eq!(replica.ask(&format!("REPLICAOF 127.0.0.1 {port}")), "OK");
}

#[test]
fn a_full_copy_and_what_comes_behind_it_are_the_same_data() {
    if !has_redis_server() {
        return;
    }
    for (primary, replica) in PAIRS {
        for settings in COPY_SETTINGS {
            println!("{primary:?} {replica:?} {settings}");
            let (primary, replica) =
                (Server::start(primary, settings), Server::start(replica, settings));
            let mut load = Load::new(&primary, 1);
            load.run(1500);
            follow(&replica, primary.port);
            // While it is copied.
            load.run(500);
            wait_linked(&replica);
            load.run(1500);
            load.finish();
            wait_same(&primary, &replica);
            assert_eq!(primary.ask("WAIT 1 60000"), "1");
        }
    }
}

#[test]
fn a_link_that_breaks_at_any_moment_loses_nothing() {
    if !has_redis_server() {
        return;
    }
    let (seed, rounds) = (number("REPLICATION_SEED", 7), number("REPLICATION_ROUNDS", 4));
    println!("REPLICATION_SEED={seed}");
    for (primary, replica) in PAIRS {
        let settings = "--repl-backlog-size 4mb";
        let (primary, replica) =
            (Server::start(primary, settings), Server::start(replica, settings));
        let relay = Relay::start(primary.port, seed);
        follow(&replica, relay.port);
        wait_linked(&replica);
        let mut load = Load::new(&primary, seed);
        for _ in 0..rounds {
            relay.cut_after_some_bytes();
            load.run(800);
        }
        load.finish();
        relay.heal();
        wait_linked(&replica);
        wait_same(&primary, &replica);
        let partial = primary.field("stats", "sync_partial_ok");
        assert!(partial.parse::<u64>().is_ok_and(|count| count > 0), "{partial}");
    }
}

#[test]
fn a_replica_that_becomes_primary_is_followed_in_part() {
    if !has_redis_server() {
        return;
    }
    for (first, second) in PAIRS {
        let quiet = "--repl-ping-replica-period 3600";
        let (first, second) = (Server::start(first, quiet), Server::start(second, quiet));
        let mut load = Load::new(&first, 3);
        follow(&second, first.port);
        wait_linked(&second);
        load.run(500);
        load.finish();
        // From now on nothing comes from the first by itself, which the second one would lack when it leads.
        assert_eq!(first.ask("DEBUG SET-ACTIVE-EXPIRE 0"), "OK");
        wait_same(&first, &second);
        wait_one_offset(&first, &second);
        let id = first.field("replication", "master_replid");
        assert_eq!(second.ask("REPLICAOF NO ONE"), "OK");
        assert_eq!(second.field("replication", "master_replid2"), id);
        follow(&first, second.port);
        wait_linked(&first);
        let mut load = Load::new(&second, 4);
        load.run(500);
        load.finish();
        wait_same(&second, &first);
        assert_eq!(second.field("stats", "sync_partial_ok"), "1");
    }
}

#[test]
fn a_chain_has_one_history() {
    if !has_redis_server() {
        return;
    }
    let kinds = [Kind::Real, Kind::Ours, Kind::Real, Kind::Ours];
    let servers = kinds.map(|kind| Server::start(kind, ""));
    for pair in servers.windows(2) {
        follow(&pair[1], pair[0].port);
        wait_linked(&pair[1]);
    }
    let mut load = Load::new(&servers[0], 5);
    load.run(1500);
    load.finish();
    for replica in &servers[1..] {
        wait_same(&servers[0], replica);
        wait_one_offset(&servers[0], replica);
    }
}

#[test]
fn either_side_may_be_killed_and_started_again() {
    if !has_redis_server() {
        return;
    }
    for (primary, replica) in PAIRS {
        let (mut primary, mut replica) = (Server::start(primary, ""), Server::start(replica, ""));
        follow(&replica, primary.port);
        wait_linked(&replica);
        replica.restart();
        follow(&replica, primary.port);
        let mut load = Load::new(&primary, 6);
        load.run(300);
        load.finish();
        wait_linked(&replica);
        wait_same(&primary, &replica);
        // Without a file the primary comes back empty, and so is its replica then.
        primary.restart();
        let mut load = Load::new(&primary, 8);
        load.run(300);
        load.finish();
        wait_linked(&replica);
        wait_same(&primary, &replica);
    }
}

#[test]
fn only_the_primary_lets_keys_expire() {
    if !has_redis_server() {
        return;
    }
    let (primary, replica) = (Server::start(Kind::Real, ""), Server::start(Kind::Ours, ""));
    follow(&replica, primary.port);
    wait_linked(&replica);
    assert_eq!(primary.ask("DEBUG SET-ACTIVE-EXPIRE 0"), "OK");
    assert_eq!(primary.ask("SET a 1 PX 1000"), "OK");
    wait_until(|| "the key to come".to_owned(), || replica.ask("DBSIZE") == "1");
    // Its time comes, and it is not told any more; but it is there until the primary looks for it.
    wait_until(|| "the time to come".to_owned(), || replica.ask("GET a") == "(nil)");
    assert_eq!((replica.ask("DBSIZE"), replica.ask("EXISTS a")), ("1".into(), "0".into()));
    assert_eq!(primary.ask("GET a"), "(nil)");
    wait_until(|| "the key to go".to_owned(), || replica.ask("DBSIZE") == "0");
}

#[test]
fn replicas_refuse_what_a_redis_refuses() {
    if !has_redis_server() {
        return;
    }
    let [theirs, ours] = [Kind::Real, Kind::Ours].map(|kind| {
        let (primary, replica) = (Server::start(Kind::Real, ""), Server::start(kind, ""));
        follow(&replica, primary.port);
        wait_linked(&replica);
        let mut told: Vec<String> =
            ["SET a 1", "WAIT 1 1", "GET a", "CONFIG SET replica-serve-stale-data no", "GET a"]
                .map(|line| replica.ask(line))
                .into();
        drop(primary);
        wait_until(
            || "the link to end".to_owned(),
            || replica.info("replication").contains("master_link_status:down"),
        );
        for line in ["GET a", "PING", "SET a 1", "PSYNC ? -1", "REPLICAOF no one", "SET a 1"] {
            told.push(replica.ask(line));
        }
        for line in
            ["CONFIG SET min-replicas-to-write 1", "SET a 1", "GET a", "ROLE", "REPLICAOF a b"]
        {
            told.push(replica.ask(line));
        }
        told
    });
    assert_eq!(ours, theirs);
}

#[test]
fn tools_read_copies_and_the_stream() {
    if !has_redis_server() {
        return;
    }
    let primary = Server::start(Kind::Ours, "");
    let mut load = Load::new(&primary, 9);
    load.run(500);
    load.finish();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("copy.rdb");
    let port = primary.port.to_string();
    let saved = std::process::Command::new("redis-cli")
        .args(["-p", &port, "--rdb"])
        .arg(&file)
        .output()
        .expect("redis-cli");
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    let checked =
        std::process::Command::new("redis-check-rdb").arg(&file).output().expect("redis-check-rdb");
    let text = String::from_utf8_lossy(&checked.stdout);
    assert!(text.contains("RDB looks OK"), "{text}");
    let mut listening = process::Listening::start(&port);
    // What is written before its copy is made is in the copy.
    let is_heard = (0..100).any(|_| {
        primary.ask("SET heard yes");
        listening.hears("heard", Duration::from_millis(200))
    });
    assert!(is_heard);
}

/// Not a test: the process of a node of ours, which the tests start from their own binary.
#[test]
fn node_process() {
    process::run_if_asked();
}
