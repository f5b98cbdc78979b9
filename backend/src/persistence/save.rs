//! One snapshot, written aside and put in place whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::clock;
use crate::data::rdb::file::write::{Content, write};
use crate::durable::put_in_place;
use crate::memory;
use crate::node::Node;
use crate::persistence::child::{self, Work};
use crate::persistence::leftovers;
use crate::server::REDIS_VERSION;

/// Bytes after which a file is synced while it is written, so that the system never has much to write at once.
/// Source: redis `src/server.h` REDIS_AUTOSYNC_BYTES.
const SYNC_EVERY_BYTES: usize = 4 * 1024 * 1024;

/// A file that is synced as it grows.
pub(super) struct Steady {
    file: File,
    unsynced: usize,
    /// Whether it is.
    is_steady: bool,
}

impl Steady {
    pub(super) fn create(path: &Path, is_steady: bool) -> io::Result<Steady> {
        Ok(Steady { file: leftovers::begin(path)?, unsynced: 0, is_steady })
    }

    /// Has everything on the disk.
    pub(super) fn close(self) -> io::Result<()> {
        self.file.sync_all()
    }
}

impl Write for Steady {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.unsynced += count;
        if self.is_steady && self.unsynced >= SYNC_EVERY_BYTES {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the process of this number writes a snapshot under, until it is whole.
pub(super) fn temporary(dir: &Path, pid: u32) -> PathBuf {
    dir.join(format!("temp-{pid}.rdb"))
}

/// The facts that a snapshot tells of itself.
pub(crate) fn facts(is_base: bool) -> Vec<(&'static str, String)> {
    vec![
        ("redis-ver", REDIS_VERSION.to_owned()),
        ("redis-bits", usize::BITS.to_string()),
        ("ctime", (clock::unix_ms() / 1000).to_string()),
        ("used-mem", memory::used_bytes().to_string()),
        ("aof-base", u8::from(is_base).to_string()),
    ]
}

impl Node {
    /// What a snapshot of this moment holds.
    pub(crate) fn content<'a>(&'a self, aux: &'a [(&'static str, String)]) -> Content<'a> {
        let settings = &self.config.settings().disk;
        Content {
            databases: &self.databases,
            libraries: self.scripting.libraries.codes().collect(),
            aux,
            compression: settings.compression,
            checksum: settings.checksum,
            told: self.config.settings().memory.told_in_files(),
            now_ms: clock::unix_ms(),
            pace: self.config.settings().rigs.saving,
        }
    }

    /// Where the snapshot is.
    pub(crate) fn snapshot_path(&self) -> PathBuf {
        let settings = self.config.settings();
        settings.dir.join(&settings.disk.snapshot_name)
    }

    /// Writes a snapshot and puts it in its place.
    fn write_snapshot(&self, report: &mut dyn FnMut(u64)) -> io::Result<()> {
        let settings = self.config.settings();
        let path = temporary(&settings.dir, std::process::id());
        let written = self.write_snapshot_to(&path, report);
        let placed = written.and_then(|()| put_in_place(&path, &self.snapshot_path()));
        if placed.is_err() {
            // It may not even have been made.
            let _ = fs::remove_file(&path);
        }
        placed
    }

    /// Writes a snapshot to a file, and has it on the disk.
    pub(super) fn write_snapshot_to(
        &self,
        path: &Path,
        report: &mut dyn FnMut(u64),
    ) -> io::Result<()> {
        let mut file = Steady::create(path, self.config.settings().disk.syncs_snapshot_steadily)?;
        let facts = [facts(false), self.place_facts()].concat();
        write(&self.content(&facts), &mut file, report)?;
        file.close()
    }

    /// Saves a snapshot while everybody waits.
    ///
    /// # Errors
    /// Nothing was saved, and what was saved before is as it was. It has been logged.
    pub(crate) fn save_now(&mut self) -> io::Result<()> {
        match self.write_snapshot(&mut |_| {}) {
            Ok(()) => {
                tracing::info!("DB saved on disk");
                self.note_saved(self.changes);
                Ok(())
            }
            Err(error) => {
                tracing::warn!("Write error saving DB on disk: {error}");
                Err(error)
            }
        }
    }

    /// A snapshot holds all changes up to this one.
    pub(super) fn note_saved(&mut self, changes: u64) {
        let persistence = &mut self.persistence;
        persistence.saved_changes = changes;
        persistence.saved_at_s = clock::unix_ms() / 1000;
        persistence.snapshot.is_ok = true;
        persistence.saves_count += 1;
    }

    /// Begins to save a snapshot in a child. There must be none.
    ///
    /// # Errors
    /// The system has no room for a child. It has been logged.
    pub(crate) fn save_in_child(&mut self) -> io::Result<()> {
        self.persistence.snapshot.tried_at_s = clock::unix_ms() / 1000;
        let work = Work::Snapshot { changes: self.changes };
        let begun = child::begin(self, work, &[], |node, report| {
            node.write_snapshot(&mut |keys| report.keys(keys))
        });
        if let Err(error) = &begun {
            tracing::warn!("Can't save in background: fork: {error}");
            self.persistence.snapshot.is_ok = false;
        }
        begun
    }
}
