//! How often something may happen: so many times a second, and so many times at once.
//!
//! A bucket of `burst` tokens gets a new one every `interval`; what happens takes one. Such a bucket is one number: the
//! moment at which it is full again. That lies in the past while it is full, and one interval later for each token that
//! is missing.
//!
//! ```text
//! now              full_at
//!  |----|----|----|          three tokens are missing
//! ```
//!
//! In: the time. Out: a token, or how long to wait for one. Not here: clocks, and what happens.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Nanoseconds of a second.
const SECOND_NS: u64 = 1_000_000_000;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    interval_ns: u64,
    burst: u64,
}

impl Rate {
    /// So many times a second and, after a pause, so many times at once; `None` for zero a second, which is no limit.
    pub(crate) fn new(per_second: u32, burst: u32) -> Option<Rate> {
        let interval_ns = SECOND_NS.checked_div(u64::from(per_second))?;
        Some(Rate { interval_ns: interval_ns.max(1), burst: u64::from(burst.max(1)) })
    }

    /// When a bucket that is full at `full_at_ns` is full again if a token is taken from it now.
    ///
    /// # Errors
    /// It is empty; how long it is until there is a token.
    fn take(self, full_at_ns: u64, now_ns: u64) -> Result<u64, Duration> {
        let full_at_ns = full_at_ns.max(now_ns).saturating_add(self.interval_ns);
        let latest_ns = now_ns.saturating_add(self.interval_ns.saturating_mul(self.burst));
        match full_at_ns.checked_sub(latest_ns) {
            None | Some(0) => Ok(full_at_ns),
            Some(wait_ns) => Err(Duration::from_nanos(wait_ns)),
        }
    }
}

/// A bucket of one owner. It is full at first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TokenBucket {
    full_at_ns: u64,
}

impl TokenBucket {
    /// Takes a token.
    ///
    /// # Errors
    /// There is none; how long it is until there is one.
    pub(crate) fn take(&mut self, now_ns: u64, rate: Rate) -> Result<(), Duration> {
        self.full_at_ns = rate.take(self.full_at_ns, now_ns)?;
        Ok(())
    }
}

/// A bucket from which several threads take.
#[derive(Debug, Default)]
pub(crate) struct SharedBucket {
    full_at_ns: AtomicU64,
}

impl SharedBucket {
    /// Takes a token.
    ///
    /// # Errors
    /// There is none; how long it is until there is one.
    pub(crate) fn take(&self, now_ns: u64, rate: Rate) -> Result<(), Duration> {
        let mut full_at_ns = self.full_at_ns.load(Relaxed);
        loop {
            let taken = rate.take(full_at_ns, now_ns)?;
            match self.full_at_ns.compare_exchange_weak(full_at_ns, taken, Relaxed, Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => full_at_ns = other,
            }
        }
    }

    /// Gives back a token that was taken and not used.
    pub(crate) fn give_back(&self, rate: Rate) {
        self.full_at_ns.fetch_sub(rate.interval_ns, Relaxed);
    }

    /// Whether it is full, so that it differs in nothing from a new one.
    pub(crate) fn is_full(&self, now_ns: u64) -> bool {
        self.full_at_ns.load(Relaxed) <= now_ns
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_goes_through_and_then_one_for_each_interval() {
        let rate = Rate::new(10, 3).unwrap();
        let mut bucket = TokenBucket::default();
        let start = 5 * SECOND_NS;
        for _ in 0..3 {
            assert_eq!(bucket.take(start, rate), Ok(()));
        }
        assert_eq!(bucket.take(start, rate), Err(Duration::from_millis(100)));
        assert_eq!(bucket.take(start + SECOND_NS / 20, rate), Err(Duration::from_millis(50)));
        assert_eq!(bucket.take(start + SECOND_NS / 10, rate), Ok(()));
        assert!(bucket.take(start + SECOND_NS / 10, rate).is_err());
    }

    #[test]
    fn zero_a_second_is_no_limit() {
        assert_eq!(Rate::new(0, 5), None);
    }

    #[test]
    fn a_shared_bucket_is_full_again_when_nothing_was_taken_for_long_enough() {
        let rate = Rate::new(1, 2).unwrap();
        let bucket = SharedBucket::default();
        assert_eq!((bucket.take(0, rate), bucket.take(0, rate)), (Ok(()), Ok(())));
        assert_eq!(bucket.take(0, rate), Err(Duration::from_secs(1)));
        bucket.give_back(rate);
        assert_eq!(bucket.take(0, rate), Ok(()));
        assert!(!bucket.is_full(2 * SECOND_NS - 1));
        assert!(bucket.is_full(2 * SECOND_NS));
    }

    proptest! {
        #[test]
        fn no_window_of_time_lets_more_through_than_the_burst_and_the_rate(
            per_second in 1u32..2000,
            burst in 1u32..50,
            steps in prop::collection::vec(0u64..20_000_000, 1..200),
        ) {
            let rate = Rate::new(per_second, burst).unwrap();
            let mut bucket = TokenBucket::default();
            let (mut now, mut taken) = (0, Vec::new());
            for step in steps {
                now += step;
                match bucket.take(now, rate) {
                    Ok(()) => taken.push(now),
                    Err(wait) => {
                        let then = now + u64::try_from(wait.as_nanos()).unwrap();
                        prop_assert_eq!(bucket.clone().take(then, rate), Ok(()));
                        prop_assert!(bucket.clone().take(then - 1, rate).is_err());
                    }
                }
            }
            for (index, from) in taken.iter().enumerate() {
                for (count, to) in taken[index..].iter().enumerate() {
                    let allowed = u64::from(burst) + (to - from) / rate.interval_ns;
                    prop_assert!(count as u64 <= allowed);
                }
            }
        }
    }
}
