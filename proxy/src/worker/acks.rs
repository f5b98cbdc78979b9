//! `WAIT`: how many replicas of every shard have what was written.
//!
//! 1. What the client asked before is answered first, and what it asks behind waits, as with all that may wait.
//! 2. Every primary is asked on a connection of the client's own, where it waits for its replicas as it does for a
//!    client without a front door. It waits for what was written before the last command on that connection, so a
//!    `PING` goes before.
//! 3. The least of all answers is the client's, for nobody keeps in mind to which shards it wrote. An error ends the
//!    wait at once.
//! 4. A primary that is lost, or is none any more, is asked again as soon as its shard has one, for what is left of the
//!    time. It tells of its own replicas; what the failover lost it knows nothing of.
//! 5. When the time is over the nodes say how far they have come. A shard without a node that could say so, or whose
//!    node has not `request.timeout_ms` later, has no replica that is known to have anything.
//!
//! When the client leaves, its connections are ended, and the nodes stop waiting.

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::command::policy::RequestPolicy;
use reddoor_protocol::command::wait::{Wait, wait_of};
use reddoor_protocol::encode::{ReplyWriter, encode_request};
use reddoor_protocol::redirect::ClusterError;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::{Args, parse_integer};

use super::Worker;
use super::clock::micros;
use super::dispatch::Ran;
use super::waits::waiting_deadline_us;
use crate::errand::{Bound, Errand, Lane, Purpose, Waiter};
use crate::fan_out::{Job, Reach, Start};
use crate::metrics::label::Outcome;
use crate::pinned::{Owner, Pin};
use crate::session::Outstanding;
use crate::session::hold::Hold;

/// How a node begins to say that it is a replica, which answers no `WAIT`.
const IS_REPLICA: &[u8] = b"ERR WAIT cannot be used with replica instances";

impl Worker {
    /// Asks all primaries how many of their replicas have what was written. Later requests of the client are held
    /// until that is answered.
    pub(super) fn run_replica_wait(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        args: Args<'_>,
    ) -> Ran {
        if let Some(error) = refusal(args) {
            self.answer_error(key, Some(command), &error);
            return Ran::Now;
        }
        if self.must_wait_for_replies(key) {
            return self.hold(key, Hold::UntilAnswered);
        }
        let started_us = self.clock.now_us();
        let wait = wait_of(command, args).unwrap_or(Wait::Forever);
        let deadline_us = waiting_deadline_us(wait, started_us, self.config.request.timeout);
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return Ran::Now;
        };
        let outstanding = Outstanding { command, started_us, deadline_us, held_until_us: 0 };
        let (client, seq, resp) = (session.id, session.expect(outstanding), session.resp);
        session.waits = Some(seq);
        session.hold = Hold::UntilAnswered;
        let waiter = Waiter { session: key, client, seq, part: 0 };
        self.replica_waits.push(waiter);
        let mut request = Vec::new();
        encode_request(&mut request, args.iter());
        let (job, reach, lane, bound) =
            (Job::Wait, Reach::Primaries, Lane::Shared, Bound::Question);
        self.begin(waiter, Start { job, reach, request, resp, lane, bound });
        self.mark_session_dirty(key);
        Ran::Now
    }

    /// Ends the waits whose time is over, unless nodes are about to say what came of them. Costs O(waits).
    pub(super) fn end_due_replica_waits(&mut self) {
        let now_us = self.clock.now_us();
        let late_us = micros(self.config.request.timeout);
        let mut over = Vec::new();
        let mut waits = std::mem::take(&mut self.replica_waits);
        waits.retain(|waiter| {
            let Some(deadline_us) = self.waiting(waiter).map(|known| known.deadline_us) else {
                return false;
            };
            let is_due = now_us >= deadline_us.saturating_sub(late_us);
            let is_over = is_due && (now_us >= deadline_us || !self.is_asked_everywhere(waiter));
            if is_over {
                over.push(*waiter);
            }
            !is_over
        });
        self.replica_waits = waits;
        for waiter in over {
            self.end_replica_wait(waiter, Ok(()));
        }
    }

    /// Whether each part of a wait that has no answer is on its way to a node or at it.
    fn is_asked_everywhere(&self, waiter: &Waiter) -> bool {
        let Some(entry) = self.sessions.get(waiter.session) else { return false };
        let pin = Owner::Client(acks_pin(waiter));
        let asked = entry.pins.iter().filter_map(|key| Some(&self.links.get(key.0)?.link));
        let asked = asked.filter(|link| link.owner == pin && link.errands_count() > 0).count();
        asked >= entry.session.missing_parts(waiter.seq)
    }

    /// Answers a wait here, without those that have not answered: no replica is known of, or an error if one is given.
    pub(super) fn end_replica_wait(&mut self, waiter: Waiter, end: Result<(), &ReplyError>) {
        self.end_asked_pins(waiter.session);
        let Some(entry) = self.sessions.get_mut(waiter.session) else { return };
        entry.session.forget_gather(waiter.seq);
        let mut reply = Vec::new();
        let mut writer = ReplyWriter::new(&mut reply, entry.session.resp);
        match end {
            Ok(()) => writer.integer(0),
            Err(error) => writer.error(error),
        }
        self.deliver_as(waiter, &reply, Outcome::Ok);
    }

    /// Whether a session waits for replicas.
    pub(super) fn is_replica_wait(&self, waiter: &Waiter) -> bool {
        self.waiting(waiter).is_some_and(|known| waits_for_replicas(known.command))
    }
}

/// Whether a command waits for replicas.
pub(super) fn waits_for_replicas(command: &CommandSpec) -> bool {
    command.request == RequestPolicy::WaitReplicas
}

/// What an error of a node asks for, where only the command says what it means: a replica would answer anything else
/// that changes nothing.
pub(super) fn cluster_error<'a>(errand: &Errand, line: &'a [u8]) -> Option<ClusterError<'a>> {
    if line.starts_with(IS_REPLICA) && waits_for_replicas(errand.command) {
        return Some(ClusterError::ReadOnly);
    }
    ClusterError::parse(line)
}

/// The client's claim on the connections by which it waits.
fn acks_pin(waiter: &Waiter) -> Pin {
    Pin { session: waiter.session, client: waiter.client, purpose: Purpose::Acks }
}

/// What a Redis says of arguments that it cannot wait by, in its order.
fn refusal(args: Args<'_>) -> Option<ReplyError> {
    let number = |index| args.get(index).and_then(parse_integer);
    if number(1).is_none() {
        return Some(ReplyError::NOT_INTEGER);
    }
    match number(2) {
        None => Some(ReplyError::from_static("ERR timeout is not an integer or out of range")),
        Some(timeout) if timeout < 0 => Some(ReplyError::from_static("ERR timeout is negative")),
        Some(_) => None,
    }
}
