//! A set of slots: 2 KiB, whatever is in it.

use reddoor_protocol::slot::Slot;

const WORD_BITS: usize = u64::BITS as usize;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlotSet(Box<[u64]>);

impl Default for SlotSet {
    fn default() -> SlotSet {
        SlotSet(vec![0; Slot::COUNT / WORD_BITS].into_boxed_slice())
    }
}

impl SlotSet {
    /// Whether the slot is in it.
    pub(crate) fn contains(&self, slot: Slot) -> bool {
        self.0[slot.index() / WORD_BITS] & bit(slot) != 0
    }

    /// Puts a slot in.
    pub(crate) fn insert(&mut self, slot: Slot) {
        self.0[slot.index() / WORD_BITS] |= bit(slot);
    }

    /// Takes all out that are in the other.
    pub(crate) fn remove_all(&mut self, other: &SlotSet) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= !other);
    }

    /// The smallest slot that is not in it.
    pub(crate) fn first_missing(&self) -> Option<Slot> {
        let index = self.0.iter().position(|word| *word != u64::MAX)?;
        let number = index * WORD_BITS + self.0[index].trailing_ones() as usize;
        Slot::new(u16::try_from(number).ok()?)
    }

    /// The slots in it, in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Slot> {
        Slot::all().filter(|slot| self.contains(*slot))
    }
}

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> SlotSet {
        let mut set = SlotSet::default();
        slots.into_iter().for_each(|slot| set.insert(slot));
        set
    }
}

fn bit(slot: Slot) -> u64 {
    1 << (slot.index() % WORD_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_go_in_and_out() {
        let slot = |number| Slot::new(number).unwrap();
        let mut set: SlotSet = (0..100).map(slot).collect();
        assert_eq!(set.first_missing(), Some(slot(100)));
        assert!(set.contains(slot(64)) && !set.contains(slot(100)));
        set.remove_all(&(3..5).map(slot).collect());
        assert_eq!(set.first_missing(), Some(slot(3)));
        assert_eq!(set.iter().count(), 98);
        let all: SlotSet = Slot::all().collect();
        assert_eq!(all.first_missing(), None);
    }
}
