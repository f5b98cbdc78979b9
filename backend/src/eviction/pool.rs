//! The best keys to give up among those that were looked at lately.
//!
//! A few samples alone are a poor judge of a whole database; the best of them are kept for the next time, so that the
//! choice is made among many.
//!
//! Source: redis `src/evict.c` evictionPoolPopulate.

use crate::data::key::Key;

/// Keys that are kept (count). Source: redis `src/evict.c` EVPOOL_SIZE.
const LEN_MAX: usize = 16;

/// Keys that may go, of all databases.
///
/// Invariant: in ascending order of merit, at most [`LEN_MAX`].
#[derive(Debug, Default)]
pub(super) struct Pool(Vec<Candidate>);

/// One of them.
#[derive(Debug)]
struct Candidate {
    merit: u64,
    db: usize,
    key: Key,
}

impl Pool {
    /// Offers a key that is the better to give up the larger its merit is. What is worst falls out.
    pub(super) fn offer(&mut self, merit: u64, db: usize, key: &Key) {
        let at = self.0.partition_point(|kept| kept.merit < merit);
        let is_full = self.0.len() == LEN_MAX;
        if is_full && at == 0 {
            return;
        }
        self.0.insert(at, Candidate { merit, db, key: key.clone() });
        if is_full {
            self.0.remove(0);
        }
    }

    /// Takes the best one out, which may be gone from its database.
    pub(super) fn take_best(&mut self) -> Option<(usize, Key)> {
        self.0.pop().map(|best| (best.db, best.key))
    }

    /// Forgets all: what was judged by another policy is worth nothing.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_many_are_kept_and_taken_in_their_order() {
        let mut pool = Pool::default();
        // 37 and 101 have no common factor: every number once.
        for number in (0..101u64).map(|n| n * 37 % 101) {
            pool.offer(number, 3, &Key::from(number.to_string().as_bytes()));
        }
        let taken: Vec<(usize, Key)> = std::iter::from_fn(|| pool.take_best()).collect();
        let expect: Vec<(usize, Key)> =
            (85..101).rev().map(|n| (3, Key::from(n.to_string().as_bytes()))).collect();
        assert_eq!(taken, expect);
    }
}
