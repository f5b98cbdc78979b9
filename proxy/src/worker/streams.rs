//! Large replies: handed to their clients as they come, and not held whole.
//!
//! 1. A reply of which [`STREAM_FROM_BYTES`] have come, and which is not complete, is handed on as far as it has come,
//!    if nothing has to be known of it whole: it answers one request of one client, whose turn it is, and a replica that
//!    gave it is believed.
//! 2. While the client has more of it to fetch than `limits.client_output_pause_bytes`, the link is not read.
//! 3. Requests behind it on the same link wait for the node to send it in any case, but for the slowness of clients
//!    each waits `limits.stream_wait_ms` at most, however many large replies are before it. Then what comes is taken as
//!    fast as it comes, and a client that does not fetch it is cut at `limits.client_output_bytes_max`.
//! 4. What nobody waits for any more, or cannot be held (a part of a reply that is joined, past `limits.join_bytes_max`),
//!    is dropped as it comes.
//! 5. If the client leaves, what is left is read and dropped. If the node is lost, or says nothing for
//!    `request.timeout_ms`, half a reply has been given and cannot be taken back: the client is cut.

use std::time::Duration;

use reddoor_protocol::error::ProtocolError;

use super::Worker;
use super::clock::micros;
use crate::errand::{Bound, Errand, Lane, LinkKey, Travel, Waiter};
use crate::link::stream::Stream;
use crate::metrics::label::{CloseReason, Outcome};
use crate::reading::may_be_doubted;
use crate::session::{Ending, Session};

/// Bytes of a reply that must have come before it is handed on in pieces. Far more than one read brings, so that a reply
/// of usual size costs nothing for it.
pub(super) const STREAM_FROM_BYTES: usize = 256 * 1024;

impl Worker {
    /// Begins to hand on the reply of which `bytes` have come, if that may be.
    #[cold]
    pub(super) fn begin_stream(&mut self, key: LinkKey, bytes: &[u8]) -> bool {
        let deadline_us = self.clock.now_us() + micros(self.config.request.timeout);
        let link = &mut self.links[key.0].link;
        let is_sized = matches!(bytes.first(), Some(b'$' | b'*' | b'%' | b'~' | b'='));
        let Some(errand) = link.first_to_answer().filter(|_| is_sized && link.is_reply_due())
        else {
            return false;
        };
        let is_believed = match errand.lane {
            Lane::Shared => true,
            Lane::Reading => !may_be_doubted(errand.reading.doubts, bytes),
            Lane::Control | Lane::Lookout => false,
        };
        // Of a read that several nodes are asked for the first whole reply counts.
        let is_plain = errand.bound == Bound::Free
            && errand.travel == Travel::Shared
            && is_believed
            && !errand.reading.is_hedge
            && !errand.reading.is_hedged;
        let (waiter, is_shared) = (errand.waiter, errand.travel == Travel::Shared);
        if is_shared && self.is_to_drop(waiter, bytes) {
            self.links[key.0].link.stream = Some(Stream::to_nobody());
            return true;
        }
        let Some(session) = waiting_session(&mut self.sessions, &waiter).filter(|_| is_plain)
        else {
            return false;
        };
        if !session.begin_stream(waiter.seq, key, deadline_us) {
            return false;
        }
        self.links[key.0].link.stream = Some(Stream::new(waiter));
        self.metrics.reply_streamed();
        true
    }

    /// Whether the rest of a reply is for nobody: its client has left, has had another copy, or is told now that this
    /// part of the whole is more than may be held.
    fn is_to_drop(&mut self, waiter: Waiter, bytes: &[u8]) -> bool {
        if self.waiting(&waiter).is_none() {
            return true;
        }
        let is_part = self.sessions[waiter.session].session.is_in_parts(waiter.seq);
        if !is_part || bytes.len() <= self.config.limits.join_bytes_max {
            return false;
        }
        // It does not fit as far as it has come, so nothing of it is held.
        self.deliver(waiter, bytes);
        true
    }

    /// What has come of a reply is dropped, and so is the rest.
    pub(super) fn drop_reply(&mut self, key: LinkKey) {
        let Some(entry) = self.links.get_mut(key.0) else { return };
        let is_shared = |errand: &Errand| errand.travel == Travel::Shared;
        if entry.link.stream.is_none() && entry.link.first_to_answer().is_some_and(is_shared) {
            entry.link.stream = Some(Stream::to_nobody());
            // It was found well-formed when it came.
            let _ = self.node_bytes(key, &[]);
            self.settle_link(key);
        }
    }

    /// Hands on what has come of a reply; gives back how many bytes were taken and whether they end it.
    pub(super) fn pass_on(
        &mut self,
        key: LinkKey,
        bytes: &[u8],
    ) -> Result<(usize, bool), ProtocolError> {
        let limits = self.config.limits.reply_limits();
        let pause_bytes = self.config.limits.client_output_pause_bytes;
        let now_us = self.clock.now_us();
        let deadline_us = now_us + micros(self.config.request.timeout);
        let wait_us_max = micros(self.config.limits.stream_wait);
        let link = &mut self.links[key.0].link;
        let (taken, is_end) = link.scanner.pass(bytes, &limits)?;
        let waiter = link.stream.as_ref().and_then(|stream| stream.waiter);
        if let Some(waiter) = waiter
            && let Some(session) = waiting_session(&mut self.sessions, &waiter)
        {
            session.stream(&bytes[..taken], deadline_us);
            // What is parked behind it is not fetched before it.
            if !is_end && session.unwritten().len() >= pause_bytes {
                link.pause(now_us, wait_us_max);
            }
            self.mark_session_dirty(waiter.session);
        }
        if is_end {
            self.end_stream(key, waiter);
        }
        Ok((taken, is_end))
    }

    fn end_stream(&mut self, key: LinkKey, waiter: Option<Waiter>) {
        let link = &mut self.links[key.0].link;
        link.stream = None;
        let errand = link.take_first();
        let waiting = waiter.and_then(|waiter| {
            let session = waiting_session(&mut self.sessions, &waiter)?;
            Some((waiter, session.end_stream()?))
        });
        if let Some((waiter, outstanding)) = waiting {
            let elapsed_us = self.clock.now_us().saturating_sub(outstanding.started_us);
            let id = Some(outstanding.command.id());
            self.metrics.command_done(id, Outcome::Ok, Duration::from_micros(elapsed_us));
            self.mark_session_dirty(waiter.session);
        }
        if let Some(errand) = errand.filter(|errand| errand.is_scout) {
            self.release_slot(&errand);
        }
    }

    /// A link has ended: of the reply that it brought its client has a half, so the client is cut.
    pub(super) fn break_stream(&mut self, stream: &Stream) {
        let Some(waiter) = stream.waiter else { return };
        if let Some(session) = waiting_session(&mut self.sessions, &waiter) {
            session.ending = Ending::Now;
            self.sessions[waiter.session].close_reason = CloseReason::BrokenReply;
            self.mark_session_dirty(waiter.session);
        }
    }

    /// A client has fetched what waited, or is gone: the link that brings its reply is read again.
    pub(super) fn read_stream_on(&mut self, key: usize) {
        let Some(session) = self.sessions.get(key).map(|entry| &entry.session) else { return };
        let Some(link) = session.stream_link() else { return };
        let half = self.config.limits.client_output_pause_bytes / 2;
        if session.unwritten().len() <= half || session.ending == Ending::Now {
            self.resume_stream(link);
        }
    }

    /// Reads a link again that was not read because of a client.
    pub(super) fn resume_stream(&mut self, key: LinkKey) {
        let now_us = self.clock.now_us();
        let Some(entry) = self.links.get_mut(key.0) else { return };
        if entry.link.resume(now_us) {
            entry.link.heard_us = now_us;
            if let Some(waker) = &entry.waker {
                waker.wake_by_ref();
            }
            // What the client took its time for is not to be laid to the node.
            let deadline_us = now_us + micros(self.config.request.timeout);
            if let Some(waiter) = entry.link.stream.as_ref().and_then(|stream| stream.waiter)
                && let Some(session) = waiting_session(&mut self.sessions, &waiter)
            {
                session.stream(&[], deadline_us);
            }
        }
    }

    /// Reads those links again behind whose replies somebody has waited enough. Costs O(links).
    pub(super) fn end_waiting_behind(&mut self) {
        let now_us = self.clock.now_us();
        let wait_us_max = micros(self.config.limits.stream_wait);
        let links = self.links.iter_mut();
        let waited = links.filter_map(|(key, entry)| {
            entry.link.has_waited(now_us, wait_us_max).then_some(LinkKey(key))
        });
        for key in waited.collect::<Vec<_>>() {
            self.resume_stream(key);
        }
    }
}

fn waiting_session<'a>(
    sessions: &'a mut slab::Slab<super::SessionEntry>,
    waiter: &Waiter,
) -> Option<&'a mut Session> {
    let session = &mut sessions.get_mut(waiter.session)?.session;
    (session.id == waiter.client).then_some(session)
}
