//! Cheap random numbers: for picking keys, never for secrets.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

/// A splitmix64 sequence from a seed that the system gave.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Default for Random {
    fn default() -> Random {
        Random(RandomState::new().hash_one(0))
    }
}

impl Random {
    /// The sequence of this seed: the same one every time.
    pub(crate) fn from_seed(seed: u64) -> Random {
        Random(seed)
    }

    /// Another sequence, for use where this one cannot be borrowed.
    pub(crate) fn fork(&mut self) -> Random {
        Random::from_seed(self.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// So many different numbers below `bound`, each choice as likely; all of them if there are no more. In no order.
    pub(crate) fn sample(&mut self, bound: usize, count: usize) -> Vec<usize> {
        let count = count.min(bound);
        if count > bound / 3 {
            // Goes through all numbers, and takes each with the chance that it is among those still wanted.
            let mut wanted = count;
            let is_taken = |number: &usize| {
                let is_taken = self.below(bound - number) < wanted;
                wanted -= usize::from(is_taken);
                is_taken
            };
            return (0..bound).filter(is_taken).collect();
        }
        // Few of many. Source: R. Floyd, in "Programming pearls: a sample of brilliance", CACM 1987.
        let mut taken = HashSet::with_capacity(count);
        for limit in bound - count..bound {
            let number = self.below(limit + 1);
            if !taken.insert(number) {
                taken.insert(limit);
            }
        }
        taken.into_iter().collect()
    }

    /// A number below `bound`, which must not be zero. The bias is below `bound` / 2^64.
    #[expect(clippy::cast_possible_truncation, reason = "below a usize")]
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        debug_assert!(bound > 0);
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_different_and_fair() {
        for (bound, count) in
            [(10, 1), (10, 3), (10, 4), (10, 9), (10, 10), (10, 99), (3, 2), (0, 5)]
        {
            const ROUNDS: usize = 20_000;
            let mut random = Random::from_seed(11);
            let mut counts = vec![0usize; bound];
            for _ in 0..ROUNDS {
                let sample = random.sample(bound, count);
                let different: HashSet<usize> = sample.iter().copied().collect();
                assert_eq!((sample.len(), different.len()), (count.min(bound), count.min(bound)));
                sample.into_iter().for_each(|number| counts[number] += 1);
            }
            // The deviation of each is below 71; five times that is next to never exceeded.
            let expect = ROUNDS * count.min(bound) / bound.max(1);
            assert!(
                counts.iter().all(|n| n.abs_diff(expect) < 355),
                "{count} of {bound}: {counts:?}"
            );
        }
    }
}
