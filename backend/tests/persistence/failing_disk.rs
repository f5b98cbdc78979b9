//! Crashes of a node whose disk takes no more at any moment, and then takes more again: while it appends, rewrites,
//! saves and reads.
//!
//! The limit is one of bytes of a file, which the tests set for the process while it runs. Writers count as in
//! `crashes`; `REDDOOR_CRASHES` and `REDDOOR_CRASH_SEED` are the same. What happened is counted and told.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::crashes::{WRITERS, check, from_environment};
use crate::damage::Chance;
use crate::server::{Kind, Server, wait_for};
use crate::tcp_client::Client;

/// Beyond what any file here holds.
const NO_LIMIT_KILOBYTES: u64 = 1 << 30;

/// Limits lie below this, so that any file here can be cut anywhere.
const LIMIT_BYTES_MAX: usize = 120_000;

/// The longest time between two disturbances, in microseconds.
const PAUSE_US_MAX: usize = 40_000;

/// What happened in all rounds (counts).
#[derive(Debug, Default)]
struct Told {
    killed_while_reading: u64,
    killed: u64,
    /// Ends of nodes that could not write what somebody waited for.
    ended: u64,
    full: u64,
    acknowledged: u64,
}

impl Told {
    /// Kills a node, which may have ended by itself.
    fn kill(&mut self, server: &mut Server) {
        let was_there = server.kill_if_there();
        self.killed += u64::from(was_there);
        self.ended += u64::from(!was_there);
    }
}

#[test]
fn nothing_acknowledged_is_lost_where_the_disk_fails() {
    let rounds = from_environment("REDDOOR_CRASHES", 12);
    let seed = from_environment("REDDOOR_CRASH_SEED", 1);
    let dir = tempfile::tempdir().unwrap();
    let acknowledged: Vec<AtomicU64> = (0..WRITERS).map(|_| AtomicU64::new(0)).collect();
    let mut told = Told::default();
    for round in seed..seed + rounds {
        let mut chance = Chance::new(round);
        let preamble = ["yes", "no"][chance.below(2)];
        let directives = format!(
            "--appendonly yes --appendfsync always --aof-use-rdb-preamble {preamble} \
             --auto-aof-rewrite-percentage 50 --auto-aof-rewrite-min-size 16kb"
        );
        told.killed_while_reading += kill_while_reading(dir.path(), &directives, &mut chance);
        let mut server =
            Server::start_with_full_disk(Kind::Ours, dir.path(), &directives, NO_LIMIT_KILOBYTES);
        check(&server, &acknowledged, round);
        if round == seed {
            // By commands that are appended; `DEBUG POPULATE` is not.
            for number in 0..200 {
                let set = format!("SET key:{number} {}", "x".repeat(300));
                assert_eq!(server.ask(&set), "OK");
            }
        }
        std::thread::scope(|scope| {
            for (number, acknowledged) in acknowledged.iter().enumerate() {
                let client = server.client();
                scope.spawn(move || count(client, number, acknowledged));
            }
            told.full += disturb(&server, &mut chance);
            told.kill(&mut server);
        });
    }
    let server = Server::start(Kind::Ours, dir.path(), "--appendonly yes");
    told.acknowledged = acknowledged.iter().map(|count| count.load(Ordering::Relaxed)).sum();
    check(&server, &acknowledged, seed + rounds);
    assert_eq!(server.ask("EXISTS key:0 key:199"), ":2");
    println!("{rounds} rounds: {told:?}");
    assert!(told.acknowledged > rounds, "{told:?} tells nothing");
}

/// Increments until the server is gone; while it refuses for its disk, asks again.
pub(crate) fn count(mut client: Client, number: usize, acknowledged: &AtomicU64) {
    loop {
        let reply = client.ask(&format!("INCR counter:{number}"));
        if let Some(count) = reply.strip_prefix(':') {
            acknowledged.store(count.parse().expect("a number"), Ordering::Relaxed);
            client.ask(&format!("SET filler:{number} {}", "x".repeat(300)));
        } else if reply.starts_with("-MISCONF") {
            std::thread::park_timeout(Duration::from_millis(1));
        } else {
            return;
        }
    }
}

fn pause(chance: &mut Chance) {
    std::thread::park_timeout(Duration::from_micros(chance.below(PAUSE_US_MAX) as u64));
}

/// Begins to save and to rewrite while the disk fills and is emptied. How often it was full.
fn disturb(server: &Server, chance: &mut Chance) -> u64 {
    let mut full = 0;
    for _ in 0..chance.below(6) {
        pause(chance);
        match chance.below(6) {
            0 => server.limit_files(None),
            1 | 2 => {
                server.limit_files(Some(chance.below(LIMIT_BYTES_MAX) as u64));
                full += 1;
            }
            // It may be gone, which is no reply.
            kind => drop(Client::connect(server.port).map(|mut client| {
                client.ask(["BGREWRITEAOF", "BGSAVE", "SAVE"][kind - 3]);
            })),
        }
    }
    pause(chance);
    full
}

/// Starts a node and kills it while it reads, perhaps with a disk that takes nothing meanwhile. How often (count).
fn kill_while_reading(dir: &Path, directives: &str, chance: &mut Chance) -> u64 {
    let times = chance.below(3);
    for _ in 0..times {
        let kilobytes = [NO_LIMIT_KILOBYTES, chance.below(100) as u64][chance.below(2)];
        let mut server = Server::begin(Kind::Ours, dir, directives, kilobytes);
        pause(chance);
        pause(chance);
        server.kill();
    }
    times as u64
}

/// What was saved is there, whatever becomes of snapshots that are begun later.
#[test]
fn a_snapshot_that_was_saved_stays_where_the_disk_fails() {
    let rounds = from_environment("REDDOOR_CRASHES", 12);
    let seed = from_environment("REDDOOR_CRASH_SEED", 1);
    let dir = tempfile::tempdir().unwrap();
    let (mut saved, mut written) = (0, 0);
    let mut told = Told::default();
    for round in seed..seed + rounds {
        let mut chance = Chance::new(round);
        told.killed_while_reading += kill_while_reading(dir.path(), "", &mut chance);
        let mut server =
            Server::start_with_full_disk(Kind::Ours, dir.path(), "", NO_LIMIT_KILOBYTES);
        let mut client = server.client();
        let found = client.ask("GET counter").parse().unwrap_or(0);
        assert!((saved..=written).contains(&found), "{found} of {saved} to {written} in {round}");
        (saved, written) = (found, found);
        if round == seed {
            assert_eq!(client.ask("DEBUG POPULATE 200 key 300"), "OK");
        }
        for _ in 0..chance.below(12) {
            written += 1;
            assert_eq!(client.ask("INCR counter"), format!(":{written}"));
            match chance.below(4) {
                0 if client.ask("SAVE") == "OK" => saved = written,
                1 => drop(client.ask("BGSAVE")),
                2 => {
                    server.limit_files(Some(chance.below(LIMIT_BYTES_MAX) as u64));
                    told.full += 1;
                }
                _ => server.limit_files(None),
            }
        }
        told.kill(&mut server);
    }
    told.acknowledged = saved;
    println!("{rounds} rounds: {told:?}");
    // A child that was killed with its node may take a while to be gone.
    wait_for("a start that finds no leftovers of crashes", || {
        let server = Server::start(Kind::Ours, dir.path(), "");
        crate::snapshots::temporaries(&server).is_empty().then_some(())
    });
}
