//! Wall-clock time as the node counts it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970. A clock set before 1970 counts as 1970.
pub(crate) fn unix_ms() -> i64 {
    i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX)
}

/// Microseconds since 1970.
pub(crate) fn unix_us() -> i64 {
    i64::try_from(since_epoch().as_micros()).unwrap_or(i64::MAX)
}

fn since_epoch() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
