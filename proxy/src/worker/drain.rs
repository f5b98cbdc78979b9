//! Clients are sent away, politely: who may go when, and how a connection ends without losing what was said on it.
//!
//! The story is told in [`crate::drain`].

use std::collections::HashMap;
use std::future::poll_fn;
use std::time::Duration;

use tokio::net::tcp::OwnedReadHalf;

use super::Worker;
use super::clock::micros;
use super::tasks::Shared;
use crate::errand::{ClientId, Errand, Waiter};
use crate::local::Unblock;
use crate::metrics::label::CloseReason;
use crate::session::Ending;

/// How long a dismissed client may take to hear of it: some round trips of a wide network.
const LINGER_MAX: Duration = Duration::from_millis(200);

/// Clients at rest, and since when they were seen so, in microseconds of the worker's clock.
#[derive(Debug, Default)]
pub(crate) struct AtRest(HashMap<ClientId, u64>);

impl Worker {
    /// From now on links that end are nothing to ask the cluster about.
    pub(crate) fn begin_drain(&mut self) {
        self.is_draining = true;
    }

    /// Dismisses clients that have been at rest for `idle`, and those that wait at a node. Costs O(clients).
    pub(crate) fn dismiss_idle(&mut self, at_rest: &mut AtRest, idle: Duration) {
        let now_us = self.clock.tick();
        let mut leaving = Vec::new();
        for (key, entry) in &self.sessions {
            let session = &entry.session;
            if session.is_waiting() {
                leaving.push(key);
            } else if !session.is_at_rest() {
                at_rest.0.remove(&session.id);
            } else {
                let since_us = *at_rest.0.entry(session.id).or_insert(now_us);
                if now_us.saturating_sub(since_us.max(session.active_us)) >= micros(idle) {
                    leaving.push(key);
                }
            }
        }
        leaving.into_iter().for_each(|key| self.dismiss(key));
    }

    /// Dismisses every client: none is read any more, each is closed when it has its replies.
    pub(crate) fn dismiss_all(&mut self) {
        let keys: Vec<usize> = self.sessions.iter().map(|(key, _)| key).collect();
        keys.into_iter().for_each(|key| self.dismiss(key));
    }

    fn dismiss(&mut self, key: usize) {
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let session = &mut entry.session;
        if session.ending != Ending::Open {
            return;
        }
        session.ending = Ending::AfterReplies;
        entry.close_reason = CloseReason::Shutdown;
        if let (Some(seq), true) = (session.waits, session.is_waiting()) {
            let waiter = Waiter { session: key, client: session.id, seq, part: 0 };
            // The node is told, so that an element which it takes just now still reaches its client.
            if !self.unblock_at_node(&waiter, Unblock::Error) {
                self.sessions[key].session.ending = Ending::Now;
            }
        }
        self.mark_session_dirty(key);
        self.wake_session(key);
    }

    /// Whether an error answers a wait that was only ended because its client is dismissed. The client is then closed
    /// without it: it did not ask to be unblocked.
    pub(super) fn ends_dismissed_wait(&mut self, errand: &Errand, line: &[u8]) -> bool {
        let waiter = &errand.waiter;
        let Some(entry) = self.sessions.get_mut(waiter.session) else { return false };
        let is_dismissed = entry.close_reason == CloseReason::Shutdown
            && entry.session.id == waiter.client
            && entry.session.waits == Some(waiter.seq);
        if !is_dismissed || !line.starts_with(b"UNBLOCKED ") {
            return false;
        }
        entry.session.ending = Ending::Now;
        self.wake_session(waiter.session);
        true
    }

    /// Whether a client is sent away, and not leaving by itself.
    pub(super) fn is_dismissed(&self, key: usize) -> bool {
        self.sessions.get(key).is_some_and(|entry| entry.close_reason == CloseReason::Shutdown)
    }

    /// Whether every client is gone, and has heard of it.
    pub(crate) fn is_deserted(&self) -> bool {
        self.sessions.is_empty() && self.lingering_count == 0
    }

    /// Clients connected to this worker (count).
    pub(crate) fn sessions_count(&self) -> usize {
        self.sessions.len()
    }
}

/// Reads on, and drops what comes, until a dismissed client closes its side or has had the time to.
pub(super) async fn linger(shared: &Shared, mut socket: OwnedReadHalf) {
    shared.with(|worker| worker.lingering_count += 1);
    let hears_end = async {
        loop {
            let reading =
                poll_fn(|cx| shared.poll_read_into(&mut socket, cx, |_, bytes| bytes.len()));
            if !matches!(reading.await, Ok(1..)) {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER_MAX, hears_end).await;
    shared.with(|worker| worker.lingering_count -= 1);
}
