//! How long the calls of one command took, as counts of ranges of nanoseconds.
//!
//! Up to 255 ns each number is a range of its own; from there on each doubling is cut into 128 ranges, so that a
//! range is never wider than a hundredth of its numbers. Counting is a shift and an addition.
//!
//! Source: the layout of HdrHistogram with two significant digits, which a Redis uses.

/// Doublings are cut into two to the power of so many ranges.
const RANGE_BITS: u32 = 7;

/// What takes longer counts as this long. Source: redis `src/server.h` LATENCY_HISTOGRAM_MAX_VALUE.
const NS_MAX: u64 = 1_000_000_000;

/// Ranges of one histogram (count).
const RANGES: usize = range_of(NS_MAX) + 1;

/// The first bound of [`Histogram::doublings`]: about a microsecond.
const FIRST_BOUND_NS: u64 = 1024;

/// Counts of calls by how long they took: 24 KB.
#[derive(Clone, Debug)]
pub(crate) struct Histogram(Box<[u64; RANGES]>);

impl Default for Histogram {
    fn default() -> Histogram {
        let counts = vec![0; RANGES].into_boxed_slice();
        Histogram(counts.try_into().expect("as many as were asked for"))
    }
}

impl Histogram {
    /// Counts a call.
    #[inline]
    pub(crate) fn add(&mut self, took_ns: u64) {
        self.0[range_of(took_ns.min(NS_MAX))] += 1;
    }

    /// Calls that were counted.
    pub(crate) fn calls(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Which time so many per cent of the calls did not exceed, in nanoseconds: the end of a range. 0 without calls.
    pub(crate) fn percentile(&self, percent: f64) -> u64 {
        #[expect(clippy::cast_precision_loss, reason = "counts that precise are far away")]
        let share = percent / 100.0 * self.calls() as f64 + 0.5;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let rank = (share as u64).max(1);
        let mut sum = 0;
        let reached = self.0.iter().position(|count| {
            sum += count;
            sum >= rank
        });
        reached.map_or(0, last_of)
    }

    /// How many calls took at most 1, 2, 4, 8, 16, 33 … microseconds, of each bound that has calls of its own.
    pub(crate) fn doublings(&self) -> Vec<(u64, u64)> {
        let (mut found, mut sum, mut from) = (Vec::new(), 0, 0);
        let mut bound = FIRST_BOUND_NS;
        while from < RANGES {
            // Up to the end of the range in which the bound lies.
            let to = range_of(bound) + 1;
            let here: u64 = self.0[from..to.min(RANGES)].iter().sum();
            sum += here;
            if here > 0 {
                let last = if to < RANGES { last_of(to - 1) } else { bound };
                found.push((last / 1000, sum));
            }
            (from, bound) = (to, bound * 2);
        }
        found
    }
}

/// The range in which a number lies.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "below 256 when it is cast")]
const fn range_of(ns: u64) -> usize {
    let shift = (ns | ((2 << RANGE_BITS) - 1)).ilog2() - RANGE_BITS;
    ((shift as usize) << RANGE_BITS) + (ns >> shift) as usize
}

/// The largest number of a range.
fn last_of(range: usize) -> u64 {
    let shift = (range >> RANGE_BITS).saturating_sub(1);
    let place = (range - (shift << RANGE_BITS)) as u64;
    ((place + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_each_other_and_are_narrow() {
        let mut next = 0;
        for range in 0..RANGES {
            let last = last_of(range);
            assert_eq!((range_of(next), range_of(last)), (range, range));
            assert!((last - next) * 100 <= next.max(1), "{next} to {last}");
            next = last + 1;
        }
        assert!(next > NS_MAX);
    }

    #[test]
    fn percentiles_are_the_ends_of_ranges() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50.0), 0);
        (1..=1000).for_each(|us| histogram.add(us * 1000));
        assert_eq!(histogram.calls(), 1000);
        for (percent, ns) in [(0.0, 1000), (50.0, 500_000), (99.9, 999_000), (100.0, 1_000_000)] {
            let found = histogram.percentile(percent);
            assert!((ns..=ns + ns / 100 + 8).contains(&found), "{percent}: {found}");
        }
    }

    #[test]
    fn bounds_double_and_counts_add_up() {
        let mut histogram = Histogram::default();
        for ns in [10, 1000, 1500, 40_000, u64::MAX] {
            histogram.add(ns);
        }
        assert_eq!(histogram.doublings(), [(1, 2), (2, 3), (66, 4), (1_073_741, 5)]);
    }
}
