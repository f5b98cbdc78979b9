//! Reads on their way to whoever answers them: chosen, sent, and sent elsewhere when that node does not answer well.
//!
//! 1. A read that a replica may answer ([`ReadTable`]) goes by a connection of its own kind ([`Lane::Reading`]) to a
//!    replica that is near enough to its primary's state ([`Readers`]).
//! 2. A connection counts only when it was there before the replica was looked at: then it leads to the process that
//!    was found complete. So no read ever waits for a connection, nor meets a replica that was just started again.
//! 3. What a replica refuses, what it lacks, and what is lost with it is asked elsewhere, at the latest of the primary.
//!    Reads change nothing, so that is always right.
//!
//! Nothing of this costs a request anything, while no setting has reads go to replicas, but a look whether one has.

use std::cell::Cell;
use std::sync::Arc;

use reddoor_protocol::redirect::ClusterError;
use reddoor_protocol::slot::Slot;

use super::Worker;
use super::clock::micros;
use super::dispatch::Asking;
use super::pause::may_write;
use crate::config::Config;
use crate::config::reads::ReadFrom;
use crate::errand::{Doubts, Errand, Lane, LinkKey, NodeIndex, Reading, Travel};
use crate::error::Unavailable;
use crate::metrics::label::{Hedge, ReadDetour, ReadRole, Redirect, RefreshReason};
use crate::plan::Plan;
use crate::readers::{Chosen, Readers, Wanted};
use crate::reading::{ReadTable, is_doubted};
use crate::replicas::Survey;
use crate::session::Entrance;

/// What a worker needs to have reads answered by replicas.
#[derive(Debug)]
pub(super) struct Reads {
    /// Who answers which command, for clients of the main address and of the second one.
    tables: [ReadTable; 2],
    pub(super) readers: Readers,
    your_writes: bool,
    lag_max_us: u64,
    /// Second copies that may be sent, in thousandths.
    pub(super) hedges_left: u32,
    hedges_gained: u32,
}

impl Reads {
    /// `None` when all reads go to primaries.
    pub(super) fn of(config: &Config) -> Option<Box<Reads>> {
        let reads = &config.reads;
        reads.uses_replicas().then(|| {
            Box::new(Reads {
                tables: [reads.from, reads.addr_from].map(|from| ReadTable::new(reads, from)),
                readers: Readers::default(),
                your_writes: reads.your_writes,
                lag_max_us: micros(reads.lag_max),
                hedges_left: 0,
                hedges_gained: if reads.hedge_after.is_zero() {
                    0
                } else {
                    reads.hedge_percent_max * 10
                },
            })
        })
    }

    /// One read more, which earns its share of a second copy. What was earned is not kept for ever, lest a calm hour
    /// pay for a storm.
    fn earn_hedge(&mut self) {
        self.hedges_left = (self.hedges_left + self.hedges_gained).min(HEDGES_KEPT_MAX);
    }
}

/// Second copies that can be saved up, in thousandths.
const HEDGES_KEPT_MAX: u32 = 20_000;

impl Worker {
    /// Other settings are in force.
    pub(super) fn set_reads(&mut self) {
        self.reads = Reads::of(&self.config);
        self.number_readers();
        if self.reads.is_none() {
            self.close_reading_links();
        }
    }

    /// It was found anew how far replicas are.
    pub(crate) fn adopt_survey(&mut self, survey: Arc<Survey>) {
        self.clock.tick();
        self.survey = survey;
        self.number_readers();
    }

    /// Puts what was found of replicas into this worker's numbers, which change with the topology.
    pub(super) fn number_readers(&mut self) {
        let Some(reads) = &mut self.reads else { return };
        let (routes, clock) = (&self.routes, &self.clock);
        let readers = Readers::new(
            &self.survey,
            self.config.reads.zone.as_deref(),
            // What the topology does not have may lose its number before the next survey.
            |node| routes.find(&node.addr).filter(|index| routes.is_known(*index)),
            |moment| clock.at(moment),
        );
        let before = std::mem::replace(&mut reads.readers, readers);
        reads.readers.keep_turns(&before);
    }

    fn close_reading_links(&mut self) {
        let is_reading = |entry: &super::LinkEntry| entry.link.lane == Lane::Reading;
        for (_, entry) in self.links.iter_mut().filter(|(_, entry)| is_reading(entry)) {
            entry.close();
        }
    }

    /// A client came in by this address.
    pub(super) fn set_entrance(&mut self, key: usize, entrance: Entrance) {
        if let Some(entry) = self.sessions.get_mut(key) {
            entry.session.entrance = entrance;
        }
    }

    /// The errand, free to go to a replica where the settings say so.
    #[inline]
    pub(super) fn with_reading(&self, errand: Errand) -> Errand {
        match &self.reads {
            None => errand,
            Some(reads) => self.with_reading_of(reads, errand),
        }
    }

    fn with_reading_of(&self, reads: &Reads, errand: Errand) -> Errand {
        let Some(entry) = self.sessions.get(errand.waiter.session) else { return errand };
        // What is tracked has to be read where the node tells of its changes.
        if errand.travel != Travel::Shared {
            return errand;
        }
        let table = match entry.session.entrance {
            Entrance::Main => &reads.tables[0],
            Entrance::Reads => &reads.tables[1],
        };
        Errand { reading: table.of(errand.command), ..errand }
    }

    /// Takes note of what a request is about to write, so that its client's reads see it.
    #[inline]
    pub(super) fn note_writes(&mut self, key: usize, plan: &Plan) {
        if self.reads.as_ref().is_some_and(|reads| reads.your_writes) {
            self.note_writes_of(key, plan);
        }
    }

    fn note_writes_of(&mut self, key: usize, plan: &Plan) {
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let session = &mut entry.session;
        let is_exec = plan.command().is_some_and(super::transactions::is_exec);
        if !is_exec && !plan.command().is_some_and(may_write) {
            return;
        }
        match plan {
            Plan::Reject { .. } => {}
            Plan::One { slot: Some(slot), .. }
            | Plan::Blocking { slot: Some(slot), .. }
            | Plan::Script { slot, has_keys: true, .. } => session.note_write(Some(*slot)),
            Plan::Split(_) => {
                self.scratch.parts().for_each(|part| session.note_write(Some(part.slot)));
            }
            _ => session.note_write(None),
        }
    }

    /// Sends a read to whoever is to answer it.
    pub(super) fn forward_read(&mut self, errand: Errand, request: &[u8]) {
        let Some(slot) = errand.slot else { return self.forward_to_owner(errand, request) };
        match self.choose_reader(&errand, slot) {
            Choice::Replica(node) => {
                self.metrics.read(ReadRole::Replica);
                let errand = Errand { lane: Lane::Reading, ..errand };
                self.send(node, errand, request, Asking::No);
            }
            Choice::Primary => {
                self.metrics.read(ReadRole::Primary);
                self.forward_to_owner(errand, request);
            }
            Choice::Wait => self.hold_request(errand, request, Unavailable::NoReplica(slot)),
        }
    }

    fn choose_reader(&mut self, errand: &Errand, slot: Slot) -> Choice {
        let Some(owner) = self.routes.owner(slot) else { return Choice::Primary };
        let now_us = self.clock.now_us();
        let Some(mut reads) = self.reads.take() else { return Choice::Primary };
        reads.earn_hedge();
        let floor_us = now_us.saturating_sub(reads.lag_max_us);
        let written_us = self.written_us(errand, slot);
        let wanted = Wanted { from: errand.reading.from, after_us: floor_us.max(written_us) };
        let chosen = self.choose_among(&mut reads.readers, errand, |readers, can| {
            readers.choose(owner, wanted, can)
        });
        self.reads = Some(reads);
        match chosen {
            Chosen::Replica(node) => Choice::Replica(node),
            Chosen::Primary => Choice::Primary,
            Chosen::NoReplica if written_us > floor_us => {
                self.metrics.read_detour(ReadDetour::OwnWrite);
                Choice::Primary
            }
            Chosen::NoReplica if errand.reading.from == ReadFrom::Replica => Choice::Wait,
            Chosen::NoReplica => {
                self.metrics.read_detour(ReadDetour::NoReplica);
                Choice::Primary
            }
        }
    }

    /// Chooses among the nodes whose connections can be used. One without a connection gets one for the next time.
    pub(super) fn choose_among<T>(
        &mut self,
        readers: &mut Readers,
        errand: &Errand,
        choose: impl FnOnce(&mut Readers, &dyn Fn(NodeIndex, u64) -> bool) -> T,
    ) -> T {
        let unlinked = Cell::new(None);
        let can = |node: NodeIndex, complete_us: u64| {
            let Some(known) = self.routes.node(node).filter(|known| !known.is_failed) else {
                return false;
            };
            match known.links[Lane::Reading.index(errand.resp)] {
                Some(link) => complete_us > known.refused_us && self.is_proven(link, complete_us),
                None => {
                    unlinked.set(Some(node));
                    false
                }
            }
        };
        let chosen = choose(readers, &can);
        if let Some(node) = unlinked.get() {
            self.link_to(node, errand.resp, Lane::Reading);
        }
        chosen
    }

    /// Whether a link can be used, and leads to the process that was complete as of this moment, which it does if it was
    /// there before.
    fn is_proven(&self, link: LinkKey, complete_us: u64) -> bool {
        let in_flight_max = self.config.limits.link_inflight_max;
        self.links.get(link.0).is_some_and(|entry| {
            let link = &entry.link;
            entry.socket.is_some()
                && !link.is_silent
                && !link.is_closing
                && link.in_flight_count() < in_flight_max
                && link.connected_us < complete_us
        })
    }

    /// See [`crate::session::Session::written_us`].
    pub(super) fn written_us(&mut self, errand: &Errand, slot: Slot) -> u64 {
        let now_us = self.clock.now_us();
        let Some(entry) = self.sessions.get_mut(errand.waiter.session) else { return 0 };
        if entry.session.id != errand.waiter.client {
            return 0;
        }
        entry.session.written_us(slot, now_us)
    }

    /// A replica does not answer a read: somebody else is asked.
    #[cold]
    pub(super) fn read_elsewhere(&mut self, errand: Errand, request: &[u8], why: ReadDetour) {
        if errand.reading.is_hedge || self.waiting(&errand.waiter).is_none() {
            return;
        }
        self.metrics.read_detour(why);
        let redirects = errand.redirects + 1;
        // A reply that was not believed, or one that is about the keys, would be the same at any replica.
        let is_final = why == ReadDetour::Missing || redirects > self.config.request.redirects_max;
        let reading = if is_final { Reading::OWNER } else { errand.reading };
        self.forward(Errand { lane: Lane::Shared, reading, redirects, ..errand }, request);
    }

    /// A replica answered a read with an error.
    #[cold]
    pub(super) fn refused_read(
        &mut self,
        node: NodeIndex,
        errand: Errand,
        error: &[u8],
        request: &[u8],
    ) {
        let (kind, refresh) = match ClusterError::parse(error) {
            Some(ClusterError::Moved(_)) => (Some(Redirect::Moved), Some(RefreshReason::Moved)),
            Some(ClusterError::MasterDown) => {
                (Some(Redirect::MasterDown), Some(RefreshReason::MasterDown))
            }
            Some(ClusterError::ClusterDown) => {
                (Some(Redirect::ClusterDown), Some(RefreshReason::ClusterDown))
            }
            Some(ClusterError::Loading) => (Some(Redirect::Loading), None),
            Some(ClusterError::Busy) => (Some(Redirect::Busy), None),
            _ => (None, None),
        };
        kind.into_iter().for_each(|kind| self.metrics.redirect(kind));
        refresh.into_iter().for_each(|reason| self.refresh.request(reason));
        let now_us = self.clock.now_us();
        let is_of_node = matches!(kind, Some(kind) if kind != Redirect::Moved);
        if is_of_node && let Some(known) = self.routes.node_mut(node) {
            known.refused_us = now_us;
        }
        let reading = if is_of_node {
            errand.reading
        } else {
            Reading { is_hedge: errand.reading.is_hedge, ..Reading::OWNER }
        };
        self.read_elsewhere(Errand { reading, ..errand }, request, ReadDetour::Refused);
    }

    /// Takes a reply that came by a reading connection: hands it on or, when it is not believed, asks the primary. True
    /// when it answered a request of a client.
    pub(super) fn take_read(&mut self, key: LinkKey, reply: &[u8]) -> bool {
        let link = &mut self.links[key.0].link;
        let doubts = link.first_asked().map_or(Doubts::None, |errand| errand.reading.doubts);
        let is_doubted = is_doubted(doubts, reply, link.first_request());
        let request = if is_doubted { link.first_request().to_vec() } else { Vec::new() };
        let Some(errand) = link.take_first() else { return false };
        if is_doubted {
            self.read_elsewhere(errand, &request, ReadDetour::Missing);
            return true;
        }
        if errand.reading.is_hedge && self.waiting(&errand.waiter).is_some() {
            self.metrics.hedge(Hedge::Won);
        }
        self.deliver(errand.waiter, reply);
        true
    }

    /// Asks others what a silent replica was asked. Should it answer all the same, the first reply counts.
    pub(super) fn read_around(&mut self, key: LinkKey) {
        let Some(entry) = self.links.get_mut(key.0) else { return };
        let mut asked = Vec::new();
        entry.link.each_asked(usize::MAX, |errand, request| {
            asked.push((*errand, request.to_vec()));
            true
        });
        for (errand, request) in asked {
            self.read_elsewhere(errand, &request, ReadDetour::Lost);
        }
    }
}

/// What becomes of a read.
enum Choice {
    Replica(NodeIndex),
    Primary,
    /// It has to be a replica, and none can be asked now.
    Wait,
}
