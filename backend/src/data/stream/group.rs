//! Consumer groups: who was given which entries and has not acknowledged them.
//!
//! Invariant: an ID is in the group's pending entries exactly if it is in those of one consumer, which is the one
//! that the group's record names.

use std::collections::{BTreeMap, BTreeSet};

use slab::Slab;

use crate::data::stream::id::Id;

/// A group of consumers.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The last entry that was given to any consumer.
    pub(crate) last_id: Id,
    /// How many entries the stream had ever got up to that one (count); `None` where nobody can tell.
    pub(crate) entries_read: Option<u64>,
    pending: BTreeMap<Id, Pending>,
    consumers: Slab<Consumer>,
    /// All consumers, sorted by name.
    order: Vec<ConsumerId>,
}

/// Which consumer of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConsumerId(u32);

/// A member of a group.
#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    pub(crate) name: Box<[u8]>,
    /// When it last asked for anything, in milliseconds since 1970.
    pub(crate) seen_at_ms: i64,
    pub(crate) pending: BTreeSet<Id>,
}

/// An entry that was given to a consumer and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) consumer: ConsumerId,
    /// When it was given out last, in milliseconds since 1970.
    pub(crate) delivered_at_ms: i64,
    /// How often it was given out (count).
    pub(crate) deliveries: u64,
}

impl Group {
    pub(super) fn new(last_id: Id, entries_read: Option<u64>) -> Group {
        Group {
            last_id,
            entries_read,
            pending: BTreeMap::new(),
            consumers: Slab::new(),
            order: Vec::new(),
        }
    }

    /// What is pending, by ID.
    pub(crate) fn pending(&self) -> &BTreeMap<Id, Pending> {
        &self.pending
    }

    /// The record of a pending entry, to change when and how often it was given out.
    pub(crate) fn pending_mut(&mut self, id: Id) -> Option<&mut Pending> {
        self.pending.get_mut(&id)
    }

    /// All consumers, sorted by name.
    pub(crate) fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.order.iter().map(|id| self.consumer(*id))
    }

    pub(crate) fn consumer(&self, id: ConsumerId) -> &Consumer {
        &self.consumers[id.0 as usize]
    }

    pub(crate) fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        &mut self.consumers[id.0 as usize]
    }

    pub(crate) fn find_consumer(&self, name: &[u8]) -> Option<ConsumerId> {
        self.place_of(name).ok().map(|index| self.order[index])
    }

    /// The consumer of this name, which asks for something now; the second value says if it had to be made.
    pub(crate) fn see_consumer(&mut self, name: &[u8], now_ms: i64) -> Option<(ConsumerId, bool)> {
        if let Some(found) = self.find_consumer(name) {
            self.consumers[found.0 as usize].seen_at_ms = now_ms;
            return Some((found, false));
        }
        self.create_consumer(name, now_ms).map(|made| (made, true))
    }

    /// Makes a consumer, unless there is one of this name.
    pub(crate) fn create_consumer(&mut self, name: &[u8], now_ms: i64) -> Option<ConsumerId> {
        let index = self.place_of(name).err()?;
        let consumer = Consumer { name: name.into(), seen_at_ms: now_ms, pending: BTreeSet::new() };
        let id = ConsumerId(u32::try_from(self.consumers.insert(consumer)).ok()?);
        self.order.insert(index, id);
        Some(id)
    }

    /// Removes a consumer with everything pending at it: how many entries these were.
    pub(crate) fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let index = self.place_of(name).ok()?;
        let removed = self.consumers.remove(self.order.remove(index).0 as usize);
        for id in &removed.pending {
            self.pending.remove(id);
        }
        Some(removed.pending.len())
    }

    /// Makes an entry pending at a consumer, whosever it was before; the counts start anew.
    pub(crate) fn deliver(&mut self, id: Id, consumer: ConsumerId, now_ms: i64) {
        let pending = self.hand_over(id, consumer, now_ms);
        pending.delivered_at_ms = now_ms;
        pending.deliveries = 1;
    }

    /// Hands an entry over to a consumer and gives back its record; one that was pending nowhere counts as given out
    /// once.
    pub(crate) fn hand_over(&mut self, id: Id, to: ConsumerId, now_ms: i64) -> &mut Pending {
        let fresh = Pending { consumer: to, delivered_at_ms: now_ms, deliveries: 1 };
        let pending = self.pending.entry(id).or_insert(fresh);
        let from = std::mem::replace(&mut pending.consumer, to);
        if from != to {
            self.consumers[from.0 as usize].pending.remove(&id);
        }
        self.consumers[to.0 as usize].pending.insert(id);
        pending
    }

    /// Takes an entry off everyone's list. Whether it was pending.
    pub(crate) fn acknowledge(&mut self, id: Id) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        self.consumer_mut(pending.consumer).pending.remove(&id);
        true
    }

    pub(super) fn heap_bytes(&self) -> usize {
        /// A tree's leaves are at least half full.
        const SLACK: usize = 2;
        let per_pending = SLACK * (size_of::<(Id, Pending)>() + size_of::<Id>());
        let consumers: usize = self.consumers().map(|consumer| consumer.name.len()).sum();
        self.pending.len() * per_pending
            + consumers
            + self.consumers.capacity() * size_of::<Consumer>()
    }

    /// Where a consumer of this name is in the order, or would have to be.
    fn place_of(&self, name: &[u8]) -> Result<usize, usize> {
        self.order.binary_search_by(|id| (*self.consumer(*id).name).cmp(name))
    }
}
