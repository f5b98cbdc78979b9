//! Conditions with a deadline, in place of sleeps.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up. No test gets faster or slower by it.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Time between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Asks again and again until there is an answer.
///
/// # Panics
/// There was none within [`PATIENCE`].
#[track_caller]
pub fn wait_for<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        thread::park_timeout(LOOK_EVERY);
    }
}

/// As [`wait_for`], for a condition.
///
/// # Panics
/// It did not hold within [`PATIENCE`].
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}
