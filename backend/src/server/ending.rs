//! How a node ends in good order: writes wait, replicas get what they lack, data is saved, the process is left.
//!
//! 1. A signal or `SHUTDOWN` asks for it. If a replica lacks something, clients cannot write any more, and the node
//!    waits for it up to `shutdown-timeout`.
//! 2. When all replicas have everything, or the time is up, the node saves what is to be saved and ends.
//! 3. If it cannot be saved, or somebody calls it off (`SHUTDOWN ABORT`), the node serves on, and those who have asked
//!    for the end are told so.
//!
//! Source: redis `src/server.c` prepareForShutdown, finishShutdown.

use std::time::{Duration, Instant};

use reddoor_protocol::reply_error::ReplyError;

use crate::blocking::{Release, release};
use crate::client::{Client, ClientId, Seat};
use crate::config::settings::disk::ShutdownMode;
use crate::node::Node;
use crate::replication::replica::Replica;

/// An end that waits for replicas.
#[derive(Debug)]
pub(crate) struct Ending {
    mode: ShutdownMode,
    until: Instant,
    /// Clients that wait for it.
    waiting: Vec<(ClientId, Seat)>,
}

/// What becomes of a wish to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The node ends now.
    Ends,
    /// Replicas are waited for; who asked hears nothing until the node serves on.
    Waits,
    /// The node cannot end. It has been logged.
    Failed,
}

/// What is told to those for whom the node did not end.
pub(crate) const FAILED: ReplyError =
    ReplyError::from_static("ERR Errors trying to SHUTDOWN. Check logs.");

impl Node {
    /// Begins to end the node.
    pub(crate) fn begin_to_end(&mut self, mode: ShutdownMode) -> Progress {
        if self.ending.is_some() {
            return Progress::Waits;
        }
        let timeout = self.config.settings().shutdown_timeout;
        if mode.is_now || timeout.is_zero() || self.are_replicas_even() {
            return self.finish(mode);
        }
        tracing::info!("Waiting for replicas before shutting down.");
        let until = Instant::now() + timeout;
        self.ending = Some(Ending { mode, until, waiting: Vec::new() });
        self.ask_for_acks();
        Progress::Waits
    }

    /// A client waits for the end, which has begun.
    pub(crate) fn await_end(&mut self, client: &Client) {
        if let Some(ending) = &mut self.ending {
            ending.waiting.push((client.id, client.seat));
        }
    }

    /// Ends the node if nothing more is to be waited for.
    pub(crate) fn go_on_with_end(&mut self) {
        let Some(ending) = &self.ending else { return };
        let (mode, is_late) = (ending.mode, ending.until <= Instant::now());
        if !is_late && !self.are_replicas_even() {
            return;
        }
        match self.finish(mode) {
            Progress::Ends => self.shutdown.notify_one(),
            Progress::Waits | Progress::Failed => self.call_end_off(),
        }
    }

    /// How long the node goes on at most, if it is about to end.
    pub(crate) fn ends_in(&self) -> Option<Duration> {
        self.ending.as_ref().map(|ending| ending.until.saturating_duration_since(Instant::now()))
    }

    /// Has the node serve on. Whether it was about to end.
    pub(crate) fn abort_end(&mut self) -> bool {
        let was_ending = self.ending.is_some();
        if was_ending {
            self.call_end_off();
            tracing::info!("Shutdown manually aborted.");
        }
        was_ending
    }

    fn call_end_off(&mut self) {
        let Some(ending) = self.ending.take() else { return };
        for (id, seat) in ending.waiting {
            if self.clients.is_connected(id, seat) {
                release(self, seat, Release::Error(&FAILED));
            }
        }
        self.clients.iter_mut().for_each(Client::wake);
    }

    fn finish(&mut self, mode: ShutdownMode) -> Progress {
        self.tell_lagging();
        if self.prepare_for_shutdown(mode) {
            return Progress::Ends;
        }
        tracing::warn!(
            "Errors trying to shut down the server. Check the logs for more information."
        );
        Progress::Failed
    }

    /// Whether no replica lacks anything.
    fn are_replicas_even(&mut self) -> bool {
        let offset = self.replication.offset;
        let mut lacks = false;
        self.each_replica(|_, replica| lacks |= is_lagging(replica, offset));
        !lacks
    }

    fn tell_lagging(&mut self) {
        let offset = self.replication.offset;
        let (mut count, mut synced) = (0, 0);
        self.each_replica(|client, replica| {
            if replica.is_copy_only {
                return;
            }
            count += 1;
            if !is_lagging(replica, offset) {
                synced += 1;
                return;
            }
            let lag = if replica.is_online() { replica.heard_at.elapsed().as_secs() } else { 0 };
            tracing::warn!(
                "Lagging replica {}:{} reported offset {} behind master, lag={lag}, state={}.",
                replica.ip_seen(client),
                replica.port,
                offset.saturating_sub(replica.acked),
                replica.state().unwrap_or_default(),
            );
        });
        if count > 0 {
            tracing::info!("{synced} of {count} replicas are in sync when shutting down.");
        }
    }
}

/// Whether a replica has not said that it has the stream up to an offset.
fn is_lagging(replica: &Replica, offset: u64) -> bool {
    !replica.is_copy_only && replica.acked != offset
}
