//! When a node may be connected to: not too soon after it was lost or could not be reached, and not too often.

use std::time::Duration;

use super::Worker;
use super::clock::micros;
use crate::errand::NodeIndex;
use crate::metrics::label::Limit;
use crate::token_bucket::Rate;

impl Worker {
    /// Whether a link to a node may be made now; if it may, it is counted as made.
    pub(super) fn may_connect(&mut self, index: NodeIndex) -> bool {
        let now_us = self.clock.now_us();
        let cluster = &self.config.cluster;
        let rate = Rate::new(cluster.connects_per_second, cluster.connect_burst);
        let Some(node) = self.routes.node_mut(index) else { return false };
        if now_us < node.connect_after_us {
            return false;
        }
        let Some(Err(wait)) = rate.map(|rate| node.connects.take(now_us * 1000, rate)) else {
            return true;
        };
        // Until then nobody need ask.
        node.connect_after_us = now_us + micros(wait).max(1);
        self.metrics.limit_reached(Limit::Connects);
        false
    }
}

/// How long to wait before connecting again, by the number of attempts that failed: 50 ms, doubled up to 400 ms, and
/// by chance up to a quarter more, lest all workers and front doors come at once.
pub(super) fn backoff_us(failures: u32, chance: u64) -> u64 {
    let step_us = 50_000 << failures.saturating_sub(1).min(3);
    step_us + chance % (step_us / 4)
}

/// How long to wait before a connection is made again that was lost: a part of `most`, by chance.
pub(super) fn jitter_us(most: Duration, chance: u64) -> u64 {
    chance % micros(most).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_differ() {
        for (failures, least_us) in [(1, 50_000), (2, 100_000), (4, 400_000), (99, 400_000)] {
            for chance in [0, 1, 12_345, u64::MAX] {
                let wait_us = backoff_us(failures, chance);
                assert!((least_us..least_us * 5 / 4).contains(&wait_us), "{wait_us}");
            }
        }
        assert_ne!(backoff_us(1, 1), backoff_us(1, 2));
        assert_eq!(jitter_us(Duration::ZERO, 77), 0);
        assert!(jitter_us(Duration::from_millis(10), u64::MAX) < 10_000);
    }
}
