//! The nodes file: what a node remembers of its cluster over a restart, in the format of a Redis.
//!
//! How a save stays whole: the new text is written to a file beside it, synced, locked and renamed over the old one,
//! and the directory is synced. Whatever happens meanwhile, the name stands for the old text or the new one.
//!
//! A save that promises nothing to other nodes ([`Sync::Later`]) is synced with the next one that does, or within a
//! second: while slots are moved there are several for each slot, and each sync stops the node for as long as the disk
//! takes. It outlives the process all the same. If the machine loses power before, the name stands for the old text or
//! the new one, or for nothing where the file system does not order a rename behind what was written: then the node
//! comes back as a new one, as which it can break no promise.
//!
//! Of several such saves within the second, the first puts a new file in place, and the others write over that, for
//! making and removing a file costs ten times as much. What was synced is never written over, and only what fits into
//! one page ([`PAGE_BYTES`]): of more, a loss of power could leave half the old text and half the new one. A shorter
//! text is followed by empty lines.
//!
//! How two nodes are kept from one file: whoever opens it locks it, as a Redis does, and keeps it open. The lock
//! goes along with every save, because the new file is locked before it gets the name.
//!
//! Invariants: a file that cannot be understood is refused and left as it is; an empty one is a new node's.
//!
//! Spec: <https://valkey.io/topics/cluster-spec/#configuration-epoch>.
//! Source: redis `src/cluster.c` clusterLoadConfig, clusterSaveConfig, clusterLockConfig.

pub(crate) mod line;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::core::{Core, Remembered};
use super::member::SlotSet;
use crate::durable::{put_in_place, sync_directory_of};

/// Permissions of a new file: as for a file that a Redis makes.
const MODE: u32 = 0o644;

/// What the system writes to the disk as one (bytes).
const PAGE_BYTES: usize = 4_096;

/// How often the file may be replaced between opening and locking it before that is an error (count).
const OPEN_ATTEMPTS_MAX: usize = 10;

/// Why a nodes file cannot be used.
#[derive(Debug, Error)]
pub(crate) enum NodesFileError {
    /// The system does not let it be read or locked.
    #[error("cannot open {path}: {source}")]
    Open { path: PathBuf, source: io::Error },
    /// Another node has it open.
    #[error(
        "{path} is in use by another node; every node needs a file of its own (cluster-config-file)"
    )]
    InUse { path: PathBuf },
    /// A line is not what it has to be.
    #[error("{path} is damaged, line {line}: {what}")]
    Damaged {
        path: PathBuf,
        /// From 1.
        line: usize,
        what: String,
    },
    /// It has no line with the epochs, which is the last one.
    #[error("{path} is damaged: it ends before its last line, which begins with vars")]
    CutShort { path: PathBuf },
}

/// When a file that was written has to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    /// Before the call returns.
    Now,
    /// Within a second: see [`NodesFile::sync`].
    Later,
}

/// The nodes file, locked.
#[derive(Debug)]
pub(crate) struct NodesFile {
    path: PathBuf,
    /// The file that has the name now. It is kept for its lock.
    locked: File,
    /// Whether all of it is on the disk.
    is_synced: bool,
    /// How long it is (bytes).
    len: usize,
}

impl NodesFile {
    /// Opens and locks the file, makes it when there is none, and gives back what it remembers: `None` for a new
    /// node.
    ///
    /// # Errors
    /// It cannot be opened, is in use, or is damaged.
    pub(crate) fn open(path: &Path) -> Result<(NodesFile, Option<Remembered>), NodesFileError> {
        let mut locked = lock(path)?;
        let mut bytes = Vec::new();
        locked
            .read_to_end(&mut bytes)
            .map_err(|source| NodesFileError::Open { path: path.to_owned(), source })?;
        let remembered = if bytes.is_empty() { None } else { Some(parse(path, &bytes)?) };
        let len = bytes.len();
        Ok((NodesFile { path: path.to_owned(), locked, is_synced: true, len }, remembered))
    }

    /// Writes what the core remembers.
    ///
    /// # Errors
    /// The file is the old one, whole; or, where it is written over, what the system makes of that.
    pub(crate) fn save(&mut self, core: &Core, sync: Sync) -> io::Result<()> {
        let text = text_of(core);
        if sync == Sync::Later && !self.is_synced && text.len().max(self.len) <= PAGE_BYTES {
            return self.write_over(text);
        }
        let mut aside = self.path.clone().into_os_string();
        aside.push(".new");
        let aside = PathBuf::from(aside);
        let saved = replace(&self.path, &aside, text.as_bytes(), sync);
        if saved.is_err() {
            // It may not even have been made.
            let _ = std::fs::remove_file(&aside);
        }
        self.locked = saved?;
        self.is_synced = sync == Sync::Now;
        self.len = text.len();
        Ok(())
    }

    /// Puts a text in the place of one that was not synced: with one write, so that who reads the file meets one or
    /// the other.
    fn write_over(&mut self, mut text: String) -> io::Result<()> {
        let rest = self.len.saturating_sub(text.len());
        text.extend(std::iter::repeat_n('\n', rest));
        self.len = text.len();
        self.locked.write_all_at(text.as_bytes(), 0)
    }

    /// Has on the disk what [`Sync::Later`] left to later.
    ///
    /// # Errors
    /// It may be there or not.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if !self.is_synced {
            self.locked.sync_all()?;
            sync_directory_of(&self.path)?;
            self.is_synced = true;
        }
        Ok(())
    }
}

/// Opens and locks the file that has the name. A node that saves replaces the file, so it is not enough to have
/// locked the one that had the name when it was opened.
fn lock(path: &Path) -> Result<File, NodesFileError> {
    let failed = |source| NodesFileError::Open { path: path.to_owned(), source };
    for _ in 0..OPEN_ATTEMPTS_MAX {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(MODE);
        let file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let opened = file.metadata().map_err(failed)?;
        if std::fs::metadata(path).is_ok_and(|named| named.ino() == opened.ino()) {
            return Ok(file);
        }
    }
    Err(NodesFileError::InUse { path: path.to_owned() })
}

fn replace(path: &Path, aside: &Path, bytes: &[u8], sync: Sync) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(MODE).open(aside)?;
    file.write_all(bytes)?;
    file.try_lock().map_err(io::Error::from)?;
    match sync {
        Sync::Now => {
            file.sync_all()?;
            put_in_place(aside, path)?;
        }
        Sync::Later => std::fs::rename(aside, path)?,
    }
    Ok(file)
}

/// The whole text of the file.
pub(crate) fn text_of(core: &Core) -> String {
    let mut text = String::new();
    for member in core.members().filter(|member| !member.is_in_handshake()) {
        line::write(&mut text, core, member);
    }
    let (current, vote) = (core.current_epoch(), core.last_vote_epoch());
    text.push_str(&format!("vars currentEpoch {current} lastVoteEpoch {vote}\n"));
    text
}

/// Reads the whole text of the file at `path`, which errors name.
///
/// # Errors
/// It is damaged.
pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Remembered, NodesFileError> {
    let mut remembered = Remembered::default();
    let mut taken = SlotSet::new();
    let mut has_vars = false;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let damaged =
            |what: String| NodesFileError::Damaged { path: path.to_owned(), line: index + 1, what };
        let line = text_of_line(line).map_err(|what| damaged(what.to_owned()))?;
        if let Some(vars) = line.strip_prefix("vars ") {
            read_vars(vars, &mut remembered).map_err(|what| damaged(what.to_owned()))?;
            has_vars = true;
        } else if !line.is_empty() {
            let line = line::parse(line).map_err(|what| damaged(what.to_owned()))?;
            add(line, &mut remembered, &mut taken).map_err(damaged)?;
        }
    }
    if has_vars { Ok(remembered) } else { Err(NodesFileError::CutShort { path: path.to_owned() }) }
}

/// A line without its end. Every line has one: of a number that was cut short, the rest is a number, too.
fn text_of_line(line: &[u8]) -> Result<&str, &'static str> {
    let line = line.strip_suffix(b"\n").ok_or("the line is cut short")?;
    std::str::from_utf8(line).map_err(|_| "the line is no text")
}

/// Adds a line to those before it, with which it has to agree.
fn add(line: line::Line, all: &mut Remembered, taken: &mut SlotSet) -> Result<(), String> {
    let member = &line.member;
    if all.members.iter().any(|other| other.id == member.id) {
        return Err(format!("a second line for node {}", member.id));
    }
    if member.is_myself() && all.members.iter().any(|other| other.is_myself()) {
        return Err("a second node is myself".to_owned());
    }
    for slot in member.slots.iter() {
        if taken.contains(slot) {
            return Err(format!("a second owner for slot {slot}"));
        }
        taken.insert(slot);
    }
    // Only the node itself knows which of its slots are under way; others' lines have none.
    all.migrating.extend(line.migrating);
    all.importing.extend(line.importing);
    all.members.push(line.member);
    Ok(())
}

/// Names and values in turn; later versions may have more of them.
fn read_vars(vars: &str, remembered: &mut Remembered) -> Result<(), &'static str> {
    let mut words = vars.split_ascii_whitespace();
    while let Some(name) = words.next() {
        let value = words.next().ok_or("a variable without a value")?;
        let number = || value.parse().map_err(|_| "an epoch is not a number");
        match name {
            "currentEpoch" => remembered.current_epoch = number()?,
            "lastVoteEpoch" => remembered.last_vote_epoch = number()?,
            _ => tracing::warn!("Skipping unknown cluster config variable '{name}'"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
