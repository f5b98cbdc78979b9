//! The members of a large sorted set with their scores: found by name in O(1), named by a slot number.
//!
//! A slot is a place in the dict's row, which is dense: when a member is removed, the last one takes over its slot.

use crate::data::dict::Dict;
use crate::data::estimate;
use crate::data::hashing::HashKey;
use crate::data::key::Key;

/// All members, in no order.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    scores: Dict<f64>,
    hash_key: HashKey,
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    /// The name of the member in a slot.
    #[inline]
    pub(super) fn name(&self, slot: u32) -> &[u8] {
        self.scores.at(slot as usize).map_or(&[], |(name, _)| name)
    }

    #[inline]
    pub(super) fn score(&self, slot: u32) -> f64 {
        self.scores.at(slot as usize).map_or(0.0, |(_, score)| *score)
    }

    pub(super) fn set_score(&mut self, slot: u32, score: f64) {
        if let Some(before) = self.scores.at_mut(slot as usize) {
            *before = score;
        }
    }

    #[inline]
    pub(super) fn hash(&self, name: &[u8]) -> u32 {
        self.hash_key.hash(name)
    }

    /// The slot of a member whose hash is known.
    #[inline]
    pub(super) fn find(&self, hash: u32, name: &[u8]) -> Option<u32> {
        self.scores.position(hash, name).map(slot)
    }

    /// Adds a member that is not there, and gives back its slot.
    pub(super) fn insert(&mut self, hash: u32, name: &[u8], score: f64) -> u32 {
        self.scores.insert_new(hash, Key::from(name), score);
        slot(self.len() - 1)
    }

    /// Removes a member. The last one takes over its slot, if it is another: then gives back which slot that had.
    pub(super) fn remove(&mut self, removed: u32) -> Option<u32> {
        self.scores.remove_at(removed as usize);
        Some(slot(self.len())).filter(|last| *last != removed)
    }

    /// As [`Dict::scan`].
    pub(super) fn scan(&self, cursor: u64, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        self.scores.scan(cursor, |name, score| visit(name, *score))
    }

    /// How many members each bucket has.
    pub(super) fn chain_lens(&self) -> Vec<usize> {
        self.scores.chain_lens().collect()
    }

    /// Bytes on the heap, those of names by so many samples.
    pub(super) fn heap_bytes(&self, samples: usize) -> usize {
        let names = self.scores.iter().map(|(name, _)| name.heap_bytes());
        self.scores.heap_bytes() + estimate::sum(names, self.len(), samples)
    }
}

/// A place in a dict's row, which has fewer than 2³² of them.
#[expect(clippy::cast_possible_truncation, reason = "a dict has no more places")]
fn slot(place: usize) -> u32 {
    place as u32
}
