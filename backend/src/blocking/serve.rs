//! How waiting begins, and the three ways in which it ends: the key came, the client was let go, the slot left.
//!
//! Invariant: whoever ends a wait takes the client out of all queues, writes the reply to its outbox and wakes its
//! session, in one step, so that nobody is served twice.

use std::rc::Rc;
use std::time::Instant;

use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;
use reddoor_protocol::slot::Slot;

use crate::blocking::{Awaited, Blocking, KeyWait, Ticket, Wait};
use crate::client::{Blocked, Client, ClientId, Seat};
use crate::clock;
use crate::data::key::Key;
use crate::execute::{Call, Origin, Turn, run_again};
use crate::node::{At, Node};
use crate::stats::Stats;

impl<'a> Call<'a> {
    /// Whether the command may wait. Inside a transaction it answers at once, as if its time were up.
    pub(crate) fn may_block(&self) -> bool {
        match self.origin {
            Origin::Client | Origin::ReadyKey(_) => true,
            Origin::Transaction | Origin::Replay | Origin::Script => false,
        }
    }

    /// The key that became ready, when the command runs again after it waited.
    pub(crate) fn ready_key(&self) -> Option<&'a [u8]> {
        match self.origin {
            Origin::ReadyKey(key) => Some(key),
            Origin::Client | Origin::Transaction | Origin::Replay | Origin::Script => None,
        }
    }

    /// Lets the client wait. The handler writes no reply then; when it runs again it keeps its place by asking again.
    pub(crate) fn block(&mut self, wait: Wait) {
        debug_assert!(self.may_block(), "a transaction does not wait");
        let until = wait.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let reply = wait.on_timeout.bytes(self.client.resp);
        self.client.blocked = Some(Blocked { until, reply });
        if self.ready_key().is_some() {
            // Whoever runs it again still has the first wait.
            return;
        }
        let args = wait.args.unwrap_or_else(|| self.args.iter().map(Box::from).collect());
        let wait = KeyWait {
            seat: self.client.seat,
            ticket: Ticket::default(),
            db: self.client.db,
            keys: wait.keys,
            kind: wait.kind,
            spec: self.spec,
            args,
        };
        self.node.blocking.add(self.client.id, wait);
        self.node.keep_journal();
    }
}

/// Serves all keys that became ready, and those that become ready by it.
pub(crate) fn serve(node: &mut Node) {
    // What made them ready may have taken so long that some of them have expired.
    let now_ms = clock::unix_ms();
    while let Some((db, key)) = node.blocking.next_ready() {
        node.blocking.serving = Some((db, key.clone()));
        serve_key(node, At { db, now_ms }, &key);
        node.blocking.serving = None;
        // A key that has expired served nobody, and is gone all the same.
        node.tell_journal();
        node.end_unit();
    }
}

fn serve_key(node: &mut Node, at: At, key: &Key) {
    let mut behind = Ticket::default();
    while let Some((ticket, id)) = node.blocking.next_waiting(at.db, key, behind) {
        behind = ticket;
        let Some(wait) = node.blocking.waits.get(&id) else { continue };
        let (kind, seat) = (wait.kind, wait.seat);
        let found = node.peek(at, key);
        let is_gone = found.is_none();
        if found.is_some_and(|record| kind.is_met_by(&record.value)) {
            serve_client(node, id, key, at.now_ms);
        } else if kind == Awaited::StreamOfGroup {
            let error = ReplyError::new("UNBLOCKED the stream key no longer exists");
            release(node, seat, Release::Error(&error));
        } else if is_gone && !has_group(node, at.db, key) {
            // Nothing is left for those behind.
            return;
        }
    }
}

fn has_group(node: &mut Node, db: usize, key: &Key) -> bool {
    node.blocking.queue_mut(db, key).is_some_and(|queue| queue.groups_count > 0)
}

/// Runs a waiting client's command again.
fn serve_client(node: &mut Node, id: ClientId, key: &Key, now_ms: i64) {
    let Some(wait) = node.blocking.waits.remove(&id) else { return };
    let Some(mut client) = node.clients.take(wait.seat) else {
        node.blocking.waits.insert(id, wait);
        return;
    };
    // A client on its way out must not take anything along.
    if client.close.is_some() || keeps_waiting(node, &mut client, &wait, key, now_ms) {
        node.blocking.waits.insert(id, wait);
    } else {
        node.blocking.leave_queues(&wait);
    }
    let seat = client.seat;
    node.clients.put(seat, client);
}

/// Runs the command; whether it found nothing for the client, which then waits as before.
fn keeps_waiting(
    node: &mut Node,
    client: &mut Client,
    wait: &KeyWait,
    key: &Key,
    now_ms: i64,
) -> bool {
    let blocked = client.blocked.take();
    let mut out = std::mem::take(&mut client.outbox);
    let start = out.len();
    let args: Vec<&[u8]> = wait.args.iter().map(AsRef::as_ref).collect();
    let hits_and_misses = (node.stats.keyspace_hits, node.stats.keyspace_misses);
    let mut call = Call {
        reply: ReplyWriter::new(&mut out, client.resp),
        reply_start: start,
        node,
        client,
        args: Args::from_slices(&args),
        spec: wait.spec,
        origin: Origin::ReadyKey(key),
        now_ms,
    };
    run_again(&mut call, &mut Turn::new(now_ms));
    node.end_unit();
    // The look-ups were counted when the client came.
    (node.stats.keyspace_hits, node.stats.keyspace_misses) = hits_and_misses;
    client.outbox = out;
    let keeps_waiting = client.blocked.is_some();
    if keeps_waiting {
        client.outbox.truncate(start);
        client.blocked = blocked;
    } else {
        finish(client, start);
    }
    keeps_waiting
}

/// What a client is told that is let go before its key came.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Release<'a> {
    /// The same as when its time is up.
    Timeout,
    Error(&'a ReplyError),
}

/// Ends a client's wait, whatever it waits for. Whether it did wait.
pub(crate) fn release(node: &mut Node, seat: Seat, release: Release<'_>) -> bool {
    let Some(client) = node.clients.seated(seat) else { return false };
    match release {
        Release::Timeout => {
            let has_waited = time_out(&mut node.blocking, client);
            if has_waited {
                count_failure(&mut node.stats, client);
            }
            has_waited
        }
        Release::Error(error) => {
            if client.blocked.take().is_none() {
                return false;
            }
            client.awaits_acks = None;
            node.blocking.forget(client.id);
            let start = client.outbox.len();
            ReplyWriter::new(&mut client.outbox, client.resp).error(error);
            node.stats.count_error(error.code());
            count_failure(&mut node.stats, client);
            finish(client, start);
            true
        }
    }
}

/// The command that a client waited in has not done what it was to do: somebody else has ended it.
fn count_failure(stats: &mut Stats, client: &Client) {
    if let Some(id) = client.last_command {
        stats.command(id).failed += 1;
    }
}

/// Ends a client's wait because its time is up. Whether it did wait.
pub(crate) fn time_out(blocking: &mut Blocking, client: &mut Client) -> bool {
    let Some(blocked) = client.blocked.take() else { return false };
    client.awaits_acks = None;
    blocking.forget(client.id);
    let start = client.outbox.len();
    client.outbox.extend_from_slice(&blocked.reply);
    finish(client, start);
    true
}

/// Ends a client's wait with these bytes.
pub(crate) fn finish_with(client: &mut Client, reply: &[u8]) {
    client.blocked = None;
    let start = client.outbox.len();
    client.outbox.extend_from_slice(reply);
    finish(client, start);
}

/// A client was answered, from `start` of its outbox on, and goes on.
fn finish(client: &mut Client, start: usize) {
    if client.leaves_reply_out() {
        client.outbox.truncate(start);
    }
    client.wake();
}

/// Sends those away whose keys lie in a slot that this node does not serve any more, or that wait while the cluster
/// is down.
///
/// Source: redis `src/cluster.c` clusterRedirectBlockedClientIfNeeded.
pub(crate) fn release_moved(node: &mut Node) {
    let Some(cluster) = node.cluster.as_ref().map(Rc::clone) else { return };
    let mut leaving = Vec::new();
    for wait in node.blocking.waits.values() {
        // All keys of a command lie in one slot.
        let Some(slot) = wait.keys.first().map(|key| Slot::of_key(key)) else { continue };
        if let Err(error) = cluster.borrow().may_wait(slot) {
            leaving.push((wait.seat, error));
        }
    }
    for (seat, error) in &leaving {
        release(node, *seat, Release::Error(error));
    }
}
