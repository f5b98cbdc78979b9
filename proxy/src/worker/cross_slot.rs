//! Commands over several slots: the owners asked, the reply made here, the result stored.

pub(crate) mod steps;

pub(crate) mod waits;

use reddoor_protocol::command::cross_slot::Way;
use reddoor_protocol::command::wait::Wait;
use reddoor_protocol::command::{self, CommandSpec};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use super::Worker;
use super::dispatch::{Ran, errand, outstanding};
use crate::cross_slot::{self, Across, Ask, By, Found};
use crate::doctor::refusal::Setting;
use crate::errand::{Errand, Waiter};
use crate::fan_out::{Gather, Job};
use crate::metrics::label::CrossSlot;
use crate::session::hold::Hold;

impl Worker {
    /// Runs a command over several slots.
    pub(super) fn run_across(
        &mut self,
        key: usize,
        (command, way, wait): (&'static CommandSpec, Way, Option<Wait>),
        args: Args<'_>,
    ) -> Ran {
        if let Some(steps) = cross_slot::steps_of(command, way, wait, args) {
            return self.run_steps(key, (command, wait), steps, args);
        }
        match Across::new(command, way, args) {
            Some((across, asks)) => self.run_over_copies(key, (command, args), across, &asks),
            None => self.refuse_across(key, command, args),
        }
        Ran::Now
    }

    /// Its arguments ask for what cannot be done over several slots.
    fn refuse_across(&mut self, key: usize, command: &'static CommandSpec, args: Args<'_>) {
        let error = ReplyError::CROSS_SLOT;
        self.note_refused(key, command, (error.as_str().as_bytes(), Setting::Alone), args);
        self.answer_error(key, Some(command), &error);
    }

    fn run_over_copies(
        &mut self,
        key: usize,
        (command, args): (&'static CommandSpec, Args<'_>),
        across: Across,
        asks: &[Ask],
    ) {
        if let Some(error) = self.refuse_parts(asks.len()) {
            return self.answer_error(key, Some(command), &error);
        }
        let outstanding = outstanding(command, self.clock.now_us(), self.config.request.timeout);
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let session = &mut entry.session;
        let (client, seq) = (session.id, session.expect(outstanding));
        let result = if !command.is_readonly() {
            // What the client sends next must find the result.
            session.hold = Hold::UntilAnswered;
            CrossSlot::Emulated
        } else {
            CrossSlot::Gathered
        };
        self.note_served(key, command, result, args);
        let waiter = Waiter { session: key, client, seq, part: 0 };
        self.ask_slots(waiter, Job::CrossSlot(Box::new(across)), asks);
    }

    /// Asks the owners of slots; the answers come together in the session.
    pub(super) fn ask_slots(&mut self, waiter: Waiter, job: Job, asks: &[Ask]) {
        let Some(known) = self.waiting(&waiter).copied() else { return };
        let Waiter { session: key, seq, .. } = waiter;
        let bytes_max = self.config.limits.join_bytes_max;
        let session = &mut self.sessions[key].session;
        let resp = session.resp;
        session.gather(seq, Box::new(Gather::of_slots(job, resp, asks.len(), bytes_max)));
        let whole = errand(key, session, seq, None, &known);
        self.metrics.split(asks.len());
        for (ask, part) in asks.iter().zip(0..) {
            let waiter = Waiter { part, ..waiter };
            let command = ask.command.map_or(whole.command, command::spec);
            let errand = Errand { waiter, command, slot: Some(ask.slot), ..whole };
            match ask.by {
                By::Usual => self.forward(errand, &ask.request),
                By::Guard { replies } => self.ask_guard(errand, replies, &ask.request),
                By::Lookout => self.ask_lookout(errand, &ask.request),
                By::Upload => self.ask_upload(errand, &ask.request),
            }
        }
    }

    /// All keys have been fetched: replies, or has the result stored.
    pub(super) fn answer_across(&mut self, waiter: Waiter, gather: Gather) {
        let Job::CrossSlot(across) = &gather.job else { return };
        let answers: Vec<&[u8]> = gather.answers().bytes().collect();
        let scratch = self.scratch_node.get_or_insert_with(self.make_scratch);
        match across.find(&answers, gather.resp, scratch.as_mut()) {
            Found::Reply(reply) => self.finish_fan_out(waiter, &reply),
            Found::Write { ask, reply } => {
                let Job::CrossSlot(across) = gather.job else { return };
                self.ask_slots(waiter, Job::Store { across, reply }, &[ask]);
            }
        }
    }

    /// The destination was made after it was looked for: looks again.
    pub(super) fn begin_across_anew(&mut self, waiter: Waiter, gather: Gather) {
        let Job::Store { across, .. } = gather.job else { return };
        let Some((across, asks)) = across.anew() else { return };
        self.ask_slots(waiter, Job::CrossSlot(Box::new(across)), &asks);
    }
}
