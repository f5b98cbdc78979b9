//! One client's state: its replies in their order, its settings, the bytes on their way to it.
//!
//! In: requests that were sent somewhere ([`Session::expect`]) and the replies to them, in any order.
//! Out: `out`, the bytes that go to the client, replies in the order of the requests.
//!
//! ```text
//! requests   7        8        9        10
//! queue      Waiting  Ready    Joining  Ready       a reply to 7 goes straight to `out`,
//! parked              [......]          [....]      then 8 follows from `parked`
//! ```
//!
//! Invariants: every request gets exactly one reply; `parked` is empty when nothing in the queue is ready; no
//! heap allocation for a reply whose turn it is.
//!
//! Not here: sockets, nodes, routing.

pub(crate) mod deadlines;

pub(crate) mod hold;

pub(crate) mod identity;

pub(crate) mod output;

pub(crate) mod push;

pub(crate) mod rest;

pub(crate) mod stream;

pub(crate) mod tracking;

pub(crate) mod upload;

pub(crate) mod weight;

pub(crate) mod writes;

use std::collections::VecDeque;
use std::net::SocketAddr;

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::encode::Resp;
use reddoor_protocol::request::RequestDecoder;

use self::hold::{Hold, LocalPart, Watch};
use self::identity::{Identity, Subscriptions};
use self::output::BUFFER_KEPT_BYTES;
use self::tracking::Tracking;
use self::upload::Upload;
use self::writes::Writes;
use crate::errand::{ClientId, LinkKey, Seq};
use crate::fan_out::Gather;
use crate::join::Join;
use crate::key_mapping::reply::MappedReplies;
use crate::scan::ScanState;
use crate::transaction::Transaction;

/// What is known of a request whose reply is outstanding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outstanding {
    /// The command's row.
    pub(crate) command: &'static CommandSpec,
    /// When it was decoded, in microseconds of the worker's clock.
    pub(crate) started_us: u64,
    /// When it fails, in microseconds of the worker's clock.
    pub(crate) deadline_us: u64,
    /// Until when it may wait for a node that runs it, in microseconds of the worker's clock; 0: it never had to.
    pub(crate) held_until_us: u64,
}

/// One place in a client's queue.
#[derive(Debug)]
enum Pending {
    /// The reply is outstanding.
    Waiting(Outstanding),
    /// Several parts are outstanding, to be joined into one reply.
    Joining(Outstanding, Box<Join>),
    /// Several nodes are asked; what comes of it is for the worker to say.
    Gathering(Outstanding, Box<Gather>),
    /// The reply goes to the client as it comes. Only the first can be so.
    Streaming(Outstanding),
    /// The reply lies in `parked` until all earlier ones are there.
    Ready { start: usize, len: usize },
}

/// Which replies the client wants (`CLIENT REPLY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    /// All.
    #[default]
    On,
    /// None until further notice.
    Off,
    /// Not the one to the next request.
    SkipNext,
}

/// Why and how a session ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It goes on.
    #[default]
    Open,
    /// No more requests are read; it is closed when all replies are written.
    AfterReplies,
    /// It is closed at once; what is not written is dropped.
    Now,
}

/// By which address a client came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// `listen.addr`
    #[default]
    Main,
    /// `reads.addr`
    Reads,
}

/// Bytes of a request that has not arrived whole, and how far it was read.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    /// Everything received and not yet consumed.
    pub(crate) bytes: Vec<u8>,
    /// The decoder that stands in the middle of them.
    pub(crate) decoder: RequestDecoder,
}

/// One client.
#[derive(Debug)]
pub(crate) struct Session {
    /// Its number.
    pub(crate) id: ClientId,
    /// Where it connects from.
    pub(crate) peer_addr: SocketAddr,
    /// Where it connected to.
    pub(crate) local_addr: SocketAddr,
    /// By which address it came in.
    pub(crate) entrance: Entrance,
    /// When it connected, in microseconds of the worker's clock.
    pub(crate) connected_us: u64,
    /// When its last bytes came, in microseconds of the worker's clock.
    pub(crate) active_us: u64,
    /// The database that it has chosen.
    pub(crate) database: u32,
    /// The protocol version that it speaks.
    pub(crate) resp: Resp,
    /// Whether it may run commands.
    pub(crate) is_authenticated: bool,
    /// What it told of itself.
    pub(crate) identity: Identity,
    /// Which replies it wants.
    pub(crate) reply_mode: ReplyMode,
    /// `CLIENT NO-EVICT`: kept because it is told back; the front door evicts nobody.
    pub(crate) no_evict: bool,
    /// How much it listens to.
    pub(crate) subscriptions: Subscriptions,
    /// What it is told about keys that it may have cached.
    pub(crate) tracking: Option<Box<Tracking>>,
    /// How far its last scan of the cluster got.
    pub(crate) scan: Option<Box<ScanState>>,
    /// The last command it sent.
    pub(crate) last_command: Option<&'static CommandSpec>,
    /// Requests received (count).
    pub(crate) commands_count: u64,
    /// A request that has not arrived whole.
    pub(crate) unread: Option<Box<Unread>>,
    /// A request that is handed on as it comes.
    pub(crate) upload: Option<Box<Upload>>,
    /// Whether and how it ends.
    pub(crate) ending: Ending,
    /// Whether its requests are run as they come.
    pub(crate) hold: Hold,
    /// What is queued since `MULTI`.
    pub(crate) transaction: Option<Box<Transaction>>,
    /// What `WATCH` guards.
    pub(crate) watch: Watch,
    /// The blocking command that was sent last.
    pub(crate) waits: Option<Seq>,
    /// What it wrote last, while that matters to its reads.
    writes: Option<Box<Writes>>,
    /// What is left to do of an `EXEC`.
    pub(crate) local_part: Option<Box<LocalPart>>,
    /// While this is set, answers go here: they are elements of the reply to `EXEC`.
    capture: Option<Vec<u8>>,
    /// Bytes that go to the client; those before `out_written` are gone already.
    out: Vec<u8>,
    out_written: usize,
    queue: VecDeque<Pending>,
    /// The link that brings the reply to the first in `queue` piece by piece, if one does.
    stream_link: Option<LinkKey>,
    /// Whether a request in `queue` got more time, so that deadlines may not ascend along it.
    has_held: bool,
    /// Whether a request in `queue` may be in parts.
    has_parts: bool,
    /// The number of the first in `queue`.
    first: Seq,
    /// How many in `queue` are ready.
    ready_count: usize,
    parked: Vec<u8>,
    /// The last request that began to listen to something: what is heard comes behind its reply.
    confirming: Option<Seq>,
    /// Replies in the queue that the client does not want; sorted.
    muted: VecDeque<Seq>,
    /// Replies in the queue in which the client's keys have to be put back.
    pub(crate) mapped: MappedReplies,
}

/// What became of a reply that was handed in.
#[derive(Debug)]
pub(crate) enum Delivered {
    /// The request is answered; it was this one.
    Answered(Outstanding),
    /// The request is answered, by an error: what nodes replied to its parts was more than may be held.
    TooLarge(Outstanding),
    /// Every node that was asked has answered; the request waits for what the worker makes of it.
    Gathered(Box<Gather>),
    /// Other parts of it are outstanding.
    Partly,
    /// Nobody waits for it any more: it was answered by its deadline.
    TooLate,
}

/// Requests for which a busy client keeps room (count).
const QUEUE_BUSY: usize = 16;

/// Gives back the room for more than `kept` requests, if there is any: mostly there is none, which `VecDeque` itself
/// takes long to find out.
#[inline]
fn shrink_queue(queue: &mut VecDeque<Pending>, kept: usize) {
    if queue.capacity() > kept {
        queue.shrink_to(kept);
    }
}

impl Session {
    /// A new client; `is_authenticated` when no password is asked for.
    pub(crate) fn new(
        id: ClientId,
        peer_addr: SocketAddr,
        local_addr: SocketAddr,
        now_us: u64,
        is_authenticated: bool,
    ) -> Session {
        Session {
            id,
            peer_addr,
            local_addr,
            entrance: Entrance::Main,
            connected_us: now_us,
            active_us: now_us,
            database: 0,
            resp: Resp::V2,
            is_authenticated,
            identity: Identity::default(),
            reply_mode: ReplyMode::On,
            no_evict: false,
            subscriptions: Subscriptions::default(),
            tracking: None,
            scan: None,
            last_command: None,
            commands_count: 0,
            unread: None,
            upload: None,
            ending: Ending::Open,
            hold: Hold::Free,
            transaction: None,
            watch: Watch::Nothing,
            waits: None,
            writes: None,
            local_part: None,
            capture: None,
            out: Vec::new(),
            out_written: 0,
            queue: VecDeque::new(),
            stream_link: None,
            has_held: false,
            has_parts: false,
            first: Seq(0),
            ready_count: 0,
            parked: Vec::new(),
            confirming: None,
            muted: VecDeque::new(),
            mapped: MappedReplies::default(),
        }
    }

    /// Whether a request that goes to one node needs nothing but a place in the queue: it is inside no transaction,
    /// nothing is told about its keys, and the client may send it although it listens.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.transaction.is_none() && self.tracking.is_none() && self.subscriptions.count() == 0
    }

    /// Requests without a reply (count).
    #[inline]
    pub(crate) fn outstanding_count(&self) -> usize {
        self.queue.len()
    }

    /// Opens a place in the queue for a request that is sent to one node.
    #[inline]
    pub(crate) fn expect(&mut self, outstanding: Outstanding) -> Seq {
        let seq = self.next_seq();
        self.queue.push_back(Pending::Waiting(outstanding));
        seq
    }

    /// Opens a place in the queue for a request that is sent in parts.
    pub(crate) fn expect_parts(&mut self, outstanding: Outstanding, join: Box<Join>) -> Seq {
        let seq = self.next_seq();
        self.has_parts = true;
        self.queue.push_back(Pending::Joining(outstanding, join));
        seq
    }

    /// The number that the next request gets.
    #[inline]
    pub(crate) fn seq_to_come(&self) -> Seq {
        Seq(self.first.0 + self.queue.len() as u64)
    }

    #[inline]
    fn next_seq(&mut self) -> Seq {
        let seq = self.seq_to_come();
        if self.reply_mode != ReplyMode::On {
            self.muted.push_back(seq);
            if self.reply_mode == ReplyMode::SkipNext {
                self.reply_mode = ReplyMode::On;
            }
        }
        seq
    }

    /// Answers a request at once; `write` appends the reply, in its turn.
    pub(crate) fn answer(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(capture) = &mut self.capture {
            return write(capture);
        }
        let seq = self.next_seq();
        if self.queue.is_empty() {
            let start = self.out.len();
            write(&mut self.out);
            self.first.0 += 1;
            if self.take_muted(seq) {
                self.out.truncate(start);
            }
            return;
        }
        let start = self.parked.len();
        write(&mut self.parked);
        self.queue.push_back(Pending::Ready { start, len: self.parked.len() - start });
        self.ready_count += 1;
    }

    /// Hands in the reply to the request at `seq`, or to part `part` of it.
    #[inline]
    pub(crate) fn deliver(&mut self, seq: Seq, part: u32, reply: &[u8]) -> Delivered {
        let Some(index) = self.index_of(seq) else { return Delivered::TooLate };
        match &mut self.queue[index] {
            Pending::Waiting(outstanding) => {
                let outstanding = *outstanding;
                self.finish(index, |out| out.extend_from_slice(reply));
                Delivered::Answered(outstanding)
            }
            Pending::Joining(_, join) => {
                if !join.hand_in(part, reply) {
                    return Delivered::Partly;
                }
                let placeholder = Pending::Ready { start: 0, len: 0 };
                let Pending::Joining(outstanding, join) =
                    std::mem::replace(&mut self.queue[index], placeholder)
                else {
                    return Delivered::TooLate;
                };
                let is_too_large = join.is_too_large();
                self.finish(index, |out| join.write(out));
                match is_too_large {
                    true => Delivered::TooLarge(outstanding),
                    false => Delivered::Answered(outstanding),
                }
            }
            Pending::Gathering(outstanding, gather) => {
                let outstanding = *outstanding;
                if !gather.hand_in(part, reply) {
                    return Delivered::Partly;
                }
                let waiting = Pending::Waiting(outstanding);
                match std::mem::replace(&mut self.queue[index], waiting) {
                    Pending::Gathering(_, gather) => Delivered::Gathered(gather),
                    _ => Delivered::TooLate,
                }
            }
            Pending::Streaming(_) | Pending::Ready { .. } => Delivered::TooLate,
        }
    }

    /// Nodes are asked for the request at `seq`, which waits.
    pub(crate) fn gather(&mut self, seq: Seq, gather: Box<Gather>) {
        let Some(index) = self.index_of(seq) else { return };
        if let Pending::Waiting(outstanding) = self.queue[index] {
            self.has_parts = true;
            self.queue[index] = Pending::Gathering(outstanding, gather);
        }
    }

    /// The nodes that are asked for the request at `seq`.
    pub(crate) fn gathering(&mut self, seq: Seq) -> Option<&mut Gather> {
        let index = self.index_of(seq)?;
        match &mut self.queue[index] {
            Pending::Gathering(_, gather) => Some(gather),
            _ => None,
        }
    }

    /// What is known of the request at `seq`, while it waits.
    pub(crate) fn outstanding(&self, seq: Seq) -> Option<&Outstanding> {
        match &self.queue[self.index_of(seq)?] {
            Pending::Waiting(outstanding)
            | Pending::Joining(outstanding, _)
            | Pending::Gathering(outstanding, _)
            | Pending::Streaming(outstanding) => Some(outstanding),
            Pending::Ready { .. } => None,
        }
    }

    #[inline]
    fn index_of(&self, seq: Seq) -> Option<usize> {
        let index = usize::try_from(seq.0.checked_sub(self.first.0)?).ok()?;
        (index < self.queue.len()).then_some(index)
    }

    /// Answers the request at `index`; true when that took it (and perhaps others) off the queue.
    #[inline]
    fn finish(&mut self, index: usize, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        if index > 0 {
            let start = self.parked.len();
            write(&mut self.parked);
            if !self.mapped.is_empty() {
                self.mapped.apply(Seq(self.first.0 + index as u64), &mut self.parked, start);
            }
            self.queue[index] = Pending::Ready { start, len: self.parked.len() - start };
            self.ready_count += 1;
            return false;
        }
        let start = self.out.len();
        write(&mut self.out);
        if !self.mapped.is_empty() {
            self.mapped.apply(self.first, &mut self.out, start);
        }
        self.pop_front(start);
        if self.ready_count > 0 {
            self.release_parked();
        }
        true
    }

    /// Moves replies whose turn has come from `parked` to `out`.
    fn release_parked(&mut self) {
        while let Some(Pending::Ready { start, len }) = self.queue.front() {
            let (from, len) = (*start, *len);
            let start = self.out.len();
            self.out.extend_from_slice(&self.parked[from..from + len]);
            self.ready_count -= 1;
            self.pop_front(start);
        }
        if self.ready_count == 0 {
            self.parked.clear();
            self.parked.shrink_to(BUFFER_KEPT_BYTES);
        }
    }

    /// Takes the first request off the queue; its reply stands in `out` from `start`.
    #[inline]
    fn pop_front(&mut self, start: usize) {
        let seq = self.first;
        self.queue.pop_front();
        self.first.0 += 1;
        if self.take_muted(seq) {
            self.out.truncate(start);
        }
        if self.queue.is_empty() {
            shrink_queue(&mut self.queue, QUEUE_BUSY);
            self.has_held = false;
        }
    }

    #[inline]
    fn take_muted(&mut self, seq: Seq) -> bool {
        if self.muted.front() != Some(&seq) {
            return false;
        }
        self.muted.pop_front();
        true
    }
}

#[cfg(test)]
mod tests;
