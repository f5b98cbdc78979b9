//! What the node knows of one client beyond its socket.

use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::task::Waker;
use std::time::Instant;

use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::encode::Resp;

use crate::acl::{Acl, Login};
use crate::clock;
use crate::config::custom::{OutputLimit, OutputLimits};
use crate::data::key::Key;
use crate::execute::Deeds;
use crate::replication::replica::Replica;

/// The number of a client: counts up from 1, never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId(pub(crate) u64);

/// A client's place among all; another client's as soon as this one has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seat(pub(crate) usize);

/// One client's state.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) seat: Seat,
    /// Where the client comes from, as `CLIENT LIST` has it: `ip:port`, or the unix socket's path.
    pub(crate) addr: Rc<str>,
    /// The node's end of the connection.
    pub(crate) local_addr: Rc<str>,
    pub(crate) peer: Peer,
    pub(crate) descriptor: i32,
    /// Empty for none.
    pub(crate) name: Vec<u8>,
    pub(crate) resp: Resp,
    /// The selected database.
    pub(crate) db: usize,
    pub(crate) login: Login,
    /// `ASKING` was the command before this one.
    pub(crate) is_asking: bool,
    /// `READONLY` was sent: a replica may answer.
    pub(crate) is_readonly: bool,
    pub(crate) is_no_evict: bool,
    /// It is the link to this node's primary.
    pub(crate) is_primary: bool,
    /// The connection of that link, which ends with [`Client::kill`] and not when its task has noticed: the primary is
    /// to know even if this thread is busy.
    pub(crate) link: Option<TcpStream>,
    /// It sees every command, and may not read or write keys.
    pub(crate) is_monitor: bool,
    pub(crate) replies: Replies,
    pub(crate) transaction: Option<Transaction>,
    /// Keys of `WATCH`, with their databases.
    pub(crate) watched: Vec<(usize, Key)>,
    pub(crate) connected_at_ms: i64,
    pub(crate) used_at_ms: i64,
    pub(crate) last_command: Option<CommandId>,
    pub(crate) close: Option<Close>,
    pub(crate) blocked: Option<Blocked>,
    /// A pause holds its next command back.
    pub(crate) is_postponed: bool,
    pub(crate) subscriptions: Subscriptions,
    /// Replies and messages that others wrote for the client; its session sends them when it is woken.
    pub(crate) outbox: Vec<u8>,
    /// Wakes the session after one of the fields above was changed from outside.
    pub(crate) waker: Option<Waker>,
    /// Present for a replica, and for who says that it will be one.
    pub(crate) replica: Option<Box<Replica>>,
    /// Where the stream ended after the last command of this client.
    pub(crate) written_to: u64,
    /// `WAIT`: for so many replicas, to come so far.
    pub(crate) awaits_acks: Option<(i64, u64)>,
    /// Received bytes not yet executed, those of the command under way among them.
    pub(crate) query_bytes: usize,
    /// Reply bytes not yet taken by the system.
    pub(crate) output_bytes: usize,
    /// What the prefixes take that it tracks, about (bytes).
    pub(crate) prefix_bytes: usize,
    /// What its session's buffers take, in use or not (bytes).
    pub(crate) buffer_bytes: usize,
}

/// How near a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A unix socket or a loopback address.
    ThisMachine,
    Elsewhere,
}

/// Whether replies are sent, as `CLIENT REPLY` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Replies {
    #[default]
    On,
    Off,
    /// The reply to the next command is left out.
    SkipNext,
    /// The reply to this command is left out.
    Skip,
}

/// Why and when the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// What is still to be sent is lost.
    Now,
    /// As soon as all replies are sent.
    AfterReplies,
}

/// Commands queued between `MULTI` and `EXEC`.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    pub(crate) queue: Vec<Queued>,
    /// What they may do together.
    pub(crate) deeds: Deeds,
    /// A command was refused while queueing: `EXEC` will refuse all.
    pub(crate) is_broken: bool,
    /// Bytes of all arguments queued, which the limit of incomplete requests bounds.
    pub(crate) bytes: usize,
}

impl Transaction {
    /// Bytes that the queue takes, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        let args: usize = self.queue.iter().map(|queued| queued.args.capacity()).sum();
        self.bytes + args * size_of::<Box<[u8]>>() + self.queue.capacity() * size_of::<Queued>()
    }
}

/// One queued command.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) spec: &'static CommandSpec,
    pub(crate) args: Vec<Box<[u8]>>,
}

/// How many names of each kind a client is subscribed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subscriptions {
    pub(crate) channels: usize,
    pub(crate) patterns: usize,
    pub(crate) shards: usize,
}

impl Subscriptions {
    /// Whether there are any: then the client is a subscriber, which in RESP2 may do little else.
    #[inline]
    pub(crate) fn are_any(self) -> bool {
        self.count() > 0
    }

    fn count(self) -> usize {
        self.channels + self.patterns + self.shards
    }
}

/// What a subscription takes in the tables of both sides, about: a short name and two entries.
const SUBSCRIPTION_BYTES: usize = 128;

/// A client that waits for something and must not be read until then.
#[derive(Debug)]
pub(crate) struct Blocked {
    /// `None` waits for ever.
    pub(crate) until: Option<Instant>,
    /// What it is told when the time is up: bytes of a reply.
    pub(crate) reply: Vec<u8>,
}

impl Client {
    /// A client that has just come, from nowhere.
    pub(crate) fn new(id: ClientId, peer: Peer, login: Login) -> Client {
        Client::new_at(id, peer, login, (Rc::default(), Rc::default()), clock::unix_ms())
    }

    fn new_at(
        id: ClientId,
        peer: Peer,
        login: Login,
        (addr, local_addr): (Rc<str>, Rc<str>),
        now_ms: i64,
    ) -> Client {
        Client {
            id,
            seat: Seat::default(),
            addr,
            local_addr,
            peer,
            descriptor: -1,
            name: Vec::new(),
            resp: Resp::V2,
            db: 0,
            login,
            is_asking: false,
            is_readonly: false,
            is_no_evict: false,
            is_primary: false,
            link: None,
            is_monitor: false,
            replies: Replies::On,
            transaction: None,
            watched: Vec::new(),
            connected_at_ms: now_ms,
            used_at_ms: now_ms,
            last_command: None,
            close: None,
            blocked: None,
            is_postponed: false,
            subscriptions: Subscriptions::default(),
            outbox: Vec::new(),
            waker: None,
            replica: None,
            written_to: 0,
            awaits_acks: None,
            query_bytes: 0,
            output_bytes: 0,
            prefix_bytes: 0,
            buffer_bytes: 0,
        }
    }

    /// The client that the commands of a script of this one see: it acts in its name and waits for nothing.
    pub(crate) fn for_script(&self) -> Box<Client> {
        let (login, addrs) = (self.login.clone(), (self.addr.clone(), self.local_addr.clone()));
        Box::new(Client {
            seat: self.seat,
            descriptor: self.descriptor,
            name: self.name.clone(),
            db: self.db,
            is_asking: self.is_asking,
            is_readonly: self.is_readonly,
            // What is written to it is a command's reply and nothing else; messages wait for the script's.
            replies: Replies::Off,
            connected_at_ms: self.connected_at_ms,
            last_command: self.last_command,
            ..Client::new_at(self.id, self.peer, login, addrs, self.used_at_ms)
        })
    }

    /// A client that no connection belongs to and that may do everything: who repeats what was done elsewhere.
    pub(crate) fn internal(id: ClientId) -> Client {
        Client::new(id, Peer::ThisMachine, Login::of_node())
    }

    /// Whether it has to say who it is before it may do anything.
    #[inline]
    pub(crate) fn is_locked_out(&self, acl: &Acl) -> bool {
        !self.login.is_authenticated && acl.shuts_out_strangers()
    }

    /// Ends the connection from outside; the session is woken to notice.
    pub(crate) fn kill(&mut self) {
        self.close = Some(Close::Now);
        if let Some(link) = &self.link {
            // It may have ended by itself.
            let _ = link.shutdown(Shutdown::Both);
        }
        self.wake();
    }

    /// Bytes that it takes, about: its state, and what was received and not executed, queued, or written and not sent.
    pub(crate) fn memory_bytes(&self) -> usize {
        let texts = self.addr.len() + self.local_addr.len() + self.name.len();
        let queued = self.transaction.as_ref().map_or(0, Transaction::memory_bytes);
        let watched: usize = self.watched.iter().map(|(_, key)| key.heap_bytes()).sum();
        size_of::<Client>()
            + texts
            + self.buffer_bytes
            + self.prefix_bytes
            + self.subscriptions.count() * SUBSCRIPTION_BYTES
            + self.outbox.capacity()
            + queued
            + self.watched.capacity() * size_of::<(usize, Key)>()
            + watched
    }

    /// Bytes of replies and messages that the system has not taken.
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.output_bytes + self.outbox.len()
    }

    /// Whether it copies this node, or is about to.
    pub(crate) fn is_replica(&self) -> bool {
        self.replica.as_ref().is_some_and(|replica| replica.state().is_some())
    }

    /// Whether a command of it waits: for something to happen, or for a pause to end.
    pub(crate) fn is_waiting(&self) -> bool {
        self.blocked.is_some() || self.is_postponed
    }

    /// Whether replies to this client's command are sent.
    #[inline]
    pub(crate) fn wants_replies(&self) -> bool {
        self.replies == Replies::On
    }

    /// The class of clients that it belongs to for the limits of what it may leave unread.
    pub(crate) fn output_limit(&self, limits: &OutputLimits) -> OutputLimit {
        if self.is_replica() {
            limits.replica
        } else if self.subscriptions.are_any() {
            limits.pubsub
        } else {
            limits.normal
        }
    }

    /// Whether the reply to the command that has just ended is left out.
    pub(crate) fn leaves_reply_out(&mut self) -> bool {
        let (leaves_out, next) = match self.replies {
            Replies::On => (false, Replies::On),
            Replies::Off => (true, Replies::Off),
            Replies::SkipNext => (true, Replies::Skip),
            Replies::Skip => (true, Replies::On),
        };
        self.replies = next;
        leaves_out
    }

    /// Lets the session look at its state again.
    pub(crate) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
