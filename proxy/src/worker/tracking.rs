//! `CLIENT TRACKING` at work: a client hears of changes to what it may have cached, from every node at once.
//!
//! 1. `CLIENT TRACKING ON` opens a link of the client's own to every primary. The node is asked to track on it before
//!    anything else is sent, and the client is answered once all of them do.
//! 2. From then on all that the client asks of single nodes travels by these links, so that a node's messages come on
//!    the connection that brought the value, behind it, and `NOLOOP` knows whose change it was. A further node
//!    gets its link when it is asked first; where keys are tracked that were never read (`BCAST`), when it appears.
//! 3. A message is handed to the client behind every value that has come before it, however long that has to wait for
//!    earlier replies. With `REDIRECT` it goes to the other client, wherever that is served.
//! 4. When a link ends or a slot gets another owner, nobody can say what has changed meanwhile: the client is told to
//!    drop all it has cached (`invalidate` with null).
//! 5. `OFF`, `RESET` and the client's end close its links; after `HELLO` further ones speak its new version. All three
//!    wait until nothing is on its way, for they change by which links requests travel.
//!
//! A node tells nothing on a connection of RESP2. There it is asked to tell a second connection, the link's *ear*.
//!
//! Invariant: while a client can be told, no value reaches it that no node tells it of, unless it is told to drop it.
//! Not here: words (see `local/tracking`), and what a session does with a message ([`Session::push_stale`]).

pub(crate) mod links;

pub(crate) mod mapped;

pub(crate) mod messages;

use reddoor_protocol::command::{self, CommandId, CommandSpec};
use reddoor_protocol::encode::Resp;
use reddoor_protocol::reply_error::ReplyError;

use super::Worker;
use crate::errand::{Caching, Travel};
use crate::error::RequestError;
use crate::fan_out::{Job, Reach, Start};
use crate::link::PING;
use crate::metrics::label::Limit;
use crate::plan::Plan;
use crate::session::hold::{Hold, Watch};
use crate::session::tracking::Tracking;

const TRACKING: CommandId = CommandId::of("client|tracking");

/// Commands besides that one which change by which links the requests of a tracked client travel.
const SWITCHING: [CommandId; 2] = [CommandId::of("hello"), CommandId::of("reset")];

/// Its subcommands leave standing what `CLIENT CACHING` said of the next command.
const CLIENT: CommandId = CommandId::of("client");

impl Worker {
    /// Whether a request must neither overtake those around it nor be overtaken, which travel by other links.
    pub(super) fn stands_alone(&self, key: usize, plan: &Plan) -> bool {
        let session = || self.sessions.get(key).map(|entry| &entry.session);
        match plan {
            Plan::Local { command, .. } if command.id() == TRACKING => true,
            Plan::Local { command, .. } => {
                session().is_some_and(|session| session.tracking.is_some())
                    && SWITCHING.contains(&command.id())
            }
            Plan::FanOut { .. } | Plan::Scan { .. } => {
                session().is_some_and(|session| session.travel() != Travel::Shared)
            }
            _ => false,
        }
    }

    /// `CLIENT TRACKING ON`: answered once every primary tracks.
    pub(super) fn begin_tracking(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        mut tracking: Box<Tracking>,
    ) {
        if let Some(error) = self.refuse_tracking(key, &tracking) {
            return self.answer_error(key, Some(command), &error);
        }
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        let travelled = session.travel();
        let before = session.tracking.take();
        let is_known = before.as_ref().is_some_and(|before| before.is_same_at_nodes(&tracking));
        tracking.owes_flush = before.as_ref().is_some_and(|before| before.owes_flush);
        tracking.unread_since = match &before {
            Some(before) => before.unread_since,
            None => Some(session.commands_count),
        };
        session.tracking = Some(tracking.clone());
        let travels = session.travel();
        self.tracked.insert(key);
        self.count_tracked();
        if travels == Travel::Shared {
            // What is told now of what was read is not for this client any more.
            self.close_tracking_links(key);
        }
        if travels == Travel::Shared || travels == travelled && is_known {
            return self.go_on_tracking(key, command);
        }
        if let Some(before) = before.filter(|_| travels == travelled) {
            self.track_on_by(key, &tracking, &before);
        }
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        if let Watch::Guarded { slot, .. } = session.watch
            && travels != travelled
        {
            // `EXEC` would read on a link that is not tracked.
            session.watch = Watch::Lost(slot);
        }
        session.hold = Hold::UntilAnswered;
        let start = Start::question(Job::Track, Reach::Primaries, PING.to_vec(), session.resp);
        self.ask_nodes(key, command, start);
    }

    /// Nodes need not be asked: they do already what is wanted of them, or the client can be told of nothing.
    fn go_on_tracking(&mut self, key: usize, command: &'static CommandSpec) {
        if let Some(entry) = self.sessions.get_mut(key)
            && let Some(tracking) = &mut entry.session.tracking
        {
            tracking.is_confirmed = true;
        }
        self.answer_with(key, command, |reply| reply.ok());
    }

    /// Why a client cannot be tracked so.
    fn refuse_tracking(&self, key: usize, tracking: &Tracking) -> Option<ReplyError> {
        let limits = &self.config.limits;
        if tracking.prefix_bytes() > limits.tracking_prefix_bytes_max {
            self.metrics.limit_reached(Limit::TrackingPrefixes);
            let (what, max) = ("bytes of tracked prefixes", limits.tracking_prefix_bytes_max);
            return Some(RequestError::Overload { what, max }.to_reply());
        }
        let session = &self.sessions.get(key)?.session;
        let is_heard = session.resp == Resp::V3 || tracking.redirect.is_some();
        let in_use = self.pinned.in_use_count() - self.tracking_links(key).len();
        if is_heard && in_use + self.routes.primaries().len() > limits.pinned_links_max {
            self.metrics.limit_reached(Limit::PinnedLinks);
            let (what, max) = ("node connections of single clients", limits.pinned_links_max);
            return Some(RequestError::Overload { what, max }.to_reply());
        }
        None
    }

    /// All primaries have answered whether they track for a client.
    pub(super) fn tracking_answered(&mut self, key: usize, has_failed: bool) {
        let tracking = self.sessions.get_mut(key).and_then(|entry| entry.session.tracking.as_mut());
        let Some(tracking) = tracking else { return };
        tracking.is_confirmed = true;
        if std::mem::take(&mut tracking.owes_flush) {
            self.flush_caches(key);
        }
        if has_failed {
            self.end_tracking(key);
        }
    }

    /// A client is not tracked any more: by its own wish, or because a node refused.
    fn end_tracking(&mut self, key: usize) {
        if let Some(entry) = self.sessions.get_mut(key) {
            entry.session.tracking = None;
        }
        self.close_tracking_links(key);
        self.forget_tracked(key);
    }

    /// A client is not tracked any more, or gone.
    pub(super) fn forget_tracked(&mut self, key: usize) {
        self.tracked.remove(&key);
        self.count_tracked();
    }

    fn count_tracked(&self) {
        self.metrics.tracking_clients().set(self.tracked.len() as u64);
    }

    /// Looks after an answer that may have ended tracking, or changed the version that the client spoke before.
    pub(super) fn settle_tracking(&mut self, key: usize, spoke: Resp) {
        if !self.tracked.contains(&key) {
            return;
        }
        let Some(session) = self.sessions.get(key).map(|entry| &entry.session) else { return };
        if session.tracking.is_none() {
            self.end_tracking(key);
        } else if session.resp != spoke {
            self.settle_version(key, spoke);
        }
    }

    /// A tracked client speaks another version from now on, by links that speak it, too.
    ///
    /// What it has read by the others is told there: they are kept. So a key that is read by both is told of twice, as
    /// are all that are told of unread.
    fn settle_version(&mut self, key: usize, spoke: Resp) {
        self.are_broadcasts_due = true;
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        if let Watch::Guarded { slot, .. } = session.watch {
            // `EXEC` would not run where its keys are guarded.
            session.watch = Watch::Lost(slot);
        }
        let (travelled, travels) = (session.travel_in(spoke), session.travel());
        let commands_count = session.commands_count;
        let Some(tracking) = &mut session.tracking else { return };
        let unread_since = tracking.unread_since.take();
        if travels == Travel::Shared {
            self.close_tracking_links(key);
        } else if travelled == Travel::Shared
            && unread_since.is_none_or(|since| since + 1 < commands_count)
        {
            // It has read by links on which no node tracks.
            self.flush_caches(key);
        }
    }

    /// Ends the tracking that no primary has confirmed by the deadline.
    pub(super) fn end_late_tracking(&mut self, key: usize) {
        let Some(session) = self.sessions.get(key).map(|entry| &entry.session) else { return };
        let is_late = session.tracking.as_ref().is_some_and(|tracking| !tracking.is_confirmed);
        if is_late && session.outstanding_count() == 0 {
            self.tracking_answered(key, true);
        }
    }

    /// What `CLIENT CACHING` said concerned the request that was run, unless that opened a transaction.
    pub(super) fn end_caching(&mut self, key: usize) {
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        if session.transaction.is_none()
            && let Some(tracking) = &mut session.tracking
        {
            tracking.caching = Caching::Usual;
        }
    }
}

/// Whether a command leaves standing what `CLIENT CACHING` said.
pub(super) fn leaves_caching(command: Option<&CommandSpec>) -> bool {
    let subcommands = command::spec(CLIENT).subcommands();
    command.is_some_and(|command| subcommands.iter().any(|known| known.id() == command.id()))
}
