//! Commands that may wait at a node: sent by a link of the client's own, carried over a failover, ended early.
//!
//! A blocking command is asked again only if it surely took nothing:
//! 1. the node refused it (`MOVED`, `CLUSTERDOWN`, …), or let it go when it became a replica (`UNBLOCKED`);
//! 2. it was not sent whole before its link ended;
//! 3. it only reads (`XREAD`).
//!
//! When the link ends otherwise the node may have taken an element whose reply was on its way, so the client is told
//! `LINKLOST`. When it is asked again, it waits for what is left of its time.
//!
//! When the client leaves, the link is ended and the node stops waiting. An element that was taken while the news
//! travelled is lost with the client that asked for it, as with a plain Redis; who cannot bear that uses `BLMOVE`.

use std::time::Duration;

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::command::wait::{Wait, encode_with_wait};
use reddoor_protocol::encode::{ReplyWriter, Resp, encode_request};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::{Limits, RequestDecoder};
use reddoor_protocol::slot::Slot;

use super::Worker;
use super::clock::micros;
use super::dispatch::{Ran, Request, errand};
use crate::errand::{ClientId, Errand, Lane, NodeIndex, Purpose, Travel, Waiter};
use crate::local::Unblock;
use crate::metrics::label::Outcome;
use crate::session::Outstanding;
use crate::session::hold::Hold;

impl Worker {
    /// Sends a command that may wait. Later requests of the client are held until it is answered.
    pub(super) fn run_blocking(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        slot: Option<Slot>,
        wait: Wait,
        request: &Request<'_>,
    ) -> Ran {
        if self.must_wait_for_replies(key) {
            return self.hold(key, Hold::UntilAnswered);
        }
        let started_us = self.clock.now_us();
        let deadline_us = waiting_deadline_us(wait, started_us, self.config.request.timeout);
        let Some(entry) = self.sessions.get_mut(key) else { return Ran::Now };
        let session = &mut entry.session;
        session.last_command = Some(command);
        let outstanding = Outstanding { command, started_us, deadline_us, held_until_us: 0 };
        let seq = session.expect(outstanding);
        session.waits = Some(seq);
        session.hold = Hold::UntilAnswered;
        let errand = Errand {
            travel: Travel::Pinned(Purpose::Wait),
            ..errand(key, session, seq, slot, &outstanding)
        };
        self.forward_request(errand, request);
        self.mark_session_dirty(key);
        Ran::Now
    }

    /// The request with what is left of its time, once some of it is over.
    pub(super) fn with_time_left(&self, errand: &Errand, request: &[u8]) -> Option<Vec<u8>> {
        let started_us = self.waiting(&errand.waiter)?.started_us;
        let now_us = self.clock.now_us();
        if now_us <= started_us || errand.deadline_us == u64::MAX {
            return None;
        }
        let end_us = errand.deadline_us.saturating_sub(micros(self.config.request.timeout));
        let left = Duration::from_micros(end_us.saturating_sub(now_us));
        let mut decoder = RequestDecoder::default();
        decoder.decode(request, &any_request()).ok()??;
        let mut out = Vec::new();
        encode_with_wait(&mut out, errand.command, decoder.args(request), left);
        Some(out)
    }

    /// Makes a client of this worker wait no longer; false when it does not wait.
    ///
    /// Where the node has the command it is the node that is told, so that an element which it takes just now still
    /// reaches its client.
    pub(super) fn unblock(&mut self, client: ClientId, how: Unblock) -> bool {
        let is_meant = |entry: &super::SessionEntry| entry.session.id == client;
        let Some((key, entry)) = self.sessions.iter().find(|(_, entry)| is_meant(entry)) else {
            return false;
        };
        let (Some(seq), true) = (entry.session.waits, entry.session.is_waiting()) else {
            return false;
        };
        let waiter = Waiter { session: key, client, seq, part: 0 };
        if !self.unblock_at_node(&waiter, how) {
            self.unblock_here(waiter, how);
        }
        true
    }

    /// False when the node does not have the command, or cannot be told.
    pub(super) fn unblock_at_node(&mut self, waiter: &Waiter, how: Unblock) -> bool {
        let Some(entry) = self.sessions.get(waiter.session) else { return false };
        // While a command waits nothing else is under way.
        let links = entry.pins.iter().filter_map(|key| Some(&self.links.get(key.0)?.link));
        let asked = links.filter(|link| link.is_asked());
        let told: Vec<(NodeIndex, Resp, u64)> =
            asked.filter_map(|link| Some((link.node, link.resp, link.id_at_node?))).collect();
        if told.is_empty() || told.len() < entry.session.missing_parts(waiter.seq) {
            return false;
        }
        told.into_iter().all(|(node, resp, id)| self.unblock_link(node, resp, id, how))
    }

    /// Tells a node that a client of its own is to wait no longer; false when it cannot be told.
    fn unblock_link(&mut self, node: NodeIndex, resp: Resp, id: u64, how: Unblock) -> bool {
        let Some(shared) = self.link_to(node, resp, Lane::Shared) else { return false };
        let how = match how {
            Unblock::Timeout => "TIMEOUT",
            Unblock::Error => "ERROR",
        };
        let words = ["CLIENT", "UNBLOCK", &id.to_string(), how];
        let mut request = Vec::new();
        encode_request(&mut request, words.iter().map(|word| word.as_bytes()));
        self.links[shared.0].link.append_unawaited(&request);
        self.mark_link_dirty(shared);
        true
    }

    fn unblock_here(&mut self, waiter: Waiter, how: Unblock) {
        if self.is_replica_wait(&waiter) {
            let end = match how {
                Unblock::Timeout => Ok(()),
                Unblock::Error => Err(&UNBLOCKED),
            };
            return self.end_replica_wait(waiter, end);
        }
        self.end_asked_pins(waiter.session);
        self.leave_waiting(waiter.client);
        let Some(entry) = self.sessions.get(waiter.session) else { return };
        let mut reply = Vec::new();
        let mut writer = ReplyWriter::new(&mut reply, entry.session.resp);
        match how {
            Unblock::Timeout => writer.null_array(),
            Unblock::Error => writer.error(&UNBLOCKED),
        }
        self.deliver_as(waiter, &reply, Outcome::Ok);
    }
}

/// When a command fails that may wait so long: its node is given the usual time for its reply, from the end of the wait on.
pub(super) fn waiting_deadline_us(wait: Wait, started_us: u64, timeout: Duration) -> u64 {
    match wait {
        Wait::Forever => u64::MAX,
        Wait::For(time) => started_us.saturating_add(micros(time)).saturating_add(micros(timeout)),
    }
}

/// What the client is told that is unblocked with an error.
const UNBLOCKED: ReplyError =
    ReplyError::from_static("UNBLOCKED client unblocked via CLIENT UNBLOCK");

/// Limits for requests that were held to the client's limits when they came.
pub(super) fn any_request() -> Limits {
    Limits { bulk_bytes_max: usize::MAX / 4, args_max: usize::MAX / 4, ..Limits::default() }
}
