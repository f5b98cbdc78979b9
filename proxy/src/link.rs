//! One connection to a node: requests out, replies in, first in first out.
//!
//! In: requests appended by the worker, bytes read from the node.
//! Out: bytes to be written, and every reply together with the request it answers.
//!
//! A request stays in [`SendBuffer`] until it is answered, so it can go elsewhere without a copy of its own.
//!
//! Not here: sockets, clients, routing.

pub(crate) mod body;

pub(crate) mod ear;

pub(crate) mod receipts;

pub(crate) mod send_buffer;

pub(crate) mod stream;

use std::collections::VecDeque;

use reddoor_protocol::encode::Resp;
use reddoor_protocol::frame::ReplyScanner;
use reddoor_protocol::slot::Slot;

use self::body::Body;
use self::receipts::Receipts;
use self::send_buffer::SendBuffer;
use self::stream::Stream;
use crate::budget::Charge;
use crate::errand::{Errand, Lane, NodeIndex};
use crate::pinned::Owner;
use crate::scan::ProcessId;

/// What a node is asked when it only matters that it answers.
pub(crate) const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// A request that was appended and not answered.
#[derive(Debug)]
struct InFlight {
    /// Its bytes in the send buffer (count).
    len: usize,
    /// Replies of the node that are still to come (count).
    replies_left: u32,
    /// `None` for `ASKING` and its like, whose reply nobody waits for.
    errand: Option<Errand>,
    /// [`Link::paused_us`] when it was appended.
    paused_us: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Link {
    /// The node at its other end.
    pub(crate) node: NodeIndex,
    /// The version in which it speaks.
    pub(crate) resp: Resp,
    /// What it is for.
    pub(crate) lane: Lane,
    /// Names the process at its other end, once that was asked.
    pub(crate) process: Option<ProcessId>,
    /// Whether it waits for its turn to be flushed.
    pub(crate) is_dirty: bool,
    /// Whose it is.
    pub(crate) owner: Owner,
    /// The number by which the node knows this connection, where that was asked.
    pub(crate) id_at_node: Option<u64>,
    /// The number by which the node knows this link's ear, if it has one.
    pub(crate) ear_at_node: Option<u64>,
    /// Whether it was asked a `PING` and has answered nothing since.
    pub(crate) is_pinged: bool,
    /// Whether it is to be given up.
    pub(crate) is_closing: bool,
    /// When its node was last heard, or, if later, began to owe a reply, in microseconds of the worker's clock.
    pub(crate) heard_us: u64,
    /// When it was connected, in microseconds of the worker's clock.
    pub(crate) connected_us: u64,
    /// Whether its node owes a reply for so long that nothing more is sent.
    pub(crate) is_silent: bool,
    /// Since when its node is silent and owns nothing any more, in microseconds of the worker's clock.
    pub(crate) deposed_us: Option<u64>,
    /// Whether what was sent on it arrives at all.
    pub(crate) receipts: Receipts,
    /// What its node guards on it for a command over several slots.
    pub(crate) guard: Guard,
    /// How far the request is that comes piece by piece, if the last one does.
    pub(crate) body: Body,
    /// Cuts replies out of what was read.
    pub(crate) scanner: ReplyScanner,
    /// The start of a reply that has not arrived whole.
    pub(crate) unread: Vec<u8>,
    /// The reply that is handed on as it comes, if one is.
    pub(crate) stream: Option<Stream>,
    buffer: SendBuffer,
    in_flight: VecDeque<InFlight>,
    /// For how long it was not read in all, because clients had enough to fetch, in microseconds.
    paused_us: u64,
    /// The first error of the node inside the transaction that it is answering.
    refusal: Option<Refusal>,
}

/// Whether a node guards a key on a link for a command over several slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Guard {
    /// It does not.
    #[default]
    Nothing,
    /// It does, or was asked to, and owns the slot.
    Own,
    /// As before, but it only takes the slot over, so that it has to be told so for each request.
    Importing,
}

/// Why a node will not run a transaction, or did not take it for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The node's error, without `-` and line end.
    pub(crate) line: Vec<u8>,
    /// Whether `MULTI` itself was refused, so that what followed may have run without it.
    pub(crate) is_of_multi: bool,
}

impl Link {
    /// A link that is not connected yet; requests may be appended.
    pub(crate) fn new(node: NodeIndex, resp: Resp, lane: Lane, owner: Owner) -> Link {
        Link {
            node,
            resp,
            lane,
            process: None,
            is_dirty: false,
            owner,
            id_at_node: None,
            ear_at_node: None,
            is_pinged: false,
            is_closing: false,
            heard_us: 0,
            connected_us: 0,
            is_silent: false,
            deposed_us: None,
            receipts: Receipts::default(),
            guard: Guard::Nothing,
            body: Body::None,
            scanner: ReplyScanner::default(),
            unread: Vec::new(),
            stream: None,
            buffer: SendBuffer::default(),
            in_flight: VecDeque::new(),
            paused_us: 0,
            refusal: None,
        }
    }

    /// Requests without an answer (count).
    pub(crate) fn in_flight_count(&self) -> usize {
        self.in_flight.len()
    }

    /// Requests of clients without an answer (count): all but `ASKING`. Costs O(in flight).
    pub(crate) fn errands_count(&self) -> usize {
        self.in_flight.iter().filter(|request| request.errand.is_some()).count()
    }

    /// Bytes of the requests without an answer.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// What it holds: requests without an answer, and the start of a reply.
    pub(crate) fn weight(&self) -> Charge {
        let places = self.in_flight.len() * size_of::<InFlight>();
        let bytes = self.buffer.held_bytes() + self.unread.len() + places;
        // Requests are counted where their clients wait for them.
        Charge { bytes, requests: 0 }
    }

    /// Appends a request.
    #[inline]
    pub(crate) fn append(&mut self, errand: Errand, request: &[u8]) {
        let len = self.buffer.append(|out| out.extend_from_slice(request));
        let replies_left = errand.replies;
        let (errand, paused_us) = (Some(errand), self.paused_us);
        self.in_flight.push_back(InFlight { len, replies_left, errand, paused_us });
    }

    /// Appends `ASKING`, which makes the node run the next request though it does not own the slot yet.
    pub(crate) fn append_asking(&mut self) {
        self.append_unawaited(b"*1\r\n$6\r\nASKING\r\n");
    }

    /// Appends a request whose reply nobody waits for.
    pub(crate) fn append_unawaited(&mut self, request: &[u8]) {
        let len = self.buffer.append(|out| out.extend_from_slice(request));
        let paused_us = self.paused_us;
        self.in_flight.push_back(InFlight { len, replies_left: 1, errand: None, paused_us });
    }

    /// What is still to be sent.
    pub(crate) fn unsent(&self) -> &[u8] {
        self.buffer.unsent()
    }

    /// Bytes that were sent on it in all.
    pub(crate) fn sent_in_all(&self) -> u64 {
        self.buffer.sent_in_all()
    }

    /// Takes note that the first `count` bytes of [`Link::unsent`] are sent.
    pub(crate) fn mark_sent(&mut self, count: usize) {
        self.buffer.mark_sent(count);
        if self.body != Body::None {
            self.let_go_sent();
        }
    }

    /// Whether a reply can be awaited at all: something was sent that has no answer.
    pub(crate) fn is_reply_due(&self) -> bool {
        self.in_flight.front().is_some_and(|first| {
            // Of a transaction the first commands are answered while the last are not sent yet.
            self.buffer.is_front_sent(first.len)
                || first.replies_left > 1 && self.buffer.is_front_begun()
                // It may be refused for its length before the rest has come.
                || self.body == Body::Open
        })
    }

    /// Takes a reply to a command inside a transaction; false when the next reply is a whole request's.
    #[inline]
    pub(crate) fn take_amid(&mut self, reply: &[u8]) -> bool {
        let Some(first) = self.in_flight.front_mut() else { return false };
        if first.replies_left <= 1 {
            return false;
        }
        let is_of_multi = first.errand.is_some_and(|errand| errand.replies == first.replies_left);
        first.replies_left -= 1;
        if let [b'-', line @ ..] = reply
            && self.refusal.is_none()
        {
            let line = line.strip_suffix(b"\r\n").unwrap_or(line).to_vec();
            self.refusal = Some(Refusal { line, is_of_multi });
        }
        true
    }

    /// Why the node refused the transaction that the next reply answers, if it did.
    pub(crate) fn take_refusal(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }

    /// Whether a request of a client, sent whole, is without an answer.
    pub(crate) fn is_asked(&self) -> bool {
        self.errands_count() > 0 && self.is_reply_due()
    }

    /// Takes the request that the next reply answers; `None` for the reply to `ASKING`.
    ///
    /// The request's bytes go with it; [`Link::first_request`] has them before.
    #[inline]
    pub(crate) fn take_first(&mut self) -> Option<Errand> {
        let first = self.in_flight.pop_front()?;
        self.is_pinged = false;
        self.buffer.release(first.len);
        first.errand
    }

    /// The request of a client to which the next reply is the whole answer: a command, or a transaction that no node refused.
    pub(crate) fn first_to_answer(&self) -> Option<&Errand> {
        let first = self.in_flight.front().filter(|first| first.replies_left == 1)?;
        first.errand.as_ref().filter(|errand| errand.replies == 1 || self.refusal.is_none())
    }

    /// The request that the next reply answers; `None` for the reply to `ASKING`, or when there is none.
    pub(crate) fn first_asked(&self) -> Option<&Errand> {
        self.in_flight.front()?.errand.as_ref()
    }

    /// Shows requests of clients without an answer, the oldest first, at most so many and until one says `false`. One
    /// whose reply is being handed on already is not among them.
    pub(crate) fn each_asked(
        &mut self,
        count_max: usize,
        mut each: impl FnMut(&mut Errand, &[u8]) -> bool,
    ) {
        let mut at = 0;
        let is_answering = self.stream.is_some();
        for (index, request) in self.in_flight.iter_mut().take(count_max).enumerate() {
            let bytes = self.buffer.at(at, request.len);
            at += request.len;
            if index == 0 && is_answering {
                continue;
            }
            if request.errand.as_mut().is_some_and(|errand| !each(errand, bytes)) {
                return;
            }
        }
    }

    /// The bytes of the request that the next reply answers.
    pub(crate) fn first_request(&self) -> &[u8] {
        self.in_flight.front().map_or(&[], |first| self.buffer.front(first.len))
    }

    /// Takes the requests off of which no byte was sent, the last first, and `ASKING` with them.
    pub(crate) fn withdraw_unsent(&mut self, mut each: impl FnMut(Errand, &[u8])) {
        while let Some(last) = self.in_flight.back() {
            let Some(bytes) = self.buffer.unbegun_back(last.len) else { return };
            if let Some(errand) = last.errand {
                each(errand, bytes);
            }
            self.buffer.take_back(last.len);
            self.in_flight.pop_back();
        }
    }

    /// The last request for a slot that is without an answer. Costs O(in flight).
    pub(crate) fn last_for(&mut self, slot: Slot) -> Option<&mut Errand> {
        let mut errands = self.in_flight.iter_mut().rev().filter_map(|r| r.errand.as_mut());
        errands.find(|errand| errand.slot == Some(slot))
    }

    /// Requests of clients that were sent, at least in part, and are not answered.
    pub(crate) fn errands(&self) -> impl Iterator<Item = &Errand> {
        self.in_flight.iter().filter_map(|request| request.errand.as_ref())
    }

    /// Takes all requests without an answer off a link that died, each with its bytes and whether all of them
    /// were sent, so that the node may have run it.
    pub(crate) fn give_up(&mut self, mut each: impl FnMut(Errand, &[u8], bool)) {
        while let Some(first) = self.in_flight.pop_front() {
            if let Some(errand) = first.errand {
                let is_sent = self.buffer.is_front_sent(first.len);
                each(errand, self.buffer.front(first.len), is_sent);
            }
            self.buffer.release(first.len);
        }
    }
}
