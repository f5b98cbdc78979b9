//! Parts into databases: snapshots as they are, commands through the door that clients use.
//!
//! What is repeated was done once, so nothing is checked, and no key expires while it is: the part says itself when
//! one did. A transaction takes effect when its `EXEC` was read, so one that is not whole has none.
//!
//! Source: redis `src/aof.c` loadSingleAppendOnlyFile.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use reddoor_protocol::request::{Limits, RequestDecoder};
use thiserror::Error;

use crate::client::{Client, ClientId};
use crate::clock;
use crate::data::keyspace;
use crate::data::rdb::file::fill::{Duplicates, Expired};
use crate::execute::{self, Turn};
use crate::node::Node;
use crate::persistence::aof::directory;
use crate::persistence::aof::manifest::Part;
use crate::persistence::aof::parts::{self, PartsError};
use crate::persistence::load::{Load, LoadError, Loading};
use crate::unexpected::Sayer;

/// Why a part cannot be read. The words are those by which tools and people find help.
#[derive(Debug, Error)]
pub(crate) enum ReplayError {
    #[error("there is no append only file")]
    Nothing,
    #[error("{path}: {source}")]
    System { path: PathBuf, source: io::Error },
    #[error("can't open the append log file {path} for reading: {source}")]
    Open { path: PathBuf, source: io::Error },
    #[error(
        "Unexpected end of file reading the append only file {0}. You can: 1) Make a backup of your AOF file, then \
         use redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' \
         configuration option to yes and restart the server."
    )]
    Truncated(PathBuf),
    #[error("Fatal error: the truncated file {0} is not the last file")]
    TruncatedNotLast(PathBuf),
    #[error(
        "Bad file format reading the append only file {path} at offset {offset}: make a backup of your AOF file, \
         then use redis-check-aof --fix <filename.manifest>"
    )]
    Format { path: PathBuf, offset: u64 },
    #[error("Unknown command '{name}' reading the append only file {path}")]
    UnknownCommand { path: PathBuf, name: String },
    #[error(transparent)]
    Snapshot(#[from] LoadError),
    #[error(transparent)]
    Parts(#[from] PartsError),
}

/// All parts, being read.
pub(crate) struct Replay {
    left: VecDeque<(PathBuf, u64)>,
    reading: Option<Reading>,
    /// What became of keys whose time had come before.
    expired: keyspace::Expired,
}

/// One part.
enum Reading {
    /// A snapshot, with the file for what may follow it.
    Snapshot(Box<Load>, PathBuf, File),
    Commands(Box<Commands>),
}

/// A part of commands, or the commands behind a snapshot.
pub(crate) struct Commands {
    path: PathBuf,
    file: File,
    bytes: Vec<u8>,
    /// Up to where `bytes` were executed.
    at: usize,
    /// Where `bytes` begin in the file.
    start: u64,
    /// Where the last command ends that need not be followed by another.
    valid: u64,
    decoder: RequestDecoder,
    client: Client,
    out: Vec<u8>,
    /// Commands done (count).
    executed: u64,
}

impl Replay {
    /// Reads what the manifest of the node names.
    pub(crate) fn begin(node: &mut Node) -> Replay {
        let settings = node.config.settings();
        let path =
            |part: &Part| (directory(settings).join(&part.name), parts::bytes_of(settings, part));
        let left: VecDeque<_> = node.persistence.aof.manifest.parts().map(path).collect();
        let bytes_total = left.iter().map(|(_, bytes)| bytes).sum();
        node.persistence.loading = Some(Loading::begin(bytes_total));
        let expired = node.expiry_mode();
        node.treat_expired(keyspace::Expired::Found);
        Replay { left, reading: None, expired }
    }

    /// Reads one slice. Whether everything has been read.
    ///
    /// # Errors
    /// A part cannot be read; some of it may be in the databases.
    pub(crate) fn step(&mut self, node: &mut Node) -> Result<bool, ReplayError> {
        let is_last = self.left.is_empty();
        match self.reading.take() {
            None => match self.left.pop_front() {
                Some((path, _)) => self.reading = Some(Reading::open(node, &path)?),
                None => return Ok(true),
            },
            Some(Reading::Snapshot(mut load, path, mut file)) => {
                self.reading = Some(if load.step(node)? {
                    let offset = load.finish(node)?;
                    let sought = file.seek(SeekFrom::Start(offset));
                    sought.map_err(|source| ReplayError::System { path: path.clone(), source })?;
                    Reading::Commands(Box::new(Commands::new(path, file, Vec::new(), offset)))
                } else {
                    Reading::Snapshot(load, path, file)
                });
            }
            Some(Reading::Commands(mut commands)) => {
                if !commands.step(node, is_last)? {
                    self.reading = Some(Reading::Commands(commands));
                }
            }
        }
        Ok(false)
    }

    /// Everything has been read, or nothing more will be.
    pub(crate) fn end(self, node: &mut Node) {
        node.treat_expired(self.expired);
        node.persistence.loading = None;
        node.persistence.saved_changes = node.changes;
    }
}

impl Reading {
    fn open(node: &mut Node, path: &Path) -> Result<Reading, ReplayError> {
        let system = |source| ReplayError::System { path: path.to_owned(), source };
        let mut magic = Vec::new();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| ReplayError::Open { path: path.to_owned(), source })?;
        (&file).take(5).read_to_end(&mut magic).map_err(system)?;
        if magic == b"REDIS" {
            let opened = Load::open(node, path, Expired::Kept, Duplicates::Refused)?;
            let missing = || system(io::ErrorKind::NotFound.into());
            let load = Box::new(opened.ok_or_else(missing)?);
            return Ok(Reading::Snapshot(load, path.to_owned(), file));
        }
        Ok(Reading::Commands(Box::new(Commands::new(path.to_owned(), file, magic, 0))))
    }
}

impl Commands {
    /// Commands from an offset of a file on, of which some bytes were read already.
    pub(crate) fn new(path: PathBuf, file: File, bytes: Vec<u8>, start: u64) -> Commands {
        Commands {
            path,
            file,
            bytes,
            at: 0,
            start,
            valid: start,
            decoder: RequestDecoder::default(),
            client: Client::internal(ClientId::default()),
            out: Vec::new(),
            executed: 0,
        }
    }

    /// Reads one slice. Whether the file is at its end.
    ///
    /// # Errors
    /// It cannot be read, or not be repeated; what stands before is in the databases.
    pub(crate) fn step(&mut self, node: &mut Node, is_last: bool) -> Result<bool, ReplayError> {
        let system = |source| ReplayError::System { path: self.path.clone(), source };
        self.bytes.drain(..self.at);
        self.start += self.at as u64;
        self.at = 0;
        let slice = node.config.settings().rigs.slice_bytes;
        let count = (&self.file).take(slice).read_to_end(&mut self.bytes).map_err(system)?;
        self.execute_all(node)?;
        if let Some(loading) = &mut node.persistence.loading {
            loading.bytes_read += count as u64;
        }
        if count > 0 {
            return Ok(false);
        }
        let end = self.start + self.bytes.len() as u64;
        if self.valid < end {
            self.cut(node, is_last)?;
        }
        Ok(true)
    }

    /// Executes all complete commands.
    fn execute_all(&mut self, node: &mut Node) -> Result<(), ReplayError> {
        let limits = Limits {
            // Nothing is allocated for what a file states and does not hold.
            bulk_bytes_max: isize::MAX as usize,
            args_max: i32::MAX as usize,
            ..Limits::default()
        };
        let mut turn = Turn::new(clock::unix_ms());
        loop {
            let rest = &self.bytes[self.at..];
            let count = match rest.first() {
                None => return Ok(()),
                Some(b'#') => match memchr::memchr(b'\n', rest) {
                    Some(end) => end + 1,
                    None => return Ok(()),
                },
                Some(b'*') => {
                    let decoded = self.decoder.decode(rest, &limits);
                    let Some(count) = decoded.map_err(|_| self.malformed())? else { return Ok(()) };
                    let args = self.decoder.args(rest);
                    if args.is_empty() {
                        return Err(self.malformed());
                    }
                    let errors_before = node.stats.error_replies;
                    let done =
                        execute::replay(node, &mut self.client, args, &mut self.out, &mut turn);
                    if done.is_err() {
                        let name = args.get(0).unwrap_or_default().escape_ascii().to_string();
                        return Err(ReplayError::UnknownCommand { path: self.path.clone(), name });
                    }
                    let errors = node.stats.error_replies - errors_before;
                    node.note_unexpected(Sayer::AppendOnlyFile, &args[0], &self.out, errors);
                    self.executed += 1;
                    node.config.settings().rigs.loading.wait(self.executed);
                    count
                }
                Some(_) => return Err(self.malformed()),
            };
            self.at += count;
            if self.client.transaction.is_none() {
                self.valid = self.start + self.at as u64;
            }
            self.out.clear();
        }
    }

    fn malformed(&self) -> ReplayError {
        let offset = self.start + self.at as u64;
        ReplayError::Format { path: self.path.clone(), offset }
    }

    /// The file ends in the middle of a command or of a transaction: if the settings allow it, that is cut off.
    fn cut(&self, node: &Node, is_last: bool) -> Result<(), ReplayError> {
        let (path, valid) = (&self.path, self.valid);
        if !node.config.settings().disk.loads_truncated {
            return Err(ReplayError::Truncated(path.clone()));
        }
        if !is_last {
            return Err(ReplayError::TruncatedNotLast(path.clone()));
        }
        let name = path.display();
        tracing::warn!("!!! Warning: short read while loading the AOF file {name}!!!");
        tracing::warn!("AOF {name} loaded anyway because aof-load-truncated is enabled");
        tracing::warn!("Truncating the AOF {name} at offset {valid}");
        let cut = self.file.set_len(valid).and_then(|()| self.file.sync_all());
        cut.map_err(|source| ReplayError::System { path: path.clone(), source })
    }
}
