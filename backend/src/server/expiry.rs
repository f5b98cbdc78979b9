//! Expiry of keys that nobody asks for: in every tick, and between ticks while more have expired than a tick removes.
//!
//! Invariants: a tick spends a quarter of its time on it (more at a higher `active-expire-effort`), catching up a
//! third of the time that is left. Databases take turns: the next look begins where the last one had to end.
//! Source: redis `src/expire.c` activeExpireCycle, ACTIVE_EXPIRE_CYCLE_SLOW and ACTIVE_EXPIRE_CYCLE_FAST.

use std::time::{Duration, Instant};

use crate::clock;
use crate::data::key::Key;
use crate::data::keyspace::Expired;
use crate::node::{Node, SharedNode};
use crate::notify::Class;
use crate::propagate::Removal;

/// The share of a tick that expiry may take, in per cent, at effort 1 and for each effort above.
const TICK_PERCENT: (u32, u32) = (25, 2);

/// How long it may take at once between ticks, at effort 1 and for each effort above.
const CATCH_UP: (Duration, Duration) = (Duration::from_millis(1), Duration::from_micros(250));

/// How much longer than it may take at once the node serves its clients in between.
const CATCH_UP_PAUSE: u32 = 2;

/// What is left to do from one look for expired keys to the next.
#[derive(Default)]
pub(super) struct Expiry {
    /// The database to begin with.
    db: usize,
    /// Whether the last look ended for want of time.
    is_behind: bool,
}

impl Expiry {
    /// Removes expired keys for the part of a tick that expiry may take.
    pub(super) fn run_in_tick(&mut self, node: &mut Node) {
        let settings = node.config.settings();
        let percent = TICK_PERCENT.0 + TICK_PERCENT.1 * (settings.expire_effort - 1);
        let budget = Duration::from_secs(1) / settings.hz * percent / 100;
        self.run(node, budget);
    }

    /// Removes expired keys by small portions until none is left to be expected, or the next tick is due.
    pub(super) async fn catch_up(&mut self, node: &SharedNode, due: Instant) {
        while self.is_behind {
            let effort = node.borrow().config.settings().expire_effort;
            let budget = CATCH_UP.0 + CATCH_UP.1 * (effort - 1);
            let pause = budget * CATCH_UP_PAUSE;
            if Instant::now() + pause > due {
                break;
            }
            tokio::time::sleep(pause).await;
            self.run(&mut node.borrow_mut(), budget);
        }
    }

    fn run(&mut self, node: &mut Node, budget: Duration) {
        self.is_behind = false;
        if !may_expire(node) {
            return;
        }
        match node.expiry_mode() {
            Expired::Removed => self.sweep(node, budget),
            Expired::Hidden => sweep_own(node),
            Expired::Found => {}
        }
    }

    fn sweep(&mut self, node: &mut Node, budget: Duration) {
        let (now_ms, effort) = (clock::unix_ms(), node.config.settings().expire_effort);
        let word = node.expired_removal();
        let start = Instant::now();
        let (mut looked_at, mut removed) = (0, 0);
        for _ in 0..node.databases.len() {
            let db = self.db % node.databases.len();
            let sweep = node.databases[db].sweep(now_ms, effort, start + budget);
            tell_expired(node, db, &sweep.removed, word);
            looked_at += sweep.looked_at;
            removed += sweep.removed.len();
            self.db = db + 1;
            if sweep.is_cut_short {
                node.stats.expire_cycles_cut_short += 1;
                self.is_behind = true;
                break;
            }
        }
        node.stats.note_expiry(looked_at, removed);
        let took = start.elapsed();
        node.stats.expire_cycle_us += u64::try_from(took.as_micros()).unwrap_or(0);
        node.note_latency("expire-cycle", took);
    }
}

/// Removes expired keys of which this replica's primary knows nothing.
fn sweep_own(node: &mut Node) {
    let (now_ms, word) = (clock::unix_ms(), node.expired_removal());
    for db in 0..node.databases.len() {
        if node.databases[db].own_volatile_len() > 0 {
            let removed = node.databases[db].sweep_own(now_ms);
            tell_expired(node, db, &removed, word);
        }
    }
}

fn tell_expired(node: &mut Node, db: usize, keys: &[Key], word: Removal) {
    for key in keys {
        node.propagate_removal(db, key, word);
        node.notify(Class::Expired, "expired", db, key);
        node.changed(db, key);
    }
    node.end_apart();
}

/// Whether keys may go now. While writes are paused nothing may change, expiry included.
fn may_expire(node: &mut Node) -> bool {
    // Looked at first, as it notes the end of a pause.
    let is_paused = node.active_pause().is_some();
    !is_paused
        && node.is_expiring
        && !node.switches.is_cron_paused
        && node.persistence.loading.is_none()
        && !node.scripting.is_busy()
}
