//! The pace of the machine itself: how long it lets nobody run who wants to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What a thread asks for to rest.
const REST: Duration = Duration::from_millis(5);

/// By how much longer than it asked for a thread rested at most, until all is over.
pub(crate) fn longest_pause(is_over: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        thread::park_timeout(REST);
        longest = longest.max(began.elapsed().saturating_sub(REST));
    }
    longest
}
