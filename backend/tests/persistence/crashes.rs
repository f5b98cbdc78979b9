//! kill -9 at any moment: with `appendfsync always` nothing that was acknowledged is lost.
//!
//! Writers count, each a key of its own, and note what was acknowledged; meanwhile snapshots and rewrites begin at
//! random. After the crash every counter stands at what was acknowledged, or one further: the last increment was
//! under way. `REDDOOR_CRASHES` sets how many crashes there are, `REDDOOR_CRASH_SEED` with which seed to begin.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::damage::Chance;
use crate::server::{Kind, Server};
use crate::tcp_client::Client;

/// Clients that write at the same time (count).
pub(crate) const WRITERS: usize = 4;

pub(crate) fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn nothing_acknowledged_is_lost_by_a_crash() {
    let crashes = from_environment("REDDOOR_CRASHES", 12);
    let seed = from_environment("REDDOOR_CRASH_SEED", 1);
    let dir = tempfile::tempdir().unwrap();
    let acknowledged: Vec<AtomicU64> = (0..WRITERS).map(|_| AtomicU64::new(0)).collect();
    for round in seed..seed + crashes {
        let mut chance = Chance::new(round);
        let preamble = ["yes", "no"][chance.below(2)];
        let more = "--auto-aof-rewrite-percentage 50 --auto-aof-rewrite-min-size 16kb";
        let directives = format!(
            "--appendonly yes --appendfsync always --aof-use-rdb-preamble {preamble} {more}"
        );
        let mut server = Server::start(Kind::Ours, dir.path(), &directives);
        check(&server, &acknowledged, round);
        std::thread::scope(|scope| {
            for (number, acknowledged) in acknowledged.iter().enumerate() {
                let client = server.client();
                scope.spawn(move || count(client, number, acknowledged));
            }
            disturb(&server, &mut chance);
            server.kill();
        });
    }
    let server = Server::start(Kind::Ours, dir.path(), "--appendonly yes");
    check(&server, &acknowledged, seed + crashes);
    let total: u64 = acknowledged.iter().map(|count| count.load(Ordering::Relaxed)).sum();
    assert!(total > crashes, "{total} increments in {crashes} rounds tell nothing");
}

/// Increments until the server is gone.
fn count(mut client: Client, number: usize, acknowledged: &AtomicU64) {
    loop {
        let reply = client.ask(&format!("INCR counter:{number}"));
        let Some(count) = reply.strip_prefix(':') else { return };
        acknowledged.store(count.parse().expect("a number"), Ordering::Relaxed);
        client.ask(&format!("SET filler:{number} {}", "x".repeat(300)));
    }
}

/// Lets the server run for a random time, in which it begins to save and to rewrite.
fn disturb(server: &Server, chance: &mut Chance) {
    let mut client = server.client();
    for _ in 0..chance.below(4) {
        std::thread::park_timeout(Duration::from_micros(chance.below(60_000) as u64));
        client.ask(["BGREWRITEAOF", "BGSAVE", "PING"][chance.below(3)]);
    }
    std::thread::park_timeout(Duration::from_micros(chance.below(60_000) as u64));
}

/// Every counter stands where it was acknowledged to stand, or one further; from there it goes on.
pub(crate) fn check(server: &Server, acknowledged: &[AtomicU64], round: u64) {
    for (number, acknowledged) in acknowledged.iter().enumerate() {
        let found = server.ask(&format!("GET counter:{number}"));
        let found: u64 = if found == "null" { 0 } else { found.parse().expect("a number") };
        let known = acknowledged.load(Ordering::Relaxed);
        assert!(
            found == known || found == known + 1,
            "before round {round}: counter {number} is {found}, and {known} was acknowledged"
        );
        acknowledged.store(found, Ordering::Relaxed);
    }
}
