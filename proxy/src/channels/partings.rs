//! Clients that cease to listen and wait until the nodes count them no longer.
//!
//! `PUBLISH` is answered by the number that a node counts. Were `UNSUBSCRIBE` answered before the node has taken the
//! subscription back, a client that publishes upon that answer would be told of a listener who has left.
//!
//! Invariant: nobody waits longer than until the moment given, whatever becomes of the nodes.

use super::feed::FeedKey;
use crate::errand::Waiter;

/// What a feed was asked to give up, by its number among all that the feed was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    pub(crate) feed: FeedKey,
    pub(crate) number: u64,
}

/// One who waits.
#[derive(Debug)]
struct Parting {
    waiter: Waiter,
    releases: Vec<Release>,
    /// In microseconds of the worker's clock.
    until_us: u64,
    reply: Vec<u8>,
}

/// All of a worker who wait. Each is a request without a reply, and those have a limit.
#[derive(Debug, Default)]
pub(crate) struct Partings {
    waiting: Vec<Parting>,
}

impl Partings {
    /// `reply` is due once all is given up, and at `until_us` in any case.
    pub(crate) fn wait(
        &mut self,
        waiter: Waiter,
        releases: Vec<Release>,
        until_us: u64,
        reply: Vec<u8>,
    ) {
        self.waiting.push(Parting { waiter, releases, until_us, reply });
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The replies that are due now, with whom to give them.
    pub(crate) fn take_due(
        &mut self,
        now_us: u64,
        is_done: impl Fn(&Release) -> bool,
    ) -> Vec<(Waiter, Vec<u8>)> {
        let is_due = |parting: &mut Parting| {
            parting.until_us <= now_us || parting.releases.iter().all(&is_done)
        };
        self.waiting.extract_if(.., is_due).map(|due| (due.waiter, due.reply)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errand::{ClientId, Seq};

    #[test]
    fn a_reply_is_due_when_all_is_given_up_or_its_time_is_over() {
        let feed = |number| FeedKey { place: 0, number };
        let release = |number| Release { feed: feed(1), number };
        let mut partings = Partings::default();
        for (session, until_us) in [(1, 100), (2, 50)] {
            let client = ClientId(session as u64);
            let waiter = Waiter { session, client, seq: Seq(0), part: 0 };
            partings.wait(waiter, vec![release(1), release(2)], until_us, b"ok".to_vec());
        }
        let due = |partings: &mut Partings, now_us, answered| {
            let due = partings.take_due(now_us, |release| release.number <= answered);
            due.into_iter().map(|(waiter, _)| waiter.session).collect::<Vec<_>>()
        };
        assert_eq!(due(&mut partings, 0, 1), [0; 0]);
        assert_eq!(due(&mut partings, 50, 1), [2]);
        assert_eq!(due(&mut partings, 50, 2), [1]);
        assert!(partings.is_empty());
    }
}
