//! Full copies for replicas: a child process writes all data, into a file or straight to the replicas.
//!
//! Without a file:
//! 1. The first replica waits for others a while (`repl-diskless-sync-delay`), as all get the same copy.
//! 2. A child is forked, and writes into a pipe `$EOF:<40 characters>`, a line end, the data, and the 40 characters.
//! 3. A task reads the pipe chunk by chunk; the next chunk is read when all replicas were sent the last one, so the
//!    copy takes the memory of one chunk.
//! 4. When the child has ended well and all was sent, each replica says that it has read it (`REPLCONF ACK`), and
//!    gets the stream from the offset of the fork on.
//!
//! With a file: the child writes the snapshot as `BGSAVE` does, each replica gets `$<length>`, a line end and the file,
//! and the stream behind it without being asked.
//!
//! Source: redis `src/replication.c` startBgsaveForReplication, rdbPipeReadHandler, sendBulkToSlave.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::rc::Rc;
use std::time::Instant;

use rustix::pipe::{PipeFlags, pipe_with};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::Notify;

use crate::client::Client;
use crate::data::rdb::file::write::write;
use crate::node::{Node, SharedNode, hex_id};
use crate::persistence::child::{self, Work};
use crate::persistence::save::facts;
use crate::replication::replica::{Replica, Stage};

/// A copy that is sent as it is made.
#[derive(Debug)]
pub(super) struct Copy {
    /// Until the task takes it.
    pipe: Option<OwnedFd>,
    /// Bytes of the copy that all its replicas are being sent.
    pub(super) chunk: Vec<u8>,
    /// The number of that chunk, from 1 on.
    pub(super) number: u64,
    /// Tells the task that a replica has a chunk, or has left.
    progress: Rc<Notify>,
    /// Everything that the child has written was sent.
    is_sent: bool,
    /// How the child ended.
    is_done: Option<bool>,
}

impl Copy {
    /// A replica needs the chunk no more.
    pub(super) fn reader_left(&self) {
        self.progress.notify_one();
    }
}

/// What a copy holds. All who get the same copy want the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Everything,
    Functions,
}

impl Wanted {
    fn by(replica: &Replica) -> Wanted {
        if replica.wants_functions_only { Wanted::Functions } else { Wanted::Everything }
    }
}

/// Bytes that are read from a child at once.
const CHUNK_BYTES: usize = 64 * 1024;

impl Node {
    /// Begins a copy for all who wait for one, unless a child is at work: then the next tick after its end does.
    pub(crate) fn begin_copy(&mut self) {
        if self.scripting.is_busy() {
            // A copy of the middle of a script would not be that of any place of the stream.
            self.copy_is_due = true;
            return;
        }
        if self.persistence.child.is_some() || self.persistence.loading.is_some() {
            return;
        }
        let Some(content) = self.first_wanted() else { return };
        // A file would be the snapshot of this node, so what holds less goes straight to who wants it.
        let mut is_direct =
            self.config.settings().replication.is_diskless || content == Wanted::Functions;
        self.each_waiting(content, |_, replica| is_direct &= replica.can_read_unsized);
        let target = if is_direct { "replicas sockets" } else { "disk" };
        tracing::info!("Starting BGSAVE for SYNC with target: {target}");
        if self.replication.upstream.is_none() {
            // The stream begins with the database it means.
            self.replication.selected = None;
        }
        let begun = if is_direct { self.begin_direct(content) } else { self.save_in_child() };
        self.replication.has_sync_file |= !is_direct;
        match begun {
            Ok(()) => self.tell_waiting(content, is_direct),
            Err(error) => {
                tracing::warn!("BGSAVE for replication failed: {error}");
                self.each_waiting(content, |client, _| client.kill());
            }
        }
    }

    /// What the first of those wants who wait for a copy; those who want something else wait for the next one.
    fn first_wanted(&mut self) -> Option<Wanted> {
        let mut first = None;
        self.each_replica(|_, replica| {
            if matches!(replica.stage, Stage::Waiting) {
                first.get_or_insert(Wanted::by(replica));
            }
        });
        first
    }

    /// Visits the replicas that wait for a copy of this content to begin.
    fn each_waiting(&mut self, content: Wanted, mut visit: impl FnMut(&mut Client, &mut Replica)) {
        self.each_replica(|client, replica| {
            if matches!(replica.stage, Stage::Waiting) && Wanted::by(replica) == content {
                visit(client, replica);
            }
        });
    }

    /// Visits all replicas but a client that is executing a command.
    pub(crate) fn each_replica(&mut self, mut visit: impl FnMut(&mut Client, &mut Replica)) {
        for seat in &self.replication.replicas {
            let Some(client) = self.clients.seated(*seat) else { continue };
            if let Some(mut replica) = client.replica.take() {
                visit(client, &mut replica);
                client.replica = Some(replica);
            }
        }
    }

    /// Tells those who waited which history their copy is of, and up to where.
    fn tell_waiting(&mut self, content: Wanted, is_direct: bool) {
        let (id, offset) = (self.replication.id.clone(), self.replication.offset);
        self.each_waiting(content, |client, replica| {
            begin_for(client, replica, &id, offset, is_direct);
        });
    }

    fn begin_direct(&mut self, wanted: Wanted) -> io::Result<()> {
        let (read_end, write_end) = pipe_with(PipeFlags::CLOEXEC)?;
        let mark = hex_id(&mut self.random);
        let descriptor = write_end.as_raw_fd();
        let facts = [facts(false), self.place_facts()].concat();
        let mut file = File::from(write_end);
        child::begin(self, Work::Copy, &[descriptor], |node, report| {
            file.write_all(format!("$EOF:{mark}\r\n").as_bytes())?;
            let mut content = node.content(&facts);
            if wanted == Wanted::Functions {
                content.databases = &[];
            }
            write(&content, &mut file, &mut |keys| report.keys(keys))?;
            file.write_all(mark.as_bytes())
        })?;
        self.replication.copy = Some(Copy {
            pipe: Some(read_end),
            chunk: Vec::new(),
            number: 0,
            progress: Rc::new(Notify::new()),
            is_sent: false,
            is_done: None,
        });
        self.replication.copy_began.notify_one();
        Ok(())
    }

    /// A snapshot was saved, or could not be: those who wait for the file get it.
    pub(crate) fn file_ended(&mut self, is_done: bool) {
        let path = self.snapshot_path();
        self.each_replica(|client, replica| {
            if !matches!(replica.stage, Stage::FileInTheMaking) {
                return;
            }
            let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
            let Some((left, file)) = opened.ok().filter(|_| is_done) else {
                tracing::warn!("SYNC failed. BGSAVE child returned an error");
                return client.kill();
            };
            let chunk = format!("${left}\r\n").into_bytes();
            replica.stage = Stage::Reading { file, left, chunk, at: 0 };
            client.wake();
        });
        self.begin_copy();
    }

    /// The child that made a copy has ended.
    pub(crate) fn copy_child_ended(&mut self, is_done: bool) {
        if let Some(copy) = &mut self.replication.copy {
            copy.is_done = Some(is_done);
        }
        self.end_copy();
    }

    /// Ends the copy if its child has ended and everything was sent.
    fn end_copy(&mut self) {
        let ended = self.replication.copy.as_ref().and_then(|copy| {
            let is_done = copy.is_done?;
            (copy.is_sent || !is_done).then_some(is_done)
        });
        let Some(is_done) = ended else { return };
        self.replication.copy = None;
        self.each_replica(|client, replica| {
            if !matches!(replica.stage, Stage::Receiving { .. }) {
                return;
            }
            if is_done {
                tracing::info!(
                    "Streamed RDB transfer with replica {} succeeded (socket). Waiting for REPLCONF ACK from replica to enable streaming",
                    client.addr
                );
                replica.stage = Stage::Loading;
                replica.heard_at = Instant::now();
            } else {
                client.kill();
            }
        });
        self.begin_copy();
    }

    /// Whether a replica still needs the present chunk.
    fn has_readers(&mut self) -> bool {
        let Some(number) = self.replication.copy.as_ref().map(|copy| copy.number) else {
            return false;
        };
        let mut has_readers = false;
        self.each_replica(|client, replica| {
            let needs =
                matches!(replica.stage, Stage::Receiving { number: own, .. } if own <= number);
            has_readers |= needs && client.close.is_none();
        });
        has_readers
    }

    /// The child is gone that made a copy, or a file for one: those who were to get it ask again.
    pub(crate) fn drop_copies(&mut self) {
        self.replication.copy = None;
        self.each_replica(|client, replica| {
            if matches!(replica.stage, Stage::FileInTheMaking | Stage::Receiving { .. }) {
                client.kill();
            }
        });
        self.copy_is_due = true;
    }

    /// Ends the child that makes a file if no replica waits for it any more, and nobody else wants snapshots.
    pub(super) fn drop_unwanted_file(&mut self) {
        let child = self.persistence.child.as_ref();
        if !child.is_some_and(|child| matches!(child.work, Work::Snapshot { .. }))
            || !self.config.settings().disk.save_points.is_empty()
        {
            return;
        }
        let mut is_wanted = false;
        self.each_replica(|_, replica| {
            is_wanted |= matches!(replica.stage, Stage::FileInTheMaking);
        });
        if !is_wanted {
            child::kill(self);
        }
    }

    /// Ends a copy that nobody wants any more.
    pub(super) fn drop_unwanted_copy(&mut self) {
        let is_open = self.replication.copy.as_ref().is_some_and(|copy| copy.is_done.is_none());
        if !is_open {
            return;
        }
        let mut has_replica = false;
        self.each_replica(|_, replica| {
            has_replica |= matches!(replica.stage, Stage::Receiving { .. });
        });
        if !has_replica {
            tracing::info!("Diskless rdb transfer, last replica dropped, killing fork child.");
            child::kill(self);
            self.replication.copy = None;
        }
    }
}

/// Lets a replica's copy begin, which is of the history up to an offset.
pub(crate) fn begin_for(
    client: &mut Client,
    replica: &mut Replica,
    id: &str,
    offset: u64,
    is_direct: bool,
) {
    replica.next = offset;
    replica.stage =
        if is_direct { Stage::Receiving { number: 1, at: 0 } } else { Stage::FileInTheMaking };
    // Who asked by `SYNC` gets the copy without a word.
    if !replica.is_old {
        client.outbox.extend_from_slice(format!("+FULLRESYNC {id} {offset}\r\n").as_bytes());
    }
    replica.acked = 0;
    client.wake();
}

/// Sends one copy after the other, for ever.
pub(crate) async fn relay(node: SharedNode) {
    let began = Rc::clone(&node.borrow().replication.copy_began);
    loop {
        began.notified().await;
        let taken = node.borrow_mut().replication.copy.as_mut().and_then(|copy| {
            let pipe = copy.pipe.take()?;
            Some((pipe, Rc::clone(&copy.progress)))
        });
        let Some((pipe, progress)) = taken else { continue };
        // Without the pipe the child ends by itself, and with an error.
        let Ok(pipe) = Receiver::from_owned_fd(pipe) else { continue };
        relay_one(&node, pipe, &progress).await;
        let node = &mut *node.borrow_mut();
        let is_ours = |copy: &&mut Copy| Rc::ptr_eq(&copy.progress, &progress);
        if let Some(copy) = node.replication.copy.as_mut().filter(is_ours) {
            copy.is_sent = true;
            let mut count = 0;
            node.each_replica(|_, replica| {
                count += u32::from(matches!(replica.stage, Stage::Receiving { .. }));
            });
            tracing::info!(
                "Diskless rdb transfer, done reading from pipe, {count} replicas still up."
            );
            node.end_copy();
        }
    }
}

async fn relay_one(node: &SharedNode, mut pipe: Receiver, progress: &Rc<Notify>) {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        // An error ends the copy as its end does: the child's own end tells which it is.
        let count = pipe.read_buf(&mut chunk).await.unwrap_or(0);
        if count == 0 {
            return;
        }
        {
            let node = &mut *node.borrow_mut();
            let is_ours = |copy: &&mut Copy| Rc::ptr_eq(&copy.progress, progress);
            let Some(copy) = node.replication.copy.as_mut().filter(is_ours) else { return };
            copy.chunk = chunk;
            copy.number += 1;
            let now = Instant::now();
            node.each_replica(|client, replica| {
                if matches!(replica.stage, Stage::Receiving { .. }) {
                    replica.heard_at = now;
                }
                client.wake();
            });
        }
        while node.borrow_mut().has_readers() {
            progress.notified().await;
        }
    }
}
