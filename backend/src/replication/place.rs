//! The place in a history that data in a file belong to, by which a node goes on where it was after a restart.
//!
//! | fact of the file | what it says |
//! |---|---|
//! | `repl-stream-db` | the database in which the stream stands there |
//! | `repl-id` | the name of the history: 40 characters |
//! | `repl-offset` | bytes of the history up to there (count) |
//!
//! 1. A primary that has replicas, and a replica, write it into every snapshot and every copy.
//! 2. A replica that has read its file asks its primary for what came behind.
//! 3. A primary that has read its file begins a history of a new name, as it may have told replicas more than it saved,
//!    and remembers the old one up to that place: who copied it no further goes on. The stream begins there with the
//!    removal of keys whose time came before they were read.
//!
//! The base of an append-only file tells no place: what stands behind it would have to be counted.
//!
//! Source: redis `src/rdb.c` rdbPopulateSaveInfo, `src/server.c` loadDataFromDisk.

use std::time::Instant;

use crate::data::rdb::file::fill::{Expired, Facts};
use crate::node::Node;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) id: String,
    pub(super) offset: u64,
    pub(super) db: usize,
}

/// Characters of the name of a history.
pub(super) const ID_LEN: usize = 40;

impl Place {
    /// What a file tells; `None` if it tells none, or one that cannot be here. There must be so many databases.
    pub(super) fn of(facts: &Facts, databases_count: usize) -> Option<Place> {
        let text = |name| facts.value(name).and_then(|value| str::from_utf8(value).ok());
        let id = text("repl-id").filter(|id| is_id(id))?.to_owned();
        // Signed, as in a Redis, to which -1 says that nobody knows.
        let offset: i64 = text("repl-offset")?.parse().ok()?;
        let db = text("repl-stream-db")?.parse().ok().filter(|db| *db < databases_count)?;
        Some(Place { id, offset: u64::try_from(offset).ok()?, db })
    }
}

/// Whether a text can be the name of a history.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == ID_LEN && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Node {
    /// What a file of the present data is to tell of their place; nothing where nobody could make use of it.
    pub(crate) fn place_facts(&self) -> Vec<(&'static str, String)> {
        let replication = &self.replication;
        let is_known = match &replication.upstream {
            Some(upstream) => upstream.knows_history,
            None => replication.backlog.is_some(),
        };
        if !is_known {
            return Vec::new();
        }
        // Where a primary's stream stands is of no use to anybody: it begins with the database that it means.
        let db = replication.selected.unwrap_or(0);
        vec![
            ("repl-stream-db", db.to_string()),
            ("repl-id", replication.id.clone()),
            ("repl-offset", replication.offset.to_string()),
        ]
    }

    /// Before the node's own snapshot is read. What is to become of keys whose time has come: a primary removes them,
    /// and its stream says so.
    pub(crate) fn expect_place(&mut self) -> Expired {
        if self.will_be_replica() {
            return Expired::Kept;
        }
        self.replication.keep_backlog();
        self.stream_changed();
        Expired::Dropped
    }

    /// The node's own snapshot, which told this, has been read.
    pub(crate) fn take_place(&mut self, facts: &Facts) {
        let is_replica = self.will_be_replica();
        let place = Place::of(facts, self.databases.len());
        let replication = &mut self.replication;
        match place {
            Some(Place { id, offset, db }) if is_replica => {
                (replication.id, replication.offset) = (id, offset);
                replication.selected = Some(db);
            }
            Some(Place { id, offset, .. }) => {
                replication.offset += offset;
                if let Some(backlog) = &mut replication.backlog {
                    backlog.shift(offset);
                }
                replication.before = Some((id, offset));
                replication.lonely_since = Some(Instant::now());
            }
            // Nobody can go on from a place that nobody knows.
            None => replication.backlog = None,
        }
        self.stream_changed();
    }

    /// Whether settings or the cluster will make this node a replica as soon as it serves.
    fn will_be_replica(&self) -> bool {
        match &self.cluster {
            Some(cluster) => cluster.borrow().core.myself().is_replica(),
            None => !self.config.settings().replication.primary.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: &str, offset: &str, db: &str) -> Option<Place> {
        let facts = [("repl-id", id), ("repl-offset", offset), ("repl-stream-db", db)];
        let facts = facts.map(|(name, value)| (name.into(), value.into()));
        Place::of(&facts.into_iter().collect(), 16)
    }

    #[test]
    fn only_a_place_that_can_be_is_taken() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(place(id, "7", "15"), Some(Place { id: id.to_owned(), offset: 7, db: 15 }));
        let refused = [
            (id, "-1", "0"),
            (id, "7", "16"),
            (id, "7", "-1"),
            (id, "18446744073709551615", "0"),
            (&id[1..], "7", "0"),
            ("0123456789abcdef0123456789abcdef0123\r\n67", "7", "0"),
        ];
        for (id, offset, db) in refused {
            assert_eq!(place(id, offset, db), None, "{id} {offset} {db}");
        }
        assert_eq!(Place::of(&Facts::default(), 16), None);
    }
}
