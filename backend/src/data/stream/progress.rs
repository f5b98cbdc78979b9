//! How far a group has come: how many entries were ever added up to an ID, and how many lie ahead.
//!
//! Entries that were deleted out of the middle leave no trace but the largest of their IDs, so often nobody can tell.
//! Source: redis `src/t_stream.c` streamEstimateDistanceFromFirstEverEntry, streamReplyWithCGLag.

use std::cmp::Ordering;

use crate::data::stream::group::Group;
use crate::data::stream::id::Id;

/// What is known of a stream without a look at its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// How many entries there are.
    pub(crate) len: u64,
    /// The ID of the first entry; zero if there is none.
    pub(crate) first_id: Id,
    /// The largest ID that was ever given out, or set.
    pub(crate) last_id: Id,
    /// The largest ID that was ever deleted by name; trimming does not count.
    pub(crate) max_deleted_id: Id,
    /// How many entries were ever added (count).
    pub(crate) entries_added: u64,
}

impl Marks {
    /// How many entries the stream has got that the group has not been given (count); `None` where nobody can tell.
    pub(crate) fn lag(self, group: &Group) -> Option<i64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let known = group.entries_read.filter(|_| !self.has_deletions_from(group.last_id));
        let read = known.or_else(|| self.entries_until(group.last_id))?;
        Some(self.entries_added.wrapping_sub(read).cast_signed())
    }

    /// Notes that the group is given an entry, if that is further than it has come so far. Whether it is.
    pub(crate) fn advance(self, group: &mut Group, id: Id) -> bool {
        if id <= group.last_id {
            return false;
        }
        match &mut group.entries_read {
            Some(read) if !self.has_deletions_from(id) => *read += 1,
            read if self.entries_added > 0 => *read = self.entries_until(id),
            _ => {}
        }
        group.last_id = id;
        true
    }

    /// Whether an entry at an ID or behind it may have been deleted.
    fn has_deletions_from(self, id: Id) -> bool {
        self.len > 0 && !self.is_whole() && id <= self.max_deleted_id
    }

    /// Whether nothing is missing between the first entry and the last.
    fn is_whole(self) -> bool {
        self.max_deleted_id == Id::MIN || self.max_deleted_id < self.first_id
    }

    /// How many entries were ever added up to an ID (count), where that can be told.
    pub(crate) fn entries_until(self, id: Id) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if self.len == 0 && id <= self.last_id {
            return Some(self.entries_added);
        }
        match id.cmp(&self.last_id) {
            Ordering::Equal => return Some(self.entries_added),
            Ordering::Greater => return None,
            Ordering::Less => {}
        }
        let before = self.entries_added.wrapping_sub(self.len);
        match id.cmp(&self.first_id) {
            Ordering::Less if self.is_whole() => Some(before),
            Ordering::Equal if self.is_whole() => Some(before.wrapping_add(1)),
            _ => None,
        }
    }
}
