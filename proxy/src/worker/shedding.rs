//! What is done when clients hold much, or are too fast: looked at once for each read and write, acted on in a fixed
//! order.
//!
//! 1. Clients that hold more than their share are not read, but for those in the middle of a request or a transaction:
//!    what they hold can only go when the rest has come.
//! 2. Commands that need a node are refused. What the front door answers itself is answered, and what ends something
//!    (`EXEC`, `DISCARD`, `UNSUBSCRIBE`, …) is done.
//! 3. New clients are turned away.
//! 4. The client that holds most is cut, one at each turn of each worker that has one above its share.
//!
//! What each step begins at stands in [`crate::budget`]; docs/overload.md tells operators.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use reddoor_protocol::command::CommandSpec;

use super::Worker;
use super::clock::micros;
use crate::budget::{Charge, Pressure, share_bytes};
use crate::errand::LinkKey;
use crate::error::RequestError;
use crate::metrics::label::{CloseReason, Limit, Shed};
use crate::plan::{ListenChange, Plan};
use crate::session::Ending;

/// What a refusal for want of room names.
const HELD: &str = "bytes held for clients";

/// Who is held back.
#[derive(Debug, Default)]
pub(super) struct Shedding {
    /// Sessions that are not read because they hold so much.
    stopped: Vec<usize>,
    /// Sessions that run nothing because they were too fast.
    slowed: Vec<usize>,
    /// What is charged for requests that no node runs just now.
    held: Charge,
}

impl Worker {
    /// Takes note of what somebody holds now.
    #[inline]
    pub(super) fn settle(&mut self, before: Charge, now: Charge) {
        self.budget.settle(before, now, self.config.limits.bytes_max);
    }

    /// Takes note of what a session holds, and cuts its client if a request of it is too long.
    pub(super) fn settle_session(&mut self, key: usize) {
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let now = entry.session.weight();
        let before = std::mem::replace(&mut entry.charge, now);
        self.settle(before, now);
        if now.bytes > self.config.limits.client_input_bytes_max {
            self.check_input(key);
        }
    }

    /// Takes note of what a link holds.
    pub(super) fn settle_link(&mut self, key: LinkKey) {
        let Some(entry) = self.links.get_mut(key.0) else { return };
        let now = entry.link.weight();
        let before = std::mem::replace(&mut entry.charge, now);
        self.settle(before, now);
    }

    /// Looks again at all that may have changed without this worker.
    pub(super) fn relieve(&mut self) {
        let held = Charge { bytes: self.held.bytes(), requests: 0 };
        let before = std::mem::replace(&mut self.shedding.held, held);
        self.settle(before, held);
        self.budget.tell(self.config.limits.bytes_max);
        self.cut_heaviest();
        self.read_again();
        self.run_slowed();
    }

    /// Tells how much is held.
    pub(super) fn measure_load(&self) {
        let held = self.budget.held();
        self.metrics.held_bytes().set(held.bytes as u64);
        self.metrics.requests_in_flight().set(held.requests as u64);
    }

    /// Refuses a command for which there is no room.
    #[cold]
    pub(super) fn refuse_load(&mut self, key: usize, command: Option<&'static CommandSpec>) {
        let limits = &self.config.limits;
        let error = if self.budget.pressure() >= Pressure::Commands {
            self.metrics.limit_reached(Limit::Bytes);
            self.metrics.shed(Shed::Command);
            RequestError::Overload { what: HELD, max: limits.bytes_max }
        } else {
            self.metrics.limit_reached(Limit::Requests);
            let what = "commands in flight of all clients";
            RequestError::Overload { what, max: limits.requests_max }
        };
        match self.sessions.get(key) {
            Some(entry) if entry.session.transaction.is_some() => {
                self.spoil(key, command, &error.to_reply());
            }
            _ => self.answer_error(key, command, &error.to_reply()),
        }
    }

    /// What a new client is told for which there is no room.
    pub(super) fn refuse_client(&self) -> Option<String> {
        (self.budget.pressure() >= Pressure::Clients).then(|| {
            self.metrics.client_rejected(Limit::Bytes);
            self.metrics.shed(Shed::Client);
            let max = self.config.limits.bytes_max;
            format!("-OVERLOAD {HELD}: limit of {max} reached; no new client is taken\r\n")
        })
    }

    /// Whether a client is not read because it holds more than its share.
    pub(super) fn is_shed(&mut self, key: usize) -> bool {
        if !self.budget.is_short() {
            return false;
        }
        let is_heavy = self.is_heavy(key);
        let Some(entry) = self.sessions.get_mut(key).filter(|_| is_heavy) else { return false };
        if !std::mem::replace(&mut entry.is_shed, true) {
            self.shedding.stopped.push(key);
            self.metrics.shed(Shed::Reading);
        }
        true
    }

    /// Whether a client holds more than its share, and holds less by and by if it is not read.
    fn is_heavy(&self, key: usize) -> bool {
        let Some(entry) = self.sessions.get(key) else { return false };
        let session = &entry.session;
        let is_mid_request = session.unread.as_ref().is_some_and(|it| it.decoder.is_partial());
        let ends_by_itself = !is_mid_request && session.transaction.is_none();
        ends_by_itself && entry.charge.bytes > self.share_bytes()
    }

    fn share_bytes(&self) -> usize {
        let clients_count = self.answerer.shared.clients_count.load(Ordering::Relaxed);
        share_bytes(self.config.limits.bytes_max, clients_count)
    }

    /// Those that were not read and hold less now, or need not hold less, are read.
    fn read_again(&mut self) {
        let is_eased = !self.budget.is_short();
        let mut stopped = std::mem::take(&mut self.shedding.stopped);
        stopped.retain(|key| {
            if !is_eased && self.is_heavy(*key) {
                return true;
            }
            if let Some(entry) = self.sessions.get_mut(*key) {
                entry.is_shed = false;
            }
            self.wake_session(*key);
            false
        });
        self.shedding.stopped = stopped;
    }

    /// Cuts the client that holds most, if there is no room left and it holds more than its share.
    pub(super) fn cut_heaviest(&mut self) {
        if self.budget.pressure() < Pressure::Exhausted {
            return;
        }
        let Some((key, bytes)) = self.heaviest() else { return };
        if bytes <= self.share_bytes() {
            return;
        }
        let entry = &self.sessions[key];
        let (client, id) = (entry.session.peer_addr, entry.session.id);
        tracing::warn!(%client, bytes, "no room is left; the client that holds most is cut");
        self.metrics.limit_reached(Limit::Bytes);
        self.metrics.shed(Shed::Cut);
        let entry = &mut self.sessions[key];
        entry.session.ending = Ending::Now;
        entry.session.drop_weight();
        entry.close_reason = CloseReason::Overload;
        self.settle_session(key);
        self.wake_session(key);
        let links = self.links.iter();
        let coming = links.filter(|(_, entry)| {
            let asked = entry.link.first_asked();
            !entry.link.unread.is_empty() && asked.is_some_and(|errand| errand.waiter.client == id)
        });
        for key in coming.map(|(key, _)| LinkKey(key)).collect::<Vec<_>>() {
            self.drop_reply(key);
        }
    }

    /// The client that holds most, and how much: what is its own, and what has come of a reply to it that is not whole.
    fn heaviest(&self) -> Option<(usize, usize)> {
        let own = self.sessions.iter().map(|(key, entry)| (key, entry.charge.bytes));
        let coming = self.links.iter().filter_map(|(_, entry)| {
            let waiter = entry.link.first_asked()?.waiter;
            self.waiting(&waiter)?;
            let own = self.sessions.get(waiter.session)?.charge.bytes;
            Some((waiter.session, own + entry.link.unread.len()))
        });
        own.chain(coming).max_by_key(|(_, bytes)| *bytes)
    }

    /// Cuts a client whose request is too long to be taken. It is told, in its turn.
    #[cold]
    fn check_input(&mut self, key: usize) {
        let max = self.config.limits.client_input_bytes_max;
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let session = &mut entry.session;
        let unread = session.unread.as_ref().map_or(0, |unread| unread.bytes.len());
        if unread <= max || session.ending != Ending::Open {
            return;
        }
        session.unread = None;
        let error = RequestError::Overload { what: "bytes of one request", max };
        session.answer(|out| error.write_reply(out));
        session.ending = Ending::AfterReplies;
        entry.close_reason = CloseReason::InputLimit;
        self.metrics.limit_reached(Limit::ClientInput);
        self.mark_session_dirty(key);
    }

    /// Takes for a command from what its client may run; if that is too much, the client is held back for a while.
    #[cold]
    pub(super) fn is_too_fast(&mut self, key: usize) -> bool {
        let Some(entry) = self.sessions.get_mut(key) else { return false };
        if entry.slowed_until_us != 0 {
            entry.is_paused = true;
            return true;
        }
        let (shared, rates) = (&self.answerer.shared, &self.config.rates);
        let now_ns = u64::try_from(shared.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let addr: IpAddr = entry.session.peer_addr.ip();
        let allowance = entry.allowance.get_or_insert_with(|| {
            Box::new(shared.rates.allowance(addr, now_ns, rates.addresses_max))
        });
        let Err(too_fast) = allowance.take(now_ns, rates) else { return false };
        entry.is_paused = true;
        entry.slowed_until_us = self.clock.now_us() + micros(too_fast.wait).max(1);
        self.shedding.slowed.push(key);
        self.metrics.limit_reached(too_fast.limit);
        true
    }

    /// Those go on whose turn it is again.
    fn run_slowed(&mut self) {
        let now_us = self.clock.now_us();
        let mut slowed = std::mem::take(&mut self.shedding.slowed);
        slowed.retain(|key| {
            let Some(entry) = self.sessions.get_mut(*key) else { return false };
            if entry.slowed_until_us > now_us {
                return true;
            }
            entry.slowed_until_us = 0;
            self.mark_session_dirty(*key);
            false
        });
        self.shedding.slowed = slowed;
    }
}

/// Whether a request takes room until nodes have answered it, and gives none back.
pub(super) fn adds_load(plan: &Plan) -> bool {
    match plan {
        Plan::Local { .. } | Plan::Transaction { .. } | Plan::Reject { .. } => false,
        Plan::Listen { change, .. } => matches!(change, ListenChange::Begin),
        Plan::One { .. }
        | Plan::Script { .. }
        | Plan::Blocking { .. }
        | Plan::Split(_)
        | Plan::Across { .. }
        | Plan::Publish { .. }
        | Plan::Monitor { .. }
        | Plan::FanOut { .. }
        | Plan::Scan { .. } => true,
    }
}
