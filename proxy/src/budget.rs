//! How many bytes clients may hold: one account for each worker, one sum for all.
//!
//! In: what a session or a link held when it was looked at last, and what it holds now; once for each read and write,
//! not for each command. Out: how hard the front door is pressed, and so what it does about it ([`Pressure`]).
//!
//! The sum is shared and not split, for a budget split over many workers would leave each of them too little for one
//! large value, while the others lie idle. A worker tells the others of its account in steps of [`STEP_BYTES`], so the
//! sum is off by at most so much for each worker, and a worker that serves small commands touches no memory of others.
//!
//! Not here: sessions, links, and what is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What one account may differ from what the others know of it, in bytes: what one read brings.
const STEP_BYTES: usize = 64 * 1024;

/// How hard the front door is pressed. Each level does what those before it do, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pressure {
    /// There is room.
    #[default]
    None,
    /// From three quarters on, those who hold most are not read.
    Reading,
    /// From seven eighths on, commands that need a node are refused.
    Commands,
    /// From fifteen sixteenths on, new clients are turned away.
    Clients,
    /// Nothing is left: those who hold most are cut.
    Exhausted,
}

impl Pressure {
    fn of(bytes: usize, bytes_max: usize) -> Pressure {
        let sixteenth = bytes_max / 16;
        match bytes {
            _ if bytes >= bytes_max => Pressure::Exhausted,
            _ if bytes >= bytes_max - sixteenth => Pressure::Clients,
            _ if bytes >= bytes_max - 2 * sixteenth => Pressure::Commands,
            _ if bytes >= bytes_max - 4 * sixteenth => Pressure::Reading,
            _ => Pressure::None,
        }
    }
}

/// What one session or link held when it was looked at last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    /// Bytes.
    pub(crate) bytes: usize,
    /// Requests without a reply (count).
    pub(crate) requests: usize,
}

/// The account of one worker.
#[derive(Debug)]
pub(crate) struct Budget {
    /// What all workers hold, in bytes, as far as they have told.
    all: Arc<AtomicUsize>,
    /// What this worker holds.
    held: Charge,
    /// What it has told of that, in bytes.
    told: usize,
    pressure: Pressure,
}

impl Budget {
    /// An empty account beside those that share `all`.
    pub(crate) fn new(all: Arc<AtomicUsize>) -> Budget {
        Budget { all, held: Charge::default(), told: 0, pressure: Pressure::None }
    }

    /// Takes note of what somebody holds `now` that held `before` when this was noted last.
    #[inline]
    pub(crate) fn settle(&mut self, before: Charge, now: Charge, bytes_max: usize) {
        debug_assert!(before.bytes <= self.held.bytes, "what is settled was noted");
        self.held.bytes = self.held.bytes.saturating_sub(before.bytes) + now.bytes;
        self.held.requests = self.held.requests.saturating_sub(before.requests) + now.requests;
        if self.held.bytes.abs_diff(self.told) >= STEP_BYTES {
            self.tell(bytes_max);
        }
    }

    /// Tells the others what this worker holds, and sees what they do.
    pub(crate) fn tell(&mut self, bytes_max: usize) {
        // Wraps around where less is held than was told, and the sum with it.
        let more = self.held.bytes.wrapping_sub(self.told);
        let all = self.all.fetch_add(more, Relaxed).wrapping_add(more);
        self.told = self.held.bytes;
        self.pressure = Pressure::of(all, bytes_max);
    }

    /// How hard the front door was pressed when this worker looked last.
    #[inline]
    pub(crate) fn pressure(&self) -> Pressure {
        self.pressure
    }

    /// Whether somebody may not be read for what is held.
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        self.pressure >= Pressure::Reading
    }

    /// Whether there is no room for another command of a session that was charged `charge` and has `requests` in
    /// flight by now.
    #[inline]
    pub(crate) fn is_full(&self, charge: Charge, requests: usize, requests_max: usize) -> bool {
        self.pressure >= Pressure::Commands
            || self.held.requests + requests >= requests_max + charge.requests
    }

    /// What this worker holds.
    #[inline]
    pub(crate) fn held(&self) -> Charge {
        self.held
    }
}

/// The bytes that one of so many clients may hold under pressure and still be left alone.
///
/// All such shares are half of the budget, and there is no pressure below three quarters of it. So a quarter at least
/// lies with clients that hold more than their share, or is on its way to nodes and from them.
pub(crate) fn share_bytes(bytes_max: usize, clients_count: usize) -> usize {
    bytes_max / 2 / clients_count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(bytes: usize) -> Charge {
        Charge { bytes, requests: bytes / 100 }
    }

    #[test]
    fn pressure_rises_by_steps() {
        let table = [
            (0, Pressure::None),
            (1199, Pressure::None),
            (1200, Pressure::Reading),
            (1400, Pressure::Commands),
            (1500, Pressure::Clients),
            (1599, Pressure::Clients),
            (1600, Pressure::Exhausted),
            (usize::MAX, Pressure::Exhausted),
        ];
        for (held, pressure) in table {
            assert_eq!(Pressure::of(held, 1600), pressure, "{held} bytes");
        }
    }

    #[test]
    fn workers_feel_what_the_others_hold() {
        let max = 64 * STEP_BYTES;
        let all = Arc::new(AtomicUsize::new(0));
        let (mut one, mut other) = (Budget::new(Arc::clone(&all)), Budget::new(Arc::clone(&all)));
        one.settle(bytes(0), bytes(60 * STEP_BYTES), max);
        assert_eq!((one.pressure(), other.pressure()), (Pressure::Clients, Pressure::None));
        other.settle(bytes(0), bytes(4 * STEP_BYTES), max);
        assert_eq!(other.pressure(), Pressure::Exhausted);
        one.settle(bytes(60 * STEP_BYTES), bytes(10), max);
        other.tell(max);
        assert_eq!((one.pressure(), other.pressure()), (Pressure::None, Pressure::None));
        other.settle(bytes(4 * STEP_BYTES), bytes(0), max);
        one.settle(bytes(10), bytes(0), max);
        one.tell(max);
        assert_eq!(all.load(Relaxed), 0);
        assert_eq!(one.held(), Charge::default());
    }

    #[test]
    fn small_changes_are_kept_to_oneself() {
        let all = Arc::new(AtomicUsize::new(0));
        let mut one = Budget::new(Arc::clone(&all));
        one.settle(bytes(0), bytes(STEP_BYTES - 1), 1 << 30);
        assert_eq!(all.load(Relaxed), 0);
        one.settle(bytes(STEP_BYTES - 1), bytes(STEP_BYTES), 1 << 30);
        assert_eq!(all.load(Relaxed), STEP_BYTES);
    }
}
