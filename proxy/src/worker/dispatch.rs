//! From a client's request to requests on links: plan → route → append. What brings requests is [`super::intake`].

use std::time::Duration;

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::command::policy::RequestPolicy;
use reddoor_protocol::encode::{ReplyWriter, Resp, encode_request};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;
use reddoor_protocol::slot::Slot;

use super::Worker;
use super::acks::waits_for_replicas;
use super::clock::micros;
use super::listening::not_while_listening;
use super::shedding::adds_load;
use super::tracking::leaves_caching;
use super::transactions::is_exec;
use crate::doctor::refusal::Setting;
use crate::errand::{Bound, Caching, Errand, Lane, Reading, Seq, Waiter};
use crate::error::RequestError;
use crate::join::Join;
use crate::local::{Answered, Requester};
use crate::metrics::label::{CrossSlot, Limit, Outcome};
use crate::plan::{self, ListenChange, Plan, SplitPlan};
use crate::session::hold::Hold;
use crate::session::{Outstanding, Session};

impl Worker {
    /// Sets one request on its way, unless its time has not come.
    #[inline]
    pub(super) fn run_request(&mut self, key: usize, request: &Request<'_>) -> Ran {
        if self.maps_keys {
            return self.run_mapped(key, request);
        }
        self.run_stored(key, request)
    }

    /// Plans a request with stored keys and sets it on its way, unless its time has not come.
    pub(super) fn run_stored(&mut self, key: usize, request: &Request<'_>) -> Ran {
        let Some(entry) = self.sessions.get_mut(key) else { return Ran::Now };
        let session = &mut entry.session;
        let plan =
            plan::plan(request.args, session.is_authenticated, self.permissions, &mut self.scratch);
        if let Plan::One { command, slot } = plan
            && session.is_plain()
            && self.is_plain()
        {
            return self.run_one(key, command, slot, request);
        }
        self.run_planned(key, plan, request)
    }

    /// Whether nothing holds commands back, or has them answered by replicas.
    #[inline]
    fn is_plain(&self) -> bool {
        self.pause.is_none() && self.reads.is_none()
    }

    /// As [`Worker::run_planned`], for a command that goes to one node as it came while client and worker are plain:
    /// most commands go this way, so nothing is looked at here that could only be found otherwise.
    #[inline]
    fn run_one(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        slot: Option<Slot>,
        request: &Request<'_>,
    ) -> Ran {
        let Some(entry) = self.sessions.get_mut(key) else { return Ran::Now };
        let session = &mut entry.session;
        session.commands_count += 1;
        let (in_flight, max) = (session.outstanding_count(), self.config.limits.requests_max);
        if self.budget.is_full(entry.charge, in_flight, max) {
            self.refuse_load(key, Some(command));
            return Ran::Now;
        }
        session.last_command = Some(command);
        let outstanding = outstanding(command, self.clock.now_us(), self.config.request.timeout);
        let seq = session.expect(outstanding);
        let errand = errand(key, session, seq, slot, &outstanding);
        if request.is_inline {
            self.forward_request(errand, request);
        } else {
            self.forward_to_owner(errand, request.raw);
        }
        Ran::Now
    }

    /// Sets a planned request on its way, unless its time has not come.
    pub(super) fn run_planned(&mut self, key: usize, plan: Plan, request: &Request<'_>) -> Ran {
        let Some(entry) = self.sessions.get_mut(key) else { return Ran::Now };
        let session = &mut entry.session;
        if let Some(pause) = &self.pause
            && pause.holds_back(session, &plan, request.args, &self.answerer.shared.scripts)
        {
            return self.hold(key, Hold::UntilUnpaused);
        }
        session.commands_count += 1;
        let (in_flight, max) = (session.outstanding_count(), self.config.limits.requests_max);
        if self.budget.is_full(entry.charge, in_flight, max) && adds_load(&plan) {
            self.refuse_load(key, plan.command());
            return Ran::Now;
        }
        self.note_writes(key, &plan);
        let session = &self.sessions[key].session;
        let has_caching = session.caching() != Caching::Usual && !leaves_caching(plan.command());
        let ran = if session.transaction.is_some() {
            self.run_in_transaction(key, plan, request)
        } else {
            self.run_plan(key, plan, request)
        };
        if has_caching && ran == Ran::Now {
            self.end_caching(key);
        }
        ran
    }

    /// Sets a request on its way, inside no transaction.
    pub(super) fn run_plan(&mut self, key: usize, plan: Plan, request: &Request<'_>) -> Ran {
        let args = request.args;
        let Some(entry) = self.sessions.get_mut(key) else { return Ran::Now };
        let session = &mut entry.session;
        let resp = session.resp;
        if resp == Resp::V2
            && session.subscriptions.count() > 0
            && let Some(command) = plan.is_refused_while_listening()
        {
            self.answer_error(key, Some(command), &not_while_listening(command));
            return Ran::Now;
        }
        if self.stands_alone(key, &plan) {
            if self.must_wait_for_replies(key) {
                return self.hold(key, Hold::UntilAnswered);
            }
            self.sessions[key].session.hold = Hold::UntilAnswered;
        }
        let session = &mut self.sessions[key].session;
        match plan {
            Plan::One { command, slot } => {
                session.last_command = Some(command);
                let outstanding =
                    outstanding(command, self.clock.now_us(), self.config.request.timeout);
                let seq = session.expect(outstanding);
                let errand = errand(key, session, seq, slot, &outstanding);
                let errand = self.with_reading(errand);
                self.forward_request(errand, request);
            }
            Plan::Split(split) => {
                session.last_command = Some(split.command);
                self.note_served(key, split.command, CrossSlot::Split, args);
                self.run_split(key, split, args);
            }
            Plan::Across { command, way, wait } => {
                session.last_command = Some(command);
                return self.run_across(key, (command, way, wait), args);
            }
            Plan::FanOut { command, .. } if waits_for_replicas(command) => {
                session.last_command = Some(command);
                return self.run_replica_wait(key, command, args);
            }
            Plan::FanOut { command, reach } => {
                session.last_command = Some(command);
                self.note_script(command, args);
                self.run_fan_out(key, command, reach, args);
            }
            Plan::Scan { command } => {
                session.last_command = Some(command);
                self.run_scan(key, command, args);
            }
            Plan::Local { command, answer } => {
                session.last_command = Some(command);
                let mut requester = Requester { session, now_us: self.clock.now_us() };
                match answer(&self.answerer, &mut requester, args) {
                    Answered::Here => self.answered_here(key, Some(command), Outcome::Ok),
                    Answered::Refused => {
                        self.note_unselected(key, command, args);
                        self.answered_here(key, Some(command), Outcome::LocalError)
                    }
                    Answered::Anew => {
                        self.end_listening(key);
                        self.answered_here(key, Some(command), Outcome::Ok);
                    }
                    Answered::Tracked(tracking) => self.begin_tracking(key, command, tracking),
                    Answered::Everywhere(query) => self.ask_everywhere(key, &query),
                    Answered::Nodes(start) => self.ask_nodes(key, command, *start),
                }
                self.settle_pins_of(key);
                self.settle_tracking(key, resp);
            }
            Plan::Script { command, arg, slot, .. } => {
                session.last_command = Some(command);
                self.run_script(key, command, arg, slot, request);
            }
            Plan::Blocking { command, slot, wait } => {
                return self.run_blocking(key, command, slot, wait, request);
            }
            Plan::Transaction { command, step, slot } => {
                return self.run_step(key, command, step, slot, request);
            }
            Plan::Listen { command, kind, change } => {
                session.last_command = Some(command);
                match change {
                    ListenChange::Begin => self.begin_listening(key, command, kind, args),
                    ListenChange::End => self.cease_listening(key, command, kind, args),
                }
            }
            Plan::Publish { command, kind, slot } => {
                session.last_command = Some(command);
                self.publish(key, (command, kind, slot), request);
            }
            Plan::Monitor { command } => {
                session.last_command = Some(command);
                self.begin_monitoring(key, command);
            }
            Plan::Reject { command, error } => {
                if let Some(command) = command {
                    let error = (error.as_str().as_bytes(), Setting::Alone);
                    self.note_refused(key, command, error, args);
                }
                self.answer_error(key, command, &error);
                if command.is_some_and(is_exec) {
                    self.end_refused(key);
                }
            }
        }
        Ran::Now
    }

    /// The session runs no requests for a while; the one in hand is kept with those behind it.
    pub(super) fn hold(&mut self, key: usize, hold: Hold) -> Ran {
        if let Some(entry) = self.sessions.get_mut(key) {
            entry.session.hold = hold;
            entry.is_paused = true;
        }
        if hold == Hold::UntilUnpaused {
            self.mark_session_dirty(key);
        }
        Ran::NotYet
    }

    /// Whether an earlier request of the session is without a reply, so that one which travels by another connection
    /// could overtake it.
    pub(super) fn must_wait_for_replies(&self, key: usize) -> bool {
        self.sessions.get(key).is_some_and(|entry| entry.session.outstanding_count() > 0)
    }

    /// Counts a command that was answered without a node.
    pub(super) fn answered_here(
        &mut self,
        key: usize,
        command: Option<&'static CommandSpec>,
        outcome: Outcome,
    ) {
        let id = command.map(CommandSpec::id);
        self.metrics.command_done(id, outcome, Duration::ZERO);
        self.mark_session_dirty(key);
    }

    /// Answers a command here.
    pub(super) fn answer_with(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        write: impl FnOnce(&mut ReplyWriter<'_>),
    ) {
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let resp = entry.session.resp;
        entry.session.answer(|out| write(&mut ReplyWriter::new(out, resp)));
        self.answered_here(key, Some(command), Outcome::Ok);
    }

    /// Refuses a command here.
    pub(super) fn answer_error(
        &mut self,
        key: usize,
        command: Option<&'static CommandSpec>,
        error: &ReplyError,
    ) {
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let resp = entry.session.resp;
        entry.session.answer(|out| ReplyWriter::new(out, resp).error(error));
        self.answered_here(key, command, Outcome::LocalError);
    }

    /// Sends a request in parts, one for each slot; parts to one node travel together.
    fn run_split(&mut self, key: usize, split: SplitPlan, args: Args<'_>) {
        let outstanding =
            outstanding(split.command, self.clock.now_us(), self.config.request.timeout);
        let parts_count = self.scratch.parts_count();
        if let Some(error) = self.refuse_parts(parts_count) {
            return self.answer_error(key, Some(split.command), &error);
        }
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let session = &mut entry.session;
        let join = Join::new(split.by, self.scratch.parts_keys())
            .at_most(self.config.limits.join_bytes_max);
        let seq = session.expect_parts(outstanding, Box::new(join));
        let whole = errand(key, session, seq, None, &outstanding);
        let whole = self.with_reading(whole);
        self.metrics.split(parts_count);
        let scratch = std::mem::take(&mut self.scratch);
        let mut request = std::mem::take(&mut self.request);
        for (index, part) in scratch.parts().enumerate() {
            request.clear();
            part.encode(&mut request, args, split.step);
            let number = u32::try_from(index).unwrap_or(u32::MAX);
            let waiter = Waiter { part: number, ..whole.waiter };
            self.forward(Errand { waiter, slot: Some(part.slot), ..whole }, &request);
        }
        self.request = request;
        self.scratch = scratch;
    }

    /// Why a command cannot be sent in so many parts, if it cannot.
    pub(super) fn refuse_parts(&self, count: usize) -> Option<ReplyError> {
        let max = self.config.limits.split_parts_max;
        if count <= max {
            return None;
        }
        self.metrics.limit_reached(Limit::SplitParts);
        Some(RequestError::Overload { what: "parts of one command", max }.to_reply())
    }
}

/// One whole request as it came.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    /// Its bytes.
    pub(super) raw: &'a [u8],
    /// Its arguments, at least one.
    pub(super) args: Args<'a>,
    /// Whether it was typed as a line, so that no node is sent its bytes.
    pub(super) is_inline: bool,
}

impl<'a> Request<'a> {
    /// The bytes that a node is sent, put together in `scratch` where they did not come so.
    pub(super) fn bytes<'b>(&self, scratch: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        if !self.is_inline {
            return self.raw;
        }
        scratch.clear();
        encode_request(scratch, self.args.iter());
        scratch
    }
}

/// Whether a request was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ran {
    /// It is answered or on its way.
    Now,
    /// It has to wait, and is run later from its beginning.
    NotYet,
}

/// Whether a node is told that it is asked for a slot which it does not own yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// The node owns the slot, as far as is known.
    No,
    /// The slot is on its way to the node.
    Yes,
}

/// Whether a command may run twice without harm: it only reads, or only tells of the nodes. What the front door
/// answers itself asks nodes for nothing else.
pub(crate) fn may_run_twice(command: &CommandSpec) -> bool {
    command.is_readonly() || command.reply.only_tells() || command.request == RequestPolicy::Local
}

#[inline]
pub(crate) fn outstanding(
    command: &'static CommandSpec,
    now_us: u64,
    timeout: Duration,
) -> Outstanding {
    let deadline_us = now_us + micros(timeout);
    Outstanding { command, started_us: now_us, deadline_us, held_until_us: 0 }
}

/// The errand of a whole request.
#[inline]
pub(super) fn errand(
    key: usize,
    session: &Session,
    seq: Seq,
    slot: Option<Slot>,
    outstanding: &Outstanding,
) -> Errand {
    Errand {
        waiter: Waiter { session: key, client: session.id, seq, part: 0 },
        travel: session.travel(),
        caching: session.caching(),
        replies: 1,
        command: outstanding.command,
        slot,
        resp: session.resp,
        bound: Bound::Free,
        lane: Lane::Shared,
        reading: Reading::OWNER,
        redirects: 0,
        is_scout: false,
        deadline_us: outstanding.deadline_us,
    }
}
