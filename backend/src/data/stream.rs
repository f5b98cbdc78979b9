//! The stream type: entries in the order of their IDs, and consumer groups that read them.
//!
//! Entries lie in nodes, each a listpack in a Redis's own layout, which are filed by the ID of their first entry.
//! An entry that is deleted stays in its node, marked, until all of the node's entries are.
//!
//! Invariants: `marks.len` is the sum of the nodes' live entries; `first_id` is that of the first live entry, or zero; no
//! entry's ID is larger than `last_id`.
//! Not here: the clock. Callers bring the time.
//! Source: redis `src/t_stream.c`, for when nodes begin, go and are searched.

pub(crate) mod id;

pub(crate) mod node;

pub(crate) mod trim;

pub(crate) mod group;

pub(crate) mod progress;

mod radix;

use std::collections::BTreeMap;

use crate::data::estimate;
use crate::data::listpack::Malformed;

use group::Group;
use id::Id;
use node::{Counts, Entry, Node};
use progress::Marks;

/// A node takes no more bytes than this, so that no length overflows.
/// Source: redis `src/t_stream.c` STREAM_LISTPACK_MAX_SIZE.
const NODE_BYTES_MAX: usize = 1 << 30;

/// A stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    nodes: BTreeMap<Id, Node>,
    marks: Marks,
    /// By name.
    groups: BTreeMap<Box<[u8]>, Group>,
}

/// How large nodes become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeLimits {
    /// In bytes; 0 for as many as may be.
    pub(crate) bytes: usize,
    /// Entries, deleted ones too (count); 0 for any number.
    pub(crate) entries: u64,
}

/// Why an entry was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its ID is not larger than the last one.
    NotLarger,
    /// It is larger than a node may be.
    TooLarge,
}

impl Stream {
    /// What is known of it without a look at the entries.
    #[inline]
    pub(crate) fn marks(&self) -> Marks {
        self.marks
    }

    /// Sets what clients may set, to copy a stream; `None` leaves how many entries were added as it is.
    pub(crate) fn set_marks(
        &mut self,
        last_id: Id,
        max_deleted_id: Option<Id>,
        entries_added: Option<u64>,
    ) {
        let marks = &mut self.marks;
        marks.last_id = last_id;
        marks.max_deleted_id = max_deleted_id.unwrap_or(marks.max_deleted_id);
        marks.entries_added = entries_added.unwrap_or(marks.entries_added);
    }

    /// The nodes by the IDs of their first entries.
    pub(crate) fn nodes(&self) -> impl ExactSizeIterator<Item = (Id, &Node)> {
        self.nodes.iter().map(|(id, node)| (*id, node))
    }

    /// Files a node from outside behind all others.
    ///
    /// # Errors
    /// Its entries do not begin at its ID, or not behind the entries before, or are not in order.
    pub(crate) fn push_node_back(&mut self, id: Id, node: Node) -> Result<(), Malformed> {
        let last = self.nodes.last_key_value().and_then(|(id, node)| node.last_id(*id));
        let ids = || node.entries(id).map(|entry| entry.id);
        let is_ordered = last.is_none_or(|last| last < id)
            && ids().next().is_some_and(|first| first >= id)
            && ids().is_sorted_by(|a, b| a < b);
        if !is_ordered {
            return Err(Malformed);
        }
        let has_none = self.marks.len == 0;
        self.marks.len += node.counts().live;
        self.nodes.insert(id, node);
        if has_none {
            self.find_first_id();
        }
        Ok(())
    }

    /// How many tree nodes a Redis files the nodes in. Costs O(nodes).
    pub(crate) fn radix_nodes_count(&self) -> usize {
        radix::nodes_count(self.nodes.keys().copied())
    }

    /// The number of the next entry at a time: 0, or one more than the last one's. `None` if there is no more.
    pub(crate) fn next_at(&self, ms: u64) -> Option<Id> {
        if ms != self.marks.last_id.ms {
            return Some(Id { ms, seq: 0 });
        }
        self.marks.last_id.seq.checked_add(1).map(|seq| Id { ms, seq })
    }

    /// Adds an entry; `words` are names and values by turns.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing has changed then.
    pub(crate) fn append<'a>(
        &mut self,
        id: Id,
        words: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
        limits: NodeLimits,
    ) -> Result<(), Refusal> {
        if id <= self.marks.last_id {
            return Err(Refusal::NotLarger);
        }
        let bytes: usize = words.clone().map(<[u8]>::len).sum();
        if bytes > NODE_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let last = self.nodes.last_entry().map(|last| (*last.key(), last.into_mut()));
        match last {
            Some((master, node)) if node.has_room(bytes, limits) => node.push(master, id, words),
            _ => {
                let mut node = Node::new(words.clone().step_by(2));
                node.push(id, id, words);
                self.nodes.insert(id, node);
            }
        }
        self.marks.len += 1;
        self.marks.entries_added = self.marks.entries_added.wrapping_add(1);
        self.marks.last_id = id;
        if self.marks.len == 1 {
            self.marks.first_id = id;
        }
        Ok(())
    }

    /// The entries between two IDs, both included, oldest first.
    pub(crate) fn range(&self, from: Id, to: Id) -> impl Iterator<Item = Entry<'_>> {
        self.nodes_between(from, to)
            .flat_map(|(master, node)| node.entries(*master))
            .skip_while(move |entry| entry.id < from)
            .take_while(move |entry| entry.id <= to)
            .filter(|entry| !entry.is_deleted())
    }

    /// As [`Stream::range`], newest first.
    pub(crate) fn range_back(&self, from: Id, to: Id) -> impl Iterator<Item = Entry<'_>> {
        self.nodes_between(from, to)
            .rev()
            .flat_map(|(master, node)| node.entries_back(*master))
            .skip_while(move |entry| entry.id > to)
            .take_while(move |entry| entry.id >= from)
            .filter(|entry| !entry.is_deleted())
    }

    /// Whether there is an entry of this ID.
    pub(crate) fn contains(&self, id: Id) -> bool {
        self.range(id, id).next().is_some()
    }

    /// The ID of the last entry; `None` if there is none.
    pub(crate) fn last_entry_id(&self) -> Option<Id> {
        self.range_back(Id::MIN, Id::MAX).next().map(|entry| entry.id)
    }

    /// Deletes entries: how many there were.
    pub(crate) fn delete(&mut self, ids: impl Iterator<Item = Id>) -> u64 {
        let (mut removed, mut lost_first) = (0, false);
        for id in ids {
            if !self.delete_one(id) {
                continue;
            }
            removed += 1;
            lost_first |= id == self.marks.first_id;
            self.marks.max_deleted_id = self.marks.max_deleted_id.max(id);
        }
        if lost_first {
            self.find_first_id();
        }
        removed
    }

    /// All groups by name.
    pub(crate) fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&**name, group))
    }

    pub(crate) fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    pub(crate) fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.groups.get_mut(name)
    }

    /// Makes a group, unless there is one of this name. Whether it was made.
    pub(crate) fn create_group(
        &mut self,
        name: &[u8],
        last_id: Id,
        entries_read: Option<u64>,
    ) -> bool {
        if self.group(name).is_some() {
            return false;
        }
        let group = Group::new(last_id, entries_read);
        self.groups.insert(name.into(), group);
        true
    }

    /// Removes a group with all that is pending in it. Whether it was there.
    pub(crate) fn remove_group(&mut self, name: &[u8]) -> bool {
        self.groups.remove(name).is_some()
    }

    /// Nodes, and entries that are pending in groups (count).
    pub(crate) fn pieces(&self) -> usize {
        let pending: usize = self.groups.values().map(|group| group.pending().len()).sum();
        self.nodes.len() + self.groups.len() + pending
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self, samples: usize) -> usize {
        let nodes = self.nodes.values().map(Node::heap_bytes);
        let nodes = estimate::sum(nodes, self.nodes.len(), samples);
        let groups: usize =
            self.groups().map(|(name, group)| name.len() + group.heap_bytes()).sum();
        size_of::<Stream>() + self.nodes.len() * size_of::<(Id, Node)>() + nodes + groups
    }

    /// The nodes that may hold entries between two IDs.
    fn nodes_between(&self, from: Id, to: Id) -> impl DoubleEndedIterator<Item = (&Id, &Node)> {
        let first = self.nodes.range(..=from).next_back().map_or(from, |(master, _)| *master);
        // A tree refuses a range that ends before it begins.
        self.nodes.range(first..=to.max(first))
    }

    fn delete_one(&mut self, id: Id) -> bool {
        let Some((&master, node)) = self.nodes.range_mut(..=id).next_back() else { return false };
        let found = node.entries(master).find(|entry| entry.id == id && !entry.is_deleted());
        let Some(position) = found.map(|entry| entry.position()) else { return false };
        let Counts { live, deleted } = node.counts();
        if live == 1 {
            self.nodes.remove(&master);
        } else {
            node.mark_deleted(position);
            node.set_counts(Counts { live: live - 1, deleted: deleted + 1 });
        }
        self.marks.len -= 1;
        true
    }

    /// Finds the first entry anew after others were removed.
    fn find_first_id(&mut self) {
        let first = self.range(Id::MIN, Id::MAX).next().map(|entry| entry.id);
        self.marks.first_id = first.unwrap_or(Id::MIN);
    }
}

impl Node {
    /// Whether another entry of so many bytes belongs into this node.
    fn has_room(&self, bytes: usize, limits: NodeLimits) -> bool {
        let bytes_max =
            if limits.bytes == 0 { NODE_BYTES_MAX } else { limits.bytes.min(NODE_BYTES_MAX) };
        if self.as_bytes().len() + bytes >= bytes_max {
            return false;
        }
        let Counts { live, deleted } = self.counts();
        limits.entries == 0 || live + deleted < limits.entries
    }
}

#[cfg(test)]
mod tests;
