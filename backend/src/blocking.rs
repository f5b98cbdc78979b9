//! Clients that wait for keys, and keys that became ready for them.
//!
//! A blocking command finds its keys empty and asks to wait ([`Call::block`](crate::execute::Call::block)). Then:
//! 1. Whoever makes or changes a key tells [`Blocking::mark_ready`] of it.
//! 2. After the command that did so, with its whole transaction, [`serve`] takes the ready keys in the order in which
//!    they became ready, and the clients of each key in the order in which they began to wait.
//! 3. A client's command runs again for that one key. It answers, and the client goes on; or it finds nothing for
//!    itself and asks to wait again, and the client keeps its place.
//!
//! What runs again may make other keys ready (a list moved from key to key), which are served after those before
//! them.
//!
//! Invariants: a client stands in the queues of exactly the keys of its wait; a queue has at least one client.
//! Source: redis `src/blocked.c` handleClientsBlockedOnKeys.

mod serve;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::encode::{ReplyWriter, Resp};

use crate::client::{ClientId, Seat};
use crate::data::key::Key;
use crate::data::value::Value;

pub(crate) use serve::{Release, finish_with, release, release_moved, serve, time_out};

/// What a blocking command asks for when it finds nothing.
#[derive(Debug)]
pub(crate) struct Wait {
    /// In the order of the arguments; the same key twice counts once.
    pub(crate) keys: Vec<Key>,
    pub(crate) kind: Awaited,
    /// `None` waits for ever.
    pub(crate) timeout: Option<Duration>,
    pub(crate) on_timeout: TimeoutReply,
    /// The arguments of the command when it runs again, where they are not those that came.
    pub(crate) args: Option<Vec<Box<[u8]>>>,
}

/// What a key must hold to be of use to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    List,
    SortedSet,
    Stream,
    /// A stream read for a consumer group: the client must also be told when the stream goes away.
    StreamOfGroup,
}

const KINDS: [Awaited; 4] =
    [Awaited::List, Awaited::SortedSet, Awaited::Stream, Awaited::StreamOfGroup];

impl Awaited {
    /// What `TYPE` answers for what is waited for.
    fn type_name(self) -> &'static str {
        match self {
            Awaited::List => "list",
            Awaited::SortedSet => "zset",
            Awaited::Stream | Awaited::StreamOfGroup => "stream",
        }
    }

    /// Whether this is what is waited for.
    fn is_met_by(self, value: &Value) -> bool {
        value.type_name() == self.type_name()
    }
}

/// What has happened to a key that may make it ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It was not there before.
    Made,
    /// Its value was changed, but is the same one. A list or a sorted set that was there already has nothing for those
    /// who wait: they have come when there was none.
    Changed,
    /// A stream was removed or replaced by another value, which a Redis looks at if somebody at all waits for streams.
    StreamLost,
}

/// What a client is answered when its time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeoutReply {
    NullArray,
    Null,
    Integer(i64),
}

impl TimeoutReply {
    /// The bytes of the reply.
    pub(crate) fn bytes(self, resp: Resp) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = ReplyWriter::new(&mut bytes, resp);
        match self {
            TimeoutReply::NullArray => writer.null_array(),
            TimeoutReply::Null => writer.null(),
            TimeoutReply::Integer(number) => writer.integer(number),
        }
        bytes
    }
}

/// Who waits for which keys.
#[derive(Debug, Default)]
pub(crate) struct Blocking {
    waits: HashMap<ClientId, KeyWait>,
    /// By database and key.
    queues: HashMap<usize, HashMap<Key, Queue>>,
    /// Keys to be served, in the order in which they became ready.
    ready: VecDeque<(usize, Key)>,
    /// The key being served: what its own clients do to it makes it not ready anew.
    serving: Option<(usize, Key)>,
    last_ticket: Ticket,
    /// How many clients wait for each kind, indexed by it.
    counts: [usize; KINDS.len()],
}

/// A client's place in all queues: counts up, so that who came first comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket(u64);

/// Clients that wait for one key.
#[derive(Debug, Default)]
struct Queue {
    clients: BTreeMap<Ticket, ClientId>,
    /// How many of them wait for a [`Awaited::StreamOfGroup`].
    groups_count: usize,
    /// Whether the key stands among the ready ones.
    is_ready: bool,
}

/// One client's wait, with the command to run again.
#[derive(Debug)]
struct KeyWait {
    seat: Seat,
    ticket: Ticket,
    db: usize,
    keys: Vec<Key>,
    kind: Awaited,
    spec: &'static CommandSpec,
    args: Vec<Box<[u8]>>,
}

impl Blocking {
    /// Whether nobody waits for a key, so that changes need not be told.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.waits.is_empty()
    }

    /// Whether keys are to be served.
    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// A key was made, changed or removed, and now holds this, or nothing.
    pub(crate) fn mark_ready(&mut self, db: usize, key: &[u8], value: Option<&Value>, by: Cause) {
        let Some(queue) = self.queues.get_mut(&db).and_then(|queues| queues.get_mut(key)) else {
            return;
        };
        let now = value.map_or("none", Value::type_name);
        let stream = Awaited::Stream.type_name();
        let (type_name, is_possible) = match by {
            Cause::Made => (now, true),
            Cause::Changed => (now, now == stream),
            Cause::StreamLost => (stream, true),
        };
        // What nobody at all waits for makes no key ready, even if it is replaced before the key is served.
        let is_awaited =
            |kind: &Awaited| kind.type_name() == type_name && self.counts[*kind as usize] > 0;
        let is_of_use = is_possible && KINDS.iter().any(is_awaited);
        let is_served =
            self.serving.as_ref().is_some_and(|(at, served)| *at == db && **served == *key);
        if queue.is_ready || is_served || !(is_of_use || queue.groups_count > 0) {
            return;
        }
        queue.is_ready = true;
        self.ready.push_back((db, Key::from(key)));
    }

    /// The keys of a database that somebody waits for.
    pub(crate) fn awaited_keys(&self, db: usize) -> Vec<Key> {
        self.queues.get(&db).map_or_else(Vec::new, |queues| queues.keys().cloned().collect())
    }

    /// Ends a client's wait, if it has one. To be called for everyone who leaves.
    pub(crate) fn forget(&mut self, client: ClientId) {
        if let Some(wait) = self.waits.remove(&client) {
            self.leave_queues(&wait);
        }
    }

    fn add(&mut self, client: ClientId, mut wait: KeyWait) {
        self.last_ticket.0 += 1;
        wait.ticket = self.last_ticket;
        let queues = self.queues.entry(wait.db).or_default();
        for key in &wait.keys {
            let queue = queues.entry(key.clone()).or_default();
            let is_new = queue.clients.insert(wait.ticket, client).is_none();
            queue.groups_count += usize::from(is_new && wait.kind == Awaited::StreamOfGroup);
        }
        self.counts[wait.kind as usize] += 1;
        self.waits.insert(client, wait);
    }

    fn leave_queues(&mut self, wait: &KeyWait) {
        self.counts[wait.kind as usize] -= 1;
        let Some(queues) = self.queues.get_mut(&wait.db) else { return };
        for key in &wait.keys {
            let Some(queue) = queues.get_mut(key) else { continue };
            let was_there = queue.clients.remove(&wait.ticket).is_some();
            queue.groups_count -= usize::from(was_there && wait.kind == Awaited::StreamOfGroup);
            if queue.clients.is_empty() {
                queues.remove(key);
            }
        }
        if queues.is_empty() {
            self.queues.remove(&wait.db);
        }
    }

    /// The next key to serve, which may be marked ready again from now on.
    fn next_ready(&mut self) -> Option<(usize, Key)> {
        let (db, key) = self.ready.pop_front()?;
        if let Some(queue) = self.queue_mut(db, &key) {
            queue.is_ready = false;
        }
        Some((db, key))
    }

    /// The client that comes next behind a place in a key's queue.
    fn next_waiting(&self, db: usize, key: &[u8], behind: Ticket) -> Option<(Ticket, ClientId)> {
        let queue = self.queues.get(&db)?.get(key)?;
        let places = (std::ops::Bound::Excluded(behind), std::ops::Bound::Unbounded);
        queue.clients.range(places).next().map(|(ticket, client)| (*ticket, *client))
    }

    fn queue_mut(&mut self, db: usize, key: &[u8]) -> Option<&mut Queue> {
        self.queues.get_mut(&db)?.get_mut(key)
    }
}

#[cfg(test)]
mod tests;
