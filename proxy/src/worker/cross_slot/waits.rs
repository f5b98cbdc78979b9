//! Commands over several slots that wait: put to rest, woken by what nodes tell of keys, ended when their time is over.
//!
//! Each worker has one *lookout* to a node, a connection on which it is told of keys (`CLIENT TRACKING`), and all
//! commands that wait share it: to look at a key on it has the node tell when that changes, once. So a client that waits
//! costs no connection and, while nothing happens, no request.
//!
//! A lookout that ends, or a slot that gets another owner, wakes all: they look again, wherever their keys are then.
//! See [`crate::cross_slot::waiting`] for who is woken and why none is forgotten.

use reddoor_protocol::command::wait::Wait;
use reddoor_protocol::encode::{ReplyWriter, Resp};

use crate::cross_slot::steps::Steps;
use crate::cross_slot::waiting::Woken;
use crate::errand::{Caching, ClientId, Errand, Lane, Travel, Waiter};
use crate::error::RequestError;
use crate::fan_out::Job;
use crate::join::elements;
use crate::metrics::label::{Limit, Outcome};
use crate::session::Ending;
use crate::worker::Worker;
use crate::worker::clock::micros;
use crate::worker::tracking::messages::INVALIDATE;

impl Worker {
    /// Takes a command in among those that may wait; why not, if there are too many.
    pub(super) fn enter_waiting(
        &mut self,
        waiter: Waiter,
        steps: &dyn Steps,
        wait: Wait,
    ) -> Result<(), RequestError> {
        let max = self.config.limits.cross_slot_waits_max;
        if self.waiting_across.count() >= max {
            self.metrics.limit_reached(Limit::CrossSlotWaits);
            let what = "commands over several slots that wait";
            return Err(RequestError::Overload { what, max });
        }
        let until_us = match wait {
            Wait::Forever => u64::MAX,
            Wait::For(time) => self.clock.now_us().saturating_add(micros(time)),
        };
        self.waiting_across.enter(waiter, steps, until_us);
        Ok(())
    }

    /// Asks about a key where the node tells when it changes.
    pub(super) fn ask_lookout(&mut self, errand: Errand, request: &[u8]) {
        let (travel, caching) = (Travel::Shared, Caching::Usual);
        let errand = Errand { travel, caching, resp: Resp::V3, lane: Lane::Lookout, ..errand };
        self.forward(errand, request);
    }

    /// A command has found nothing: it rests until one of its keys changes.
    pub(super) fn rest(&mut self, waiter: Waiter, steps: Box<dyn Steps>) {
        self.end_hold(&waiter);
        if let Some(woken) = self.waiting_across.rest(waiter.client, steps) {
            return self.wake(vec![woken]);
        }
        let Some(session) = self.sessions.get_mut(waiter.session).map(|entry| &mut entry.session)
        else {
            return;
        };
        session.waits = Some(waiter.seq);
        if session.ending != Ending::Open {
            // Nobody is there any more who could be told later.
            session.ending = Ending::Now;
        }
        self.mark_session_dirty(waiter.session);
    }

    fn wake(&mut self, woken: Vec<Woken>) {
        for Woken { waiter, mut steps, key } in woken {
            let Some(entry) = self.sessions.get_mut(waiter.session) else { continue };
            if entry.session.id != waiter.client {
                continue;
            }
            // What it may take now has to reach the client, so it does not wait for as long.
            entry.session.waits = None;
            match key {
                Some(key) => {
                    let asks = steps.stirred(&key);
                    self.ask_slots(waiter, Job::Steps(steps), &asks);
                }
                None => self.end_wait(waiter),
            }
        }
    }

    /// Its time is over.
    fn end_wait(&mut self, waiter: Waiter) {
        let Some(entry) = self.sessions.get(waiter.session) else { return };
        let mut reply = Vec::new();
        ReplyWriter::new(&mut reply, entry.session.resp).null_array();
        self.waiting_across.served(waiter.client);
        self.deliver_as(waiter, &reply, Outcome::Ok);
    }

    /// A client waits no longer because it is gone, or was answered otherwise.
    pub(in crate::worker) fn leave_waiting(&mut self, client: ClientId) {
        let woken = self.waiting_across.leave(client);
        self.wake(woken);
    }

    /// As [`Worker::leave_waiting`], for the client of a session.
    pub(in crate::worker) fn leave_waiting_of(&mut self, key: usize) {
        if let Some(client) = self.sessions.get(key).map(|entry| entry.session.id) {
            self.leave_waiting(client);
        }
    }

    /// A node has told on a lookout that keys have changed.
    pub(in crate::worker) fn keys_stirred(&mut self, message: &[u8]) {
        let Some(keys) = message.strip_prefix(INVALIDATE) else { return };
        match elements::of(keys) {
            Some(keys) => {
                for key in keys.into_iter().filter_map(elements::bulk_text) {
                    let woken = self.waiting_across.stir(key);
                    self.wake(woken);
                }
            }
            // All of them, as after `FLUSHALL`.
            None => self.stir_all(),
        }
    }

    /// Any key may have changed that commands wait for.
    pub(in crate::worker) fn stir_all(&mut self) {
        let woken = self.waiting_across.stir_all();
        self.wake(woken);
    }

    /// Ends the waits whose time is over.
    pub(in crate::worker) fn end_due_waits(&mut self) {
        let over = self.waiting_across.take_over(self.clock.now_us());
        self.wake(over);
    }
}
