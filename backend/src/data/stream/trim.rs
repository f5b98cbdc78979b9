//! Removal of the oldest entries, by how many may stay or by the ID from which on they stay.

use crate::data::stream::Stream;
use crate::data::stream::id::Id;
use crate::data::stream::node::Counts;

/// What to remove.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trim {
    pub(crate) keep: Keep,
    /// Removes whole nodes only, and leaves more than was asked for.
    pub(crate) is_approximate: bool,
    /// Removes at most so many entries (count); 0 for no limit.
    pub(crate) limit: u64,
}

/// What stays.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keep {
    /// So many of the newest entries (count).
    Newest(u64),
    /// Entries from this ID on.
    From(Id),
}

impl Stream {
    /// Removes the oldest entries: how many.
    pub(crate) fn trim(&mut self, trim: &Trim) -> u64 {
        let mut removed = 0;
        while let Some((master, node)) = self.nodes.first_key_value() {
            if matches!(trim.keep, Keep::Newest(count) if self.marks.len <= count) {
                break;
            }
            let live = node.counts().live;
            if trim.limit > 0 && removed + live > trim.limit {
                break;
            }
            let goes_whole = match trim.keep {
                Keep::Newest(count) => self.marks.len - live >= count,
                Keep::From(id) => node.last_id(*master).is_some_and(|last| last < id),
            };
            if goes_whole {
                self.nodes.pop_first();
                self.marks.len -= live;
                removed += live;
                continue;
            }
            if !trim.is_approximate {
                removed += self.trim_first_node(trim.keep);
            }
            break;
        }
        if removed > 0 {
            self.find_first_id();
        }
        removed
    }

    /// Marks the oldest entries of the first node as deleted: how many.
    fn trim_first_node(&mut self, keep: Keep) -> u64 {
        let Some(mut first) = self.nodes.first_entry() else { return 0 };
        let (master, Counts { live, deleted }) = (*first.key(), first.get().counts());
        let surplus = match keep {
            Keep::Newest(count) => {
                usize::try_from(self.marks.len.saturating_sub(count)).unwrap_or(usize::MAX)
            }
            Keep::From(_) => usize::MAX,
        };
        let old = first.get().entries(master).take_while(|entry| match keep {
            Keep::Newest(_) => true,
            Keep::From(id) => entry.id < id,
        });
        let removed: Vec<_> =
            old.filter(|entry| !entry.is_deleted()).take(surplus).map(|e| e.position()).collect();
        // The flags are as long as before, so that positions stay good.
        removed.iter().for_each(|position| first.get_mut().mark_deleted(*position));
        let count = removed.len() as u64;
        first.get_mut().set_counts(Counts { live: live - count, deleted: deleted + count });
        self.marks.len -= count;
        count
    }
}
