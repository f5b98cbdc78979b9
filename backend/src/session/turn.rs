//! One turn of a session: everything that one read brought, executed with one borrow of the node.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Instant;

use reddoor_protocol::request::{Limits, RequestDecoder};

use crate::client::{Client, Close};
use crate::clock;
use crate::execute::{Outcome, Turn, execute};
use crate::node::Node;
use crate::session::Session;

/// Bytes of one read.
const READ_BYTES: usize = 64 * 1024;

/// Reply bytes after which a turn sends before it executes more.
const REPLIES_BYTES_TURN: usize = 1024 * 1024;

/// Replies of a turn that are never too many (bytes). Source: redis `src/server.h` PROTO_REPLY_CHUNK_BYTES.
const SMALL_REPLIES_BYTES: usize = 16 * 1024;

/// Capacity that the shared reply buffer keeps between turns, in bytes: what an ordinary turn needs at most.
const REPLIES_BYTES_KEPT: usize = REPLIES_BYTES_TURN;

/// Buffers that all sessions of the thread use in turn.
pub(crate) type SharedScratch = Rc<RefCell<Scratch>>;

/// What a turn needs and leaves empty.
pub(crate) struct Scratch {
    pub(super) read: Box<[u8]>,
    decoder: RequestDecoder,
    replies: Vec<u8>,
}

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch {
            read: vec![0; READ_BYTES].into_boxed_slice(),
            decoder: RequestDecoder::default(),
            replies: Vec::with_capacity(READ_BYTES),
        }
    }
}

/// What a session may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Go,
    /// Nothing, until woken.
    Wait,
    CloseWhenSent,
    Close,
}

impl Session {
    /// Executes all complete requests among what is there, then writes once.
    pub(super) fn turn_with(
        &mut self,
        scratch: &mut Scratch,
        received: Option<&[u8]>,
    ) -> io::Result<()> {
        let node = Rc::clone(&self.node);
        let mut node = node.borrow_mut();
        let Some(mut client) = node.clients.take(self.seat) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        if node.clients.are_bounded() {
            let bytes = received.map_or(0, <[u8]>::len);
            match self.make_room(&mut node, client, bytes) {
                Some(spared) => client = spared,
                None => return Ok(()),
            }
        }
        client.used_at_ms = clock::unix_ms();
        node.stats.input_bytes += received.map_or(0, <[u8]>::len) as u64;
        node.stats.reads_processed += u64::from(received.is_some());
        let Scratch { decoder, replies, .. } = scratch;
        node.tracking.current = Some(client.id);
        self.execute_all(&mut node, &mut client, decoder, received, replies);
        node.tracking.current = None;
        self.check_query_limit(&mut node, &mut client);
        node.write_appended();
        let sent = self.send(&mut node, &mut client, replies);
        replies.clear();
        // What a client was sent that is cut off may have been far more than is needed otherwise.
        let is_cut = client.close == Some(Close::Now);
        replies.shrink_to(if is_cut { READ_BYTES } else { REPLIES_BYTES_KEPT });
        self.is_calm = self.is_left_calm(&client);
        client.buffer_bytes = self.buffer_bytes(0);
        node.clients.put(self.seat, client);
        node.clients.recount(self.seat);
        node.broadcast_invalidations();
        node.after_turn();
        sent
    }

    /// Counts what has just come before it is executed, and ends the largest clients if all hold too much then. The
    /// client, unless it was one of them.
    fn make_room(
        &mut self,
        node: &mut Node,
        mut client: Box<Client>,
        received_bytes: usize,
    ) -> Option<Box<Client>> {
        client.buffer_bytes = self.buffer_bytes(received_bytes);
        node.clients.put(self.seat, client);
        node.clients.recount(self.seat);
        if node.clients.are_too_large() {
            node.evict_clients();
        }
        node.clients.seated(self.seat).filter(|client| client.close.is_none())?;
        let mut client = node.clients.take(self.seat)?;
        client.buffer_bytes = self.buffer_bytes(0);
        Some(client)
    }

    /// Bytes that the session holds for its client, or will when the argument under way is whole; so many more have just
    /// been received.
    fn buffer_bytes(&self, received_bytes: usize) -> usize {
        let announced = self.decoder.as_ref().map_or(0, RequestDecoder::bytes_wanted);
        (self.unread.len() + received_bytes).max(announced) + self.replies.capacity()
    }

    fn is_left_calm(&self, client: &Client) -> bool {
        let is_all_sent = self.replies.is_empty() && self.unsent_told == 0;
        is_all_sent
            && !self.is_held_back
            && client.close.is_none()
            && client.blocked.is_none()
            && client.outbox.is_empty()
            && client.replica.is_none()
    }

    /// Keeps what was received while the client waits.
    pub(super) fn keep(&mut self, _: &mut Scratch, received: Option<&[u8]>) -> io::Result<()> {
        let received = received.unwrap_or_default();
        append(&mut self.unread, received);
        self.is_held_back = true;
        let node = Rc::clone(&self.node);
        let mut node = node.borrow_mut();
        node.stats.input_bytes += received.len() as u64;
        node.stats.reads_processed += 1;
        if let Some(mut client) = node.clients.take(self.seat) {
            self.check_query_limit(&mut node, &mut client);
            client.buffer_bytes = self.buffer_bytes(0);
            node.clients.put(self.seat, client);
            node.clients.recount(self.seat);
            node.after_turn();
        }
        Ok(())
    }

    /// Executes what was kept and what was received, and keeps what is left.
    fn execute_all(
        &mut self,
        node: &mut Node,
        client: &mut Client,
        shared_decoder: &mut RequestDecoder,
        received: Option<&[u8]>,
        replies: &mut Vec<u8>,
    ) {
        let decoder = self.decoder.as_mut().unwrap_or(&mut *shared_decoder);
        // Bytes that were kept come first; without any, nothing need be copied.
        let mut kept = std::mem::take(&mut self.unread);
        let received = received.unwrap_or_default();
        let is_direct = kept.is_empty();
        if !is_direct {
            append(&mut kept, received);
        }
        let input = if is_direct { received } else { &kept };
        let (consumed, stop) = run_all(node, client, decoder, input, replies);
        self.is_held_back = stop == Stop::HeldBack && consumed < input.len();
        if consumed == input.len() {
            kept = Vec::new();
        } else if is_direct {
            kept = input[consumed..].to_vec();
        } else {
            kept.drain(..consumed);
            // What is left of a large request's buffer is given back.
            kept.shrink_to(READ_BYTES);
        }
        self.unread = kept;
        if !decoder.is_partial() {
            self.decoder = None;
        } else if self.decoder.is_none() {
            self.decoder = Some(std::mem::take(shared_decoder));
        }
    }

    fn check_query_limit(&mut self, node: &mut Node, client: &mut Client) {
        let understood = self.decoder.as_ref().map_or(0, RequestDecoder::bytes_understood);
        client.query_bytes = self.unread.len().saturating_sub(understood);
        if self.unread.len() > node.config.settings().query_bytes_max {
            node.end_too_large_request(client, &self.unread);
        }
    }

    /// Writes the turn's replies at once if nothing waits before them; keeps what the system does not take.
    fn send(&mut self, node: &mut Node, client: &mut Client, replies: &[u8]) -> io::Result<()> {
        if replies.is_empty() {
            return Ok(());
        }
        if replies.len() > SMALL_REPLIES_BYTES && self.are_too_many(node, client, replies) {
            node.end_unread_after_turn(client);
            return Ok(());
        }
        let mut written = 0;
        let hold = node.persistence.aof.hold(&node.config.settings().disk);
        self.held_until = hold.unwrap_or(self.held_until);
        if self.replies.is_empty() && hold.is_none() {
            written = self.socket.try_write(replies)?;
        }
        node.stats.writes_processed += 1;
        node.stats.output_bytes += replies.len() as u64;
        if written == replies.len() {
            return Ok(());
        }
        append(&mut self.replies, &replies[written..]);
        self.check_output_limit(node, client);
        Ok(())
    }

    /// Whether the turn's replies, with those before them, reach the hard limit: a client may not have so much at once,
    /// however fast it reads.
    fn are_too_many(&self, node: &Node, client: &Client, replies: &[u8]) -> bool {
        let limit = client.output_limit(&node.config.settings().output_limits);
        let unsent = self.replies.len() - self.sent + replies.len();
        limit.hard_bytes > 0 && unsent >= limit.hard_bytes
    }

    /// Notes how much the system has not taken yet, after others wrote for the client or some was sent.
    pub(super) fn tell_unsent(&mut self) {
        let node = Rc::clone(&self.node);
        let mut node = node.borrow_mut();
        if let Some(mut client) = node.clients.take(self.seat) {
            self.check_output_limit(&mut node, &mut client);
            client.buffer_bytes = self.buffer_bytes(0);
            node.clients.put(self.seat, client);
            node.clients.recount(self.seat);
        }
    }

    fn check_output_limit(&mut self, node: &mut Node, client: &mut Client) {
        let unsent = self.replies.len() - self.sent;
        client.output_bytes = unsent;
        self.unsent_told = unsent;
        let limit = client.output_limit(&node.config.settings().output_limits);
        if limit.hard_bytes > 0 && unsent >= limit.hard_bytes {
            node.end_unread_after_turn(client);
        } else if limit.soft_bytes > 0 && unsent >= limit.soft_bytes {
            self.soft_limit_since.get_or_insert_with(Instant::now);
        } else {
            self.soft_limit_since = None;
        }
    }
}

/// Appends to a buffer whose slack is of no use: it grows by a quarter, not to the double.
fn append(buffer: &mut Vec<u8>, bytes: &[u8]) {
    if buffer.capacity() - buffer.len() < bytes.len() {
        buffer.reserve_exact(bytes.len().max(buffer.len() / 4));
    }
    buffer.extend_from_slice(bytes);
}

/// Why a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// No complete request is left.
    NeedsMore,
    /// A complete request may be left that must wait.
    HeldBack,
}

/// Executes requests one after the other. How many bytes they took, and why it ended.
fn run_all(
    node: &mut Node,
    client: &mut Client,
    decoder: &mut RequestDecoder,
    input: &[u8],
    replies: &mut Vec<u8>,
) -> (usize, Stop) {
    let mut turn = Turn::new(client.used_at_ms);
    turn.look(node, client);
    client.is_postponed = false;
    let mut limits = Limits {
        bulk_bytes_max: node.config.settings().bulk_bytes_max,
        // Ranges are kept only for arguments that were received, so Redis's own limit does no harm.
        args_max: i32::MAX as usize,
        unauthenticated: client.is_locked_out(&node.acl),
        ..Limits::default()
    };
    // What all clients may hold is looked at between turns, so that a turn must not go far beyond it.
    let replies_bytes_max =
        node.clients.room_bytes().clamp(SMALL_REPLIES_BYTES, REPLIES_BYTES_TURN);
    let mut consumed = 0;
    while client.close.is_none() && client.blocked.is_none() && replies.len() < replies_bytes_max {
        let rest = &input[consumed..];
        if rest.is_empty() {
            return (consumed, Stop::NeedsMore);
        }
        client.query_bytes = rest.len();
        match decoder.decode(rest, &limits) {
            Ok(Some(count)) => {
                let args = decoder.args(rest);
                if args.is_empty() {
                    note_sign_of_life(client);
                } else {
                    let (start, was_replica) = (replies.len(), client.is_replica());
                    match execute(node, client, args, replies, &mut turn) {
                        Outcome::Plain => {}
                        Outcome::Answered => {
                            look_after(node, client, replies, start);
                            limits.unauthenticated = client.is_locked_out(&node.acl);
                        }
                        Outcome::Postponed => {
                            client.is_postponed = true;
                            break;
                        }
                    }
                    if was_replica && replies.len() > start {
                        node.end_answered_replica(client, &replies[start..]);
                        replies.truncate(start);
                    }
                }
                consumed += count;
            }
            Ok(None) => return (consumed, Stop::NeedsMore),
            Err(error) => {
                tracing::debug!("Protocol error from client {}: {error}", client.id.0);
                error.write_reply(replies);
                node.stats.count_error("ERR");
                client.close = Some(Close::AfterReplies);
                consumed = input.len();
            }
        }
    }
    (consumed, Stop::HeldBack)
}

/// An empty line, by which a replica says that it lives while it reads a copy.
fn note_sign_of_life(client: &mut Client) {
    if let Some(replica) = &mut client.replica {
        replica.heard_at = Instant::now();
    }
}

/// Leaves the reply that begins at `start` out if the client does not want it, and lets messages through that have
/// waited for it.
fn look_after(node: &mut Node, client: &mut Client, replies: &mut Vec<u8>, start: usize) {
    // The reply of a command that waits is left out when it comes.
    if client.blocked.is_none() && client.leaves_reply_out() {
        replies.truncate(start);
    }
    node.tell_put_off(client);
    if node.pubsub.has_absent() {
        node.pubsub.let_through(client, replies);
    }
}
