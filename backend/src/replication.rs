//! This node as a primary and as a replica of others: who copies whom, and how far they have come.
//!
//! A history of changes has a name and is a stream of bytes, each at its offset. Everything that a primary does to its
//! data goes into the stream as requests; who has the data of one offset and everything behind it has all data.
//!
//! As a primary:
//! 1. A replica names the history it knows and its offset (`PSYNC`). If what it lacks is still in the [`backlog`], it
//!    gets that and then the rest as it comes.
//! 2. If not, it gets a full copy ([`copy`]), made by a child process, and the stream from the offset of the fork on.
//! 3. It says now and then how far it has come, which is what `WAIT` waits for.
//!
//! As a replica ([`upstream`]), the same from the other side; what it reads it hands on to its own replicas as it came.
//!
//! A node that becomes a primary begins a history of a new name and remembers the old one with the offset up to which
//! both are the same, so that those who copied its primary can go on with it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`backlog`] | the last bytes of the stream, for replicas that were away or are slow |
//! | [`replica`] | one replica of this node, and what it is to be sent |
//! | [`copy`] | full copies for replicas |
//! | [`cron`] | pings, timeouts, limits |
//! | [`upstream`] | the link to the node's own primary |
//! | `place` | going on after a restart |
//! | `silence` | replicas that ask for something else than the stream |
//! | `sync_file` | files of copies that are not to stay |
//! | `wait` | clients that wait for replicas |
//! | [`role`] | how a node changes sides |
//! | [`failover`] | handing over to a replica |
//!
//! Invariants: `offset` is the end of the backlog, if there is one. What a replica needs stays in the backlog, and a
//! replica that needs more than its limit is disconnected.

mod backlog;

pub(crate) mod copy;

pub(crate) mod cron;

pub(crate) mod failover;

pub(crate) mod replica;

pub(crate) mod role;

pub(crate) mod upstream;

mod place;

mod silence;

mod sync_file;

mod wait;

use std::rc::Rc;
use std::time::Instant;

use tokio::sync::Notify;

use crate::client::{Client, Seat};
use crate::data::random::Random;
use crate::node::{Node, hex_id};
use crate::propagate::{Consumer, Reach, Unit};

use backlog::Backlog;
use copy::Copy;
use failover::Failover;
use replica::Stage;
use upstream::Upstream;

/// What is known of this node's place among others.
#[derive(Debug)]
pub(crate) struct Replication {
    /// The name of the history of changes: 40 hexadecimal characters.
    pub(crate) id: String,
    /// Bytes of that history so far (count).
    pub(crate) offset: u64,
    /// The history that this one goes on, and up to where they are the same (bytes).
    pub(crate) before: Option<(String, u64)>,
    /// The last bytes of it, as long as somebody may ask for them.
    backlog: Option<Backlog>,
    /// The database in which the stream stands, that of this node or of its primary; `None` where a reader would not know.
    selected: Option<usize>,
    /// A file was made for replicas that may have to be removed.
    has_sync_file: bool,
    /// Clients that are replicas, in the order in which they came.
    pub(crate) replicas: Vec<Seat>,
    /// When the last of them left.
    pub(crate) lonely_since: Option<Instant>,
    /// The full copy under way that is sent as it is made.
    copy: Option<Copy>,
    /// Wakes the task that sends it.
    pub(crate) copy_began: Rc<Notify>,
    /// The primary, if this is a replica.
    pub(crate) upstream: Option<Upstream>,
    /// The failover under way that this node was asked for.
    pub(crate) failover: Option<Failover>,
    /// A copy is being read into the databases, which are worth nothing until it is whole.
    is_loading: bool,
    /// When it was last logged that what the primary says cannot be kept.
    disk_error_logged_at: Option<Instant>,
    /// Wakes the task that follows the primary, when it is another one or none.
    pub(crate) upstream_changed: Rc<Notify>,
    /// When replicas were last sent a ping.
    pinged_at: Instant,
    pub(crate) counts: SyncCounts,
}

/// How replicas were served (count).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SyncCounts {
    pub(crate) full: u64,
    pub(crate) partial: u64,
    /// Partial ones that were asked for in vain.
    pub(crate) partial_refused: u64,
}

impl Replication {
    pub(crate) fn new(random: &mut Random) -> Replication {
        Replication {
            id: hex_id(random),
            offset: 0,
            before: None,
            backlog: None,
            selected: None,
            has_sync_file: false,
            replicas: Vec::new(),
            lonely_since: None,
            copy: None,
            copy_began: Rc::new(Notify::new()),
            upstream: None,
            failover: None,
            is_loading: false,
            disk_error_logged_at: None,
            upstream_changed: Rc::new(Notify::new()),
            pinged_at: Instant::now(),
            counts: SyncCounts::default(),
        }
    }

    /// Starts a new history of changes, of which nobody knows anything.
    pub(crate) fn renew_id(&mut self, random: &mut Random) {
        self.id = hex_id(random);
        self.before = None;
    }

    /// Starts a new history that goes on this one.
    pub(crate) fn branch(&mut self, id: String) {
        let before = std::mem::replace(&mut self.id, id);
        self.before = Some((before, self.offset));
    }

    /// Whether what comes behind an offset of a history is what a replica lacks: that history is this one, or the
    /// same up to there, and everything behind is still here.
    pub(crate) fn can_go_on(&self, id: &str, offset: u64) -> bool {
        let is_this = id.eq_ignore_ascii_case(&self.id);
        let was_this = self
            .before
            .as_ref()
            .is_some_and(|(before, end)| id.eq_ignore_ascii_case(before) && offset <= *end);
        let is_kept = self
            .backlog
            .as_ref()
            .is_some_and(|backlog| (backlog.start()..=backlog.end()).contains(&offset));
        (is_this || was_this) && is_kept
    }

    /// Bytes of the backlog: the first one's offset and how many there are; `None` if it is not kept.
    pub(crate) fn backlog_extent(&self) -> Option<(u64, u64)> {
        self.backlog.as_ref().map(|backlog| (backlog.start(), backlog.len()))
    }

    /// Memory that the kept part of the stream takes (bytes).
    pub(crate) fn backlog_bytes(&self) -> usize {
        self.backlog.as_ref().map_or(0, Backlog::taken_bytes)
    }

    /// Begins to keep the stream, from here on.
    fn keep_backlog(&mut self) {
        self.backlog = Some(Backlog::new(self.offset));
    }
}

impl Node {
    /// Adds effects to the stream that replicas read. On a replica the stream is what its primary sends.
    pub(crate) fn feed_replicas(&mut self, unit: &Unit) {
        if self.replication.upstream.is_some() {
            return;
        }
        let mut selected = self.replication.selected;
        self.extend_stream(|out| unit.write(out, &mut selected, Reach::Replicas));
        self.replication.selected = selected;
    }

    /// Adds a request that concerns no data to the stream; not while a replica that is about to take over waits for
    /// an offset that stays where it is.
    pub(crate) fn feed_request(&mut self, request: &[u8]) {
        if self.replication.upstream.is_none() && !self.is_offset_held() {
            self.extend_stream(|out| out.extend_from_slice(request));
        }
    }

    /// Adds to the stream what `write` writes, and has it sent.
    pub(crate) fn extend_stream(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let replication = &mut self.replication;
        let Some(backlog) = &mut replication.backlog else { return };
        let kept_bytes = self.config.settings().replication.backlog_bytes;
        backlog.suit(kept_bytes);
        replication.offset += backlog.append(write);
        for seat in &replication.replicas {
            if let Some(client) = self.clients.seated(*seat)
                && client.replica.as_ref().is_some_and(|replica| replica.is_online())
            {
                client.wake();
            }
        }
        self.trim_stream();
    }

    /// Forgets what lies before all that is kept and that replicas need.
    pub(crate) fn trim_stream(&mut self) {
        let replication = &mut self.replication;
        let Some(backlog) = &mut replication.backlog else { return };
        let mut needed_from = replication.offset;
        for seat in &replication.replicas {
            let Some(client) = self.clients.seated(*seat) else {
                // It is about to read what it is to be sent; what it needs is not known here.
                return;
            };
            if client.close.is_some() {
                continue;
            }
            let from = client.replica.as_ref().and_then(|replica| replica.needs_from());
            needed_from = from.map_or(needed_from, |from| needed_from.min(from));
        }
        backlog.trim(needed_from, self.config.settings().replication.backlog_bytes as u64);
    }

    /// Begins to keep the stream, of which nobody knows anything yet.
    pub(crate) fn keep_stream(&mut self) {
        if self.replication.backlog.is_some() {
            return;
        }
        self.replication.renew_id(&mut self.random);
        self.replication.keep_backlog();
        self.stream_changed();
        tracing::info!(
            "Replication backlog created, my new replication IDs are '{}' and '{}'",
            self.replication.id,
            "0".repeat(40)
        );
    }

    /// Has effects collected for replicas exactly as long as there is a stream of this node's own.
    pub(crate) fn stream_changed(&mut self) {
        let replication = &self.replication;
        let is_fed = replication.backlog.is_some() && replication.upstream.is_none();
        self.want_effects(Consumer::Replicas, is_fed);
    }

    /// A client has left that may have been a replica.
    pub(crate) fn forget_replica(&mut self, client: &Client) {
        let replicas = &mut self.replication.replicas;
        let is_it = |other: &Seat| *other == client.seat;
        let Some(index) = replicas.iter().position(is_it) else { return };
        replicas.remove(index);
        if replicas.is_empty() {
            self.replication.lonely_since = Some(Instant::now());
        }
        if let Some(copy) = &self.replication.copy {
            copy.reader_left();
        }
        self.drop_unwanted_copy();
        if let Some(replica) = &client.replica
            && matches!(replica.stage, Stage::FileInTheMaking)
        {
            self.drop_unwanted_file();
        }
        self.trim_stream();
    }
}
