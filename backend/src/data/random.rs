//! Cheap random numbers: for picking keys, never for secrets.

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

    /// A number below `bound`, which must not be zero. The bias is below `bound` / 2^64.
    #[expect(clippy::cast_possible_truncation, reason = "below a usize")]
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        debug_assert!(bound > 0);
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}
