//! A full copy, as it comes: into a file that is then read, or straight into databases.
//!
//! | line | what follows |
//! |---|---|
//! | `$<length>` | so many bytes, and then the stream at once |
//! | `$EOF:<40 characters>` | bytes, then these characters; the stream when this node has said that it is ready |
//!
//! By `repl-diskless-load` a copy is kept in a file until it is whole, so that what is here stays as long as it may; or
//! it is read into other databases beside, which take the place of these when it is whole (`swapdb`); or it is read as
//! it comes if there is nothing here (`on-empty-db`).

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::{LinkError, Wire};
use crate::clock;
use crate::data::keyspace::{Expired, Keyspace, Layout};
use crate::data::rdb::file::decode::Decoder;
use crate::data::rdb::file::fill::{self, Duplicates, Facts, Filler};
use crate::node::{Node, SharedNode};
use crate::persistence::leftovers;
use crate::persistence::load::{self, Load, Loading, Taken};
use crate::replication::place::Place;
use crate::scripting;

/// Where a copy ends.
#[derive(Debug)]
pub(super) enum End {
    After(u64),
    Mark(Vec<u8>),
}

impl End {
    /// Reads the line with which a copy begins.
    ///
    /// # Errors
    /// There is no copy.
    pub(super) fn read(line: String) -> Result<End, LinkError> {
        match line.strip_prefix("$EOF:") {
            Some(mark) if mark.len() == MARK_BYTES => Ok(End::Mark(mark.as_bytes().to_vec())),
            Some(_) => Err(LinkError::Protocol(line)),
            None => match line.strip_prefix('$').and_then(|len| len.parse().ok()) {
                Some(len) => Ok(End::After(len)),
                None => Err(LinkError::Refused { request: "PSYNC", answer: line }),
            },
        }
    }
}

/// Time between two empty lines by which the primary hears that a copy is still being read.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Characters of a mark.
const MARK_BYTES: usize = 40;

/// Takes a copy in; afterwards this node has the history up to where the copy was made.
pub(super) async fn run(
    node: &SharedNode,
    wire: &mut Wire,
    history: Option<(String, u64)>,
) -> Result<(), LinkError> {
    let end = End::read(wire.line(node).await?)?;
    let is_unsized = matches!(end, End::Mark(_));
    note_received(node, &end, 0);
    let way = node.borrow().way();
    let place = if way == Way::File { "to disk" } else { "to parser" };
    match &end {
        End::After(len) => {
            tracing::info!("MASTER <-> REPLICA sync: receiving {len} bytes from master {place}")
        }
        End::Mark(_) => tracing::info!(
            "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF {place}"
        ),
    }
    match way {
        Way::File => {
            let path = receive_into_file(node, wire, end).await?;
            scripting::until_free(node).await;
            let facts = load_file(node, wire, &path).await?;
            let node = &mut *node.borrow_mut();
            node.own_history(history, &facts);
            node.remove_read_file();
        }
        Way::Beside => {
            let mark = BesideMark::new(node, &end, history.as_ref().map(|(id, _)| id.as_str()));
            tracing::info!("MASTER <-> REPLICA sync: Loading DB in memory");
            let received = receive_into_memory(node, wire, end).await;
            let (databases, filler) = received.inspect_err(|error| {
                let offset = node.borrow().replication.upstream.as_ref().map_or(0, |u| u.copy_bytes.1);
                tracing::warn!("Internal error in RDB reading offset {offset}: {error}");
                tracing::warn!(
                    "Failed trying to load the MASTER synchronization DB from socket, check server logs."
                );
            })?;
            drop(mark);
            scripting::until_free(node).await;
            node.borrow_mut().take_over(databases, history, &filler)?;
        }
    }
    greet(node, wire, is_unsized).await
}

/// Says that the copy was read, where the primary waits for that.
async fn greet(node: &SharedNode, wire: &mut Wire, is_unsized: bool) -> Result<(), LinkError> {
    if !is_unsized {
        return Ok(());
    }
    let offset = node.borrow().replication.offset.to_string();
    wire.send(&[b"REPLCONF", b"ACK", offset.as_bytes()]).await
}

/// Has the node count as loading while a copy is read into databases beside those that serve. Those go on serving if
/// they are of the history that the copy is of; if not, what is in them is another's, and clients are told to wait.
struct BesideMark(SharedNode);

impl BesideMark {
    fn new(node: &SharedNode, end: &End, id: Option<&str>) -> BesideMark {
        let total = if let End::After(len) = end { *len } else { 0 };
        let loading = Loading::begin(total);
        let mut state = node.borrow_mut();
        let is_ours = id == Some(state.replication.id.as_str());
        state.persistence.loading = Some(if is_ours { loading.beside() } else { loading });
        BesideMark(Rc::clone(node))
    }
}

impl Drop for BesideMark {
    fn drop(&mut self) {
        self.0.borrow_mut().persistence.loading = None;
    }
}

/// How a copy is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    File,
    /// Into other databases, which take the place of these.
    Beside,
}

impl Node {
    fn way(&self) -> Way {
        let is_empty = self.databases.iter().all(|database| database.len() == 0);
        match self.config.settings().replication.diskless_load.as_str() {
            "swapdb" => Way::Beside,
            // Empty databases are as good as others beside them.
            "on-empty-db" if is_empty => Way::Beside,
            _ => Way::File,
        }
    }

    /// Databases without keys, as many and as treated as those here.
    fn empty_databases(&self) -> Vec<Keyspace> {
        let layout = if self.cluster.is_some() { Layout::BySlot } else { Layout::Whole };
        self.databases.iter().map(|_| Keyspace::new(layout)).collect()
    }

    fn take_over(
        &mut self,
        databases: Vec<Keyspace>,
        history: Option<(String, u64)>,
        read: &Filler,
    ) -> Result<(), LinkError> {
        self.restore_libraries(&read.libraries)
            .map_err(|error| LinkError::Protocol(error.as_str().to_owned()))?;
        self.watches.touch_all();
        self.invalidate_all();
        self.databases = databases;
        self.renew_treatment();
        self.own_history(history, &read.facts);
        Ok(())
    }

    /// What is here is the copy's, which told this.
    fn own_history(&mut self, history: Option<(String, u64)>, facts: &Facts) {
        let place = Place::of(facts, self.databases.len());
        let replication = &mut self.replication;
        replication.is_loading = false;
        let knows = history.is_some();
        if let Some((id, offset)) = history {
            replication.id = id;
            replication.offset = offset;
        }
        replication.before = None;
        replication.keep_backlog();
        if let Some(upstream) = &mut replication.upstream {
            upstream.knows_history = knows;
        }
        // The stream of a replica's replica begins wherever that of its primary stands.
        replication.selected = place.map(|place| place.db);
        // What they have is not what is here.
        self.disconnect_replicas();
        self.treat_expired(Expired::Hidden);
        self.restart_append();
    }

    /// Empties the databases for a copy.
    fn make_room(&mut self) {
        self.watches.touch_all();
        self.invalidate_all();
        self.clear_databases();
        self.replication.is_loading = true;
        if let Some(upstream) = &mut self.replication.upstream {
            upstream.knows_history = false;
        }
    }
}

fn note_received(node: &SharedNode, end: &End, count: u64) {
    if let Some(upstream) = &mut node.borrow_mut().replication.upstream {
        let total = if let End::After(len) = end { Some(*len) } else { None };
        upstream.copy_bytes = (total, count);
    }
}

async fn receive_into_file(
    node: &SharedNode,
    wire: &mut Wire,
    end: End,
) -> Result<PathBuf, LinkError> {
    let dir = node.borrow().config.settings().dir.clone();
    let name = format!("temp-{}.{}.rdb", clock::unix_ms() / 1000, std::process::id());
    let unfinished = Unfinished(dir.join(name));
    let mut file = leftovers::begin(&unfinished.0)?;
    let mut count = 0;
    // The last bytes written, where the mark may begin.
    let mut tail: Vec<u8> = Vec::new();
    loop {
        let portion = match &end {
            End::After(len) => {
                wire.received.len().min(usize::try_from(len - count).unwrap_or(usize::MAX))
            }
            End::Mark(_) => wire.received.len(),
        };
        let bytes: Vec<u8> = wire.received.drain(..portion).collect();
        file.write_all(&bytes)?;
        count += bytes.len() as u64;
        note_received(node, &end, count);
        let is_whole = match &end {
            End::After(len) => count == *len,
            End::Mark(mark) => {
                tail.extend_from_slice(&bytes[bytes.len().saturating_sub(MARK_BYTES)..]);
                tail.drain(..tail.len().saturating_sub(MARK_BYTES));
                tail == *mark
            }
        };
        if is_whole {
            break;
        }
        wire.receive(node).await?;
    }
    if let End::Mark(_) = end {
        file.set_len(count - MARK_BYTES as u64)?;
    }
    file.sync_all()?;
    let place = node.borrow().snapshot_path();
    fs::rename(&unfinished.0, &place)?;
    Ok(place)
}

/// A file that is removed again unless it got its place.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It is gone if it got its place.
        let _ = fs::remove_file(&self.0);
    }
}

/// Reads a copy from its file; between two slices the node answers that it is loading.
async fn load_file(
    node: &SharedNode,
    wire: &Wire,
    path: &std::path::Path,
) -> Result<Facts, LinkError> {
    tracing::info!("MASTER <-> REPLICA sync: Flushing old data");
    let broken = |error: &dyn std::fmt::Display| LinkError::Protocol(error.to_string());
    let opened = {
        let node = &mut *node.borrow_mut();
        node.make_room();
        Load::open(node, path, fill::Expired::Kept, Duplicates::Refused)
    };
    let load = opened
        .map_err(|error| broken(&error))?
        .ok_or_else(|| LinkError::System(std::io::ErrorKind::NotFound.into()))?;
    tracing::info!("MASTER <-> REPLICA sync: Loading DB in memory");
    let loading = load.run(node);
    tokio::pin!(loading);
    let mut ticker = tokio::time::interval(SIGN_OF_LIFE);
    let loaded = loop {
        tokio::select! {
            loaded = &mut loading => break loaded,
            // A primary that has it no more is noticed when it is to be heard.
            _ = ticker.tick() => drop(wire.stream.try_write(b"\n")),
        }
    };
    loaded.map_err(|error| {
        let node = &mut *node.borrow_mut();
        node.persistence.loading = None;
        node.clear_databases();
        broken(&error)
    })
}

/// Reads a copy as it comes, into databases beside those that serve.
async fn receive_into_memory(
    node: &SharedNode,
    wire: &mut Wire,
    end: End,
) -> Result<(Vec<Keyspace>, Filler), LinkError> {
    let (mut decoder, mut databases) = {
        let node = node.borrow();
        let settings = node.config.settings();
        let decoder = Decoder::new(node.rdb_limits(), settings.disk.checksum);
        (decoder, node.empty_databases())
    };
    let mut filler = Filler::new(clock::unix_ms(), fill::Expired::Kept, Duplicates::Refused);
    let mut left = if let End::After(len) = end { len } else { u64::MAX };
    let mut count = 0;
    loop {
        let portion = wire.received.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        decoder.push(&wire.received[..portion]);
        wire.received.drain(..portion);
        left -= portion as u64;
        count += portion as u64;
        note_received(node, &end, count);
        let taken = loop {
            let rigs = node.borrow().config.settings().rigs;
            filler.set_pace(rigs.loading);
            let until = decoder.offset() + rigs.slice_bytes;
            match load::take_in(&mut decoder, &mut filler, &mut databases, until)? {
                Taken::Slice => tokio::task::yield_now().await,
                taken => break taken,
            }
        };
        if taken == Taken::Everything {
            break;
        }
        // A large value is not looked at with every portion, so that its end may be there and not be seen.
        let is_all_there = match &end {
            End::After(_) => left == 0,
            End::Mark(mark) => decoder.unread().ends_with(mark),
        };
        if is_all_there {
            decoder.end();
            continue;
        }
        wire.receive(node).await?;
    }
    // What lies behind the copy is the mark, and then the stream.
    let mut behind = decoder.unread().to_vec();
    behind.append(&mut wire.received);
    wire.received = behind;
    if let End::Mark(mark) = end {
        while wire.received.len() < MARK_BYTES {
            wire.receive(node).await?;
        }
        let found: Vec<u8> = wire.received.drain(..MARK_BYTES).collect();
        if found != mark {
            return Err(LinkError::Protocol("a copy without its end".to_owned()));
        }
    }
    Ok((databases, filler))
}
