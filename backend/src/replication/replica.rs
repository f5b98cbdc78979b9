//! One replica of this node: what it told of itself, and what it is to be sent next.

use std::fs::File;
use std::io::{self, Read as _};
use std::time::Instant;

use crate::client::Client;
use crate::replication::Replication;

/// A client that is a replica, or says that it is about to be one.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) stage: Stage,
    /// The port on which it serves; 0 as long as it has not told.
    pub(crate) port: u16,
    /// The address that it announces; empty for the one it comes from.
    pub(crate) ip: String,
    /// It can read a copy of which nobody knows the length.
    pub(crate) can_read_unsized: bool,
    /// It can go on with a history under another name.
    pub(crate) can_change_history: bool,
    /// It asked by `SYNC`, and knows of no histories.
    pub(crate) is_old: bool,
    /// It wants a copy and nothing more.
    pub(crate) is_copy_only: bool,
    /// Its copy holds functions and no keys.
    pub(crate) wants_functions_only: bool,
    /// Where the next byte of the stream lies that it is to be sent.
    pub(crate) next: u64,
    /// How far it has come, as it said last.
    pub(crate) acked: u64,
    /// When it said so, or when it came to this stage; while it gets a copy, when it last took or was offered some.
    pub(crate) heard_at: Instant,
    /// When what it has not read reached the soft limit.
    pub(crate) soft_limit_since: Option<Instant>,
    /// Whether its connection was told whether to send at once.
    pub(crate) is_tuned: bool,
}

/// How far a replica has come on its way.
#[derive(Debug)]
pub(crate) enum Stage {
    /// It has told something of itself, and is a client like any other.
    Introduced,
    /// It waits for a copy to be begun.
    Waiting,
    /// A child writes the file that it will get.
    FileInTheMaking,
    /// It gets a file: what is read of it and not sent, and how much is left (bytes).
    Reading { file: File, left: u64, chunk: Vec<u8>, at: usize },
    /// It gets a copy as that is made: the number of the chunk it gets, and how much of it was sent.
    Receiving { number: u64, at: usize },
    /// It was sent a copy, and must say when it has read it.
    Loading,
    /// It gets the stream.
    Online,
}

/// Bytes of a file read at once.
const CHUNK_BYTES: u64 = 64 * 1024;

impl Replica {
    pub(crate) fn new() -> Replica {
        Replica {
            stage: Stage::Introduced,
            port: 0,
            ip: String::new(),
            can_read_unsized: false,
            can_change_history: false,
            is_old: false,
            is_copy_only: false,
            wants_functions_only: false,
            next: 0,
            acked: 0,
            heard_at: Instant::now(),
            soft_limit_since: None,
            is_tuned: false,
        }
    }

    /// From where on the stream must be kept for it; `None` for nothing of it.
    pub(super) fn needs_from(&self) -> Option<u64> {
        match self.stage {
            Stage::Introduced | Stage::Waiting => None,
            _ if self.is_copy_only => None,
            _ => Some(self.next),
        }
    }

    /// The address under which it is known, of whom this is the client.
    pub(crate) fn ip_seen(&self, client: &Client) -> String {
        if !self.ip.is_empty() {
            return self.ip.clone();
        }
        let ip = client.addr.rsplit_once(':').map_or("", |(ip, _)| ip);
        ip.trim_matches(['[', ']']).to_owned()
    }

    /// How `INFO` names its stage.
    pub(crate) fn state(&self) -> Option<&'static str> {
        match self.stage {
            Stage::Introduced => None,
            Stage::Waiting | Stage::FileInTheMaking | Stage::Receiving { .. } => {
                Some("wait_bgsave")
            }
            Stage::Reading { .. } => Some("send_bulk"),
            Stage::Loading | Stage::Online => Some("online"),
        }
    }

    /// Whether its copy was sent, read or not: what a Redis calls online.
    pub(crate) fn has_copy(&self) -> bool {
        matches!(self.stage, Stage::Loading | Stage::Online)
    }

    pub(crate) fn is_online(&self) -> bool {
        matches!(self.stage, Stage::Online)
    }

    /// What it is to be sent now, as much as lies together. Nothing means that it has all there is.
    ///
    /// # Errors
    /// The file cannot be read, or the stream is not kept any more: the replica is to be disconnected.
    pub(crate) fn portion<'p>(&'p mut self, replication: &'p Replication) -> io::Result<&'p [u8]> {
        match &mut self.stage {
            Stage::Reading { file, left, chunk, at } => {
                if *at == chunk.len() && *left > 0 {
                    chunk.clear();
                    *at = 0;
                    let count = file.take((*left).min(CHUNK_BYTES)).read_to_end(chunk)?;
                    if count == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    *left -= count as u64;
                }
                Ok(&chunk[*at..])
            }
            Stage::Receiving { number, at } => {
                let chunk = replication.copy.as_ref().filter(|copy| copy.number == *number);
                Ok(chunk.and_then(|copy| copy.chunk.get(*at..)).unwrap_or_default())
            }
            Stage::Online => {
                let backlog = replication.backlog.as_ref();
                let kept = backlog.and_then(|backlog| backlog.read(self.next));
                kept.ok_or_else(|| io::ErrorKind::NotConnected.into())
            }
            Stage::Introduced | Stage::Waiting | Stage::FileInTheMaking | Stage::Loading => Ok(&[]),
        }
    }

    /// So many bytes of the portion were sent.
    pub(crate) fn sent(&mut self, count: usize, replication: &Replication) {
        match &mut self.stage {
            Stage::Reading { left, chunk, at, .. } => {
                *at += count;
                if *at == chunk.len() && *left == 0 {
                    self.stage = if self.is_copy_only { Stage::Loading } else { Stage::Online };
                    self.heard_at = Instant::now();
                }
            }
            Stage::Receiving { number, at } => {
                *at += count;
                self.heard_at = Instant::now();
                if let Some(copy) = &replication.copy
                    && *at == copy.chunk.len()
                {
                    *number += 1;
                    *at = 0;
                    copy.reader_left();
                }
            }
            Stage::Online => self.next += count as u64,
            Stage::Introduced | Stage::Waiting | Stage::FileInTheMaking | Stage::Loading => {}
        }
    }
}
