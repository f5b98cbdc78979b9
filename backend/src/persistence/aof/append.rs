//! Effects to the last increment, and when they are on the disk.
//!
//! 1. A unit of effects is put behind those not yet written, while its command runs.
//! 2. `everysec` and `no`: the turn writes them before its replies leave, and a thread syncs once a second.
//!    While it does, writing may wait up to two seconds for it, since the system would let the node wait itself.
//! 3. `always`: replies are held back, and a task writes and syncs for all sessions of this round at once, then lets
//!    them go. Whoever reads what is not yet synced is held, too.
//! 4. A write that fails is cut off again and tried later; until then writes are refused. With `always` there are
//!    clients that wait for the answer, which can be neither yes nor no: the node ends, as a Redis does.

use std::fs::File;
use std::io::{self, Write as _};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::clock;
use crate::config::settings::disk::AppendSync;
use crate::error::system_words;
use crate::node::{Node, SharedNode};
use crate::persistence::aof::State;
use crate::propagate::{Reach, Unit};

/// How long writing waits for a sync under way. Source: redis `src/aof.c` flushAppendOnlyFile.
const POSTPONED_MAX: Duration = Duration::from_secs(2);

/// Time between two syncs of `everysec`.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Capacity that is kept for effects, in bytes.
const BYTES_KEPT: usize = 1024 * 1024;

/// Whether a write waits for a sync under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    MayWait,
    Now,
}

/// The line that says when what follows it was done, in seconds since 1970: `#TS:<seconds>`.
pub(super) fn annotation(at_s: i64) -> String {
    format!("#TS:{at_s}\r\n")
}

impl Node {
    /// Puts a unit of effects behind those not yet written.
    pub(crate) fn append_unit(&mut self, unit: &Unit) {
        let aof = &mut self.persistence.aof;
        // Before the first rewrite begins, its base will hold everything.
        if aof.file.is_none() {
            return;
        }
        let before = aof.unwritten.len();
        if self.config.settings().disk.appends_times {
            let now_s = clock::unix_ms() / 1000;
            if aof.annotated_at_s < now_s {
                aof.annotated_at_s = now_s;
                aof.unwritten.extend_from_slice(annotation(now_s).as_bytes());
            }
        }
        unit.write(&mut aof.unwritten, &mut aof.selected, Reach::File);
        aof.appended += (aof.unwritten.len() - before) as u64;
        if self.config.settings().disk.append_sync == AppendSync::Always {
            self.persistence.aof.commit_wanted.notify_one();
        }
    }

    /// Writes what a turn has appended, before its replies leave; with `always` the task does that.
    #[inline]
    pub(crate) fn write_appended(&mut self) {
        let is_left = !self.persistence.aof.unwritten.is_empty();
        if is_left && self.config.settings().disk.append_sync != AppendSync::Always {
            self.write_unwritten(Urgency::MayWait);
        }
    }

    /// Writes what was not written yet. A failure is noted and logged.
    pub(crate) fn write_unwritten(&mut self, urgency: Urgency) {
        let sync = self.config.settings().disk.append_sync;
        let aof = &mut self.persistence.aof;
        if aof.unwritten.is_empty() {
            return;
        }
        if aof.is_syncing && urgency == Urgency::MayWait && sync == AppendSync::EverySecond {
            let since = *aof.postponed_since.get_or_insert_with(Instant::now);
            if since.elapsed() < POSTPONED_MAX {
                return;
            }
            aof.delayed_count += 1;
            tracing::info!(
                "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without \
                 waiting for fsync to complete, this may slow down Redis."
            );
        }
        aof.postponed_since = None;
        let Some(file) = aof.file.clone() else { return };
        let begun = self.begin_latency();
        if !self.switches.append_delay.is_zero() {
            thread::sleep(self.switches.append_delay);
        }
        let aof = &mut self.persistence.aof;
        match append(&file, &aof.unwritten, aof.file_bytes) {
            Ok(()) => {
                if aof.write_error.take().is_some() {
                    tracing::warn!("AOF write error looks solved, Redis can write again.");
                }
                let count = aof.unwritten.len() as u64;
                aof.file_bytes += count;
                aof.bytes_total += count;
                aof.written = aof.appended;
                aof.unwritten.clear();
                aof.unwritten.shrink_to(BYTES_KEPT);
            }
            Err(Unwritten { error, kept }) => {
                if aof.write_error.is_none() {
                    tracing::warn!("Error writing to the AOF file: {error}");
                }
                aof.write_error = Some(system_words(&error));
                aof.unwritten.drain(..kept);
                aof.file_bytes += kept as u64;
                aof.bytes_total += kept as u64;
                aof.written += kept as u64;
            }
        }
        if begun.is_some() {
            self.note_latency_since(self.name_of_write(), begun);
            self.note_latency_since("aof-write", begun);
        }
    }

    /// What `LATENCY` calls a write to the append-only file, by what may hold it up.
    fn name_of_write(&self) -> &'static str {
        if self.persistence.aof.is_syncing {
            "aof-write-pending-fsync"
        } else if self.persistence.child.is_some() {
            "aof-write-active-child"
        } else {
            "aof-write-alone"
        }
    }

    /// Writes and syncs everything, and lets replies go that waited for it.
    pub(crate) fn commit_appended(&mut self) {
        self.write_unwritten(Urgency::Now);
        let is_always = self.config.settings().disk.append_sync == AppendSync::Always;
        let aof = &mut self.persistence.aof;
        if let Some(error) = &aof.write_error {
            if is_always && aof.state == State::On {
                end_without_answer("write", error);
            }
            return;
        }
        if aof.synced < aof.written
            && let Some(file) = aof.file.clone()
        {
            let begun = self.begin_latency();
            let result = file.sync_data();
            self.note_latency_since("aof-fsync-always", begun);
            let aof = &mut self.persistence.aof;
            match result {
                Ok(()) => aof.synced = aof.written,
                Err(error) if is_always && aof.state == State::On => {
                    end_without_answer("fsync", &system_words(&error));
                }
                Err(error) => {
                    tracing::warn!("Fail to fsync the AOF file: {error}.");
                    aof.sync_error = Some(system_words(&error));
                }
            }
        }
        self.persistence.aof.waiting.drain(..).for_each(std::task::Waker::wake);
    }
}

/// Why not all could be written, and how many of the first bytes are in the file all the same.
struct Unwritten {
    error: io::Error,
    kept: usize,
}

/// Appends bytes to a file that holds so many; if that fails, what was written of them is cut off again.
fn append(mut file: &File, bytes: &[u8], file_bytes: u64) -> Result<(), Unwritten> {
    let mut count = 0;
    while count < bytes.len() {
        let error = match file.write(&bytes[count..]) {
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(more) => {
                count += more;
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        // What cannot be cut off is gone on with, when there is room again.
        let kept = if file.set_len(file_bytes).is_ok() { 0 } else { count };
        return Err(Unwritten { error, kept });
    }
    Ok(())
}

/// Clients wait to hear that their writes are on the disk. They are not, and yet they were made.
fn end_without_answer(what: &str, error: &str) -> ! {
    tracing::warn!(
        "Can't recover from AOF {what} error when the AOF fsync policy is 'always': {error}. Exiting..."
    );
    std::process::exit(1);
}

/// Syncs for sessions whose replies wait, for ever. All that executed before this task's turn share one sync.
pub(crate) async fn commit(node: SharedNode) {
    let wanted = Rc::clone(&node.borrow().persistence.aof.commit_wanted);
    loop {
        wanted.notified().await;
        node.borrow_mut().commit_appended();
    }
}

/// Syncs once a second in a thread, for ever, and tries again what could not be written.
pub(crate) async fn sync(node: SharedNode) {
    loop {
        tokio::time::sleep(SYNC_EVERY).await;
        let begun = begin_sync(&mut node.borrow_mut());
        let Some((file, written)) = begun else { continue };
        let result = tokio::task::spawn_blocking(move || file.sync_data()).await;
        let result = result.unwrap_or_else(|error| Err(io::Error::other(error)));
        end_sync(&mut node.borrow_mut(), written, result);
    }
}

/// What is to be synced now, if anything: the file, and up to where it will be synced then.
fn begin_sync(node: &mut Node) -> Option<(Arc<File>, u64)> {
    let disk = &node.config.settings().disk;
    let rests = disk.rests_sync_on_rewrite && node.persistence.child.is_some();
    let is_wanted = disk.append_sync == AppendSync::EverySecond && !rests;
    if disk.append_sync != AppendSync::Always {
        node.write_unwritten(Urgency::Now);
    }
    let aof = &mut node.persistence.aof;
    if !is_wanted || aof.state == State::Off || aof.synced >= aof.written {
        return None;
    }
    let file = aof.file.clone()?;
    aof.is_syncing = true;
    Some((file, aof.written))
}

fn end_sync(node: &mut Node, written: u64, result: io::Result<()>) {
    let aof = &mut node.persistence.aof;
    aof.is_syncing = false;
    match result {
        Ok(()) => {
            aof.synced = aof.synced.max(written);
            aof.sync_error = None;
        }
        Err(error) => {
            tracing::warn!("Fail to fsync the AOF file: {error}.");
            aof.sync_error = Some(system_words(&error));
        }
    }
    node.write_appended();
}
