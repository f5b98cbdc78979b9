//! How long commands took: fixed buckets from 50 microseconds to 10 seconds.

use std::time::Duration;

use super::cell::Counter;

/// Upper bounds of the buckets, in nanoseconds, each inclusive; one bucket more takes what is longer than the last.
///
/// Invariant: each bound is at least twice the one before it, so that finding a bucket takes one comparison.
pub const BOUNDS_NANOS: [u64; 17] = [
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// Buckets of one histogram, the open one included.
pub const BUCKETS_COUNT: usize = BOUNDS_NANOS.len() + 1;

/// Durations sorted into buckets.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [Counter; BUCKETS_COUNT],
    nanos: Counter,
}

/// The sums of several histograms at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramSum {
    /// Durations in each bucket, not cumulated.
    pub buckets: [u64; BUCKETS_COUNT],
    /// Sum of all durations, in nanoseconds.
    pub nanos: u64,
}

impl Histogram {
    /// Counts one duration.
    #[inline]
    pub fn record(&self, elapsed: Duration) {
        // 584 years fit into 64 bits of nanoseconds.
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket_of(nanos)].increment();
        self.nanos.add(nanos);
    }
}

impl HistogramSum {
    /// Adds what `histogram` holds now.
    pub fn add(&mut self, histogram: &Histogram) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *sum += bucket.value();
        }
        self.nanos = self.nanos.wrapping_add(histogram.nanos.value());
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// The bucket of a duration: the first whose bound is not below it.
///
/// Between two powers of two lies at most one bound, so a table by the highest bit and one comparison find it.
#[inline]
fn bucket_of(nanos: u64) -> usize {
    let first = FIRST_BY_BIT[(nanos | 1).ilog2() as usize];
    match BOUNDS_NANOS.get(first as usize) {
        Some(&bound) => first as usize + usize::from(nanos > bound),
        None => BOUNDS_NANOS.len(),
    }
}

/// For each highest bit: how many bounds lie below every duration that has it.
const FIRST_BY_BIT: [u8; 64] = first_by_bit();

const fn first_by_bit() -> [u8; 64] {
    let mut table = [0; 64];
    let mut bit = 0;
    while bit < 64 {
        let mut below: u8 = 0;
        while (below as usize) < BOUNDS_NANOS.len() && BOUNDS_NANOS[below as usize] < 1 << bit {
            below += 1;
        }
        table[bit] = below;
        bit += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bucket_by_search(nanos: u64) -> usize {
        BOUNDS_NANOS.iter().filter(|&&bound| bound < nanos).count()
    }

    #[test]
    fn bounds_at_least_double() {
        assert!(BOUNDS_NANOS.windows(2).all(|pair| pair[1] >= 2 * pair[0]));
    }

    #[test]
    fn a_duration_equal_to_a_bound_belongs_below_it() {
        for (index, &bound) in BOUNDS_NANOS.iter().enumerate() {
            assert_eq!(bucket_of(bound - 1), index);
            assert_eq!(bucket_of(bound), index);
            assert_eq!(bucket_of(bound + 1), index + 1);
        }
        assert_eq!(bucket_of(0), 0);
        assert_eq!(bucket_of(u64::MAX), BOUNDS_NANOS.len());
    }

    #[test]
    fn sums_hold_every_duration_once() {
        let (first, second) = (Histogram::default(), Histogram::default());
        first.record(Duration::from_micros(20));
        second.record(Duration::from_millis(3));
        second.record(Duration::from_secs(60));
        let mut sum = HistogramSum::default();
        sum.add(&first);
        sum.add(&second);
        assert_eq!(sum.count(), 3);
        assert_eq!(sum.nanos, 60_003_020_000);
        assert_eq!((sum.buckets[0], sum.buckets[6], sum.buckets[17]), (1, 1, 1));
    }

    proptest! {
        #[test]
        fn the_table_agrees_with_a_search(nanos in prop_oneof![any::<u64>(), 0u64..20_000_000_000]) {
            prop_assert_eq!(bucket_of(nanos), bucket_by_search(nanos));
        }
    }
}
