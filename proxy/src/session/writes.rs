//! When a client wrote last, so that what it reads afterwards is no older (`reads.your_writes`).
//!
//! Slots share a few places, lest a client cost memory for each slot: of two that share one, the later write counts
//! for both, which only sends a read to a primary that a replica could have answered.
//!
//! 1. A write takes its places when it is read, under its number in the client's queue: from now on reads of those
//!    slots go to the primary, behind it.
//! 2. When its reply is there the moment is noted: the write was executed before. A replica that is complete as of a
//!    later moment has it.
//! 3. What was answered otherwise (at its deadline) is noted as the next read finds it.
//!
//! It is all the same which connection brought the reply, whether the client wanted it (`CLIENT REPLY`), and whether
//! another write to the place was under way: only the last one's reply settles it.

use reddoor_protocol::slot::Slot;

use super::Session;
use crate::errand::Seq;

/// Places that slots share (count).
const PLACES: usize = 32;

/// See the module.
#[derive(Debug)]
pub(crate) struct Writes([Option<Write>; PLACES]);

/// The last write to the slots of a place.
#[derive(Clone, Copy, Debug)]
struct Write {
    seq: Seq,
    /// The moment of its reply, in microseconds of the worker's clock.
    answered_us: Option<u64>,
}

impl Session {
    /// The next request writes keys of this slot; of `None`, of any.
    pub(crate) fn note_write(&mut self, slot: Option<Slot>) {
        let seq = Seq(self.first.0 + self.queue.len() as u64);
        let write = Some(Write { seq, answered_us: None });
        let Writes(places) =
            &mut **self.writes.get_or_insert_with(|| Box::new(Writes([None; PLACES])));
        match slot {
            Some(slot) => places[slot.index() % PLACES] = write,
            None => *places = [write; PLACES],
        }
    }

    /// The request at `seq` has its reply.
    #[inline]
    pub(crate) fn settle_writes(&mut self, seq: Seq, now_us: u64) {
        if let Some(writes) = &mut self.writes {
            for write in writes.0.iter_mut().flatten().filter(|write| write.seq == seq) {
                write.answered_us.get_or_insert(now_us);
            }
        }
    }

    /// The moment, in microseconds of the worker's clock, after which a replica has to be complete to have what the
    /// client wrote to this slot: 0 when it wrote nothing, [`u64::MAX`] while the write is under way.
    pub(crate) fn written_us(&mut self, slot: Slot, now_us: u64) -> u64 {
        let first = self.first;
        let Some(writes) = &mut self.writes else { return 0 };
        let Some(write) = &mut writes.0[slot.index() % PLACES] else { return 0 };
        if write.seq >= first && write.answered_us.is_none() {
            return u64::MAX;
        }
        *write.answered_us.get_or_insert(now_us)
    }
}
