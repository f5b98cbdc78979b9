//! The child process that writes while the node serves, and its end.
//!
//! A task follows the child's pipe: progress comes through it, and its end is the child's. So nobody asks the
//! system whether a child has ended, and nobody waits for it.

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::time::Instant;

use rustix::process::Pid;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;

use crate::clock;
use crate::fork::{self, Message, Report};
use crate::node::{Node, SharedNode};
use crate::persistence::aof::directory;
use crate::persistence::aof::rewrite::temporary_in;
use crate::persistence::save::temporary;

/// A child at work.
#[derive(Debug)]
pub(crate) struct Working {
    pub(crate) pid: Pid,
    pub(crate) work: Work,
    pub(crate) began: Instant,
    /// When it began, in seconds since 1970.
    pub(crate) began_at_s: i64,
    /// Keys that there were (count).
    pub(crate) keys_total: u64,
    /// What it told last.
    pub(crate) told: Message,
    /// When it told that.
    pub(crate) told_at: Instant,
    /// The most that it told of its memory, in bytes.
    pub(crate) copied_peak: u64,
    /// Until the task takes it.
    pipe: Option<OwnedFd>,
}

/// What a child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Saves a snapshot that holds all changes up to this one.
    Snapshot { changes: u64 },
    /// Sends all data to replicas.
    Copy,
    /// Writes a new base of the append-only file.
    Rewrite,
}

/// Begins work in a child. There must be none.
///
/// # Errors
/// There is no child now either.
pub(crate) fn begin(
    node: &mut Node,
    work: Work,
    kept: &[RawFd],
    run: impl FnOnce(&Node, &mut Report) -> io::Result<()>,
) -> io::Result<()> {
    debug_assert!(node.persistence.child.is_none(), "one child at a time");
    let child = fork::fork(kept, |report| {
        node.adjust_oom_score_of_child();
        run(node, report)
    })?;
    let now = Instant::now();
    let persistence = &mut node.persistence;
    persistence.fork_pause = child.pause;
    persistence.forks_count += 1;
    persistence.child = Some(Working {
        pid: child.pid,
        work,
        began: now,
        began_at_s: clock::unix_ms() / 1000,
        keys_total: node.databases.iter().map(|database| database.len() as u64).sum(),
        told: Message::default(),
        told_at: now,
        copied_peak: 0,
        pipe: Some(child.pipe),
    });
    persistence.child_began.notify_one();
    node.note_latency("fork", child.pause);
    match work {
        Work::Snapshot { .. } => {
            tracing::info!("Background saving started by pid {}", child.pid.as_raw_pid());
        }
        Work::Copy => {
            tracing::info!("Background RDB transfer started by pid {}", child.pid.as_raw_pid());
        }
        Work::Rewrite => tracing::info!(
            "Background append only file rewriting started by pid {}",
            child.pid.as_raw_pid()
        ),
    }
    Ok(())
}

/// Follows one child after the other, for ever.
pub(crate) async fn follow(node: SharedNode) {
    let began = std::rc::Rc::clone(&node.borrow().persistence.child_began);
    loop {
        began.notified().await;
        let taken = node.borrow_mut().persistence.child.as_mut().and_then(|child| {
            let pipe = child.pipe.take()?;
            Some((child.pid, pipe))
        });
        let Some((pid, pipe)) = taken else { continue };
        listen(&node, pid, pipe).await;
        // Whoever has killed it has seen to everything.
        let is_at_work =
            node.borrow().persistence.child.as_ref().is_some_and(|child| child.pid == pid);
        if is_at_work {
            end(&mut node.borrow_mut(), fork::reap(pid));
        }
    }
}

/// Notes what a child tells until it ends.
async fn listen(node: &SharedNode, pid: Pid, pipe: OwnedFd) {
    // Without a listener the child is just waited for.
    let Ok(mut pipe) = Receiver::from_owned_fd(pipe) else { return };
    let mut bytes = [0; Message::BYTES];
    while pipe.read_exact(&mut bytes).await.is_ok() {
        let message = Message::from_bytes(&bytes);
        let mut node = node.borrow_mut();
        let child = node.persistence.child.as_mut().filter(|child| child.pid == pid);
        let Some(child) = child else { return };
        child.told = message;
        child.told_at = Instant::now();
        child.copied_peak = child.copied_peak.max(message.copied_bytes);
    }
}

/// A child has ended.
fn end(node: &mut Node, is_done: bool) {
    let Some(child) = node.persistence.child.take() else { return };
    let megabytes = child.copied_peak / (1024 * 1024);
    match child.work {
        Work::Snapshot { changes } => {
            let now_s = clock::unix_ms() / 1000;
            let history = &mut node.persistence.snapshot;
            history.took_s = Some(now_s - child.began_at_s);
            history.copied_bytes = child.copied_peak;
            history.is_ok = is_done;
            if is_done {
                tracing::info!("DB saved on disk; Fork CoW for RDB: {megabytes} MB");
                tracing::info!("Background saving terminated with success");
                node.note_saved(changes);
            } else {
                note_failure("saving", &child);
                clean(node, &child);
            }
            node.file_ended(is_done);
        }
        Work::Copy => {
            if is_done {
                tracing::info!("Background RDB transfer terminated with success");
            } else {
                note_failure("transfer", &child);
            }
            node.copy_child_ended(is_done);
        }
        Work::Rewrite => {
            if is_done {
                tracing::info!("Fork CoW for AOF rewrite: {megabytes} MB");
            } else {
                note_failure("AOF rewrite", &child);
            }
            node.end_rewrite(&child, is_done);
        }
    }
}

/// Logs why a child failed.
fn note_failure(what: &str, child: &Working) {
    match i32::try_from(child.told.error) {
        Ok(number @ 1..) => {
            let error = io::Error::from_raw_os_error(number);
            tracing::warn!("Background {what} error: {error}");
        }
        _ => tracing::warn!("Background {what} terminated by signal"),
    }
}

/// Removes what a child has left unfinished.
fn clean(node: &Node, child: &Working) {
    let (settings, pid) = (node.config.settings(), child.pid.as_raw_pid().cast_unsigned());
    let path = match child.work {
        Work::Copy => return,
        Work::Snapshot { .. } => temporary(&settings.dir, pid),
        Work::Rewrite => temporary_in(&directory(settings), pid),
    };
    // It removes the file itself if it can.
    let _ = std::fs::remove_file(path);
}

impl Node {
    /// Replaces the snapshot by what is there after all data was removed, so that it does not come back. Replicas that
    /// get a copy of what was there ask for another one.
    pub(crate) fn reset_snapshot(&mut self) {
        let child = self.persistence.child.as_ref();
        if child.is_some_and(|child| matches!(child.work, Work::Snapshot { .. } | Work::Copy)) {
            kill(self);
            self.drop_copies();
        }
        if !self.config.settings().disk.save_points.is_empty() {
            // It was logged, and the next snapshot is tried as ever.
            let _ = self.save_now();
        }
    }
}

/// Ends the child, if there is one, and removes what it has written.
pub(crate) fn kill(node: &mut Node) {
    let Some(child) = node.persistence.child.take() else { return };
    match child.work {
        Work::Snapshot { .. } => {
            tracing::warn!("There is a child saving an .rdb. Killing it!");
        }
        Work::Copy => tracing::info!("Killing the child that sends a copy to replicas"),
        Work::Rewrite => {
            tracing::info!("Killing running AOF rewrite child: {}", child.pid.as_raw_pid());
        }
    }
    fork::kill(child.pid);
    clean(node, &child);
}
