//! Commands over several slots step by step, and the links on which a key is guarded for them.
//!
//! A guarding link is its client's from the command's first question to its reply. On it the node is told `WATCH` and
//! nothing else until the write comes; what is read travels as usual. If the link ends before, or its node will not run
//! the write because of where the slot is, the answer is null, as if the key had changed, and the command begins anew.
//! Only if the write was sent whole and the link ended then, nobody knows, and the command fails.

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::command::wait::Wait;
use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::request::Args;

use crate::cross_slot::steps::{Next, Scene, Steps};
use crate::errand::{Caching, Errand, LinkKey, Purpose, Travel, Waiter};
use crate::fan_out::{Gather, Job};
use crate::link::Guard;
use crate::metrics::label::{CrossSlot, Outcome};
use crate::pinned::Pin;
use crate::session::hold::Hold;
use crate::worker::Worker;
use crate::worker::clock::micros;
use crate::worker::dispatch::{Asking, Ran, outstanding};

impl Worker {
    /// Runs a command that takes several steps. What its client sends next waits for its reply, and it for those of all
    /// before.
    pub(super) fn run_steps(
        &mut self,
        key: usize,
        (command, wait): (&'static CommandSpec, Option<Wait>),
        mut steps: Box<dyn Steps>,
        args: Args<'_>,
    ) -> Ran {
        if self.must_wait_for_replies(key) {
            return self.hold(key, Hold::UntilAnswered);
        }
        let asks = steps.begin();
        if let Some(error) = self.refuse_parts(asks.len()) {
            self.answer_error(key, Some(command), &error);
            return Ran::Now;
        }
        let mut outstanding =
            outstanding(command, self.clock.now_us(), self.config.request.timeout);
        outstanding.deadline_us = match wait {
            None => outstanding.deadline_us,
            Some(Wait::Forever) => u64::MAX,
            Some(Wait::For(time)) => outstanding.deadline_us.saturating_add(micros(time)),
        };
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return Ran::Now;
        };
        let (client, resp, seq) = (session.id, session.resp, session.expect(outstanding));
        session.hold = Hold::UntilAnswered;
        let result = if wait.is_some() { CrossSlot::Waited } else { CrossSlot::Emulated };
        self.note_served(key, command, result, args);
        let waiter = Waiter { session: key, client, seq, part: 0 };
        let scratch = self.scratch_node.get_or_insert_with(self.make_scratch).as_mut();
        if let Some(error) = steps.check(args, &mut Scene { resp, scratch }) {
            self.deliver_as(waiter, &error, Outcome::LocalError);
        } else if let Some(error) =
            wait.and_then(|wait| self.enter_waiting(waiter, steps.as_ref(), wait).err())
        {
            self.fail(waiter, &error);
        } else {
            self.ask_slots(waiter, Job::Steps(steps), &asks);
        }
        Ran::Now
    }

    /// All answers to a step are there: makes the next one.
    pub(in crate::worker) fn answer_steps(&mut self, waiter: Waiter, mut gather: Gather) {
        let Job::Steps(mut steps) = std::mem::replace(&mut gather.job, Job::Passthrough) else {
            return;
        };
        let scratch = self.scratch_node.get_or_insert_with(self.make_scratch).as_mut();
        let scene = &mut Scene { resp: gather.resp, scratch };
        let next = if gather.is_too_large() {
            let mut error = Vec::new();
            gather.write_error(&mut error);
            steps.go_on(&[&error], scene)
        } else {
            let answers: Vec<&[u8]> = gather.answers().bytes().collect();
            steps.go_on(&answers, scene)
        };
        match next {
            Next::Ask(asks) => self.ask_slots(waiter, Job::Steps(steps), &asks),
            Next::Reply(reply) => {
                self.release_guard(waiter.session);
                match reply.first() {
                    Some(b'-') => self.leave_waiting(waiter.client),
                    _ => self.waiting_across.served(waiter.client),
                }
                self.finish_fan_out(waiter, &reply);
            }
            Next::Wait => self.rest(waiter, steps),
        }
    }

    /// Sends what belongs to a guard: first the `WATCH`, which chooses the link, then the write by the same link.
    pub(super) fn ask_guard(&mut self, errand: Errand, replies: u32, request: &[u8]) {
        let travel = Travel::Pinned(Purpose::Move);
        let errand = Errand { travel, caching: Caching::Usual, replies, ..errand };
        if replies == 1 {
            return self.forward(errand, request);
        }
        let Some(key) = self.guarding_link(errand.waiter.session) else {
            return self.answer_unguarded(&errand);
        };
        let link = &mut self.links[key.0].link;
        // Whatever it answers, the node guards nothing afterwards.
        match std::mem::take(&mut link.guard) {
            Guard::Own if !link.is_closing => self.append(key, errand, request, Asking::No),
            Guard::Importing if !link.is_closing => self.append(key, errand, request, Asking::Yes),
            _ => self.answer_unguarded(&errand),
        }
    }

    /// Whether a write by a guarding link, which did not run there, must not run elsewhere: then it is answered.
    pub(in crate::worker) fn guard_is_moot(&mut self, errand: &Errand) -> bool {
        let is_moot = errand.travel == Travel::Pinned(Purpose::Move) && errand.replies > 1;
        if is_moot {
            self.answer_unguarded(errand);
        }
        is_moot
    }

    /// A key whose guard is lost counts as changed.
    fn answer_unguarded(&mut self, errand: &Errand) {
        let mut reply = Vec::new();
        ReplyWriter::new(&mut reply, errand.resp).null_array();
        self.deliver_as(errand.waiter, &reply, Outcome::Ok);
    }

    fn guarding_link(&self, session: usize) -> Option<LinkKey> {
        let client = self.sessions.get(session)?.session.id;
        self.pinned_to(&Pin { session, client, purpose: Purpose::Move })
    }

    /// No key is guarded any more for a command of this session; its link is given back when its node says so.
    pub(in crate::worker) fn release_guard(&mut self, session: usize) {
        let Some(key) = self.guarding_link(session) else { return };
        let Some(entry) = self.links.get_mut(key.0) else { return };
        if std::mem::take(&mut entry.link.guard) == Guard::Nothing {
            return;
        }
        if entry.link.in_flight_count() > 0 {
            return self.close_link(key);
        }
        entry.link.append_unawaited(b"*1\r\n$7\r\nUNWATCH\r\n");
        self.mark_link_dirty(key);
    }
}
