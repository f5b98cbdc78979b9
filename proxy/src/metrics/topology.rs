//! The counts of the topology keeper: how often it asked, what it learned, how fresh its knowledge is.
//!
//! Invariant: the keeper's thread alone writes.

use std::time::Instant;

use super::cell::{Counter, Gauge};
use super::label::{LeftOut, RefreshReason, RefreshResult};

/// Counts kept by the topology keeper.
#[derive(Debug)]
pub struct TopologyMetrics {
    started: Instant,
    /// Milliseconds from `started` to the last refresh that a node answered.
    confirmed_ms: Gauge,
    pub(super) refreshes: [[Counter; RefreshResult::COUNT]; RefreshReason::COUNT],
    pub(super) epoch: Gauge,
    pub(super) primaries: Gauge,
    pub(super) replicas: Gauge,
    pub(super) slots_covered: Gauge,
    pub(super) replicas_readable: Gauge,
    pub(super) replicas_left_out: [Gauge; LeftOut::COUNT],
}

/// The size of an adopted topology.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopologySize {
    /// Nodes that own slots.
    pub primaries: usize,
    /// Nodes that follow a primary.
    pub replicas: usize,
    /// Slots that have an owner, 0 to 16384.
    pub slots_covered: usize,
}

impl TopologyMetrics {
    pub(super) fn new(started: Instant) -> TopologyMetrics {
        TopologyMetrics {
            started,
            confirmed_ms: Gauge::default(),
            refreshes: Default::default(),
            epoch: Gauge::default(),
            primaries: Gauge::default(),
            replicas: Gauge::default(),
            slots_covered: Gauge::default(),
            replicas_readable: Gauge::default(),
            replicas_left_out: Default::default(),
        }
    }

    /// A refresh ended at `now`; [`RefreshResult::Adopted`] is followed by [`Self::adopted`].
    pub fn refreshed(&self, reason: RefreshReason, result: RefreshResult, now: Instant) {
        self.refreshes[reason.index()][result.index()].increment();
        if matches!(result, RefreshResult::Adopted | RefreshResult::Unchanged) {
            let elapsed = now.saturating_duration_since(self.started);
            self.confirmed_ms.set(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
        }
    }

    /// A topology of this epoch and size is the one in use now.
    pub fn adopted(&self, epoch: u64, size: TopologySize) {
        self.epoch.set(epoch);
        self.primaries.set(size.primaries as u64);
        self.replicas.set(size.replicas as u64);
        self.slots_covered.set(size.slots_covered as u64);
    }

    /// So many replicas are not read from, by reason, and so many can be. All zero while none is to be read from.
    pub fn replicas_left_out(&self, counts: [u64; LeftOut::COUNT], readable: u64) {
        self.replicas_left_out.iter().zip(counts).for_each(|(gauge, count)| gauge.set(count));
        self.replicas_readable.set(readable);
    }

    /// Seconds since a node last told or confirmed the topology; before the first time, since the start.
    pub(super) fn age_seconds(&self, now: Instant) -> f64 {
        let elapsed = now.saturating_duration_since(self.started).as_secs_f64();
        (elapsed - self.confirmed_ms.value() as f64 / 1000.0).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn age_counts_from_the_last_refresh_that_told_something() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let topology = TopologyMetrics::new(start);
        assert_eq!(topology.age_seconds(at(3)), 3.0);
        topology.refreshed(RefreshReason::Startup, RefreshResult::Adopted, at(4));
        topology.refreshed(RefreshReason::Timer, RefreshResult::Failed, at(8));
        topology.refreshed(RefreshReason::Timer, RefreshResult::Stale, at(9));
        assert_eq!(topology.age_seconds(at(10)), 6.0);
    }
}
