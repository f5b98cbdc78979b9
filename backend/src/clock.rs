//! Wall-clock time as the node counts it, and when it does what it does again and again.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// From when on periods are counted.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since 1970. A clock set before 1970 counts as 1970.
pub(crate) fn unix_ms() -> i64 {
    i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX)
}

/// Microseconds since 1970.
pub(crate) fn unix_us() -> i64 {
    i64::try_from(since_epoch().as_micros()).unwrap_or(i64::MAX)
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// When what is done once every `period` is due next. Everything with the same period is due at the same moments, so
/// that an idle node is woken once for all of it.
pub(crate) fn next_due(period: Duration) -> Instant {
    let past = BEGUN.elapsed();
    let into = past.as_nanos().checked_rem(period.as_nanos()).unwrap_or(0);
    *BEGUN + past + period.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_the_same_period_is_due_together() {
        let period = Duration::from_secs(3600);
        let now = Instant::now();
        let due = next_due(period);
        assert_eq!(next_due(period), due);
        assert!(due > now && due <= Instant::now() + period);
        assert!(next_due(Duration::ZERO) <= Instant::now());
    }
}
