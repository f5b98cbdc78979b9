//! Requests held until a node runs them: taken in, tried again, failed when that lasts too long. See [`crate::held`].
//!
//! A request comes here only if it surely did not run, or may run twice without harm; the callers see to that.
//! It may wait for `failover.hold_ms` from the first time it has to, and then has `request.timeout_ms` for its reply.

use reddoor_protocol::command::policy::RequestPolicy;
use reddoor_protocol::slot::Slot;

use super::Worker;
use super::acks::waits_for_replicas;
use super::clock::micros;
use crate::errand::{Bound, Errand, Lane, LinkKey, Travel, Waiter};
use crate::error::{RequestError, Unavailable};
use crate::held::{Held, Place};
use crate::metrics::label::{Buffer, Limit, ReadDetour, RefreshReason};
use crate::pinned::Owner;
use crate::session::Outstanding;

impl Worker {
    /// Whether others for the same slot wait already, so that a request would overtake them.
    #[inline]
    pub(super) fn must_queue(&self, errand: &Errand) -> bool {
        let Some(slot) = errand.slot else { return false };
        self.held.has_queue(slot) && errand.travel == Travel::Shared && !errand.is_scout
    }

    /// Keeps a request until a node may run it, or fails it when it has waited long enough.
    #[cold]
    pub(crate) fn hold_request(&mut self, mut errand: Errand, request: &[u8], reason: Unavailable) {
        if errand.lane == Lane::Reading {
            return self.read_elsewhere(errand, request, ReadDetour::Lost);
        }
        let (now_us, delay_us) = (self.clock.now_us(), self.delay_us(&reason));
        if errand.is_scout
            && let Some(slot) = errand.slot
        {
            errand.is_scout = false;
            self.held.scout_refused(slot, now_us, delay_us);
        }
        let Some(held_until_us) = self.begin_hold(&errand.waiter) else { return };
        if now_us + delay_us >= held_until_us || errand.bound == Bound::Process {
            return self.fail_unavailable(errand.waiter, reason);
        }
        let failover = &self.config.failover;
        let (requests_max, bytes_max) = (failover.hold_requests_max, failover.hold_bytes_max);
        if self.held.count() >= requests_max {
            return self.refuse_hold(errand.waiter, Limit::HoldRequests, requests_max);
        }
        if self.held.bytes() + request.len() > bytes_max {
            return self.refuse_hold(errand.waiter, Limit::HoldBytes, bytes_max);
        }
        let Some(started_us) = self.waiting(&errand.waiter).map(|known| known.started_us) else {
            return;
        };
        self.metrics.retry();
        let is_tried_alone = reason.is_of_keys();
        let held = Held { errand, request: request.to_vec(), reason };
        match errand.slot {
            Some(slot) if errand.travel == Travel::Shared && !is_tried_alone => {
                let place = Place::of(&errand.waiter, started_us);
                self.held.queue(slot, place, held, now_us, delay_us);
            }
            _ => self.held.keep_loose(held, now_us, delay_us),
        }
    }

    /// When to try again what could not be run for this reason, in microseconds from now.
    fn delay_us(&self, reason: &Unavailable) -> u64 {
        match reason {
            // The node may be there all the same: it is connected again as soon as that is allowed.
            Unavailable::Cut(_) => micros(self.config.cluster.reconnect_jitter),
            _ => micros(self.config.request.retry_delay),
        }
    }

    /// Gives a request more time, as it has to wait for a node. Gives back until when it may; `None` when nobody waits
    /// for its reply any more.
    pub(super) fn begin_hold(&mut self, waiter: &Waiter) -> Option<u64> {
        let (hold, timeout) = (self.config.failover.hold, self.config.request.timeout);
        let now_us = self.clock.now_us();
        let outstanding = self.held_outstanding(waiter)?;
        if waits_for_replicas(outstanding.command) {
            // It is answered when its own time is over, whether nodes are there or not.
            outstanding.held_until_us = u64::MAX;
            return Some(u64::MAX);
        }
        if outstanding.held_until_us == 0 {
            let hold_until_us = now_us + micros(hold);
            outstanding.held_until_us = match outstanding.command.request {
                // What the front door answers itself is better answered without a node than late.
                RequestPolicy::Local => outstanding.deadline_us.min(hold_until_us),
                _ => hold_until_us,
            };
        }
        let last_us = outstanding.held_until_us + micros(timeout);
        outstanding.deadline_us = outstanding.deadline_us.max(last_us);
        Some(outstanding.held_until_us)
    }

    /// Sends a request again: from now on it has the time of any request for its reply.
    fn send_again(&mut self, held: &Held) {
        let deadline_us = self.clock.now_us() + micros(self.config.request.timeout);
        let waiter = held.errand.waiter;
        if self.waiting(&waiter).is_none() {
            return;
        }
        if held.errand.travel == Travel::Shared {
            self.sessions[waiter.session].session.set_deadline(waiter.seq, deadline_us);
        }
        self.forward(held.errand, &held.request);
    }

    /// A node took a request, which may have to wait anew from now on.
    pub(super) fn end_hold(&mut self, waiter: &Waiter) {
        if let Some(outstanding) = self.held_outstanding(waiter) {
            outstanding.held_until_us = 0;
        }
    }

    fn held_outstanding(&mut self, waiter: &Waiter) -> Option<&mut Outstanding> {
        let session = &mut self.sessions.get_mut(waiter.session)?.session;
        (session.id == waiter.client).then(|| session.held_outstanding(waiter.seq))?
    }

    /// Tries what is due, and fails what has waited too long.
    pub(super) fn run_held(&mut self) {
        if self.held.is_idle() {
            return;
        }
        let now_us = self.clock.now_us();
        let mut held = std::mem::take(&mut self.held);
        let is_over = |errand: &Errand| {
            self.waiting(&errand.waiter).is_none_or(|known| known.held_until_us <= now_us)
        };
        let over = held.take_over(is_over);
        let due = held.take_due(now_us, |scout| self.waiting(scout).is_some());
        self.held = held;
        for held in over {
            self.fail_unavailable(held.errand.waiter, held.reason);
        }
        if !self.held.is_idle() || !due.is_empty() {
            self.refresh.request(RefreshReason::Held);
        }
        due.iter().for_each(|held| self.send_again(held));
    }

    /// A scout came through: what waited behind it follows, in its order.
    #[cold]
    pub(super) fn release_slot(&mut self, errand: &Errand) {
        let Some(slot) = errand.slot else { return };
        for held in self.held.release(slot) {
            self.send_again(&held);
        }
    }

    /// A slot has moved: what comes from now on waits until those are answered that are on their way by this link, and
    /// will be sent on as well.
    #[cold]
    pub(super) fn queue_behind(&mut self, key: LinkKey, slot: Slot) {
        if self.held.has_queue(slot) {
            return;
        }
        let Some(entry) = self.links.get_mut(key.0) else { return };
        if entry.link.owner == Owner::Everybody
            && let Some(last) = entry.link.last_for(slot)
        {
            last.is_scout = true;
            self.held.open_behind(slot, last.waiter);
        }
    }

    /// Fails a request that no node would run, for as long as it could wait.
    pub(super) fn fail_unavailable(&mut self, waiter: Waiter, reason: Unavailable) {
        let now_us = self.clock.now_us();
        let started_us = self.waiting(&waiter).map_or(now_us, |known| known.started_us);
        let waited_ms = now_us.saturating_sub(started_us) / 1000;
        self.fail(waiter, &RequestError::Unavailable { reason, waited_ms });
    }

    /// Fails a request that finds no room to wait.
    pub(super) fn refuse_hold(&mut self, waiter: Waiter, limit: Limit, max: usize) {
        self.metrics.limit_reached(limit);
        let what = match limit {
            Limit::HoldBytes => "bytes of requests that wait for a node",
            _ => "requests that wait for a node",
        };
        self.fail(waiter, &RequestError::Overload { what, max });
    }

    /// Tells how much is held.
    pub(super) fn measure_held(&self) {
        let count = self.held.count() + self.postponed.len();
        self.metrics.held_requests().set(count as u64);
        self.metrics.buffer(Buffer::Held).set(self.held.bytes() as u64);
    }
}
