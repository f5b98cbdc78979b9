//! The directory that holds a cluster: who may use it, and what it remembers.
//!
//! ```text
//! reddoor-data/
//!   lock            held while a supervisor runs
//!   cluster.toml    shape, ports, and whether the cluster has been formed
//!   node-7000/      one node's directory: nodes.conf, its data, node.log
//! ```
//!
//! Invariants: `cluster.toml` is written before the first node starts and always replaced whole; `formed` is
//! true only once all nodes agreed on the slots.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::layout::{Layout, NODE_PORT_MAX, REPLICAS_MAX, SHARDS_MAX, Shape};
use crate::exit::Mistake;

/// The directory of data when the operator names none.
pub(crate) const DEFAULT: &str = "reddoor-data";
/// A node's own memory of its cluster, inside the node's directory.
pub(crate) const NODES_CONF: &str = "nodes.conf";

const LOCK_FILE: &str = "lock";
const STATE_FILE: &str = "cluster.toml";
const STATE_VERSION: u32 = 1;
const STATE_HEADER: &str =
    "# Written by reddoor. It finds its nodes again by this file; do not change it by hand.\n\n";

/// A directory that this process, and no other, uses.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Whether it was not there before.
    is_new: bool,
    /// Keeps the lock for as long as this lives; the kernel drops it with the process, however that ends.
    _lock: File,
}

/// What a directory remembers of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Shape and ports.
    pub(crate) layout: Layout,
    /// Whether the nodes once agreed on who owns which slot. If not, they start from nothing.
    pub(crate) is_formed: bool,
}

/// [`Memory`] as it lies in the file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    version: u32,
    formed: bool,
    shards: u16,
    replicas: u16,
    ports: Vec<u16>,
}

impl DataDir {
    /// Creates the directory if need be, and takes it for this process alone.
    ///
    /// # Errors
    /// It cannot be created or written, or another process has it.
    pub(crate) fn open(path: &Path) -> Result<DataDir, Mistake> {
        let unusable = |error: io::Error| {
            Mistake::Obstacle(format!("cannot write to the directory {}: {error}", path.display()))
        };
        let is_new = !path.exists();
        fs::create_dir_all(path).map_err(unusable)?;
        // Absolute, because nodes run in directories of their own.
        let path = path.canonicalize().map_err(unusable)?;
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path.join(LOCK_FILE))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(&path, &mut lock)),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        lock.set_len(0).map_err(unusable)?;
        writeln!(lock, "{}", std::process::id()).map_err(unusable)?;
        Ok(DataDir { path, is_new, _lock: lock })
    }

    /// Gives the directory up after nothing was done in it: one that was made for this is removed again.
    pub(crate) fn abandon(self) {
        if self.is_new {
            // What cannot be removed now does no harm later.
            let _ = fs::remove_file(self.path.join(LOCK_FILE));
            let _ = fs::remove_dir(&self.path);
        }
    }

    /// The absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of the node that listens on this port.
    pub(crate) fn node_dir(&self, port: u16) -> PathBuf {
        self.path.join(format!("node-{port}"))
    }

    /// Remembers the cluster: written aside, synced, renamed, so that a crash leaves the old file or the new one.
    pub(crate) fn remember(&self, memory: &Memory) -> Result<()> {
        let state = StateFile {
            version: STATE_VERSION,
            formed: memory.is_formed,
            shards: memory.layout.shape.shards,
            replicas: memory.layout.shape.replicas,
            ports: memory.layout.ports.clone(),
        };
        let text = format!("{STATE_HEADER}{}", toml::to_string(&state)?);
        let (path, aside) = (self.path.join(STATE_FILE), self.path.join("cluster.toml.new"));
        let write = || {
            let mut file = File::create(&aside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&aside, &path)?;
            File::open(&self.path)?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Makes the nodes' directories, and makes nodes of a cluster that was never formed begin from nothing.
    ///
    /// Such a cluster never took a write, so what its nodes remember of each other is all that is dropped.
    pub(crate) fn prepare_nodes(&self, memory: &Memory) -> Result<()> {
        for &port in &memory.layout.ports {
            let dir = self.node_dir(port);
            fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
            if !memory.is_formed {
                let file = dir.join(NODES_CONF);
                match fs::remove_file(&file) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(error)
                            .with_context(|| format!("cannot remove {}", file.display()));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// What the directory at this path remembers, without taking it; `None` for a new one.
///
/// # Errors
/// There is a file, but not one that this version wrote whole.
pub(crate) fn recall(dir: &Path) -> Result<Option<Memory>, Mistake> {
    let path = dir.join(STATE_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // A path through a file; opening the directory says so more clearly.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(None),
        Err(error) => {
            return Err(Mistake::Obstacle(format!("cannot read {}: {error}", path.display())));
        }
    };
    parse(&text).map(Some).map_err(|what| {
        Mistake::Setting(format!("{} is not as reddoor wrote it: {what}", path.display()))
    })
}

fn parse(text: &str) -> Result<Memory, String> {
    let state: StateFile =
        toml::from_str(text).map_err(|error| error.message().trim().to_owned())?;
    if state.version != STATE_VERSION {
        return Err(format!("version {}, expected {STATE_VERSION}", state.version));
    }
    let shape = Shape { shards: state.shards, replicas: state.replicas };
    if !(1..=SHARDS_MAX).contains(&shape.shards) || shape.replicas > REPLICAS_MAX {
        return Err(format!("{} shards of {} replicas", shape.shards, shape.replicas));
    }
    if state.ports.len() != shape.nodes_count() {
        return Err(format!("{} ports for {} nodes", state.ports.len(), shape.nodes_count()));
    }
    if let Some(port) = state.ports.iter().find(|&&port| port == 0 || port > NODE_PORT_MAX) {
        return Err(format!("port {port}, expected 1 to {NODE_PORT_MAX}"));
    }
    let layout = Layout { shape, ports: state.ports };
    Ok(Memory { layout, is_formed: state.formed })
}

fn in_use(path: &Path, lock: &mut File) -> Mistake {
    // The holder writes its process id right after it took the lock; it may not have come so far.
    let mut holder = String::new();
    let _ = lock.take(32).read_to_string(&mut holder);
    let holder = match holder.trim() {
        "" => String::new(),
        pid => format!(" (process {pid})"),
    };
    Mistake::Obstacle(format!(
        "the directory {} is in use by another reddoor{holder}; stop that one or give another --dir",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Memory {
        let shape = Shape { shards: 1, replicas: 1 };
        Memory { layout: Layout { shape, ports: vec![7000, 7005] }, is_formed: true }
    }

    #[test]
    fn what_is_remembered_is_recalled() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&temp.path().join("new/er")).unwrap();
        assert_eq!(recall(dir.path()).unwrap(), None);
        for is_formed in [false, true] {
            let memory = Memory { is_formed, ..memory() };
            dir.remember(&memory).unwrap();
            assert_eq!(recall(dir.path()).unwrap(), Some(memory));
        }
    }

    #[test]
    fn a_directory_has_one_user() {
        let temp = tempfile::tempdir().unwrap();
        let first = DataDir::open(temp.path()).unwrap();
        let refusal = DataDir::open(temp.path()).unwrap_err().to_string();
        let pid = std::process::id();
        assert!(refusal.contains(&format!("another reddoor (process {pid})")), "{refusal}");
        drop(first);
        assert!(DataDir::open(temp.path()).is_ok());
    }

    #[test]
    fn a_path_through_a_file_is_one_clear_line() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("file"), "").unwrap();
        let path = temp.path().join("file/dir");
        let refusal = DataDir::open(&path).unwrap_err().to_string();
        assert!(refusal.starts_with("cannot write to the directory"), "{refusal}");
        assert_eq!(recall(&path), Ok(None));
    }

    #[test]
    fn only_a_directory_that_was_made_is_removed_again() {
        let temp = tempfile::tempdir().unwrap();
        let new = temp.path().join("new");
        DataDir::open(&new).unwrap().abandon();
        assert!(!new.exists());
        DataDir::open(temp.path()).unwrap().abandon();
        assert!(temp.path().exists());
    }

    #[test]
    fn a_damaged_file_is_named_with_what_is_wrong() {
        let sound = "version = 1\nformed = true\nshards = 1\nreplicas = 0\nports = [7000]\n";
        assert!(parse(sound).is_ok());
        for (from, to, what) in [
            ("version = 1", "version = 2", "version 2, expected 1"),
            ("shards = 1", "shards = 0", "0 shards of 0 replicas"),
            ("[7000]", "[7000, 7001]", "2 ports for 1 nodes"),
            ("[7000]", "[60000]", "port 60000, expected 1 to 55535"),
        ] {
            assert_eq!(parse(&sound.replace(from, to)), Err(what.to_owned()));
        }
        assert!(parse("version = 1\nform").is_err());
    }

    #[test]
    fn only_nodes_of_an_unformed_cluster_forget() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::open(temp.path()).unwrap();
        let file = dir.node_dir(7000).join(NODES_CONF);
        dir.prepare_nodes(&memory()).unwrap();
        fs::write(&file, "x").unwrap();
        dir.prepare_nodes(&memory()).unwrap();
        assert!(file.exists());
        dir.prepare_nodes(&Memory { is_formed: false, ..memory() }).unwrap();
        assert!(!file.exists());
    }
}
