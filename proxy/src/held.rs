//! Requests that no node runs just now, kept until one does.
//!
//! In: requests that surely did not run, or may run twice. Out: the same requests, when it is time to try again.
//!
//! The story of a slot whose primary is lost:
//! 1. the first request that cannot be run opens a queue for its slot; from now on every request for the slot that
//!    is not on its way joins it, in the order in which clients sent them;
//! 2. when the queue is due, its first request is sent alone: the *scout*. A cluster that is still not ready
//!    refuses the scout, and the queue waits on;
//! 3. when a node has answered the scout, all others follow at once, in their order, and the queue is gone.
//!
//! A slot that moves while requests for it are on their way to its old primary has a queue, too: the last of those is
//! the scout, so that what comes later does not reach the new primary before them.
//!
//! What no other request could overtake to anybody's harm has no place in a queue and is tried by itself: requests
//! without a slot, parts for one node, and those on connections of their own.
//!
//! Invariant: `count` and `bytes` are those of all requests kept here and of the scouts, whose places are theirs until
//! they are answered.
//!
//! Not here: sockets, sessions, deadlines.

use std::collections::{BTreeMap, HashMap};

use reddoor_protocol::slot::Slot;

use crate::errand::{ClientId, Errand, Seq, Waiter};
use crate::error::Unavailable;

/// One request that waits.
#[derive(Debug)]
pub(crate) struct Held {
    /// What it is.
    pub(crate) errand: Errand,
    /// Its bytes.
    pub(crate) request: Vec<u8>,
    /// Why it could not be run so far.
    pub(crate) reason: Unavailable,
}

/// The place of a request among those for its slot: by the moment in which it was read, then as its client sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    started_us: u64,
    client: ClientId,
    seq: Seq,
    part: u32,
}

impl Place {
    /// The place of a request, or part, that was read at this moment.
    pub(crate) fn of(waiter: &Waiter, started_us: u64) -> Place {
        Place { started_us, client: waiter.client, seq: waiter.seq, part: waiter.part }
    }
}

/// The requests for one slot.
#[derive(Debug, Default)]
struct SlotQueue {
    requests: BTreeMap<Place, Held>,
    /// The one that was sent ahead of the others.
    scout: Option<Scout>,
    due_us: u64,
    /// Scouts that were refused in a row (count).
    refusals: u32,
}

/// A request that was sent ahead.
#[derive(Clone, Copy, Debug)]
struct Scout {
    waiter: Waiter,
    bytes: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct HeldRequests {
    slots: HashMap<Slot, SlotQueue>,
    /// Requests without a queue, by when they are due and how many there were before them.
    loose: BTreeMap<(u64, u64), Held>,
    loose_count: u64,
    count: usize,
    bytes: usize,
    /// Whether something has changed, so that all are due whatever was said of them.
    is_woken: bool,
}

impl HeldRequests {
    /// Requests kept (count).
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Their bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits and no slot has a queue.
    pub(crate) fn is_idle(&self) -> bool {
        self.count == 0 && self.slots.is_empty()
    }

    /// Whether requests for a slot have to queue.
    #[inline]
    pub(crate) fn has_queue(&self, slot: Slot) -> bool {
        !self.slots.is_empty() && self.slots.contains_key(&slot)
    }

    /// Keeps a request in its slot's queue, which is opened when there is none and due after `delay_us` microseconds then.
    pub(crate) fn queue(
        &mut self,
        slot: Slot,
        place: Place,
        held: Held,
        now_us: u64,
        delay_us: u64,
    ) {
        self.added(&held);
        let queue = self
            .slots
            .entry(slot)
            .or_insert_with(|| SlotQueue { due_us: now_us + delay_us, ..SlotQueue::default() });
        queue.requests.insert(place, held);
    }

    /// Opens the queue of a slot behind a request that is on its way already: it is the scout.
    pub(crate) fn open_behind(&mut self, slot: Slot, waiter: Waiter) {
        let scout = Scout { waiter, bytes: 0 };
        self.count += 1;
        self.slots.entry(slot).or_default().scout = Some(scout);
    }

    /// A scout was refused: the queue of its slot waits longer each time.
    pub(crate) fn scout_refused(&mut self, slot: Slot, now_us: u64, delay_us: u64) {
        let Some(queue) = self.slots.get_mut(&slot) else { return };
        let scout = queue.scout.take();
        queue.due_us = now_us + backed_off(delay_us, queue.refusals);
        queue.refusals = queue.refusals.saturating_add(1);
        self.forget(scout);
    }

    /// Keeps a request by itself, due after `delay_us` microseconds.
    pub(crate) fn keep_loose(&mut self, held: Held, now_us: u64, delay_us: u64) {
        self.added(&held);
        self.loose_count += 1;
        self.loose.insert((now_us + delay_us, self.loose_count), held);
    }

    /// Something has changed: all are due.
    pub(crate) fn wake(&mut self) {
        self.is_woken = !self.is_idle();
    }

    /// Takes what is to be tried now: loose requests, and the first of every queue that is due and has no scout.
    ///
    /// `is_awaited` tells whether a scout is still without an answer; if not, its queue sends another one.
    pub(crate) fn take_due(
        &mut self,
        now_us: u64,
        is_awaited: impl Fn(&Waiter) -> bool,
    ) -> Vec<Held> {
        let is_woken = std::mem::take(&mut self.is_woken);
        let later = self.loose.split_off(&(if is_woken { u64::MAX } else { now_us + 1 }, 0));
        let mut due: Vec<Held> = std::mem::replace(&mut self.loose, later).into_values().collect();
        due.iter().for_each(|held| self.removed(held));
        let (mut lost, mut scouts) = (Vec::new(), Vec::new());
        self.slots.retain(|_, queue| {
            if queue.scout.is_some_and(|scout| is_awaited(&scout.waiter)) {
                return true;
            }
            let scout = queue.scout.take();
            lost.extend(scout);
            if scout.is_none() && queue.due_us > now_us && !is_woken {
                return true;
            }
            let Some((place, mut first)) = queue.requests.pop_first() else { return false };
            first.errand.is_scout = true;
            queue.scout = Some(Scout { waiter: first.errand.waiter, bytes: first.request.len() });
            scouts.push((place, first));
            true
        });
        scouts.sort_unstable_by_key(|(place, _)| *place);
        due.extend(scouts.into_iter().map(second));
        lost.into_iter().for_each(|scout| self.forget(Some(scout)));
        due
    }

    /// A node has answered a slot's scout: all others may go, in this order.
    pub(crate) fn release(&mut self, slot: Slot) -> Vec<Held> {
        let Some(queue) = self.slots.remove(&slot) else { return Vec::new() };
        self.forget(queue.scout);
        let released: Vec<Held> = queue.requests.into_values().collect();
        released.iter().for_each(|held| self.removed(held));
        // What is well for one slot of a node is well for its others.
        self.wake();
        released
    }

    /// Takes everything out for which `is_over` holds.
    pub(crate) fn take_over(&mut self, is_over: impl Fn(&Errand) -> bool) -> Vec<Held> {
        let mut over: Vec<Held> = Vec::new();
        for queue in self.slots.values_mut() {
            over.extend(queue.requests.extract_if(.., |_, held| is_over(&held.errand)).map(second));
        }
        over.extend(self.loose.extract_if(.., |_, held| is_over(&held.errand)).map(second));
        over.iter().for_each(|held| self.removed(held));
        over
    }

    fn added(&mut self, held: &Held) {
        self.count += 1;
        self.bytes += held.request.len();
    }

    fn forget(&mut self, scout: Option<Scout>) {
        if let Some(scout) = scout {
            self.count -= 1;
            self.bytes -= scout.bytes;
        }
    }

    fn removed(&mut self, held: &Held) {
        self.count -= 1;
        self.bytes -= held.request.len();
    }
}

fn second<K>((_, held): (K, Held)) -> Held {
    held
}

/// How long a queue waits whose scouts were refused so often: twice as long each time, up to eight times.
fn backed_off(delay_us: u64, refusals: u32) -> u64 {
    delay_us << refusals.min(3)
}

#[cfg(test)]
mod tests;
