//! Slow reads sent to another node, too: the first reply counts (`reads.hedge_after_ms`).
//!
//! The second copy goes by a reading connection, also to a primary, and is dropped when it leads to nothing: the first
//! one is still under way. How many there may be is earned by reads, so that nodes which are slow because they are
//! overloaded are not asked twice as much.

use super::Worker;
use super::clock::micros;
use super::dispatch::Asking;
use crate::config::reads::ReadFrom;
use crate::errand::{Doubts, Errand, Lane, NodeIndex, Reading};
use crate::metrics::label::{Hedge, ReadRole};
use crate::pinned::Owner;
use crate::readers::Wanted;

/// Requests of one link that are looked at each time (count). There are more only behind a node that hangs.
const LOOKED_AT_MAX: usize = 1024;

/// What a second copy costs, in thousandths.
const COST: u32 = 1000;

impl Worker {
    /// Sends second copies of what is slow. Costs O(links), and O(what is slow).
    pub(super) fn hedge_slow_reads(&mut self) {
        let after_us = micros(self.config.reads.hedge_after);
        if self.reads.is_none() || after_us == 0 {
            return;
        }
        for (node, errand, request) in self.take_slow_reads(after_us) {
            let result = self.hedge(node, errand, &request);
            self.metrics.hedge(result);
        }
    }

    /// The slow reads that have no second copy yet, with the node that was asked.
    fn take_slow_reads(&mut self, after_us: u64) -> Vec<(NodeIndex, Errand, Vec<u8>)> {
        let now_us = self.clock.now_us();
        let sessions = &self.sessions;
        let mut slow = Vec::new();
        for (_, entry) in &mut self.links {
            let link = &mut entry.link;
            let is_meant = matches!(link.lane, Lane::Shared | Lane::Reading);
            if !is_meant || link.owner != Owner::Everybody || !link.is_reply_due() {
                continue;
            }
            let node = link.node;
            link.each_asked(LOOKED_AT_MAX, |errand, request| {
                let session = sessions.get(errand.waiter.session).map(|entry| &entry.session);
                let known = session
                    // Of a reply that is half with its client no second copy is of use.
                    .filter(|session| session.id == errand.waiter.client && !session.is_streaming())
                    .and_then(|session| session.outstanding(errand.waiter.seq));
                let Some(known) = known else { return true };
                let reading = &mut errand.reading;
                if known.started_us + after_us > now_us {
                    return false;
                }
                if reading.from != ReadFrom::Primary && !reading.is_hedge && !reading.is_hedged {
                    reading.is_hedged = true;
                    slow.push((node, *errand, request.to_vec()));
                }
                true
            });
        }
        slow
    }

    fn hedge(&mut self, asked: NodeIndex, errand: Errand, request: &[u8]) -> Hedge {
        let Some(slot) = errand.slot else { return Hedge::NoNode };
        let Some(owner) = self.routes.owner(slot) else { return Hedge::NoNode };
        let written_us = self.written_us(&errand, slot);
        let floor_us = self.clock.now_us().saturating_sub(micros(self.config.reads.lag_max));
        // By a connection of another kind the primary itself might be asked before it has the client's write.
        if written_us == u64::MAX {
            return Hedge::NoNode;
        }
        let Some(mut reads) = self.reads.take() else { return Hedge::NoNode };
        if reads.hedges_left < COST {
            self.reads = Some(reads);
            return Hedge::NoBudget;
        }
        let wanted = Wanted { from: errand.reading.from, after_us: floor_us.max(written_us) };
        let other = self.choose_among(&mut reads.readers, &errand, |readers, can| {
            readers.choose_other(owner, asked, wanted, can)
        });
        let other = other.filter(|node| self.has_link(*node, &errand));
        reads.hedges_left -= if other.is_some() { COST } else { 0 };
        self.reads = Some(reads);
        let Some(node) = other else { return Hedge::NoNode };
        let is_owner = node == owner;
        let doubts = if is_owner { Doubts::None } else { errand.reading.doubts };
        let reading = Reading { is_hedge: true, doubts, ..errand.reading };
        self.metrics.read(if is_owner { ReadRole::Primary } else { ReadRole::Replica });
        let copy = Errand { lane: Lane::Reading, reading, is_scout: false, ..errand };
        self.send(node, copy, request, Asking::No);
        Hedge::Sent
    }

    /// Whether a node can be asked at once; if not, a connection is made for the next time.
    fn has_link(&mut self, node: NodeIndex, errand: &Errand) -> bool {
        let link = self.link_to(node, errand.resp, Lane::Reading);
        link.and_then(|key| self.links.get(key.0)).is_some_and(|entry| entry.socket.is_some())
    }
}
