//! A reply that is handed on as it comes: to whom, and whether its link is read just now.
//!
//! Not here: the bytes, and what limits there are.

use crate::errand::Waiter;

/// See the module.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Who gets it.
    pub(crate) waiter: Waiter,
    /// Whether the link is not read, as the client has enough to fetch.
    is_paused: bool,
    /// Up to when the time that others waited for the client is counted, in microseconds of the worker's clock.
    counted_us: u64,
    /// For how long they may wait yet, in microseconds.
    patience_us: u64,
}

impl Stream {
    /// A reply to this client, for which those behind it may wait so long.
    pub(crate) fn new(waiter: Waiter, patience_us: u64) -> Stream {
        Stream { waiter, is_paused: false, counted_us: 0, patience_us }
    }

    /// Whether the link is not read.
    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// The client has enough to fetch: the link is not read, unless others have waited for it for long.
    pub(crate) fn pause(&mut self, now_us: u64) {
        if self.patience_us > 0 && !self.is_paused {
            self.is_paused = true;
            self.counted_us = now_us;
        }
    }

    /// The link is to be read again; false when it is read. Others may wait behind the reply.
    pub(crate) fn resume(&mut self, now_us: u64, is_waited_behind: bool) -> bool {
        self.wears_out(now_us, is_waited_behind);
        std::mem::take(&mut self.is_paused)
    }

    /// Counts the time since this was asked last, if others wait behind the reply; true when they have waited enough.
    pub(crate) fn wears_out(&mut self, now_us: u64, is_waited_behind: bool) -> bool {
        if !self.is_paused {
            return false;
        }
        let since_us = now_us.saturating_sub(self.counted_us);
        self.counted_us = now_us;
        if is_waited_behind {
            self.patience_us = self.patience_us.saturating_sub(since_us);
        }
        self.patience_us == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errand::{ClientId, Seq};

    #[test]
    fn a_link_is_not_read_for_a_slow_client_until_others_have_waited_enough() {
        let waiter = Waiter { session: 0, client: ClientId(1), seq: Seq(0), part: 0 };
        let mut stream = Stream::new(waiter, 100);
        assert!(!stream.wears_out(50, true), "it is read");
        stream.pause(1000);
        assert!(stream.is_paused());
        assert!(!stream.wears_out(5000, false), "nobody waits");
        assert!(!stream.wears_out(5060, true));
        assert!(stream.resume(5070, true));
        assert!(!stream.resume(5070, true), "it is read already");
        stream.pause(6000);
        assert!(stream.wears_out(6030, true));
        assert!(stream.resume(6030, true));
        stream.pause(7000);
        assert!(!stream.is_paused(), "they do not wait any more");
    }
}
