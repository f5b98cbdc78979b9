//! Crashes before and behind each call on files of which saving, appending, rewriting and reading consist, and calls
//! that fail or find no room there.
//!
//! Chance chooses what happens and at which call; `REDDOOR_CRASHES` and `REDDOOR_CRASH_SEED` are those of `crashes`.
//! Each round goes on with what the one before has left, so that what a crash leaves meets the next one. What was
//! acknowledged before is there afterwards, in every round; at which calls it happened is told at the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Scope;
use std::time::Duration;

use crate::crashes::{WRITERS, check, from_environment};
use crate::damage::Chance;
use crate::failing_disk::count;
use crate::faults::{Counted, FAULTS, Fault, Faults};
use crate::server::{Disk, Server, wait_for};
use crate::tcp_client::Client;

/// Calls among which chance chooses before it is known how many there are (count): about those of a rewrite.
const CALLS_AT_FIRST: u64 = 40;

/// The longest time that writers have beside a fault, in microseconds.
const PAUSE_US_MAX: usize = 5_000;

/// The faults that a server does not live through, whatever it does.
const DEATHS: [Fault; 2] = [Fault::DieBefore, Fault::DieAfter];

/// Directories with the servers that they have had.
struct Story {
    dir: tempfile::TempDir,
    faults: Faults,
    chance: Chance,
    /// How many calls there are, as far as is known (count).
    calls: u64,
    armed: Option<(Fault, u64)>,
    /// At which calls what happened (counts).
    met: BTreeMap<(Fault, String), u64>,
    /// Faults at calls that were not made (count).
    unmet: u64,
    /// Servers that ended by themselves (count).
    ended: u64,
}

/// Runs a story of some rounds; they hear their number. `None` if there can be no faults here.
fn tell(mut round: impl FnMut(&mut Story, u64)) -> Option<Story> {
    let rounds = from_environment("REDDOOR_CRASHES", 12);
    let seed = from_environment("REDDOOR_CRASH_SEED", 1);
    let dir = tempfile::tempdir().unwrap();
    let mut story = Story {
        faults: Faults::build(dir.path())?,
        dir,
        chance: Chance::new(seed),
        calls: CALLS_AT_FIRST,
        armed: None,
        met: BTreeMap::new(),
        unmet: 0,
        ended: 0,
    };
    for number in seed..seed + rounds {
        story.chance = Chance::new(number);
        round(&mut story, number);
    }
    let Story { met, unmet, ended, .. } = &story;
    println!("{rounds} rounds, {unmet} without a fault, {ended} servers ended by themselves");
    met.iter().for_each(|((fault, call), count)| println!("{count:>6} {fault:?} {call}"));
    assert!(!met.is_empty(), "no fault was met in {rounds} rounds");
    Some(story)
}

impl Story {
    fn start(&self, directives: &str) -> Server {
        Server::start_on(Disk::Faulty(&self.faults.environment), self.dir.path(), directives)
    }

    /// As [`Self::start`]; the server may end on its way.
    fn try_start(&self, directives: &str) -> Server {
        Server::try_on(Disk::Faulty(&self.faults.environment), self.dir.path(), directives)
    }

    /// Begins a round of rewrites: a server whose bases have one of their two forms, with its directives.
    fn start_rewriting(&mut self, acknowledged: &Acknowledged, round: u64) -> (Server, String) {
        let preamble = ["yes", "no"][self.chance.below(2)];
        let directives = format!("{APPENDS} always --aof-use-rdb-preamble {preamble}");
        let server = self.start(&directives);
        check(&server, acknowledged, round);
        (server, directives)
    }

    /// Has a server find what was acknowledged in all rounds, and tells how much.
    fn check_appended(&self, acknowledged: &Acknowledged) {
        check(&self.start(&format!("{APPENDS} always")), acknowledged, u64::MAX);
        let total: u64 = acknowledged.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        println!("{total} acknowledged, none lost");
        assert!(total > 0);
    }

    /// Has one of these faults happen at some call.
    fn arm(&mut self, faults: &[Fault], counted: Counted) {
        let fault = faults[self.chance.below(faults.len())];
        let at = self.chance.below(usize::try_from(self.calls).unwrap()) as u64 + 1;
        self.faults.arm(fault, at, counted);
        self.armed = Some((fault, at));
    }

    /// Nothing more happens; notes what did.
    fn disarm(&mut self) {
        let Some((fault, at)) = self.armed.take() else { return };
        match self.faults.met() {
            Some(call) => {
                *self.met.entry((fault, call)).or_default() += 1;
                // There may be some more behind the last one that is known.
                self.calls = self.calls.max(at + 1);
            }
            None => {
                self.unmet += 1;
                self.calls = self.faults.calls().max(1);
            }
        }
        self.faults.disarm();
    }

    fn pause(&mut self) {
        let us = self.chance.below(PAUSE_US_MAX) as u64;
        std::thread::park_timeout(Duration::from_micros(us));
    }

    /// Ends a server that may have ended by itself, and notes what it met.
    fn end(&mut self, mut server: Server) {
        self.ended += u64::from(!server.kill_if_there());
        self.disarm();
    }
}

/// What counting clients were told.
type Acknowledged = [AtomicU64; WRITERS];

/// As many clients as count; they have connected when nothing has happened yet.
fn writers(server: &Server) -> [Client; WRITERS] {
    std::array::from_fn(|_| server.client())
}

/// Has clients count until the server is gone.
fn write<'s>(writers: [Client; WRITERS], acknowledged: &'s Acknowledged, scope: &'s Scope<'s, '_>) {
    for (number, (client, acknowledged)) in writers.into_iter().zip(acknowledged).enumerate() {
        scope.spawn(move || count(client, number, acknowledged));
    }
}

/// Whether a server is done with what it does in the background, or is gone.
fn is_at_rest(server: &mut Server) -> bool {
    let text = Client::connect(server.port).map(|mut client| client.ask("INFO persistence"));
    const AT_REST: [&str; 3] =
        ["aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0", "rdb_bgsave_in_progress:0"];
    let is_done = text.is_ok_and(|text| AT_REST.iter().all(|field| text.contains(field)));
    is_done || server.has_ended()
}

/// No file is left that nobody will finish, soon after a start.
fn assert_tidy(story: &Story, directives: &str) {
    let server = story.start(directives);
    wait_for("the leftovers of crashes to go", || {
        crate::snapshots::temporaries(&server).is_empty().then_some(())
    });
}

/// Rewrites happen when they are asked for.
const APPENDS: &str = "--appendonly yes --auto-aof-rewrite-percentage 0 --appendfsync";

#[test]
fn appending_may_end_at_any_call() {
    let acknowledged = Acknowledged::default();
    let story = tell(|story, round| {
        // Without a sync a disk that fails takes what was acknowledged a moment ago.
        let (policy, faults) = [("always", &FAULTS[..]), ("no", &DEATHS)][story.chance.below(2)];
        let mut server = story.start(&format!("{APPENDS} {policy}"));
        check(&server, &acknowledged, round);
        std::thread::scope(|scope| {
            let writers = writers(&server);
            story.arm(faults, Counted::Increments);
            write(writers, &acknowledged, scope);
            wait_for("the server to end", || server.has_ended().then_some(()));
            story.end(server);
        });
    });
    if let Some(story) = story {
        story.check_appended(&acknowledged);
    }
}

#[test]
fn a_rewrite_may_end_at_any_call() {
    let acknowledged = Acknowledged::default();
    let story = tell(|story, round| {
        let (mut server, _) = story.start_rewriting(&acknowledged, round);
        std::thread::scope(|scope| {
            write(writers(&server), &acknowledged, scope);
            // One that failed meets another.
            for _ in 0..=story.chance.below(3) {
                story.pause();
                story.arm(&FAULTS, Counted::Others);
                // It may be gone, which is no reply.
                let _ = Client::connect(server.port).map(|mut client| client.ask("BGREWRITEAOF"));
                wait_for("the rewrite to end", || is_at_rest(&mut server).then_some(()));
                story.disarm();
                if server.has_ended() {
                    break;
                }
            }
            story.pause();
            story.end(server);
        });
    });
    if let Some(story) = story {
        story.check_appended(&acknowledged);
        assert_tidy(&story, &format!("{APPENDS} always"));
    }
}

#[test]
fn reading_may_end_at_any_call() {
    let acknowledged = Acknowledged::default();
    let story = tell(|story, round| {
        let (mut server, directives) = story.start_rewriting(&acknowledged, round);
        if story.chance.below(3) == 0 {
            server.ask("BGREWRITEAOF");
            wait_for("the rewrite to end", || is_at_rest(&mut server).then_some(()));
        }
        std::thread::scope(|scope| {
            // Half of an effect is written, which is to be cut off.
            let at = story.chance.below(20) as u64 + 1;
            let writers = writers(&server);
            story.faults.arm(Fault::DieAfter, at, Counted::Increments);
            write(writers, &acknowledged, scope);
            wait_for("the server to end", || server.has_ended().then_some(()));
        });
        for _ in 0..=story.chance.below(3) {
            story.arm(&FAULTS, Counted::All);
            let server = story.try_start(&directives);
            story.end(server);
        }
    });
    if let Some(story) = story {
        story.check_appended(&acknowledged);
    }
}

#[test]
fn a_snapshot_may_end_at_any_call() {
    let (mut saved, mut written, mut saves) = (0, 0, 0);
    let story = tell(|story, round| {
        if story.chance.below(2) == 0 {
            story.arm(&FAULTS, Counted::All);
            let server = story.try_start("");
            story.end(server);
        }
        let mut server = story.start("");
        let mut client = server.client();
        let found = client.ask("GET counter").parse().unwrap_or(0);
        assert!((saved..=written).contains(&found), "{found} of {saved} to {written} in {round}");
        (saved, written) = (found, found);
        client.ask("DEBUG POPULATE 2000 key 100");
        for _ in 0..=story.chance.below(4) {
            if client.ask("INCR counter").starts_with(':') {
                written += 1;
            }
            if story.chance.below(3) > 0 {
                story.arm(&FAULTS, Counted::Others);
            }
            let is_saved = match story.chance.below(2) {
                0 => client.ask("SAVE") == "OK",
                _ => {
                    let is_begun = client.ask("BGSAVE") == "Background saving started";
                    wait_for("the snapshot to end", || is_at_rest(&mut server).then_some(()));
                    let told = client.ask("INFO persistence");
                    is_begun && told.contains("rdb_last_bgsave_status:ok")
                }
            };
            story.disarm();
            if is_saved {
                (saved, saves) = (written, saves + 1);
            }
            if server.has_ended() {
                break;
            }
        }
        story.end(server);
    });
    if let Some(story) = story {
        assert_tidy(&story, "");
        println!("{saves} snapshots acknowledged, none lost");
        assert!(saves > 0);
    }
}
