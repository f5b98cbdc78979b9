//! What a session holds, in bytes and requests: what it is charged for.

use super::{Pending, Session};
use crate::budget::Charge;

impl Session {
    /// What it holds: what came and is not run, what is queued, and what waits for its turn or to be fetched. Costs
    /// O(1), or O(queue) while requests in parts are outstanding.
    pub(crate) fn weight(&mut self) -> Charge {
        let unread = self.unread.as_ref().map_or(0, |unread| unread.bytes.len());
        let queued = self.transaction.as_ref().map_or(0, |transaction| transaction.bytes_len());
        let local = self.local_part.as_ref().map_or(0, |part| part.requests.len());
        let places = self.queue.len() * size_of::<Pending>();
        let replies = self.out.len() + self.parked.len() + self.parts_bytes();
        Charge { bytes: unread + queued + local + places + replies, requests: self.queue.len() }
    }

    /// Drops what it holds; it is to end, and nothing of this will be needed.
    pub(crate) fn drop_weight(&mut self) {
        self.unread = None;
        self.transaction = None;
        self.queue = std::collections::VecDeque::new();
        self.has_parts = false;
        self.ready_count = 0;
        (self.out, self.parked) = (Vec::new(), Vec::new());
        self.out_written = 0;
    }

    /// Bytes of replies that are to be joined with others.
    fn parts_bytes(&mut self) -> usize {
        if !self.has_parts {
            return 0;
        }
        let mut bytes = 0;
        self.has_parts = false;
        for pending in &self.queue {
            bytes += match pending {
                Pending::Joining(_, join) => join.bytes_len(),
                Pending::Gathering(_, gather) => gather.bytes_len(),
                Pending::Waiting(_) | Pending::Streaming(_) | Pending::Ready { .. } => continue,
            };
            self.has_parts = true;
        }
        bytes
    }
}
