//! Snapshots into databases, in slices: between two of them clients are answered, if only that they must wait.
//!
//! Clients are let in before the data is read, other than they could be: tools tell by `LOADING` that a node lives
//! and is on its way, the front door tries again, and the nodes of a cluster hear from it and do not hold it for
//! failed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use thiserror::Error;

use crate::clock;
use crate::data::keyspace::Keyspace;
use crate::data::rdb::file::FileError;
use crate::data::rdb::file::decode::{Decoder, Item};
use crate::data::rdb::file::fill::{Duplicates, Expired, Filler};
use crate::node::{Node, SharedNode};

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
}

/// Why data cannot be read.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error("{path}: {source}")]
    System { path: PathBuf, source: io::Error },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: FileError },
}

/// Bytes read between two looks at clients: some milliseconds of work. Source: redis `src/config.c`
/// loading-process-events-interval-bytes.
const SLICE_BYTES: u64 = 2 * 1024 * 1024;

/// A snapshot being read.
pub(crate) struct Load {
    path: PathBuf,
    file: File,
    decoder: Decoder,
    pub(crate) filler: Filler,
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
        node.persistence.loading.get_or_insert(Loading {
            began_at_s: now_ms / 1000,
            began: Instant::now(),
            bytes_total,
            bytes_read: 0,
            stated_memory: 0,
        });
        let decoder = Decoder::new(node.rdb_limits(), node.config.settings().disk.checksum);
        let filler = Filler::new(now_ms, expired, duplicates);
        Ok(Some(Load { path: path.to_owned(), file, decoder, filler }))
    }

    /// Reads one slice. Whether the file is at its end.
    ///
    /// # Errors
    /// The file cannot be read; some keys may be there.
    pub(crate) fn step(&mut self, node: &mut Node) -> Result<bool, LoadError> {
        let path = &self.path;
        let system = |source| LoadError::System { path: path.clone(), source };
        let broken = |source| LoadError::File { path: path.clone(), source };
        if self.decoder.push_from(&mut self.file, SLICE_BYTES).map_err(system)? == 0 {
            self.decoder.end();
        }
        while let Some(item) = self.decoder.next().map_err(broken)? {
            if matches!(item, Item::End) {
                return Ok(true);
            }
            self.filler.take(item, &mut node.databases).map_err(broken)?;
        }
        if let Some(loading) = &mut node.persistence.loading {
            loading.bytes_read = self.decoder.offset();
            let stated = self.filler.aux("used-mem").and_then(|text| str::from_utf8(text).ok());
            loading.stated_memory = stated.and_then(|text| text.parse().ok()).unwrap_or(0);
        }
        Ok(false)
    }

    /// Tells what was read; the node has it all now.
    pub(crate) fn finish(self, node: &mut Node) {
        let Filler { loaded, expired_count, empty_count, libraries, .. } = self.filler;
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
        node.persistence.libraries = libraries;
        node.persistence.loading = None;
    }
}

/// Reads what was kept, before the node serves anything of it.
///
/// # Errors
/// It cannot be read: the node must not go on, for it would replace the file by what it has.
pub(crate) async fn load(node: &SharedNode) -> Result<(), LoadError> {
    let path = node.borrow().snapshot_path();
    let opened = Load::open(&mut node.borrow_mut(), &path, Expired::Dropped, Duplicates::Refused)?;
    let Some(mut load) = opened else { return Ok(()) };
    let start = Instant::now();
    loop {
        // The node is free between two slices.
        let is_done = load.step(&mut node.borrow_mut())?;
        if is_done {
            break;
        }
        tokio::task::yield_now().await;
    }
    let node = &mut *node.borrow_mut();
    load.finish(node);
    tracing::info!("DB loaded from disk: {:.3} seconds", start.elapsed().as_secs_f64());
    Ok(())
}

impl Node {
    /// Forgets all data, of which nobody hears.
    pub(crate) fn clear_databases(&mut self) {
        self.databases.iter_mut().for_each(Keyspace::clear);
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
        match result {
            Ok(()) => load.finish(self),
            Err(_) => self.persistence.loading = None,
        }
        result
    }
}
