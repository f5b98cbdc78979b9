//! A reply that is handed on as it comes: to whom, and whether its link is read just now.
//!
//! While the client has enough to fetch the link is not read, and the requests behind the reply wait for that client. A
//! link counts the time for which it was not read in all; each request notes that count when it is appended, so what the
//! first one behind the reply has waited is the difference, and none behind it has waited longer.
//!
//! Not here: the bytes, and what limits there are.

use super::Link;
use crate::errand::Waiter;

/// See the module.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Who gets it; `None`: it is dropped as it comes.
    pub(crate) waiter: Option<Waiter>,
    /// Since when, in microseconds of the worker's clock, the link is not read, and that is not counted yet.
    paused_us: Option<u64>,
}

impl Stream {
    /// A reply to this client.
    pub(crate) fn new(waiter: Waiter) -> Stream {
        Stream { waiter: Some(waiter), paused_us: None }
    }

    /// A reply for which nobody waits any more.
    pub(crate) fn to_nobody() -> Stream {
        Stream { waiter: None, paused_us: None }
    }
}

impl Link {
    /// Whether the link is not read, because the client whose reply it brings has enough to fetch.
    pub(crate) fn is_paused(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.paused_us.is_some())
    }

    /// The client has enough to fetch: the link is not read, unless one behind has waited for `wait_us_max`.
    pub(crate) fn pause(&mut self, now_us: u64, wait_us_max: u64) {
        let is_patient = !self.is_impatient(wait_us_max);
        if let Some(stream) = self.stream.as_mut().filter(|_| is_patient) {
            stream.paused_us.get_or_insert(now_us);
        }
    }

    /// The link is to be read again; false when it is read.
    pub(crate) fn resume(&mut self, now_us: u64) -> bool {
        self.count_pause(now_us);
        self.stream.as_mut().and_then(|stream| stream.paused_us.take()).is_some()
    }

    /// Whether the link is not read, and one behind the reply has waited for `wait_us_max`.
    pub(crate) fn has_waited(&mut self, now_us: u64, wait_us_max: u64) -> bool {
        self.count_pause(now_us);
        self.is_paused() && self.is_impatient(wait_us_max)
    }

    fn is_impatient(&self, wait_us_max: u64) -> bool {
        let behind = self.in_flight.get(1);
        behind.is_some_and(|behind| self.paused_us - behind.paused_us >= wait_us_max)
    }

    fn count_pause(&mut self, now_us: u64) {
        if let Some(since_us) = self.stream.as_mut().and_then(|stream| stream.paused_us.as_mut()) {
            self.paused_us += now_us.saturating_sub(*since_us);
            *since_us = now_us;
        }
    }
}

#[cfg(test)]
mod tests {
    use reddoor_protocol::encode::Resp;

    use super::*;
    use crate::errand::{ClientId, Lane, NodeIndex, Seq};
    use crate::link::PING;
    use crate::pinned::Owner;

    #[test]
    fn a_link_is_not_read_for_slow_clients_until_one_behind_has_waited_enough() {
        let mut link = Link::new(NodeIndex(0), Resp::V2, Lane::Shared, Owner::Everybody);
        let waiter = Waiter { session: 0, client: ClientId(1), seq: Seq(0), part: 0 };
        link.append_unawaited(PING);
        link.stream = Some(Stream::new(waiter));
        assert!(!link.is_paused());
        link.pause(1000, 100);
        assert!(link.is_paused());
        assert!(!link.has_waited(5000, 100), "nobody is behind");
        link.append_unawaited(PING);
        assert!(!link.has_waited(5060, 100));
        assert!(link.resume(5070) && !link.resume(5080));
        link.pause(6000, 100);
        assert!(!link.has_waited(6029, 100) && link.has_waited(6030, 100));
        assert!(link.resume(6030));
        link.pause(6040, 100);
        assert!(!link.is_paused(), "no more");
        // The next reply is a large one, too, and nobody is behind it who has waited already.
        link.take_first();
        link.append_unawaited(PING);
        link.stream = Some(Stream::new(waiter));
        link.pause(7000, 100);
        assert!(link.is_paused());
    }
}
