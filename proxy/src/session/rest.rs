//! A client that wants nothing just now: whether it does, and how little it then costs.

use super::Session;
use super::hold::{Hold, Watch};

/// Bytes of replies for which a client at rest keeps room: most replies are shorter, and its next one costs no
/// allocation.
const OUT_KEPT_BYTES: usize = 512;

/// The same for replies that wait for their turn; only pipelines have any.
const PARKED_KEPT_BYTES: usize = 256;

/// Requests for which it keeps room (count).
const QUEUE_KEPT: usize = 4;

impl Session {
    /// Whether nothing of it is under way: it could leave and come back, and would not notice.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.is_drained()
            && self.unread.is_none()
            && self.transaction.is_none()
            && self.watch == Watch::Nothing
            // With nothing outstanding there is no answer to wait for.
            && self.hold != Hold::UntilUnpaused
    }

    /// Gives back the room of a burst once all of it is answered and written, and not later, so that the next client's
    /// burst finds it: with thousands of clients it is the room that idle ones keep that counts.
    #[inline]
    pub(super) fn give_back_room(&mut self) {
        self.out.shrink_to(OUT_KEPT_BYTES);
        self.parked.shrink_to(PARKED_KEPT_BYTES);
        super::shrink_queue(&mut self.queue, QUEUE_KEPT);
        self.muted.shrink_to(0);
    }
}
