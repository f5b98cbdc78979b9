//! The form of large sorted sets: members found by name, and their order.
//!
//! Invariant: `order` has one item for each of `members`, with the same score.

use std::cmp::Ordering;
use std::ops::Range;

use crate::data::sorted_set::members::Members;
use crate::data::sorted_set::order::{Item, Items, Order};

/// Members by name and in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Indexed {
    members: Members,
    order: Order,
}

impl Indexed {
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn score(&self, name: &[u8]) -> Option<f64> {
        self.find(name).map(|slot| self.members.score(slot))
    }

    /// Gives a member the score that `decide` names, knowing the one it has; `None` leaves everything as it is.
    pub(super) fn update(&mut self, name: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) {
        let hash = self.members.hash(name);
        let Some(slot) = self.members.find(hash, name) else {
            if let Some(score) = decide(None) {
                self.insert(hash, name, score);
            }
            return;
        };
        let before = self.members.score(slot);
        if let Some(score) = decide(Some(before)) {
            let members = &self.members;
            self.order.remove(|other| compare(members, other, before, name));
            self.order.insert(Item { score, slot }, |other| compare(members, other, score, name));
            self.members.set_score(slot, score);
        }
    }

    /// Adds a member that is not there.
    pub(super) fn insert_new(&mut self, name: &[u8], score: f64) {
        self.insert(self.members.hash(name), name, score);
    }

    fn insert(&mut self, hash: u32, name: &[u8], score: f64) {
        let slot = self.members.insert(hash, name, score);
        let members = &self.members;
        self.order.insert(Item { score, slot }, |other| compare(members, other, score, name));
    }

    /// Removes a member. Whether it was there.
    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let slot = self.find(name);
        slot.inspect(|slot| self.remove_slot(*slot)).is_some()
    }

    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>) {
        for _ in ranks.clone() {
            let Some(item) = self.order.items(ranks.start..ranks.start + 1).next() else { return };
            self.remove_slot(item.slot);
        }
    }

    fn remove_slot(&mut self, slot: u32) {
        let members = &self.members;
        let (score, name) = (members.score(slot), members.name(slot));
        self.order.remove(|other| compare(members, other, score, name));
        let Some(moved_from) = self.members.remove(slot) else { return };
        // The member that took the slot over still stands in the order by the slot that it had.
        let members = &self.members;
        let (score, name) = (members.score(slot), members.name(slot));
        let compare = |other: Item| match other.slot == moved_from {
            true => Ordering::Equal,
            false => compare(members, other, score, name),
        };
        self.order.replace(compare, Item { score, slot });
    }

    /// How many members come before this one.
    pub(super) fn rank(&self, name: &[u8]) -> Option<usize> {
        let score = self.score(name)?;
        let members = &self.members;
        Some(self.order.rank(|other| compare(members, other, score, name) == Ordering::Less))
    }

    /// How many of the first members are such.
    pub(super) fn rank_by_score(&self, is_such: impl Fn(f64) -> bool) -> usize {
        self.order.rank(|item| is_such(item.score))
    }

    /// As [`Indexed::rank_by_score`].
    pub(super) fn rank_by_name(&self, is_such: impl Fn(&[u8]) -> bool) -> usize {
        self.order.rank(|item| is_such(self.members.name(item.slot)))
    }

    pub(super) fn items(&self, ranks: Range<usize>) -> Items<'_> {
        self.order.items(ranks)
    }

    /// The name of an item.
    #[inline]
    pub(super) fn name(&self, item: Item) -> &[u8] {
        self.members.name(item.slot)
    }

    pub(super) fn scan(&self, cursor: u64, visit: impl FnMut(&[u8], f64)) -> u64 {
        self.members.scan(cursor, visit)
    }

    /// How many members each bucket has.
    pub(super) fn chain_lens(&self) -> Vec<usize> {
        self.members.chain_lens()
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self, samples: usize) -> usize {
        size_of::<Indexed>() + self.members.heap_bytes(samples) + self.order.heap_bytes()
    }

    fn find(&self, name: &[u8]) -> Option<u32> {
        self.members.find(self.members.hash(name), name)
    }

    /// Holds the invariants against what is stored.
    #[cfg(test)]
    pub(super) fn check_invariants(&self) {
        self.order.check_invariants();
        assert_eq!(self.order.len(), self.members.len());
        for item in self.order.items(0..self.len()) {
            assert_eq!(self.members.score(item.slot), item.score);
        }
    }
}

/// How an item stands to a score and a name. The name is looked up only between equal scores.
#[inline]
fn compare(members: &Members, item: Item, score: f64, name: &[u8]) -> Ordering {
    if item.score < score {
        Ordering::Less
    } else if item.score > score {
        Ordering::Greater
    } else {
        members.name(item.slot).cmp(name)
    }
}
