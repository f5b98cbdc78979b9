//! One node of a list: many short elements in a listpack, or one that is too long for any.
//!
//! Invariant: `count` is the number of the listpack's entries, kept here so that a list can pass over a node
//! without touching its bytes.

use crate::data::list::End;
use crate::data::listpack::{self, Entry, Listpack, Position, Wanted};

/// Elements that lie together.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Packed { elements: Listpack, count: u32 },
    Plain(Box<[u8]>),
}

/// How large nodes become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// As `list-max-listpack-size` says it: so many elements, or from -1 to -5 a size of 4 KiB to 64 KiB.
    pub(crate) fill: i32,
    /// An element of so many bytes is a node of its own, outside any listpack.
    pub(crate) plain_bytes: usize,
}

impl Limits {
    /// What `plain_bytes` is unless a test changes it. Source: redis `src/quicklist.c` packed_threshold.
    pub(crate) const PLAIN_BYTES: usize = 1 << 30;

    /// Whether a listpack of several elements may be so large.
    fn allow(self, bytes: usize, count: usize) -> bool {
        /// Most bytes of a listpack whose elements are counted.
        const COUNTED_BYTES_MAX: usize = 8192;
        /// Most elements, whatever is asked for.
        const COUNT_MAX: usize = i16::MAX as usize;
        match usize::try_from(self.fill) {
            Ok(fill) => bytes <= COUNTED_BYTES_MAX && count <= fill.min(COUNT_MAX),
            Err(_) => bytes <= 2048 << self.fill.unsigned_abs().min(5),
        }
    }
}

impl Default for Node {
    fn default() -> Node {
        Node::Packed { elements: Listpack::new(), count: 0 }
    }
}

/// More than an element takes beside its own bytes. Source: redis `src/quicklist.c` SIZE_ESTIMATE_OVERHEAD.
const OVERHEAD: usize = 8;

impl Node {
    /// A node of one element.
    pub(super) fn of(value: &[u8], limits: Limits) -> Node {
        let mut elements = Listpack::new();
        if value.len() >= limits.plain_bytes || !elements.has_room_for(value.len() + OVERHEAD) {
            return Node::Plain(value.into());
        }
        elements.push_back(value);
        Node::Packed { elements, count: 1 }
    }

    /// A node of the elements of a listpack.
    pub(crate) fn packed(elements: Listpack) -> Node {
        let count = narrow(elements.len());
        Node::Packed { elements, count }
    }

    /// How many elements it holds.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Node::Packed { count, .. } => *count as usize,
            Node::Plain(_) => 1,
        }
    }

    /// Bytes of all elements with what frames them.
    pub(super) fn packed_bytes(&self) -> usize {
        match self {
            Node::Packed { elements, .. } => elements.as_bytes().len(),
            Node::Plain(bytes) => bytes.len(),
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Node::Packed { elements, .. } => elements.heap_bytes(),
            Node::Plain(bytes) => bytes.len(),
        }
    }

    /// The element at an index below [`Node::len`].
    pub(super) fn get(&self, index: usize) -> Option<Entry<'_>> {
        match self {
            Node::Packed { elements, .. } => seek(elements, index).map(|at| elements.get(at)),
            Node::Plain(bytes) => Some(Entry::String(bytes)),
        }
    }

    /// The element at an end.
    #[inline]
    pub(super) fn end(&self, end: End) -> Option<Entry<'_>> {
        match self {
            Node::Packed { elements, .. } => match end {
                End::Front => elements.first().map(|at| elements.get(at)),
                End::Back => elements.last().map(|at| elements.get(at)),
            },
            Node::Plain(bytes) => Some(Entry::String(bytes)),
        }
    }

    /// All elements from the first on.
    pub(super) fn iter(&self) -> Iter<'_> {
        match self {
            Node::Packed { elements, .. } => Iter::Packed(elements.iter()),
            Node::Plain(bytes) => Iter::Plain(Some(bytes)),
        }
    }

    /// The elements from an index on, which is found from the nearer end.
    pub(super) fn iter_from(&self, index: usize) -> Iter<'_> {
        match self {
            Node::Packed { elements, .. } => match seek(elements, index) {
                Some(at) => Iter::Packed(elements.iter_from(at)),
                None => Iter::Plain(None),
            },
            Node::Plain(bytes) => Iter::Plain((index == 0).then_some(bytes)),
        }
    }

    /// Adds an element at an end. Whether there was room for it.
    #[inline]
    pub(super) fn push(&mut self, end: End, value: &[u8], limits: Limits) -> bool {
        let Some((elements, count)) = self.with_room_for(value, limits) else { return false };
        match end {
            End::Front => elements.push_front(value),
            End::Back => elements.push_back(value),
        }
        *count += 1;
        true
    }

    /// Puts an element before the one at an index. Whether there was room for it.
    pub(super) fn insert(&mut self, index: usize, value: &[u8], limits: Limits) -> bool {
        let Some((elements, count)) = self.with_room_for(value, limits) else { return false };
        let Some(at) = seek(elements, index) else { return false };
        elements.insert_before(at, value);
        *count += 1;
        true
    }

    fn with_room_for(&mut self, value: &[u8], limits: Limits) -> Option<(&mut Listpack, &mut u32)> {
        let Node::Packed { elements, count } = self else { return None };
        let bytes = elements.as_bytes().len().saturating_add(value.len() + OVERHEAD);
        let has_room = value.len() < limits.plain_bytes && limits.allow(bytes, *count as usize + 1);
        has_room.then_some((elements, count))
    }

    /// Changes the element at an index. Whether there was room for the new one.
    pub(super) fn replace(&mut self, index: usize, value: &[u8], limits: Limits) -> bool {
        if self.len() == 1 {
            *self = Node::of(value, limits);
            return true;
        }
        let Node::Packed { elements, count } = self else { return false };
        let Some(at) = seek(elements, index) else { return false };
        let (before, after) = (elements.entry_bytes_at(at), Listpack::entry_bytes(value));
        let bytes = (elements.as_bytes().len() - before).saturating_add(after);
        let has_room = after <= before || limits.allow(bytes, *count as usize);
        if value.len() >= limits.plain_bytes || !has_room {
            return false;
        }
        elements.replace(at, value);
        true
    }

    /// Removes the element at an end.
    #[inline]
    pub(super) fn remove_end(&mut self, end: End) {
        let Node::Packed { elements, count } = self else {
            *self = Node::default();
            return;
        };
        let at = match end {
            End::Front => elements.first(),
            End::Back => elements.last(),
        };
        if let Some(at) = at {
            elements.remove(at);
            *count -= 1;
        }
    }

    /// Removes so many elements from an index on; there are as many.
    pub(super) fn remove_range(&mut self, index: usize, removed: usize) {
        let Node::Packed { elements, count } = self else {
            *self = Node::default();
            return;
        };
        if let Some(at) = seek(elements, index) {
            elements.remove_many(at, removed);
            *count = count.saturating_sub(narrow(removed));
        }
    }

    /// Removes at most `max` elements that equal `wanted`, beginning at an end. How many there were.
    pub(super) fn remove_equal(&mut self, wanted: &Wanted<'_>, from: End, max: usize) -> usize {
        let Node::Packed { elements, count } = self else {
            let is_wanted = self.iter().any(|element| wanted.is(element));
            if is_wanted {
                *self = Node::default();
            }
            return usize::from(is_wanted);
        };
        let mut at = match from {
            End::Front => elements.first(),
            End::Back => elements.last(),
        };
        let mut removed = 0;
        while let Some(here) = at
            && removed < max
        {
            let is_wanted = wanted.is(elements.get(here));
            // What lies before a position keeps its own when something is removed there.
            at = match from {
                End::Front if is_wanted => elements.remove(here),
                End::Front => elements.next(here),
                End::Back => elements.previous(here),
            };
            if is_wanted && from == End::Back {
                elements.remove(here);
            }
            removed += usize::from(is_wanted);
        }
        *count -= narrow(removed);
        removed
    }

    /// Moves the elements from an index on, which is not 0, to a node of their own.
    pub(super) fn split_off(&mut self, index: usize) -> Node {
        let mut rest = self.clone();
        rest.remove_range(0, index);
        self.remove_range(index, self.len() - index);
        rest
    }

    /// Takes all elements of the node behind this one, if both together are allowed. Whether they are.
    pub(super) fn absorb(&mut self, behind: &Node, limits: Limits) -> bool {
        let Node::Packed { elements, count } = self else { return false };
        let Node::Packed { elements: others, count: others_count } = behind else { return false };
        let bytes = elements.as_bytes().len() + others.as_bytes().len() - listpack::EMPTY_BYTES;
        let is_allowed = limits.allow(bytes, (*count + *others_count) as usize);
        if is_allowed {
            elements.append(others);
            *count += others_count;
        }
        is_allowed
    }
}

fn seek(elements: &Listpack, index: usize) -> Option<Position> {
    elements.seek(i64::try_from(index).ok()?)
}

/// A count of elements of one node, which are never as many as 32 bits can count.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Elements of one node, from either end.
pub(super) enum Iter<'a> {
    Packed(listpack::Iter<'a>),
    Plain(Option<&'a [u8]>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        match self {
            Iter::Packed(iter) => iter.next(),
            Iter::Plain(bytes) => bytes.take().map(Entry::String),
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Packed(iter) => iter.next_back(),
            Iter::Plain(bytes) => bytes.take().map(Entry::String),
        }
    }
}
