//! Transactions on their way: queued in the session, run at the nodes, guarded by a link of the client's own.
//!
//! 1. `MULTI` opens a transaction in the session. Commands are planned as they come and queued; what cannot be part
//!    of it is refused and spoils it, as in a Redis.
//! 2. `EXEC` sends each slot's commands as one unbroken run, from `MULTI` to `EXEC`, on the shared link. The node's
//!    replies to all but the last are dropped; the last is the client's.
//! 3. If the node refused the run because of where the slot is, nothing of it ran, and the whole run follows. If its
//!    link ended before all of it was sent, `EXEC` was not there, and the whole run is sent again. Otherwise it may
//!    have run.
//! 4. What the front door answers itself is run when the nodes are done, and takes its places among their elements.
//!
//! With `WATCH` the run goes by the link on which the keys are guarded. That link is the guard: if it ends, or its
//! node does not own the slot any more, nobody can say whether the keys were touched, so they count as touched:
//! `EXEC` answers null and nothing runs.

pub(crate) mod local_part;

mod queueing;

use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::command::policy::{RequestPolicy, TransactionStep};
use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::slot::Slot;

use self::queueing::place_of;
use super::Worker;
use super::dispatch::{Asking, Ran, Request, errand, outstanding};
use super::tracking::links::is_tracked;
use crate::errand::{Bound, Errand, LinkKey, Purpose, Seq, Travel, Waiter};
use crate::join::{Join, JoinBy, PartKeys};
use crate::metrics::label::Outcome;
use crate::pinned::Pin;
use crate::plan::{self, Plan};
use crate::session::hold::{Hold, LocalPart, Watch};
use crate::session::{Outstanding, Session};
use crate::transaction::{Place, Run, Transaction};

/// Commands that are not queued but run at once, besides those of the transaction itself.
const NEVER_QUEUED: [CommandId; 2] = [CommandId::of("quit"), CommandId::of("reset")];

impl Worker {
    /// Runs a request outside a transaction that opens one, or guards keys for one.
    pub(super) fn run_step(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        step: TransactionStep,
        slot: Option<Slot>,
        request: &Request<'_>,
    ) -> Ran {
        let Some(entry) = self.sessions.get_mut(key) else { return Ran::Now };
        let session = &mut entry.session;
        session.last_command = Some(command);
        match step {
            TransactionStep::Multi => {
                session.transaction = Some(Box::default());
                self.accept(key, command);
            }
            TransactionStep::Watch => {
                return slot.map_or(Ran::Now, |slot| self.watch(key, command, slot, request));
            }
            TransactionStep::Unwatch => {
                self.unwatch(key);
                self.accept(key, command);
            }
            TransactionStep::Exec => self.refuse(key, command, &NOT_OPEN_EXEC),
            TransactionStep::Discard => self.refuse(key, command, &NOT_OPEN_DISCARD),
        }
        Ran::Now
    }

    /// Takes a request inside a transaction.
    pub(super) fn run_in_transaction(
        &mut self,
        key: usize,
        plan: Plan,
        request: &Request<'_>,
    ) -> Ran {
        match plan {
            Plan::Local { command, .. } if NEVER_QUEUED.contains(&command.id()) => {
                self.run_plan(key, plan, request)
            }
            Plan::Transaction { command, step, .. } => {
                self.run_step_inside(key, command, step, request)
            }
            Plan::Reject { command, error } => {
                let is_banned = |command: &CommandSpec| {
                    command.accepts(request.args.len())
                        && command.flags.contains(CommandFlags::NO_MULTI)
                };
                let error = match error.code() {
                    _ if command.is_some_and(is_banned) => NOT_ALLOWED,
                    // What a setting would do for it outside, it does not here.
                    "CROSSSLOT" => ReplyError::CROSS_SLOT,
                    _ => error,
                };
                self.note_refused_inside(key, command, &error, request.args);
                self.spoil(key, command, &error);
                Ran::Now
            }
            Plan::Split(split) => {
                self.queue_split(key, split, request.args);
                Ran::Now
            }
            plan => {
                match place_of(&plan, request.args) {
                    Ok((command, place)) => self.queue(key, command, place, request),
                    Err((command, error)) => {
                        self.note_refused_inside(key, command, &error, request.args);
                        self.spoil(key, command, &error);
                    }
                }
                Ran::Now
            }
        }
    }

    fn run_step_inside(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        step: TransactionStep,
        request: &Request<'_>,
    ) -> Ran {
        match step {
            TransactionStep::Multi => self.refuse(key, command, &NESTED),
            TransactionStep::Watch => self.refuse(key, command, &WATCH_INSIDE),
            TransactionStep::Unwatch => self.queue(key, command, Place::Here, request),
            TransactionStep::Discard => {
                self.close_transaction(key);
                self.unwatch(key);
                self.accept(key, command);
            }
            TransactionStep::Exec => return self.exec(key, command),
        }
        Ran::Now
    }

    /// Even an `EXEC` with arguments ends a transaction and its guards, whether there is one or not.
    pub(super) fn end_refused(&mut self, key: usize) {
        self.close_transaction(key);
        self.unwatch(key);
    }

    /// A request inside a transaction is refused, and with it the whole.
    pub(super) fn spoil(
        &mut self,
        key: usize,
        command: Option<&'static CommandSpec>,
        error: &ReplyError,
    ) {
        let Some(entry) = self.sessions.get_mut(key) else { return };
        if command.is_some_and(is_exec) {
            self.end_refused(key);
        } else if let Some(transaction) = &mut entry.session.transaction {
            transaction.is_spoilt = true;
        }
        self.answer_error(key, command, error);
    }

    fn close_transaction(&mut self, key: usize) -> Option<Box<Transaction>> {
        self.sessions.get_mut(key)?.session.transaction.take()
    }

    fn exec(&mut self, key: usize, command: &'static CommandSpec) -> Ran {
        let Some(entry) = self.sessions.get(key) else { return Ran::Now };
        let watch = entry.session.watch;
        if matches!(watch, Watch::Guarded { .. }) && self.must_wait_for_replies(key) {
            return self.hold(key, Hold::UntilAnswered);
        }
        let Some(transaction) = self.close_transaction(key) else { return Ran::Now };
        if transaction.is_spoilt {
            self.unwatch(key);
            self.refuse(key, command, &ABORTED);
        } else if let Watch::Lost(_) = watch {
            self.unwatch(key);
            self.answer_with(key, command, |reply| reply.null_array());
        } else {
            self.run_transaction(key, command, &transaction, watch);
        }
        Ran::Now
    }

    /// Sends the runs of a transaction, and opens the place for the reply they make together.
    fn run_transaction(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        transaction: &Transaction,
        watch: Watch,
    ) {
        let runs = transaction.runs(watch.slot());
        let (positions, requests) = transaction.local_commands();
        if let Some(error) = self.refuse_parts(runs.len()) {
            return self.refuse(key, command, &error);
        }
        if transaction.len() == 0 && runs.is_empty() {
            return self.answer_with(key, command, |reply| reply.array(0));
        }
        let outstanding = outstanding(command, self.clock.now_us(), self.config.request.timeout);
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let session = &mut entry.session;
        session.last_command = Some(command);
        let inner = transaction.joins(&runs);
        let bytes_max = self.config.limits.join_bytes_max;
        let local = (positions, requests);
        let seq = expect_runs(session, outstanding, (&runs, inner), local, bytes_max);
        let whole = errand(key, session, seq, None, &outstanding);
        if let Watch::Guarded { .. } = watch {
            session.hold = Hold::UntilAnswered;
        }
        for (run, part) in runs.iter().zip(0..) {
            let waiter = Waiter { part, ..whole.waiter };
            let errand = Errand { waiter, slot: run.slot, replies: run.replies_count(), ..whole };
            match watch {
                Watch::Guarded { link, is_importing, .. } if part == 0 => {
                    let errand = Errand { travel: Travel::Pinned(Purpose::Watch), ..errand };
                    self.append(link, errand, &run.bytes, asking(is_importing));
                }
                _ => self.forward(errand, &run.bytes),
            }
        }
        if runs.is_empty() {
            self.run_local_part(whole.waiter);
        }
    }

    /// Guards keys: by the link that guards some already, or by one that becomes the guard.
    fn watch(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        slot: Slot,
        request: &Request<'_>,
    ) -> Ran {
        let Some(entry) = self.sessions.get(key) else { return Ran::Now };
        let watch = entry.session.watch;
        if let Some(guarded) = watch.slot().filter(|guarded| *guarded != slot) {
            let error = plan::cross_watch(guarded, slot);
            self.note_refused_inside(key, Some(command), &error, request.args);
            self.refuse(key, command, &error);
            return Ran::Now;
        }
        if let Watch::Lost(_) = watch {
            self.accept(key, command);
            return Ran::Now;
        }
        if self.must_wait_for_replies(key) {
            return self.hold(key, Hold::UntilAnswered);
        }
        let outstanding = outstanding(command, self.clock.now_us(), self.config.request.timeout);
        let Some(entry) = self.sessions.get_mut(key) else { return Ran::Now };
        let session = &mut entry.session;
        session.hold = Hold::UntilAnswered;
        let seq = session.expect(outstanding);
        let errand = Errand {
            travel: Travel::Pinned(Purpose::Watch),
            ..errand(key, session, seq, Some(slot), &outstanding)
        };
        let mut scratch = std::mem::take(&mut self.request);
        let bytes = request.bytes(&mut scratch);
        match watch {
            Watch::Guarded { link, is_importing, .. } => {
                self.append(link, errand, bytes, asking(is_importing));
            }
            Watch::Nothing | Watch::Lost(_) => self.forward(errand, bytes),
        }
        self.request = scratch;
        Ran::Now
    }

    /// A `WATCH` goes out by this link, which is the guard from now on.
    pub(super) fn guard(&mut self, errand: &Errand, link: LinkKey, asked: Asking) {
        let (Some(slot), Some(entry)) = (errand.slot, self.sessions.get_mut(errand.waiter.session))
        else {
            return;
        };
        let is_importing = asked == Asking::Yes;
        entry.session.watch = Watch::Guarded { slot, link, is_confirmed: false, is_importing };
    }

    /// No keys are guarded any more.
    fn unwatch(&mut self, key: usize) {
        let Some(entry) = self.sessions.get_mut(key) else { return };
        if let Watch::Guarded { link, .. } = std::mem::take(&mut entry.session.watch) {
            self.forget_guards(link);
        }
    }

    /// Makes the node forget what a link guards; the link is given back when it says so.
    pub(super) fn forget_guards(&mut self, link: LinkKey) {
        let Some(entry) = self.links.get_mut(link.0) else { return };
        // A link of a tracked client carries its other requests, too.
        if entry.link.in_flight_count() == 0 || is_tracked(&entry.link) {
            entry.link.append_unawaited(b"*1\r\n$7\r\nUNWATCH\r\n");
            self.mark_link_dirty(link);
        }
    }

    /// A link whose guard is lost guards nothing more.
    fn drop_guard(&mut self, link: LinkKey) {
        if self.links.get(link.0).is_some_and(|entry| is_tracked(&entry.link)) {
            self.forget_guards(link);
        } else {
            self.close_link(link);
        }
    }

    /// Takes note of a reply that came by the client's own link, before it is handed on.
    pub(super) fn pinned_reply(&mut self, errand: &Errand, reply: &[u8]) {
        if errand.bound == Bound::Body {
            return self.upload_answered(errand);
        }
        if errand.travel != Travel::Pinned(Purpose::Watch) {
            return;
        }
        let (session, client) = (errand.waiter.session, errand.waiter.client);
        let pin = Pin { session, client, purpose: Purpose::Watch };
        let Some(session) = self.pinned_session(&pin) else { return };
        if errand.replies > 1 {
            // Whatever became of it, the node guards nothing after an `EXEC`.
            session.watch = Watch::Nothing;
        } else if let Watch::Guarded { is_confirmed, .. } = &mut session.watch {
            if reply.first() != Some(&b'-') {
                *is_confirmed = true;
            } else if !*is_confirmed {
                session.watch = Watch::Nothing;
            }
        }
    }

    /// Whether a request by the guarding link, which did not run there, must not run elsewhere: then it is answered.
    /// Keys whose guard is lost count as touched.
    pub(super) fn watch_is_moot(&mut self, errand: &Errand) -> bool {
        if errand.travel != Travel::Pinned(Purpose::Watch) {
            return self.guard_is_moot(errand);
        }
        let (key, client) = (errand.waiter.session, errand.waiter.client);
        let pin = Pin { session: key, client, purpose: Purpose::Watch };
        let Some(session) = self.pinned_session(&pin) else { return true };
        let mut reply = Vec::new();
        let mut writer = ReplyWriter::new(&mut reply, errand.resp);
        if errand.replies > 1 {
            session.watch = Watch::Nothing;
            writer.null_array();
        } else if let Watch::Guarded { slot, link, is_confirmed: true, .. } = session.watch {
            session.watch = Watch::Lost(slot);
            writer.ok();
            self.drop_guard(link);
        } else {
            return false;
        }
        self.deliver_as(errand.waiter, &reply, Outcome::Ok);
        true
    }

    fn accept(&mut self, key: usize, command: &'static CommandSpec) {
        self.answer_with(key, command, |reply| reply.ok());
    }

    fn refuse(&mut self, key: usize, command: &'static CommandSpec, error: &ReplyError) {
        self.answer_error(key, Some(command), error);
    }
}

/// Opens the place for the reply of an `EXEC`.
fn expect_runs(
    session: &mut Session,
    outstanding: Outstanding,
    (runs, inner): (&[Run], Vec<(u32, Join)>),
    (positions, requests): (Vec<u32>, Vec<u8>),
    bytes_max: usize,
) -> Seq {
    if runs.len() == 1 && positions.is_empty() {
        return session.expect(outstanding);
    }
    let (count, part) = (positions.len(), u32::try_from(runs.len()).unwrap_or(u32::MAX));
    let keys = runs.iter().map(|run| PartKeys(run.positions.clone()));
    let keys = keys.chain((count > 0).then_some(PartKeys(positions)));
    let by = JoinBy::Transaction { resp: session.resp, runs: runs.len() };
    let join = Join::new(by, keys).with_inner(inner).at_most(bytes_max);
    let seq = session.expect_parts(outstanding, Box::new(join));
    if count > 0 {
        // What runs here may change how later requests are taken, so they wait for it.
        session.hold = Hold::UntilAnswered;
        session.local_part = Some(Box::new(LocalPart { seq, part, count, requests }));
    }
    seq
}

/// Whether a row is that of `EXEC`.
pub(super) fn is_exec(command: &CommandSpec) -> bool {
    command.request == RequestPolicy::Transaction(TransactionStep::Exec)
}

fn asking(is_importing: bool) -> Asking {
    if is_importing { Asking::Yes } else { Asking::No }
}

const NESTED: ReplyError = ReplyError::from_static("ERR MULTI calls can not be nested");

const WATCH_INSIDE: ReplyError = ReplyError::from_static("ERR WATCH inside MULTI is not allowed");

const NOT_OPEN_EXEC: ReplyError = ReplyError::from_static("ERR EXEC without MULTI");

const NOT_OPEN_DISCARD: ReplyError = ReplyError::from_static("ERR DISCARD without MULTI");

const NOT_ALLOWED: ReplyError =
    ReplyError::from_static("ERR Command not allowed inside a transaction");

const ABORTED: ReplyError =
    ReplyError::from_static("EXECABORT Transaction discarded because of previous errors.");
