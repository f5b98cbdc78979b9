//! A run of entries in one listpack, laid out as in a Redis, so that dumps and snapshots carry the bytes as they are.
//!
//! - First how many entries are there, how many are marked as deleted, and the fields of the run's first entry:
//!   their count, their names, a zero. All IDs are told as differences from the first one, which is the run's own.
//! - Entries: flags, time and number of the ID less those of the run's, then names and values. An entry with the same
//!   fields as the first has only values; another has its own count of fields, then name and value by turns.
//!   At the end, to be read backwards: how many elements of the listpack the entry has before this one.
//!
//! Invariant: well-formed; what comes from outside is checked by [`Node::from_listpack`] first.
//! Source: redis `src/t_stream.c` streamAppendItem.

use crate::data::listpack::{Entry as Element, Listpack, Malformed, Position};
use crate::data::stream::id::Id;

/// The entry is gone; its bytes stay until the whole node goes.
const DELETED: i64 = 1;

/// The entry has the fields of the node's first one.
const SAME_FIELDS: i64 = 2;

/// Elements of an entry beside names and values: flags and both halves of the ID.
const ENTRY_HEAD: i64 = 3;

/// The entries of one node.
#[derive(Clone, Debug)]
pub(crate) struct Node(Listpack);

/// How many entries a node has (count).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) live: u64,
    pub(super) deleted: u64,
}

/// One entry of a stream, borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) id: Id,
    list: &'a Listpack,
    /// Its flags, where it begins.
    at: Position,
    flags: i64,
    /// How many fields it has.
    fields_count: usize,
    /// The first name or, with the node's fields, the first value.
    body: Position,
    /// The first of the node's fields.
    master: Option<Position>,
}

impl Node {
    /// A node without entries, for entries with these fields.
    pub(super) fn new<'a>(fields: impl ExactSizeIterator<Item = &'a [u8]> + Clone) -> Node {
        let mut list = Listpack::new();
        let count = i64::try_from(fields.len()).unwrap_or(i64::MAX);
        let head = [0, 0, count].map(Element::Integer);
        let names = fields.map(Element::String);
        list.extend(head.into_iter().chain(names).chain([Element::Integer(0)]));
        Node(list)
    }

    /// Takes a listpack from outside.
    ///
    /// # Errors
    /// It is not laid out as a node, or its counts are not true, or it has no entries.
    pub(crate) fn from_listpack(list: Listpack) -> Result<Node, Malformed> {
        let node = Node(list);
        node.check().ok_or(Malformed)?;
        Ok(node)
    }

    /// All bytes, as they are dumped.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    pub(super) fn counts(&self) -> Counts {
        let mut elements = self.0.iter();
        let mut count = || elements.next().and_then(Element::integer).map_or(0, i64::cast_unsigned);
        Counts { live: count(), deleted: count() }
    }

    pub(super) fn set_counts(&mut self, counts: Counts) {
        let Some(live) = self.0.first() else { return };
        self.0.replace_integer(live, counts.live.cast_signed());
        if let Some(deleted) = self.0.next(live) {
            self.0.replace_integer(deleted, counts.deleted.cast_signed());
        }
    }

    /// Adds an entry; `words` are names and values by turns, and `id` is larger than all before.
    pub(super) fn push<'a>(
        &mut self,
        master: Id,
        id: Id,
        words: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    ) {
        let has_same_fields = self.has_fields(words.clone().step_by(2));
        let count = i64::try_from(words.len() / 2).unwrap_or(i64::MAX);
        let (flags, own_count, body) = if has_same_fields {
            (SAME_FIELDS, None, count)
        } else {
            (0, Some(count), 2 * count + 1)
        };
        let head = [
            flags,
            id.ms.wrapping_sub(master.ms).cast_signed(),
            id.seq.wrapping_sub(master.seq).cast_signed(),
        ];
        let skip = usize::from(has_same_fields);
        let body_words = words.skip(skip).step_by(1 + skip).map(Element::String);
        let elements = head.into_iter().chain(own_count).map(Element::Integer);
        let back = [Element::Integer(ENTRY_HEAD + body)];
        self.0.extend(elements.chain(body_words).chain(back));
        let mut counts = self.counts();
        counts.live += 1;
        self.set_counts(counts);
    }

    /// Marks an entry as deleted. The counts are the caller's to change.
    pub(super) fn mark_deleted(&mut self, entry: Position) {
        let flags = self.integer(entry);
        self.0.replace_integer(entry, flags | DELETED);
    }

    /// All entries with those that are deleted, the first one first. `master` is the node's own ID.
    pub(super) fn entries(&self, master: Id) -> impl Iterator<Item = Entry<'_>> {
        let layout = self.layout();
        let mut at = layout.and_then(|layout| layout.first);
        std::iter::from_fn(move || {
            let entry = self.entry(master, layout?, at?)?;
            at = entry.end().and_then(|end| self.0.next(end));
            Some(entry)
        })
    }

    /// As [`Node::entries`], the last one first.
    pub(super) fn entries_back(&self, master: Id) -> impl Iterator<Item = Entry<'_>> {
        let layout = self.layout();
        let mut end = self.0.last();
        std::iter::from_fn(move || {
            let back = usize::try_from(self.integer(end?)).ok().filter(|back| *back > 0)?;
            let at = (0..back).try_fold(end?, |at, _| self.0.previous(at))?;
            end = self.0.previous(at);
            self.entry(master, layout?, at)
        })
    }

    /// The ID of the last entry, deleted or not.
    pub(super) fn last_id(&self, master: Id) -> Option<Id> {
        self.entries_back(master).next().map(|entry| entry.id)
    }

    fn has_fields<'a>(&self, fields: impl ExactSizeIterator<Item = &'a [u8]>) -> bool {
        let Some(layout) = self.layout() else { return false };
        let Some(first) = layout.fields.filter(|_| layout.fields_count == fields.len()) else {
            return false;
        };
        self.0.iter_from(first).zip(fields).all(|(element, field)| element == *field)
    }

    fn integer(&self, at: Position) -> i64 {
        self.0.get(at).integer().unwrap_or(0)
    }

    /// Reads what stands before the entries.
    fn layout(&self) -> Option<Layout> {
        let deleted = self.0.next(self.0.first()?)?;
        let count_at = self.0.next(deleted)?;
        let fields_count = usize::try_from(self.integer(count_at)).ok()?;
        let fields = self.0.next(count_at);
        let zero = (0..fields_count).try_fold(fields?, |at, _| self.0.next(at))?;
        Some(Layout { fields_count, fields, zero, first: self.0.next(zero) })
    }

    fn entry(&self, master: Id, layout: Layout, at: Position) -> Option<Entry<'_>> {
        let flags = self.integer(at);
        let ms = self.0.next(at)?;
        let seq = self.0.next(ms)?;
        let id = Id {
            ms: master.ms.wrapping_add_signed(self.integer(ms)),
            seq: master.seq.wrapping_add_signed(self.integer(seq)),
        };
        let mut entry = Entry {
            id,
            list: &self.0,
            at,
            flags,
            fields_count: layout.fields_count,
            body: self.0.next(seq)?,
            master: layout.fields,
        };
        if flags & SAME_FIELDS == 0 {
            entry.fields_count = usize::try_from(self.integer(entry.body)).ok()?;
            entry.body = self.0.next(entry.body)?;
        }
        Some(entry)
    }

    /// Whether everything is as the layout says.
    fn check(&self) -> Option<()> {
        let is_integer = |at: Position| matches!(self.0.get(at), Element::Integer(_)).then_some(());
        let layout = self.layout()?;
        let mut at = self.0.first()?;
        for _ in 0..3 {
            is_integer(at)?;
            at = self.0.next(at)?;
        }
        (self.0.get(layout.zero) == Element::Integer(0)).then_some(())?;
        let mut counts = Counts { live: 0, deleted: 0 };
        let mut next = Some(layout.first?);
        while let Some(at) = next {
            let ms = self.0.next(at)?;
            [at, ms, self.0.next(ms)?].into_iter().try_for_each(is_integer)?;
            let entry = self.entry(Id::MIN, layout, at)?;
            let end = entry.end()?;
            is_integer(end)?;
            (entry.elements_count()? == self.integer(end)).then_some(())?;
            *(if entry.is_deleted() { &mut counts.deleted } else { &mut counts.live }) += 1;
            next = self.0.next(end);
        }
        (counts == self.counts()).then_some(())
    }
}

/// Where things stand before the entries of a node.
#[derive(Clone, Copy, Debug)]
struct Layout {
    fields_count: usize,
    /// The first field or, if there are none, what ends them.
    fields: Option<Position>,
    /// What ends the fields, and whoever reads entries backwards.
    zero: Position,
    /// The first entry.
    first: Option<Position>,
}

impl<'a> Entry<'a> {
    pub(super) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    /// Where the entry stands in its node.
    pub(super) fn position(&self) -> Position {
        self.at
    }

    /// How many fields it has.
    pub(crate) fn fields_count(&self) -> usize {
        self.fields_count
    }

    /// Names and values in order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (Element<'a>, Element<'a>)> + use<'a> {
        let mut values = self.list.iter_from(self.body);
        let master = self.master.filter(|_| !self.has_own_fields());
        let mut names = master.map(|at| self.list.iter_from(at));
        (0..self.fields_count).map_while(move |_| {
            let name = match &mut names {
                Some(names) => names.next()?,
                None => values.next()?,
            };
            Some((name, values.next()?))
        })
    }

    fn has_own_fields(&self) -> bool {
        self.flags & SAME_FIELDS == 0
    }

    /// The element at its end, which is there to be read backwards.
    fn end(&self) -> Option<Position> {
        let elements = self.fields_count.checked_mul(1 + usize::from(self.has_own_fields()))?;
        (0..elements).try_fold(self.body, |at, _| self.list.next(at))
    }

    /// How many elements it has, without the one at its end.
    fn elements_count(&self) -> Option<i64> {
        let count = i64::try_from(self.fields_count).ok()?;
        let body =
            if self.has_own_fields() { count.checked_mul(2)?.checked_add(1)? } else { count };
        body.checked_add(ENTRY_HEAD)
    }
}
