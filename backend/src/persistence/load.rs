//! What was kept into databases, in slices: between two of them clients are answered, if only that they must wait.
//!
//! Clients are let in before the data is read, other than they could be: tools tell by `LOADING` that a node lives
//! and is on its way, the front door tries again, and the nodes of a cluster hear from it and do not hold it for
//! failed.

mod ahead;

use std::error::Error;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use reddoor_protocol::slot::Slot;
use thiserror::Error;

use crate::clock;
use crate::data::keyspace::Keyspace;
use crate::data::lazy_free::Freeing;
use crate::data::rdb::file::FileError;
use crate::data::rdb::file::decode::{Decoder, Item};
use crate::data::rdb::file::fill::{Duplicates, Expired, Facts, Filler};
use crate::error::RunError;
use crate::node::{Node, SharedNode};
use crate::persistence::aof::replay::{Replay, ReplayError};
use crate::persistence::aof::{self, State, parts};
use crate::persistence::leftovers;
use crate::scripting::Policy;

use ahead::Ahead;

/// How far reading has come, for `INFO`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loading {
    /// In seconds since 1970.
    pub(crate) began_at_s: i64,
    pub(crate) began: Instant,
    pub(crate) bytes_total: u64,
    pub(crate) bytes_read: u64,
    /// What the file states its process used, in bytes.
    pub(crate) stated_memory: u64,
    /// What is read lies beside what serves, which is as good as it was.
    pub(crate) is_beside: bool,
}

impl Loading {
    pub(crate) fn begin(bytes_total: u64) -> Loading {
        Loading {
            began_at_s: clock::unix_ms() / 1000,
            began: Instant::now(),
            bytes_total,
            bytes_read: 0,
            stated_memory: 0,
            is_beside: false,
        }
    }

    /// Reading beside what serves.
    pub(crate) fn beside(self) -> Loading {
        Loading { is_beside: true, ..self }
    }
}

/// Why data cannot be read.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error("{path}: {source}")]
    System { path: PathBuf, source: io::Error },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: FileError },
    #[error("{path}: {reason}")]
    Library { path: PathBuf, reason: String },
}

/// A snapshot being read.
pub(crate) struct Load {
    path: PathBuf,
    ahead: Ahead,
    decoder: Decoder,
    pub(crate) filler: Filler,
    /// What becomes of libraries that are there already.
    policy: Policy,
}

impl Load {
    /// Opens a snapshot; `None` if there is none.
    ///
    /// # Errors
    /// The system cannot open it.
    pub(crate) fn open(
        node: &mut Node,
        path: &Path,
        expired: Expired,
        duplicates: Duplicates,
    ) -> Result<Option<Load>, LoadError> {
        let system = |source| LoadError::System { path: path.to_owned(), source };
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(system)?,
        };
        let bytes_total = file.metadata().map_err(system)?.len();
        let now_ms = clock::unix_ms();
        node.persistence.loading.get_or_insert_with(|| Loading::begin(bytes_total));
        let settings = node.config.settings();
        let checksum = settings.disk.checksum;
        let ahead = Ahead::begin(file, checksum).map_err(system)?;
        let decoder = Decoder::new(node.rdb_limits(), checksum);
        let filler = Filler::new(now_ms, expired, duplicates)
            .trusting(bytes_total)
            .at_pace(settings.rigs.loading);
        let policy = match duplicates {
            Duplicates::Refused => Policy::Refuse,
            Duplicates::Replaced => Policy::Replace,
        };
        Ok(Some(Load { path: path.to_owned(), ahead, decoder, filler, policy }))
    }

    /// Reads one slice. Whether the file is at its end.
    ///
    /// # Errors
    /// The file cannot be read; some keys may be there.
    pub(crate) fn step(&mut self, node: &mut Node) -> Result<bool, LoadError> {
        let slice = node.config.settings().rigs.slice_bytes;
        let (mut count, until) = (0, self.decoder.offset() + slice);
        let mut taken = self.take_in(&mut node.databases, until)?;
        while taken == Taken::AllThatCame && count < slice {
            let system = |source| LoadError::System { path: self.path.clone(), source };
            let piece = self.ahead.next().map_err(system)?;
            count += piece.bytes.len() as u64;
            if piece.bytes.is_empty() {
                self.decoder.end();
            }
            self.decoder.push_summed(&piece.bytes, piece.sum);
            self.ahead.give_back(piece.bytes);
            taken = self.take_in(&mut node.databases, until)?;
        }
        tell_dropped(node, &mut self.filler);
        if let Some(loading) = &mut node.persistence.loading {
            loading.bytes_read += count;
            let stated =
                self.filler.facts.value("used-mem").and_then(|text| str::from_utf8(text).ok());
            loading.stated_memory = stated.and_then(|text| text.parse().ok()).unwrap_or(0);
        }
        Ok(taken == Taken::Everything)
    }

    /// Takes in what has been read, up to about an offset.
    fn take_in(&mut self, databases: &mut [Keyspace], until: u64) -> Result<Taken, LoadError> {
        let taken = take_in(&mut self.decoder, &mut self.filler, databases, until);
        taken.map_err(|source| LoadError::File { path: self.path.clone(), source })
    }

    /// Reads all of it, and has the node serve it; the node is free between two slices. What the file told of itself.
    ///
    /// # Errors
    /// As [`Load::step`]; the node still counts as loading, so that it neither serves nor saves what is there.
    pub(crate) async fn run(mut self, node: &SharedNode) -> Result<Facts, LoadError> {
        loop {
            let is_done = {
                let node = &mut *node.borrow_mut();
                let is_done = self.step(node)?;
                node.end_apart();
                is_done
            };
            if is_done {
                break;
            }
            tokio::task::yield_now().await;
        }
        let node = &mut *node.borrow_mut();
        let facts = std::mem::take(&mut self.filler.facts);
        self.finish(node)?;
        node.persistence.loading = None;
        Ok(facts)
    }

    /// Tells what was read; the node has it all now. How many bytes it was: what follows them in the file is not read.
    ///
    /// # Errors
    /// A library of functions cannot be loaded.
    pub(crate) fn finish(self, node: &mut Node) -> Result<u64, LoadError> {
        let Filler { loaded, expired_count, empty_count, empty_keys, libraries, .. } = self.filler;
        for key in &empty_keys {
            tracing::info!("rdbLoadObject skipping empty key: {}", key.escape_ascii());
        }
        if empty_count > 0 {
            tracing::info!(
                "Done loading RDB, keys loaded: {loaded}, keys expired: {expired_count}, empty keys skipped: {empty_count}."
            );
        } else {
            tracing::info!(
                "Done loading RDB, keys loaded: {loaded}, keys expired: {expired_count}."
            );
        }
        node.persistence.loaded_count = loaded;
        node.persistence.loaded_expired_count = expired_count;
        match node.add_libraries(&libraries, self.policy) {
            Ok(()) => Ok(self.decoder.offset()),
            Err(reason) => {
                Err(LoadError::Library { path: self.path, reason: reason.as_str().to_owned() })
            }
        }
    }
}

/// How far taking in has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Bytes that came may hold more.
    Slice,
    AllThatCame,
    /// The file is at its end.
    Everything,
}

/// Takes in what a decoder was given, up to about an offset.
///
/// # Errors
/// The file cannot be read; some keys may be there.
pub(crate) fn take_in(
    decoder: &mut Decoder,
    filler: &mut Filler,
    databases: &mut [Keyspace],
    until: u64,
) -> Result<Taken, FileError> {
    while let Some(item) = decoder.next()? {
        let is_end = matches!(item, Item::End);
        filler.take(item, databases)?;
        if is_end {
            return Ok(Taken::Everything);
        }
        if decoder.offset() >= until {
            return Ok(Taken::Slice);
        }
    }
    Ok(Taken::AllThatCame)
}

/// Has those who repeat changes hear of keys that were left out.
fn tell_dropped(node: &mut Node, filler: &mut Filler) {
    let word = node.expired_removal();
    for (db, key) in filler.dropped.drain(..) {
        node.propagate_removal(db, &key, word);
    }
}

/// Reads what was kept, before the node serves anything of it: the append-only file where it is on, otherwise the
/// snapshot.
///
/// # Errors
/// It cannot be read: the node must not go on, for it would replace the files by what it has.
pub(crate) async fn load(node: &SharedNode) -> Result<(), RunError> {
    leftovers::remove({
        let node = node.borrow();
        let settings = node.config.settings();
        vec![settings.dir.clone(), aof::directory(settings)]
    });
    let manifest = parts::read_manifest(node.borrow().config.settings()).map_err(fatal)?;
    node.borrow_mut().persistence.aof.manifest = manifest;
    let appends = node.borrow().config.settings().disk.appends;
    if appends {
        load_parts(node).await?;
    } else {
        load_snapshot(node).await?;
    }
    let node = &mut *node.borrow_mut();
    if let Some(cluster) = &node.cluster {
        let database = &node.databases[0];
        let held = Slot::all().filter(|slot| database.count_in_slot(*slot) > 0);
        cluster.borrow_mut().adopt_loaded(held);
    }
    Ok(())
}

fn fatal(error: impl Error) -> RunError {
    tracing::warn!("Fatal error loading the DB: {error}. Exiting.");
    RunError::Load(error.to_string())
}

async fn load_snapshot(node: &SharedNode) -> Result<(), RunError> {
    let opened = {
        let node = &mut *node.borrow_mut();
        let (path, expired) = (node.snapshot_path(), node.expect_place());
        Load::open(node, &path, expired, Duplicates::Refused)
    };
    let mut facts = Facts::default();
    if let Some(load) = opened.map_err(fatal)? {
        let start = Instant::now();
        facts = load.run(node).await.map_err(|error| {
            tracing::warn!("Internal error in RDB reading: {error}");
            tracing::warn!("Terminating server after rdb file reading failure.");
            fatal(error)
        })?;
        tracing::info!("DB loaded from disk: {:.3} seconds", start.elapsed().as_secs_f64());
    }
    node.borrow_mut().take_place(&facts);
    Ok(())
}

async fn load_parts(node: &SharedNode) -> Result<(), RunError> {
    let has_parts = !node.borrow().persistence.aof.manifest.is_empty();
    if has_parts {
        let start = Instant::now();
        let mut replay = Replay::begin(&mut node.borrow_mut());
        loop {
            let is_done = replay.step(&mut node.borrow_mut()).map_err(fatal)?;
            if is_done {
                break;
            }
            tokio::task::yield_now().await;
        }
        replay.end(&mut node.borrow_mut());
        let seconds = start.elapsed().as_secs_f64();
        tracing::info!("DB loaded from append only file: {seconds:.3} seconds");
    }
    node.borrow_mut().open_append().map_err(fatal)
}

impl Node {
    /// Reads the append-only file at once, in place of what is there.
    ///
    /// # Errors
    /// It cannot be read; some of it may be there.
    pub(crate) fn load_parts_now(&mut self) -> Result<(), ReplayError> {
        if self.persistence.aof.manifest.is_empty() {
            return Err(ReplayError::Nothing);
        }
        self.without_effects(Node::replace_by_parts)
    }

    fn replace_by_parts(&mut self) -> Result<(), ReplayError> {
        self.commit_appended();
        let state = std::mem::take(&mut self.persistence.aof.state);
        self.set_append_state(State::Off);
        self.clear_databases();
        self.persistence.aof.manifest = parts::read_manifest(self.config.settings())?;
        let mut replay = Replay::begin(self);
        let result = loop {
            match replay.step(self) {
                Ok(true) => break Ok(()),
                Ok(false) => {}
                Err(error) => break Err(error),
            }
        };
        replay.end(self);
        self.set_append_state(state);
        result
    }

    /// Forgets all data, libraries of functions included, of which nobody hears.
    pub(crate) fn clear_databases(&mut self) {
        let is_replica = self.replication.upstream.is_some();
        let lazily = self.config.settings().memory.lazy.outdated;
        let freeing = if is_replica { lazily } else { Freeing::Now };
        self.databases.iter_mut().for_each(|database| database.clear(freeing));
        self.flush_libraries();
    }

    /// Reads the snapshot at once, beside what is there.
    ///
    /// # Errors
    /// It cannot be read; some keys may be there.
    pub(crate) fn load_now(&mut self, duplicates: Duplicates) -> Result<(), LoadError> {
        let path = self.snapshot_path();
        let opened = Load::open(self, &path, Expired::Dropped, duplicates)?;
        let missing = || LoadError::System { path, source: io::ErrorKind::NotFound.into() };
        let mut load = opened.ok_or_else(missing)?;
        let result = loop {
            match load.step(self) {
                Ok(true) => break Ok(()),
                Ok(false) => {}
                Err(error) => break Err(error),
            }
        };
        let result = result.and_then(|()| load.finish(self).map(drop));
        self.persistence.loading = None;
        result
    }
}
