//! Large requests: handed on to their node as they come, and not held whole.
//!
//! 1. A request of which `limits.upload_from_bytes` have come or are announced, and of which the key is known, is handed
//!    on if it is a plain write of one key. What its client sent before it is answered first, for it travels by a
//!    connection of its own: nobody else waits behind it.
//! 2. Its node is found by a question that changes nothing (`EXISTS`), on the connection that the request will take. It
//!    is held and redirected as any, so a request meets a move or a failover before its first byte leaves, not behind
//!    its last.
//! 3. What comes is sent, and forgotten once it is. While the node takes nothing, no more than [`AHEAD_BYTES_MAX`] is
//!    read from the client. What the client sends behind it waits for its reply.
//! 4. It cannot be sent again. If the node is lost before the end, or says behind it that it would not run it, the
//!    client is told that it was not applied; if the node is lost between the end and the reply, that nobody knows.
//!    If the client leaves, or nothing moves for `request.timeout_ms`, the connection is ended, and a node does not
//!    run half a request; a client that is still there is told so.
//! 5. When it is answered before its end, the rest is read and dropped: only there does the next request begin.

use reddoor_protocol::command::key_spec::KeyAccess;
use reddoor_protocol::command::policy::RequestPolicy;
use reddoor_protocol::command::reply_keys::ReplyKeys;
use reddoor_protocol::command::{self, CommandSpec};
use reddoor_protocol::encode::{write_bulk, write_header};
use reddoor_protocol::error::ProtocolError;
use reddoor_protocol::request::passage::Parsed;
use reddoor_protocol::request::{Args, RequestDecoder};
use slab::Slab;

use super::clock::micros;
use super::dispatch::{Asking, errand, outstanding};
use super::pause::Pause;
use super::{LinkEntry, Worker};
use crate::cross_slot::{Ask, By};
use crate::errand::{Bound, Caching, ClientId, Errand, LinkKey, Purpose, Travel, Waiter};
use crate::error::{RequestError, Retry, Side};
use crate::fan_out::{Gather, Job};
use crate::key_mapping;
use crate::link::Guard;
use crate::link::body::Body;
use crate::metrics::label::{self, RefreshReason};
use crate::pinned::{Owner, Pin};
use crate::plan::Plan;
use crate::session::hold::Hold;
use crate::session::upload::{Upload, UploadStage};
use crate::session::{Ending, Session, Unread};

/// Bytes that are read ahead of a node which takes no more just now.
const AHEAD_BYTES_MAX: usize = 256 * 1024;

impl Worker {
    /// Looks whether the request that a client is sending is to be handed on as it comes.
    #[inline]
    pub(super) fn consider_upload(&mut self, key: usize) {
        let from_bytes = self.config.limits.upload_from_bytes;
        let Some(unread) = self.sessions.get(key).and_then(|entry| entry.session.unread.as_ref())
        else {
            return;
        };
        if unread.bytes.len() >= from_bytes || unread.decoder.bytes_wanted() >= from_bytes {
            self.begin_upload(key);
        }
    }

    #[cold]
    fn begin_upload(&mut self, key: usize) {
        let Some(session) = self.sessions.get(key).map(|entry| &entry.session) else { return };
        let Some((command, stored)) = self.large_write(session) else { return };
        if self.config.rates.is_any() && self.is_too_fast(key) {
            return;
        }
        let slot = key_mapping::slot_of(&stored);
        let plan = Plan::One { command, slot: Some(slot) };
        let session = &self.sessions[key].session;
        // What a plain write waits for is told by its row alone.
        let (args, scripts) = (Args::from_slices(&[]), &self.answerer.shared.scripts);
        let is_held = |pause: &Pause| pause.holds_back(session, &plan, args, scripts);
        if self.pause.as_ref().is_some_and(is_held) {
            self.hold(key, Hold::UntilUnpaused);
            return;
        }
        if self.must_wait_for_replies(key) {
            self.hold(key, Hold::UntilAnswered);
            return;
        }
        if self.refuses_upload(key, command) {
            return self.drop_body(key);
        }
        self.note_writes(key, &plan);
        let outstanding = outstanding(command, self.clock.now_us(), self.config.request.timeout);
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let session = &mut entry.session;
        session.commands_count += 1;
        session.last_command = Some(command);
        session.hold = Hold::UntilAnswered;
        let (client, seq) = (session.id, session.expect(outstanding));
        session.upload = Some(Box::new(Upload { seq, stage: UploadStage::Asking }));
        self.metrics.request_streamed();
        let waiter = Waiter { session: key, client, seq, part: 0 };
        let ask = Ask { by: By::Upload, ..Ask::new(slot, &[b"EXISTS", &stored]) };
        self.ask_slots(waiter, Job::Upload, &[ask]);
    }

    /// Whether there is no room for one more request; then it is refused.
    fn refuses_upload(&mut self, key: usize, command: &'static CommandSpec) -> bool {
        let Some(entry) = self.sessions.get(key) else { return false };
        let in_flight = entry.session.outstanding_count();
        let is_full = self.budget.is_full(entry.charge, in_flight, self.config.limits.requests_max);
        if is_full {
            self.refuse_load(key, Some(command));
        }
        is_full
    }

    /// The request that a client is sending is answered: what has come of it is dropped, and so will be the rest.
    fn drop_body(&mut self, key: usize) {
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        let Some(unread) = session.unread.take() else { return };
        let Some(parsed) = unread.decoder.parsed(&unread.bytes) else { return };
        let seq = session.seq_to_come();
        let stage = UploadStage::Dropping(parsed.passage);
        session.upload = Some(Box::new(Upload { seq, stage }));
        self.upload_bytes(key, &unread.bytes[parsed.parsed_bytes..]);
        self.wake_session(key);
    }

    /// Nobody waits any more for the node of a large request.
    pub(super) fn drop_late_upload(&mut self, key: usize) {
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        if session.is_upload_late() {
            session.upload = None;
            self.drop_body(key);
        } else if session.upload.as_ref().is_some_and(|it| session.outstanding(it.seq).is_none()) {
            session.drop_upload();
            self.wake_session(key);
        }
    }

    /// The write of one key, with the stored key, that a session is sending, if that is what it sends, and nothing has
    /// to be known of it whole.
    fn large_write(&self, session: &Session) -> Option<(&'static CommandSpec, Vec<u8>)> {
        let is_plain = session.is_authenticated
            && session.ending == Ending::Open
            && session.upload.is_none()
            && session.transaction.is_none()
            && session.subscriptions.count() == 0
            && session.travel() == Travel::Shared
            && session.caching() == Caching::Usual;
        let unread = session.unread.as_ref().filter(|_| is_plain)?;
        let parsed = unread.decoder.parsed(&unread.bytes)?;
        let command = command::lookup(parsed.args.get(0)?)?;
        let key = parsed.args.get(command.single_key_index()?)?;
        let is_served = command.is_write()
            && command.request == RequestPolicy::OneSlot
            && command.accepts(parsed.args_count)
            && command.reply_keys == ReplyKeys::None
            && command.keys.iter().all(|spec| !spec.access.contains(KeyAccess::INCOMPLETE));
        if !is_served {
            return None;
        }
        let mut stored = Vec::new();
        self.answerer.mapping.store(session.database, key, &mut stored);
        Some((command, stored))
    }

    /// The question for the node of a large request takes the connection on which the request will follow.
    pub(super) fn ask_upload(&mut self, errand: Errand, request: &[u8]) {
        let travel = Travel::Pinned(Purpose::Upload);
        self.forward(Errand { travel, caching: Caching::Usual, ..errand }, request);
    }

    /// The node of a large request has answered: the request follows.
    pub(super) fn send_upload(&mut self, waiter: Waiter, gather: &Gather) {
        let answer = gather.answers().bytes().next().unwrap_or_default().to_vec();
        let pin = upload_pin(waiter.session, waiter.client);
        let link = self.pinned_to(&pin);
        let guard = link.map(|link| std::mem::take(&mut self.links[link.0].link.guard));
        let asking = match guard {
            Some(Guard::Own) if answer.first() == Some(&b':') => Some(Asking::No),
            Some(Guard::Importing) if answer.first() == Some(&b':') => Some(Asking::Yes),
            _ => None,
        };
        let (Some(link), Some(asking)) = (link, asking) else {
            if let Some(link) = link {
                self.settle_pin(link);
            }
            self.finish_fan_out(waiter, &answer);
            return self.drop_body(waiter.session);
        };
        let Some(unread) = self.sessions[waiter.session].session.unread.take() else { return };
        let Some(parsed) = unread.decoder.parsed(&unread.bytes) else { return };
        self.send_head(waiter, link, asking, &parsed);
        let stage = UploadStage::Passing(parsed.passage);
        let session = &mut self.sessions[waiter.session].session;
        session.upload = Some(Box::new(Upload { seq: waiter.seq, stage }));
        self.upload_bytes(waiter.session, &unread.bytes[parsed.parsed_bytes..]);
        self.wake_session(waiter.session);
    }

    /// Sends what was parsed of a large request.
    fn send_head(&mut self, waiter: Waiter, link: LinkKey, asking: Asking, parsed: &Parsed<'_>) {
        let Some(known) = self.waiting(&waiter).copied() else { return };
        let session = &self.sessions[waiter.session].session;
        let database = session.database;
        let key_index = known.command.single_key_index().unwrap_or(1);
        let slot = parsed.args.get(key_index).map(|key| {
            let mut stored = Vec::new();
            self.answerer.mapping.store(database, key, &mut stored);
            (key_mapping::slot_of(&stored), stored)
        });
        let Some((slot, stored)) = slot else { return };
        let mut head = Vec::new();
        write_header(&mut head, b'*', parsed.args_count);
        for (index, arg) in parsed.args.iter().enumerate() {
            write_bulk(&mut head, if index == key_index { &stored } else { arg });
        }
        if let Some(len) = parsed.next_bytes {
            write_header(&mut head, b'$', len);
        }
        let whole = errand(waiter.session, session, waiter.seq, Some(slot), &known);
        let travel = Travel::Pinned(Purpose::Upload);
        self.append(link, Errand { travel, bound: Bound::Body, ..whole }, &head, asking);
        if let Some(entry) = self.links.get_mut(link.0) {
            entry.link.body = Body::Open;
        }
    }

    /// Takes what a client sends while a large request of it is on its way.
    pub(super) fn upload_bytes(&mut self, key: usize, bytes: &[u8]) {
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        if session.upload.as_ref().is_some_and(|upload| upload.stage == UploadStage::Asking) {
            if let Some(unread) = &mut session.unread {
                unread.bytes.extend_from_slice(bytes);
            }
            return;
        }
        let joined = session.unread.take().map(|unread| [&unread.bytes[..], bytes].concat());
        let bytes = joined.as_deref().unwrap_or(bytes);
        let taken = match self.take_piece(key, bytes) {
            Ok(taken) => taken,
            Err(error) => return self.break_upload(key, error),
        };
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        if taken == bytes.len() {
            return;
        }
        let rest = Unread { bytes: bytes[taken..].to_vec(), decoder: RequestDecoder::default() };
        if session.upload.is_some() {
            session.unread = Some(Box::new(rest));
        } else {
            self.run_unread(key, Box::new(rest));
        }
    }

    /// Hands on, or drops, what belongs to the request; gives back how many bytes that is.
    fn take_piece(&mut self, key: usize, bytes: &[u8]) -> Result<usize, ProtocolError> {
        // Who has not authenticated has no request handed on.
        let limits = self.request_limits();
        let Some(entry) = self.sessions.get_mut(key) else { return Ok(0) };
        let Some(upload) = entry.session.upload.as_mut() else { return Ok(0) };
        let pin = upload_pin(key, entry.session.id);
        let (taken, is_end) = match &mut upload.stage {
            UploadStage::Passing(passage) | UploadStage::Dropping(passage) => {
                passage.pass(bytes, &limits)?
            }
            UploadStage::Asking => return Ok(0),
        };
        let is_passing = matches!(upload.stage, UploadStage::Passing(_));
        if is_end {
            entry.session.upload = None;
        }
        let link = self.pinned_to(&pin).filter(|_| is_passing);
        if let Some(link) = link
            && let Some(entry) = self.links.get_mut(link.0)
            && entry.link.body == Body::Open
        {
            entry.link.append_piece(&bytes[..taken]);
            if is_end {
                entry.link.body = Body::Whole;
            }
            self.mark_link_dirty(link);
            self.extend_upload(pin);
        }
        Ok(taken)
    }

    /// Something has moved: it is on time.
    fn extend_upload(&mut self, pin: Pin) {
        let deadline_us = self.clock.now_us() + micros(self.config.request.timeout);
        if let Some(session) = self.pinned_session(&pin) {
            session.extend_first(deadline_us);
        }
    }

    /// The client broke the protocol in the middle of a large request: it is told, and closed.
    fn break_upload(&mut self, key: usize, error: ProtocolError) {
        self.metrics.protocol_error(label::Side::Client);
        self.end_asked_pins(key);
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let session = &mut entry.session;
        let (client, upload) = (session.id, session.upload.take());
        session.ending = Ending::AfterReplies;
        let mut reply = Vec::new();
        error.write_reply(&mut reply);
        match upload.filter(|upload| session.outstanding(upload.seq).is_some()) {
            Some(upload) => {
                let waiter = Waiter { session: key, client, seq: upload.seq, part: 0 };
                self.finish_fan_out(waiter, &reply);
            }
            None => session.answer(|out| out.extend_from_slice(&reply)),
        }
        self.mark_session_dirty(key);
    }

    /// Whether a client is not read because its large request is ahead of the node that takes it.
    pub(super) fn is_upload_ahead(&self, key: usize, session: &Session) -> bool {
        let Some(upload) = &session.upload else { return false };
        match upload.stage {
            UploadStage::Asking => true,
            UploadStage::Dropping(_) => false,
            UploadStage::Passing(_) => {
                let link = self.pinned_to(&upload_pin(key, session.id));
                let link = link.and_then(|link| self.links.get(link.0));
                link.is_some_and(|entry| entry.link.unsent().len() >= AHEAD_BYTES_MAX)
            }
        }
    }

    /// A link was written: if it takes a large request, the client is read again that sends it.
    #[inline]
    pub(super) fn read_upload_on(&mut self, key: LinkKey) {
        let Some(entry) = self.links.get(key.0) else { return };
        if entry.link.body == Body::None {
            return;
        }
        if let Owner::Client(pin) = entry.link.owner
            && entry.link.unsent().len() < AHEAD_BYTES_MAX
        {
            self.extend_upload(pin);
            self.wake_session(pin.session);
        }
    }

    /// A node has answered a large request, perhaps before its end.
    pub(super) fn upload_answered(&mut self, errand: &Errand) {
        let pin = upload_pin(errand.waiter.session, errand.waiter.client);
        let Some(link) = self.pinned_to(&pin) else { return };
        let Some(entry) = self.links.get_mut(link.0) else { return };
        if std::mem::take(&mut entry.link.body) == Body::Open {
            self.close_link(link);
        }
        if let Some(session) = self.pinned_session(&pin) {
            session.drop_upload();
        }
        self.wake_session(pin.session);
    }

    /// A node would not run a large request because of where its slot is, or how the node is. It cannot be sent again.
    #[cold]
    pub(super) fn refuse_upload(&mut self, errand: &Errand, line: &[u8]) {
        self.refresh.request(RefreshReason::Moved);
        self.upload_answered(errand);
        let reason = String::from_utf8_lossy(line).trim_end().to_owned();
        self.fail(errand.waiter, &RequestError::NotRepeatable { reason });
    }

    /// The link of a large request has ended.
    pub(super) fn upload_cut(
        &mut self,
        errand: &Errand,
        (body, is_sent): (Body, bool),
        node: String,
    ) {
        let error = match body {
            Body::Whole if is_sent => RequestError::LinkLost { node, retry: Retry::OutcomeUnknown },
            _ => RequestError::NotRepeatable { reason: format!("connection to node {node} ended") },
        };
        let pin = upload_pin(errand.waiter.session, errand.waiter.client);
        if let Some(session) = self.pinned_session(&pin) {
            session.drop_upload();
        }
        self.fail(errand.waiter, &error);
        self.wake_session(errand.waiter.session);
    }
}

/// What a request lacks whose deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// The reply; it was sent, as far as is known here.
    Reply,
    /// A node that would take it: of a large request nothing was sent.
    Node,
    /// The rest of a large request, because of this side. A node does not run half of one.
    Rest(Side),
}

/// What the request lacks that a session waits for.
pub(super) fn lack_of(session: &Session, pins: &[LinkKey], links: &Slab<LinkEntry>) -> Lack {
    let Some(upload) = &session.upload else { return Lack::Reply };
    let mut links = pins.iter().filter_map(|key| Some(&links.get(key.0)?.link));
    match upload.stage {
        UploadStage::Asking => Lack::Node,
        UploadStage::Passing(_) if links.any(|link| !link.unsent().is_empty()) => {
            Lack::Rest(Side::Node)
        }
        UploadStage::Passing(_) => Lack::Rest(Side::Client),
        UploadStage::Dropping(_) => Lack::Reply,
    }
}

fn upload_pin(session: usize, client: ClientId) -> Pin {
    Pin { session, client, purpose: Purpose::Upload }
}
