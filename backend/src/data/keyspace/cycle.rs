//! The expiry cycle: finds keys whose time has come although nobody asks for them.
//!
//! Buckets of the expiring keys are visited one after the other; as long as many of the visited keys had expired
//! the walk goes on, otherwise it rests until the next tick. So the time spent follows the number of keys to
//! remove, and the share of expired keys still in memory stays small.
//!
//! Source: redis `src/expire.c` activeExpireCycle, for the rules of thumb.

use std::time::Instant;

use crate::data::key::Key;
use crate::data::keyspace::Keyspace;
use crate::data::lazy_free;

/// Where the next cycle goes on.
#[derive(Debug, Default)]
pub(super) struct Position {
    part: usize,
    cursor: u64,
    pub(super) average_lifetime_ms: i64,
}

/// What one cycle did.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// Keys that were looked at (count).
    pub(crate) looked_at: usize,
    /// The keys that were removed.
    pub(crate) removed: Vec<Key>,
    /// Sum of the remaining lives of the others, in milliseconds.
    pub(crate) remaining_ms: i64,
    /// Whether the time was up before the work was done.
    pub(crate) is_cut_short: bool,
}

/// How many keys are looked at before the share of expired ones is judged, at effort 1. Source: redis
/// `src/expire.c` ACTIVE_EXPIRE_CYCLE_KEYS_PER_LOOP.
const KEYS_PER_ROUND: usize = 20;

/// The share of expired keys, in per cent, below which the cycle rests, at effort 1.
const STALE_PERCENT_ACCEPTED: usize = 10;

/// Buckets visited in a round even if they hold no key, per key wished for.
const BUCKETS_PER_KEY: usize = 20;

impl Position {
    /// Lets the average follow what a sweep has seen: two per cent at a time. Source: redis `src/expire.c`.
    fn note_lifetimes(&mut self, sweep: &Sweep) {
        let Ok(alive) = i64::try_from(sweep.looked_at - sweep.removed.len()) else { return };
        if alive == 0 {
            return;
        }
        let seen = sweep.remaining_ms / alive;
        self.average_lifetime_ms = match self.average_lifetime_ms {
            0 => seen,
            average => average / 50 * 49 + seen / 50,
        };
    }
}

impl Keyspace {
    /// Removes expired keys until few are left or the deadline has come. `effort` is 1 to 10.
    pub(crate) fn sweep(&mut self, now_ms: i64, effort: u32, deadline: Instant) -> Sweep {
        let effort = effort as usize - 1;
        let round_max = KEYS_PER_ROUND + KEYS_PER_ROUND / 4 * effort;
        let accepted = STALE_PERCENT_ACCEPTED.saturating_sub(effort);
        let mut sweep = Sweep::default();
        while self.volatile_count > 0 {
            let before = (sweep.looked_at, sweep.removed.len());
            let is_through = self.sweep_round(now_ms, round_max, &mut sweep);
            let looked_at = sweep.looked_at - before.0;
            let removed = sweep.removed.len() - before.1;
            if is_through || removed * 100 <= looked_at * accepted {
                break;
            }
            if Instant::now() >= deadline {
                sweep.is_cut_short = true;
                break;
            }
        }
        self.cycle.note_lifetimes(&sweep);
        sweep
    }

    /// Looks at about `keys_max` keys. Whether the walk came to the end of all parts.
    fn sweep_round(&mut self, now_ms: i64, keys_max: usize, sweep: &mut Sweep) -> bool {
        let mut expired: Vec<Key> = Vec::new();
        let target = sweep.looked_at + keys_max;
        let mut buckets_left = keys_max * BUCKETS_PER_KEY;
        let mut is_through = false;
        while sweep.looked_at < target && buckets_left > 0 {
            let part = self.parts[self.cycle.part].as_deref().filter(|p| p.volatile.len() > 0);
            if let Some(part) = part {
                buckets_left -= 1;
                self.cycle.cursor = part.volatile.scan(self.cycle.cursor, |key, time| {
                    sweep.looked_at += 1;
                    if *time < now_ms {
                        expired.push(key.clone());
                    } else {
                        sweep.remaining_ms =
                            sweep.remaining_ms.saturating_add(time.saturating_sub(now_ms));
                    }
                });
                if self.cycle.cursor != 0 {
                    continue;
                }
            }
            self.cycle.part += 1;
            if self.cycle.part == self.parts.len() {
                self.cycle.part = 0;
                self.cycle.cursor = 0;
                is_through = true;
                break;
            }
        }
        for key in &expired {
            if let Some(record) = self.remove(key) {
                lazy_free::free(record.value, self.frees.expired);
            }
        }
        self.expired_count += expired.len() as u64;
        sweep.removed.append(&mut expired);
        is_through
    }
}
