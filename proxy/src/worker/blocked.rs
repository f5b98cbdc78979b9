//! How many clients are blocked, as `INFO` tells it: those whose command waits, and those that a pause holds back.
//!
//! A client counts from the moment when its command is written to the node that will wait, so that who sees the number
//! rise may send what the client waits for. It is looked at when a turn ends, and only for clients to which something
//! happened in it.

use super::{SessionEntry, Worker};
use crate::errand::LinkKey;
use crate::session::hold::Hold;

impl Worker {
    /// Takes note whether a client is blocked now.
    #[inline]
    pub(super) fn settle_blocked(&mut self, key: usize) {
        let Some(entry) = self.sessions.get(key) else { return };
        let session = &entry.session;
        if session.waits.is_none() && session.hold != Hold::UntilUnpaused && !entry.is_blocked {
            return;
        }
        let (was_blocked, is_blocked) = (entry.is_blocked, self.is_blocked(entry));
        self.sessions[key].is_blocked = is_blocked;
        self.count_blocked(was_blocked, is_blocked);
    }

    fn is_blocked(&self, entry: &SessionEntry) -> bool {
        let is_written = |key: &LinkKey| {
            let link = self.links.get(key.0);
            link.is_none_or(|link| link.socket.is_some() || link.link.errands_count() == 0)
        };
        entry.session.hold == Hold::UntilUnpaused
            || entry.session.is_waiting() && entry.pins.iter().all(is_written)
    }

    /// A client that was blocked, or was not, is now, or is not.
    pub(super) fn count_blocked(&self, was_blocked: bool, is_blocked: bool) {
        match (was_blocked, is_blocked) {
            (false, true) => self.metrics.waiting_clients().add(1),
            (true, false) => self.metrics.waiting_clients().subtract(1),
            _ => {}
        }
    }
}
