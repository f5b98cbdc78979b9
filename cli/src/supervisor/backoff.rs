//! How long to wait before a node that died is started again. Pure: time is an argument.

use std::time::{Duration, Instant};

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A node that ran this long had a start worth forgetting its failures for.
const FORGIVEN_AFTER: Duration = Duration::from_secs(30);

/// The pauses of one node: they double from death to death, up to a bound, and begin anew after a long life.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    /// Deaths in a row (count).
    deaths: u32,
    /// When it was last started again; `None` for a node that never died.
    started: Option<Instant>,
}

impl Backoff {
    /// Tells that the node was started again.
    pub(crate) fn started(&mut self, now: Instant) {
        self.started = Some(now);
    }

    /// Tells that the node died, or could not be started, and asks how long to wait.
    pub(crate) fn died(&mut self, now: Instant) -> Duration {
        if self.started.take().is_some_and(|started| now - started >= FORGIVEN_AFTER) {
            self.deaths = 0;
        }
        let pause = PAUSE_MIN.saturating_mul(2u32.saturating_pow(self.deaths)).min(PAUSE_MAX);
        self.deaths = self.deaths.saturating_add(1);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        let pauses: Vec<u128> = (0..9).map(|_| backoff.died(now).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        backoff.deaths = u32::MAX;
        assert_eq!(backoff.died(now), PAUSE_MAX);
    }

    #[test]
    fn a_long_life_is_forgiven_and_a_short_one_is_not() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        backoff.died(now);
        backoff.started(now);
        assert_eq!(backoff.died(now + FORGIVEN_AFTER / 2), PAUSE_MIN * 2);
        backoff.started(now);
        assert_eq!(backoff.died(now + FORGIVEN_AFTER), PAUSE_MIN);
    }
}
