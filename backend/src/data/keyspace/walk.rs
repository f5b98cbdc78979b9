//! Walks over a database: scans with cursors, keys of a slot, random keys.
//!
//! In cluster mode a cursor carries the slot in its low 14 bits and the dict's own cursor above them, so that a
//! scan goes slot by slot and a slot that moves away meanwhile just ends early.

use reddoor_protocol::slot::Slot;

use crate::data::key::Key;
use crate::data::keyspace::{Keyspace, Part, Record};
use crate::data::lazy_free::{self, Freeing};

/// Bits of a cursor that carry the slot: 2¹⁴ slots.
const SLOT_BITS: u32 = 14;

/// Parts without keys that one step of a scan passes over at most (count), to bound its time.
const EMPTY_PARTS_MAX: usize = Slot::COUNT;

impl Keyspace {
    /// Visits some keys and gives back where to go on; 0 starts and 0 means the end. Expired keys are visited.
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(&Key, &Record)) -> u64 {
        if self.parts.len() == 1 {
            return self.parts[0].as_deref().map_or(0, |part| part.keys.scan(cursor, visit));
        }
        let mut slot = usize::try_from(cursor & (Slot::COUNT as u64 - 1)).unwrap_or(0);
        let mut inner = cursor >> SLOT_BITS;
        for _ in 0..EMPTY_PARTS_MAX {
            if let Some(part) = self.parts[slot].as_deref() {
                inner = part.keys.scan(inner, &mut visit);
                if inner != 0 {
                    return inner << SLOT_BITS | slot as u64;
                }
                slot += 1;
                return if slot < self.parts.len() { slot as u64 } else { 0 };
            }
            (slot, inner) = (slot + 1, 0);
            if slot == self.parts.len() {
                return 0;
            }
        }
        slot as u64
    }

    /// All keys with their records, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Record)> {
        self.parts.iter().flatten().flat_map(|part| part.keys.iter())
    }

    /// Bytes of the tables of all keys and of those that expire, without what keys and values own.
    pub(crate) fn table_bytes(&self) -> (usize, usize) {
        self.parts.iter().flatten().fold((0, 0), |(keys, volatile), part| {
            (keys + part.keys.heap_bytes(), volatile + part.volatile.heap_bytes())
        })
    }

    /// How many keys each bucket of all tables has. Costs O(keys).
    pub(crate) fn chain_lens(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().flatten().flat_map(|part| part.keys.chain_lens())
    }

    /// As [`Keyspace::chain_lens`], of the tables of keys that expire.
    pub(crate) fn volatile_chain_lens(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().flatten().flat_map(|part| part.volatile.chain_lens())
    }

    /// A key picked at random, expired or not. In cluster mode costs O(slots).
    pub(crate) fn random_key(&mut self) -> Option<Key> {
        if self.keys_count == 0 {
            return None;
        }
        let mut rank = self.random.below(self.keys_count);
        let part =
            self.parts.iter().flatten().find(|part| match rank.checked_sub(part.keys.len()) {
                Some(rest) => {
                    rank = rest;
                    false
                }
                None => true,
            })?;
        part.keys.random(&mut self.random).map(|(key, _)| key.clone())
    }

    /// How many keys lie in a slot. Outside cluster mode no key lies in any slot.
    pub(crate) fn count_in_slot(&self, slot: Slot) -> usize {
        self.slot_part(slot).map_or(0, |part| part.keys.len())
    }

    /// At most `count` keys of a slot, in no order.
    pub(crate) fn keys_in_slot(&self, slot: Slot, count: usize) -> Vec<Key> {
        let keys = self.slot_part(slot).into_iter().flat_map(|part| part.keys.iter());
        keys.take(count).map(|(key, _)| key.clone()).collect()
    }

    /// Drops all keys of a slot and gives back how many there were.
    pub(crate) fn drop_slot(&mut self, slot: Slot) -> usize {
        if self.parts.len() == 1 {
            return 0;
        }
        let Some(part) = self.parts[slot.index()].take() else { return 0 };
        self.keys_count -= part.keys.len();
        self.volatile_count -= part.volatile.len();
        let count = part.keys.len();
        if self.frees.replaced == Freeing::Later {
            lazy_free::free_later(part, count);
        }
        count
    }

    fn slot_part(&self, slot: Slot) -> Option<&Part> {
        if self.parts.len() == 1 {
            return None;
        }
        self.parts[slot.index()].as_deref()
    }
}
