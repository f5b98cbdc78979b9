//! What outlives the process: snapshots, the append-only file, and reading both at the start.
//!
//! | module | what it does |
//! |---|---|
//! | [`save`] | one snapshot, written aside and put in place whole |
//! | [`aof`] | every effect, behind the others |
//! | [`child`] | the child process that writes while the node serves, and its end |
//! | [`leftovers`] | what crashes have left unfinished |
//! | [`load`] | what was kept into databases, in slices |
//! | [`schedule`] | save points, and what waits for a child to end |
//! | [`shutdown`] | the last things before the node ends |
//!
//! Invariants: there is at most one child. A file in its place is whole: it is written under another name, synced,
//! then renamed, then its directory is synced; so neither a crash nor a full disk leaves half of one.
//! Not here: what bytes mean (`data::rdb`), commands.

pub(crate) mod aof;

pub(crate) mod child;

pub(crate) mod leftovers;

pub(crate) mod load;

pub(crate) mod save;

pub(crate) mod schedule;

pub(crate) mod shutdown;

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock;
use crate::config::settings::disk::Disk;
use crate::persistence::aof::Aof;
use crate::persistence::child::Working;
use crate::persistence::load::Loading;

/// Everything the node knows of its files.
#[derive(Debug)]
pub(crate) struct Persistence {
    /// `Node::changes` up to which a snapshot holds them.
    pub(crate) saved_changes: u64,
    /// When the last snapshot was saved, in seconds since 1970; at first, when the node began.
    pub(crate) saved_at_s: i64,
    pub(crate) snapshot: History,
    /// Snapshots saved (count).
    pub(crate) saves_count: u64,
    pub(crate) is_save_scheduled: bool,
    pub(crate) child: Option<Working>,
    /// Wakes the task that follows the child.
    pub(crate) child_began: Rc<Notify>,
    /// How long the last fork held the node up.
    pub(crate) fork_pause: Duration,
    /// Children ever (count).
    pub(crate) forks_count: u64,
    /// Present while data is being read.
    pub(crate) loading: Option<Loading>,
    /// Keys taken in and left out at the last loading (count).
    pub(crate) loaded_count: u64,
    pub(crate) loaded_expired_count: u64,
    pub(crate) aof: Aof,
}

/// What became of the last work of one kind in a child.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    pub(crate) is_ok: bool,
    /// When it was last begun, in seconds since 1970; 0 for never.
    pub(crate) tried_at_s: i64,
    /// How long the last one took; `None` for none.
    pub(crate) took_s: Option<i64>,
    /// Memory that was copied for the last one, in bytes.
    pub(crate) copied_bytes: u64,
}

impl Default for History {
    fn default() -> History {
        History { is_ok: true, tried_at_s: 0, took_s: None, copied_bytes: 0 }
    }
}

impl Default for Persistence {
    fn default() -> Persistence {
        Persistence {
            saved_changes: 0,
            saved_at_s: clock::unix_ms() / 1000,
            snapshot: History::default(),
            saves_count: 0,
            is_save_scheduled: false,
            child: None,
            child_began: Rc::new(Notify::new()),
            fork_pause: Duration::ZERO,
            forks_count: 0,
            loading: None,
            loaded_count: 0,
            loaded_expired_count: 0,
            aof: Aof::default(),
        }
    }
}

impl Persistence {
    /// Begins to count anew.
    pub(crate) fn reset_counts(&mut self) {
        (self.saves_count, self.forks_count, self.fork_pause) = (0, 0, Duration::ZERO);
        let aof = &mut self.aof;
        (aof.rewrites_count, aof.failures_count, aof.delayed_count) = (0, 0, 0);
    }

    /// Why writes are refused, if they are.
    pub(crate) fn refusal(&self, settings: &Disk) -> Option<Cow<'static, str>> {
        if self.is_snapshot_failing(settings) {
            return Some(SNAPSHOT_FAILED.into());
        }
        self.aof.refusal().map(Cow::Owned)
    }

    /// Whether [`Persistence::refusal`] has one.
    #[inline]
    pub(crate) fn is_failing(&self, settings: &Disk) -> bool {
        self.is_snapshot_failing(settings) || self.aof.is_failing()
    }

    #[inline]
    fn is_snapshot_failing(&self, settings: &Disk) -> bool {
        !self.snapshot.is_ok && settings.stops_writes_on_error && !settings.save_points.is_empty()
    }
}

const SNAPSHOT_FAILED: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to \
    persist to disk. Commands that may modify the data set are disabled, because this instance is configured to \
    report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the \
    Redis logs for details about the RDB error.";
