//! When the requests of a session fail: their deadlines, the time that a held one gets, and what is too late.

use super::{Ending, Outstanding, Pending, Seq, Session};
use crate::fan_out::Job;

impl Session {
    /// As [`Session::outstanding`], for a request that gets more time.
    pub(crate) fn held_outstanding(&mut self, seq: Seq) -> Option<&mut Outstanding> {
        let index = self.index_of(seq)?;
        match &mut self.queue[index] {
            Pending::Waiting(outstanding)
            | Pending::Joining(outstanding, _)
            | Pending::Gathering(outstanding, _) => {
                self.has_held = true;
                Some(outstanding)
            }
            Pending::Streaming(_) | Pending::Ready { .. } => None,
        }
    }

    /// The request at `seq` was sent again and has this deadline; of one in parts others may wait on, so it keeps its own.
    pub(crate) fn set_deadline(&mut self, seq: Seq, deadline_us: u64) {
        let Some(index) = self.index_of(seq) else { return };
        if let Pending::Waiting(outstanding) = &mut self.queue[index] {
            outstanding.deadline_us = deadline_us;
        }
    }

    /// Answers every request whose deadline has passed; `write` appends the error reply for each.
    ///
    /// Costs O(expired), plus O(queue) once something has.
    pub(crate) fn expire(
        &mut self,
        now_us: u64,
        mut write: impl FnMut(&Outstanding, &mut Vec<u8>),
    ) {
        // Deadlines ascend along the queue, so the first that waits is the first to expire, unless one was held.
        let mut index = 0;
        while index < self.queue.len() {
            if let Pending::Streaming(outstanding) = &self.queue[index] {
                // Half of it is given. If it is not the client that keeps the rest from coming, nothing will.
                if outstanding.deadline_us <= now_us && self.unwritten().is_empty() {
                    self.ending = Ending::Now;
                }
                index += 1;
                continue;
            }
            if let Pending::Gathering(_, gather) = &self.queue[index]
                && matches!(gather.job, Job::Wait)
            {
                // It is no error when its time is over; the worker sees to that.
                index += 1;
                continue;
            }
            let (Pending::Waiting(outstanding)
            | Pending::Joining(outstanding, _)
            | Pending::Gathering(outstanding, _)) = &self.queue[index]
            else {
                index += 1;
                continue;
            };
            if outstanding.deadline_us > now_us {
                if self.has_held {
                    index += 1;
                    continue;
                }
                return;
            }
            let outstanding = *outstanding;
            let placeholder = Pending::Ready { start: 0, len: 0 };
            let popped = match std::mem::replace(&mut self.queue[index], placeholder) {
                Pending::Joining(_, mut join) => {
                    let mut error = Vec::new();
                    write(&outstanding, &mut error);
                    join.fail_missing(&error);
                    self.finish(index, |out| join.write(out))
                }
                Pending::Gathering(_, mut gather) => {
                    let mut error = Vec::new();
                    write(&outstanding, &mut error);
                    gather.fail_missing(&error);
                    self.finish(index, |out| gather.write_failure(out))
                }
                _ => self.finish(index, |out| write(&outstanding, out)),
            };
            index = if popped { 0 } else { index + 1 };
        }
    }
}
