//! This node as a primary and as a replica of others: who copies whom, and how far they have come.
//!
//! | module | what it holds |
//! |---|---|
//! | `backlog` | the last bytes of the stream, for replicas that were away or are slow |

mod backlog;

use crate::data::random::Random;
use crate::node::{Node, hex_id};
use crate::propagate::{Reach, Unit};

use backlog::Backlog;

/// What is known of this node's place among others.
#[derive(Debug)]
pub(crate) struct Replication {
    /// The name of the history of changes: 40 hexadecimal characters.
    pub(crate) id: String,
    /// Bytes of that history so far (count).
    pub(crate) offset: u64,
    /// The last bytes of it, as long as somebody may ask for them.
    backlog: Option<Backlog>,
    /// The database in which the stream stands.
    selected: Option<usize>,
}

impl Replication {
    pub(crate) fn new(random: &mut Random) -> Replication {
        Replication { id: hex_id(random), offset: 0, backlog: None, selected: None }
    }

    /// Starts a new history of changes.
    pub(crate) fn renew_id(&mut self, random: &mut Random) {
        self.id = hex_id(random);
    }
}

impl Node {
    /// Adds effects to the stream that replicas read.
    pub(crate) fn feed_replicas(&mut self, unit: &Unit) {
        let replication = &mut self.replication;
        let Some(backlog) = &mut replication.backlog else { return };
        let size = self.config.settings().replication.backlog_bytes;
        replication.offset += backlog.append(|out| {
            unit.write(out, &mut replication.selected, Reach::Replicas);
        });
        backlog.trim(u64::MAX, size as u64);
    }
}
