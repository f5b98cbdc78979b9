//! The append-only file: every effect written behind the others, so that repeating them makes the data again.
//!
//! It is a directory of parts (`appendonlydir`): a base, which holds the data of one moment as a snapshot or as
//! commands, then increments of effects, each later than the one before. A manifest names them in their order. A
//! rewrite begins a new increment, writes a new base of that moment in a child, and then gives up everything older:
//! what it replaces stays in force until the manifest names the new base.
//!
//! | module | what it does |
//! |---|---|
//! | [`manifest`] | which parts there are, as text |
//! | [`append`] | effects to the last increment, and when they are on the disk |
//! | [`parts`] | files of the directory: begun, given up |
//! | [`rewrite`] | a new base |
//! | [`commands`] | data as the commands that make it |
//! | [`replay`] | parts into databases |
//!
//! Spec: <https://valkey.io/topics/persistence/>. Source: redis `src/aof.c`.

pub(crate) mod append;

pub(crate) mod commands;

pub(crate) mod manifest;

pub(crate) mod parts;

pub(crate) mod replay;

pub(crate) mod rewrite;

use std::fs::File;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use tokio::sync::Notify;

use crate::config::settings::Settings;
use crate::config::settings::disk::{AppendSync, Disk};
use crate::persistence::History;
use crate::persistence::aof::manifest::Manifest;

/// Everything that is known of the append-only file.
#[derive(Debug, Default)]
pub(crate) struct Aof {
    pub(crate) state: State,
    /// The parts that make the data again.
    pub(in crate::persistence) manifest: Manifest,
    /// The increment that grows. Shared with the thread that syncs it.
    pub(super) file: Option<Arc<File>>,
    /// Bytes of it that are whole effects.
    pub(super) file_bytes: u64,
    /// Effects not yet written. Holds no more than what was executed since the last write; writes that cannot be
    /// written are refused.
    pub(crate) unwritten: Vec<u8>,
    /// The database that the last effect was in; `None` where a reader would not know.
    pub(super) selected: Option<usize>,
    /// The second of the last time annotation.
    pub(super) annotated_at_s: i64,
    /// Bytes given, written, synced since the start, in this order never less (count).
    pub(super) appended: u64,
    pub(super) written: u64,
    pub(super) synced: u64,
    /// Bytes of all parts.
    pub(crate) bytes_total: u64,
    /// What that was after the last rewrite, or at the start.
    pub(crate) bytes_base: u64,
    /// Why the last write failed, if it did.
    pub(crate) write_error: Option<String>,
    /// Why the last sync failed, if it did.
    pub(crate) sync_error: Option<String>,
    /// Whether a thread is syncing.
    pub(crate) is_syncing: bool,
    /// Since when writing waits for it.
    pub(super) postponed_since: Option<Instant>,
    /// Writes that did not wait any longer (count).
    pub(crate) delayed_count: u64,
    /// Sessions whose replies wait until what they tell of is synced.
    pub(super) waiting: Vec<Waker>,
    /// Wakes the task that syncs for them.
    pub(super) commit_wanted: Rc<Notify>,
    pub(crate) rewrite: History,
    /// Rewrites that were done (count).
    pub(crate) rewrites_count: u64,
    /// Rewrites that failed since one was done (count).
    pub(crate) failures_count: u64,
    /// At how many failures it was last logged that the next rewrite has to wait (count).
    pub(super) limit_told_at: u64,
    pub(crate) is_rewrite_scheduled: bool,
    /// The increment of a rewrite that is to switch the file on, before the manifest knows it.
    pub(super) first_increment: Option<manifest::Part>,
}

/// Whether effects are appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Off,
    On,
    /// Switched on while the node served: effects are appended, and count from the end of the first rewrite on.
    WaitsForRewrite,
}

impl Aof {
    /// Why writes are refused, if they are.
    pub(crate) fn refusal(&self) -> Option<String> {
        let error = self.error().filter(|_| self.state != State::Off)?;
        Some(format!("MISCONF Errors writing to the AOF file: {error}"))
    }

    /// Whether [`Aof::refusal`] has one.
    #[inline]
    pub(crate) fn is_failing(&self) -> bool {
        self.state != State::Off && self.error().is_some()
    }

    #[inline]
    fn error(&self) -> Option<&String> {
        self.write_error.as_ref().or(self.sync_error.as_ref())
    }

    /// Gives the increment up, with what was not written to it. Nobody waits for that any more.
    pub(super) fn close(&mut self) {
        (self.file, self.first_increment) = (None, None);
        (self.write_error, self.sync_error) = (None, None);
        self.unwritten = Vec::new();
        (self.written, self.synced) = (self.appended, self.appended);
        self.waiting.drain(..).for_each(Waker::wake);
    }

    /// Up to where effects must be synced before replies may leave; `None` if they may leave now.
    pub(crate) fn hold(&self, settings: &Disk) -> Option<u64> {
        let is_held = self.state == State::On
            && settings.append_sync == AppendSync::Always
            && self.synced < self.appended;
        is_held.then_some(self.appended)
    }

    /// Whether effects up to there are synced; if not, the session is woken when some more are.
    pub(crate) fn is_synced(&mut self, to: u64, waker: &Waker) -> bool {
        let is_synced = self.synced >= to;
        if !is_synced {
            self.waiting.push(waker.clone());
            self.commit_wanted.notify_one();
        }
        is_synced
    }
}

/// The directory of parts.
pub(in crate::persistence) fn directory(settings: &Settings) -> PathBuf {
    settings.dir.join(&settings.disk.append_dir)
}
