//! From a node's bytes to replies in sessions: frame → redirect or deliver.

use std::time::Duration;

use reddoor_protocol::error::ProtocolError;
use reddoor_protocol::redirect::{ClusterError, Target};

use super::Worker;
use super::acks::cluster_error;
use super::connects::{backoff_us, jitter_us};
use super::dispatch::Asking;
use super::streams::STREAM_FROM_BYTES;
use crate::budget::Charge;
use crate::cluster_map::NodeAddr;
use crate::errand::{Bound, Errand, Lane, LinkKey, NodeIndex, Purpose, Travel, Waiter};
use crate::error::{RequestError, Retry, Unavailable};
use crate::metrics::label::{Direction, Limit, Outcome, Redirect, RefreshReason, Side};
use crate::pinned::Owner;
use crate::session::{Delivered, Outstanding};

/// Why a link ended.
#[derive(Clone, Debug)]
pub(crate) enum LinkEnd {
    /// It could not be made, or its handshake was refused.
    NotConnected,
    /// Its node would not track for a client, and said why.
    Untracked(String),
    /// The node closed it, or it broke.
    Lost,
    /// The node sent what is no reply.
    Broken(ProtocolError),
}

impl Worker {
    /// Takes what a node sent: hands every whole reply to who waits for it, keeps the rest.
    ///
    /// # Errors
    /// The node broke the protocol: the link must be ended.
    pub(crate) fn node_bytes(&mut self, key: LinkKey, bytes: &[u8]) -> Result<(), ProtocolError> {
        self.clock.tick();
        self.heard(key);
        let Some(entry) = self.links.get_mut(key.0) else { return Ok(()) };
        let node = entry.link.node;
        if let Some(node) = self.routes.node(node) {
            node.metrics.bytes(Direction::In, bytes.len());
        }
        if entry.link.unread.is_empty() {
            let consumed = self.take_replies(key, bytes)?;
            if consumed < bytes.len() {
                self.links[key.0].link.unread.extend_from_slice(&bytes[consumed..]);
            }
            return Ok(());
        }
        let mut unread = std::mem::take(&mut entry.link.unread);
        unread.extend_from_slice(bytes);
        let consumed = self.take_replies(key, &unread)?;
        if consumed == unread.len() {
            // An empty buffer of a large reply is given back, a small one is kept.
            unread.clear();
            unread.shrink_to(64 * 1024);
        } else {
            unread.drain(..consumed);
        }
        self.links[key.0].link.unread = unread;
        Ok(())
    }

    /// Hands out the whole replies at the start of `bytes`; gives back how many bytes they took.
    fn take_replies(&mut self, key: LinkKey, bytes: &[u8]) -> Result<usize, ProtocolError> {
        let mut settled = 0;
        let taken = self.take_replies_counting(key, bytes, &mut settled);
        if let Some(node) = self.routes.node(self.links[key.0].link.node) {
            node.metrics.commands_settled(settled);
        }
        taken
    }

    fn take_replies_counting(
        &mut self,
        key: LinkKey,
        bytes: &[u8],
        settled: &mut usize,
    ) -> Result<usize, ProtocolError> {
        let limits = self.config.limits.reply_limits();
        let mut consumed = 0;
        while consumed < bytes.len() {
            let rest = &bytes[consumed..];
            let link = &mut self.links[key.0].link;
            if link.stream.is_some() {
                let (taken, is_end) = self.pass_on(key, rest)?;
                consumed += taken;
                *settled += usize::from(is_end);
                if is_end {
                    continue;
                }
                break;
            }
            let Some(len) = link.scanner.scan(rest, &limits)? else {
                if rest.len() >= STREAM_FROM_BYTES && self.begin_stream(key, rest) {
                    continue;
                }
                break;
            };
            let reply = &bytes[consumed..consumed + len];
            consumed += len;
            // Out-of-band messages answer no request.
            if reply[0] == b'>' {
                match (link.owner, link.lane) {
                    (Owner::Client(pin), _) => self.push_to(pin, reply),
                    (_, Lane::Lookout) => self.keys_stirred(reply),
                    _ => {}
                }
                continue;
            }
            if !link.is_reply_due() {
                return Err(ProtocolError::UnrequestedReply);
            }
            if link.take_amid(reply) {
                continue;
            }
            if link.lane == Lane::Reading && reply[0] != b'-' {
                *settled += usize::from(self.take_read(key, reply));
                continue;
            }
            if reply[0] == b'-' {
                *settled += usize::from(self.take_error(key, reply));
            } else if let Some(errand) = link.take_first() {
                *settled += 1;
                if errand.travel != Travel::Shared {
                    self.pinned_reply(&errand, reply);
                }
                self.deliver(errand.waiter, reply);
                if errand.is_scout {
                    self.release_slot(&errand);
                }
            }
        }
        if self.links[key.0].link.owner != Owner::Everybody {
            self.settle_pin(key);
        }
        Ok(consumed)
    }

    /// Takes an error reply: follows what only a cluster's client understands, hands on the others. True when it
    /// answered a request of a client.
    #[cold]
    fn take_error(&mut self, key: LinkKey, reply: &[u8]) -> bool {
        let link = &mut self.links[key.0].link;
        let request = link.first_request().to_vec();
        let refusal = link.take_refusal();
        let node = link.node;
        let Some(errand) = link.take_first() else { return false };
        let line = match &refusal {
            Some(refusal) if refusal.is_of_multi => {
                let reason = String::from_utf8_lossy(&refusal.line).into_owned();
                let error = RequestError::NoMulti { node: self.node_addr(node), reason };
                self.pinned_reply(&errand, reply);
                self.fail(errand.waiter, &error);
                return true;
            }
            // `EXEC` only says that something was refused; what it was says where to go.
            Some(refusal) => &refusal.line,
            None => &reply[1..],
        };
        if errand.lane == Lane::Reading {
            self.refused_read(node, errand, line, &request);
            return true;
        }
        if let Some(error) = cluster_error(&errand, line) {
            if errand.bound == Bound::Body {
                self.refuse_upload(&errand, line);
                return true;
            }
            if let ClusterError::Moved(target) = &error {
                self.queue_behind(key, target.slot);
            }
            self.follow(node, error, errand, &request);
        } else if !self.ends_dismissed_wait(&errand, line)
            && !self.run_by_source(node, &errand, line, &request)
        {
            self.pinned_reply(&errand, reply);
            self.note_error(&errand, line, &request);
            match &refusal {
                Some(refusal) => self.deliver(errand.waiter, &aborted(&refusal.line)),
                None => self.deliver(errand.waiter, reply),
            }
            if errand.is_scout {
                self.release_slot(&errand);
            }
        }
        true
    }

    /// Hands a reply to who waits for it, if somebody still does.
    #[inline]
    pub(super) fn deliver(&mut self, waiter: Waiter, reply: &[u8]) {
        let outcome = if reply[0] == b'-' { Outcome::Error } else { Outcome::Ok };
        self.deliver_as(waiter, reply, outcome);
    }

    #[inline]
    pub(crate) fn deliver_as(&mut self, waiter: Waiter, reply: &[u8], outcome: Outcome) {
        let Some(entry) = self.sessions.get_mut(waiter.session) else { return };
        if entry.session.id != waiter.client {
            return;
        }
        match entry.session.deliver(waiter.seq, waiter.part, reply) {
            Delivered::Answered(outstanding) => self.answered(waiter, &outstanding, outcome),
            Delivered::TooLarge(outstanding) => {
                self.metrics.limit_reached(Limit::JoinBytes);
                self.answered(waiter, &outstanding, Outcome::LocalError);
            }
            Delivered::Gathered(gather) => self.gathered(waiter, *gather),
            Delivered::Partly => {
                self.mark_session_dirty(waiter.session);
                self.run_local_part(waiter);
            }
            Delivered::TooLate => {}
        }
    }

    /// A request has its whole reply.
    #[inline]
    fn answered(&mut self, waiter: Waiter, outstanding: &Outstanding, outcome: Outcome) {
        let now_us = self.clock.now_us();
        self.sessions[waiter.session].session.settle_writes(waiter.seq, now_us);
        let elapsed_us = now_us.saturating_sub(outstanding.started_us);
        let id = Some(outstanding.command.id());
        self.metrics.command_done(id, outcome, Duration::from_micros(elapsed_us));
        self.mark_session_dirty(waiter.session);
    }

    /// Answers a request with an error of the front door's own.
    pub(crate) fn fail(&mut self, waiter: Waiter, error: &RequestError) {
        if error.retry() == Retry::OutcomeUnknown {
            self.metrics.outcome_unknown();
        }
        let mut reply = Vec::new();
        error.write_reply(&mut reply);
        self.deliver_as(waiter, &reply, Outcome::LocalError);
    }

    /// Does what a cluster error asks for. The command did not run, so it may always be sent again.
    #[cold]
    fn follow(&mut self, node: NodeIndex, error: ClusterError<'_>, errand: Errand, request: &[u8]) {
        if self.waiting(&errand.waiter).is_none() || self.watch_is_moot(&errand) {
            return;
        }
        let (kind, code, refresh) = match error {
            ClusterError::Moved(target) => {
                self.metrics.redirect(Redirect::Moved);
                self.refresh.request(RefreshReason::Moved);
                return self.redirect(node, target, errand, request, Asking::No);
            }
            ClusterError::Ask(target) => {
                self.metrics.redirect(Redirect::Ask);
                return self.redirect(node, target, errand, request, Asking::Yes);
            }
            ClusterError::TryAgain => (Redirect::TryAgain, "TRYAGAIN", None),
            ClusterError::ClusterDown => {
                (Redirect::ClusterDown, "CLUSTERDOWN", Some(RefreshReason::ClusterDown))
            }
            ClusterError::Loading => (Redirect::Loading, "LOADING", None),
            ClusterError::ReadOnly => {
                (Redirect::ReadOnly, "READONLY", Some(RefreshReason::ReadOnly))
            }
            ClusterError::MasterDown => {
                (Redirect::MasterDown, "MASTERDOWN", Some(RefreshReason::MasterDown))
            }
            ClusterError::Busy => (Redirect::Busy, "BUSY", None),
            ClusterError::Unblocked => {
                self.end_hold(&errand.waiter);
                (Redirect::Unblocked, "UNBLOCKED", Some(RefreshReason::ReadOnly))
            }
        };
        self.metrics.redirect(kind);
        if let Some(reason) = refresh {
            self.refresh.request(reason);
        }
        let node = self.node_addr(node);
        self.hold_request(errand, request, Unavailable::Refused { node, code });
    }

    fn redirect(
        &mut self,
        from: NodeIndex,
        target: Target<'_>,
        mut errand: Errand,
        request: &[u8],
        asking: Asking,
    ) {
        errand.redirects += 1;
        if errand.redirects > self.config.request.redirects_max {
            self.metrics.limit_reached(Limit::Redirects);
            let max = self.config.request.redirects_max;
            self.fail(errand.waiter, &RequestError::Redirects { max });
            return;
        }
        let addr = match (target.host, self.routes.node(from)) {
            // No host: the one that answered is meant.
            ("", Some(node)) => NodeAddr::new(node.addr.host(), target.port),
            (host, _) => NodeAddr::new(host, target.port),
        };
        let Some(node) = self.find_or_add_node(&addr) else {
            self.hold_request(errand, request, Unavailable::Unreachable(addr.as_str().to_owned()));
            return;
        };
        if asking == Asking::No {
            self.routes.patch(target.slot, node);
        }
        self.send(node, errand, request, asking);
    }

    /// Ends a link. Requests that surely did not run, or may run twice, are sent again; the others fail.
    pub(crate) fn end_link(&mut self, key: LinkKey, end: &LinkEnd) {
        self.clock.tick();
        let Some(mut entry) = self.links.try_remove(key.0) else { return };
        self.settle(entry.charge, Charge::default());
        let was_connected = entry.socket.is_some();
        let is_wanted = !entry.link.is_closing && entry.link.owner != Owner::Nobody;
        let index = entry.link.node;
        let settled = entry.link.errands_count();
        if let Some(stream) = entry.link.stream.take() {
            entry.link.take_first();
            self.break_stream(&stream);
        }
        let (now_us, chance) = (self.clock.now_us(), self.random());
        let jitter_us = jitter_us(self.config.cluster.reconnect_jitter, chance);
        let mut addr = String::new();
        if let Some(node) = self.routes.node_mut(index) {
            addr = node.addr.as_str().to_owned();
            match entry.link.owner {
                Owner::Everybody => node.links[entry.link.lane.index(entry.link.resp)] = None,
                Owner::Client(_) | Owner::Nobody => {
                    node.pinned_count = node.pinned_count.saturating_sub(1);
                }
            }
            node.metrics.commands_settled(settled);
            match (was_connected, is_wanted) {
                (true, true) => {
                    node.metrics.link_lost();
                    node.connect_after_us = node.connect_after_us.max(now_us + jitter_us);
                }
                (true, false) => node.metrics.link_closed(),
                // It can be connected to all the same.
                (false, _) if matches!(end, LinkEnd::Untracked(_)) => node.metrics.connect_failed(),
                (false, _) => {
                    node.metrics.connect_failed();
                    node.connect_failures = node.connect_failures.saturating_add(1);
                    node.connect_after_us = now_us + backoff_us(node.connect_failures, chance);
                }
            }
        }
        if matches!(end, LinkEnd::Broken(_)) {
            self.metrics.protocol_error(Side::Node);
        }
        if is_wanted && !self.is_draining {
            self.refresh.request(RefreshReason::LinkLost);
        }
        let body = entry.link.body;
        entry.link.give_up(|errand, request, is_sent| {
            // Nobody waits for what a client left behind.
            if self.waiting(&errand.waiter).is_none() {
                return;
            }
            if errand.bound == Bound::Body {
                return self.upload_cut(&errand, (body, is_sent), addr.clone());
            }
            if let LinkEnd::Untracked(reason) = end {
                let (node, reason) = (addr.clone(), reason.clone());
                return self.fail(errand.waiter, &RequestError::Untracked { node, reason });
            }
            if (!is_sent || errand.replies == 1) && self.watch_is_moot(&errand) {
                return;
            }
            let guards = [Purpose::Watch, Purpose::Move].map(Travel::Pinned);
            let is_watch = guards.contains(&errand.travel) && errand.replies == 1;
            if !is_sent || is_watch || errand.may_run_twice() {
                if errand.travel == Travel::Pinned(Purpose::Wait) && is_sent {
                    self.end_hold(&errand.waiter);
                }
                let reason = match was_connected {
                    true => Unavailable::Cut(addr.clone()),
                    false => Unavailable::Unreachable(addr.clone()),
                };
                self.hold_request(errand, request, reason);
                return;
            }
            let (node, retry) = (addr.clone(), Retry::OutcomeUnknown);
            let error = match end {
                LinkEnd::Broken(reason) => RequestError::BadReply { node, reason: *reason, retry },
                LinkEnd::NotConnected | LinkEnd::Lost | LinkEnd::Untracked(_) => {
                    RequestError::LinkLost { node, retry }
                }
            };
            self.fail(errand.waiter, &error);
        });
        self.pinned_link_ended(key, &entry.link);
        if entry.link.lane == Lane::Lookout && was_connected {
            self.stir_all();
        }
        self.routes.forget_unused();
    }
}

/// What `EXEC` answers when a node refused one of the commands. A Redis had told its client before; this one was told
/// that the command is queued, so the reason stands here, in the form that a Redis has for it.
fn aborted(reason: &[u8]) -> Vec<u8> {
    [b"-EXECABORT Transaction discarded because of: ", reason, b"\r\n"].concat()
}
