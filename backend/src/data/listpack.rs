//! A sequence of short strings and integers in one run of bytes: the compact form of small collections.
//!
//! The bytes are those of a Redis, so that dumps and snapshots carry them as they are:
//! - 4 bytes: how many bytes there are in all; 2 bytes: how many entries, 65535 for "count them"; little-endian both.
//! - Entries: a head that tells type and length, the data, and the length of both once more, to be read backwards.
//! - One byte 0xFF.
//!
//! Strings that are integers in canonical form are kept as integers, in as few bytes as they need.
//! Invariant: the bytes are well-formed; what comes from outside is checked by [`Listpack::from_bytes`] first.
//!
//! Spec: <https://github.com/antirez/listpack/blob/master/listpack.md>. Source: redis `src/listpack.c`.

mod entry;

use std::fmt;

use entry::Head;

pub(crate) use entry::Entry;

/// Bytes before the first entry.
const HEADER: usize = 6;

const END: u8 = 0xff;

/// Bytes of a listpack without entries.
pub(crate) const EMPTY_BYTES: usize = HEADER + 1;

/// The count that says nothing.
const UNCOUNTED: u16 = u16::MAX;

/// More bytes than this a listpack must not have, so that no length overflows.
/// Source: redis `src/listpack.c` LISTPACK_MAX_SAFETY_LIMIT.
const BYTES_MAX: usize = 1 << 30;

/// Strings and integers in a row.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Listpack {
    /// Exactly as long as it must be: a small collection is mostly read, and there may be millions.
    bytes: Box<[u8]>,
}

/// Where an entry begins, in bytes from the start. Any change before it makes it meaningless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position(usize);

/// The bytes are no listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Default for Listpack {
    fn default() -> Listpack {
        Listpack::new()
    }
}

impl Listpack {
    pub(crate) fn new() -> Listpack {
        let mut list = Listpack { bytes: [0, 0, 0, 0, 0, 0, END].into() };
        list.write_header(Some(0));
        list
    }

    /// Takes bytes from outside. Costs O(bytes): every entry is looked at.
    ///
    /// # Errors
    /// Anything is not as it must be.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Listpack, Malformed> {
        let total = bytes.first_chunk::<4>().map(|total| u32::from_le_bytes(*total) as usize);
        let is_framed = total == Some(bytes.len())
            && bytes.len() > HEADER
            && bytes.len() <= BYTES_MAX
            && bytes.last() == Some(&END);
        if !is_framed {
            return Err(Malformed);
        }
        let (mut at, mut count) = (HEADER, 0usize);
        while bytes[at] != END {
            at = entry::checked_end(bytes, at).ok_or(Malformed)?;
            count += 1;
        }
        let stated = u16::from_le_bytes([bytes[4], bytes[5]]);
        let is_counted = stated == UNCOUNTED || usize::from(stated) == count;
        if at + 1 != bytes.len() || !is_counted {
            return Err(Malformed);
        }
        Ok(Listpack { bytes: bytes.into() })
    }

    /// All bytes, as they are dumped.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How many entries there are. Costs O(1) below 65535 of them, otherwise O(entries).
    pub(crate) fn len(&self) -> usize {
        match u16::from_le_bytes([self.bytes[4], self.bytes[5]]) {
            UNCOUNTED => self.iter().count(),
            count => usize::from(count),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes[HEADER] == END
    }

    /// Whether so many bytes more keep it below the size that it must not exceed.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        self.bytes.len().saturating_add(bytes) <= BYTES_MAX
    }

    pub(crate) fn first(&self) -> Option<Position> {
        self.checked(HEADER)
    }

    pub(crate) fn last(&self) -> Option<Position> {
        self.before(self.bytes.len() - 1)
    }

    pub(crate) fn next(&self, at: Position) -> Option<Position> {
        self.checked(self.end(at))
    }

    pub(crate) fn previous(&self, at: Position) -> Option<Position> {
        self.before(at.0)
    }

    /// The entry at an index; negative ones count from the end, -1 being the last. Costs O(entries), from the
    /// nearer end.
    pub(crate) fn seek(&self, index: i64) -> Option<Position> {
        let len = i64::try_from(self.len()).ok()?;
        let index = if index < 0 { index + len } else { index };
        if !(0..len).contains(&index) {
            return None;
        }
        if index < len / 2 {
            (0..index).try_fold(self.first()?, |at, _| self.next(at))
        } else {
            (index + 1..len).try_fold(self.last()?, |at, _| self.previous(at))
        }
    }

    /// The entry at a position.
    #[inline]
    pub(crate) fn get(&self, at: Position) -> Entry<'_> {
        entry::read(&self.bytes, at.0)
    }

    /// All entries from the first on.
    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter { list: self, front: HEADER, back: self.bytes.len() - 1 }
    }

    /// The entries from a position on.
    pub(crate) fn iter_from(&self, at: Position) -> Iter<'_> {
        Iter { front: at.0, ..self.iter() }
    }

    /// The next entry that equals `wanted`, from a position on; between two that are compared `skip` are passed over.
    pub(crate) fn find(&self, from: Position, wanted: &[u8], skip: usize) -> Option<Position> {
        let wanted = Wanted::new(wanted);
        let mut at = Some(from);
        while let Some(here) = at {
            if wanted.is(self.get(here)) {
                return Some(here);
            }
            at = self.next(here);
            for _ in 0..skip {
                at = at.and_then(|at| self.next(at));
            }
        }
        None
    }

    pub(crate) fn push_back(&mut self, data: &[u8]) {
        self.splice(self.bytes.len() - 1, 0, data);
        self.count(1);
    }

    pub(crate) fn push_front(&mut self, data: &[u8]) {
        self.splice(HEADER, 0, data);
        self.count(1);
    }

    /// Puts many entries at the end at once: the bytes move once, not with each of them.
    pub(crate) fn extend<'a>(&mut self, entries: impl Iterator<Item = Entry<'a>> + Clone) {
        let heads = entries.map(|entry| match entry {
            Entry::Integer(number) => (Head::of_integer(number), &[][..]),
            Entry::String(data) => (Head::of(data), data),
        });
        let bytes: usize = heads.clone().map(|(head, _)| head.total()).sum();
        let mut at = self.bytes.len() - 1;
        self.resize(at + bytes + 1);
        let mut added = 0;
        for (head, data) in heads {
            let end = at + head.total();
            head.write(data, &mut self.bytes[at..end]);
            at = end;
            added += 1;
        }
        self.bytes[at] = END;
        self.count(added);
    }

    /// As [`Listpack::push_back`], with an integer.
    pub(crate) fn push_back_integer(&mut self, number: i64) {
        self.push_back(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Puts an entry before another, which then lies behind it; the position is that of the new one afterwards.
    pub(crate) fn insert_before(&mut self, at: Position, data: &[u8]) {
        self.splice(at.0, 0, data);
        self.count(1);
    }

    /// Puts another entry in the place of one. The position stays good.
    pub(crate) fn replace(&mut self, at: Position, data: &[u8]) {
        self.splice(at.0, self.end(at) - at.0, data);
        self.write_total();
    }

    /// As [`Listpack::replace`], with an integer.
    pub(crate) fn replace_integer(&mut self, at: Position, number: i64) {
        self.replace(at, itoa::Buffer::new().format(number).as_bytes());
    }

    /// Removes an entry; the position is that of the next one then, which is given back if there is one.
    pub(crate) fn remove(&mut self, at: Position) -> Option<Position> {
        self.remove_many(at, 1)
    }

    /// Removes so many entries, or all from a position on if there are not as many; as [`Listpack::remove`].
    pub(crate) fn remove_many(&mut self, at: Position, count: usize) -> Option<Position> {
        let (mut end, mut removed) = (at.0, 0);
        while removed < count && self.bytes[end] != END {
            end = self.end(Position(end));
            removed += 1;
        }
        let after = self.bytes.len() - (end - at.0);
        self.bytes.copy_within(end.., at.0);
        self.resize(after);
        self.count(-i64::try_from(removed).unwrap_or(i64::MAX));
        self.checked(at.0)
    }

    /// Moves all entries of another to the end of this one. Costs O(bytes of the other).
    pub(crate) fn append(&mut self, other: &Listpack) {
        let count = self.len() + other.len();
        let end = self.bytes.len() - 1;
        self.resize(end + other.bytes.len() - HEADER);
        self.bytes[end..].copy_from_slice(&other.bytes[HEADER..]);
        self.write_header(Some(count));
    }

    /// Bytes that the entry at a position takes.
    pub(crate) fn entry_bytes_at(&self, at: Position) -> usize {
        self.end(at) - at.0
    }

    /// Bytes that a string would take as an entry.
    pub(crate) fn entry_bytes(data: &[u8]) -> usize {
        Head::of(data).total()
    }

    /// Replaces `removed` bytes at an offset by one entry. The header is the caller's to write.
    fn splice(&mut self, at: usize, removed: usize, data: &[u8]) {
        let head = Head::of(data);
        let (before, total) = (self.bytes.len(), head.total());
        if total > removed {
            self.resize(before + total - removed);
            self.bytes.copy_within(at + removed..before, at + total);
        } else if total < removed {
            self.bytes.copy_within(at + removed..before, at + total);
            self.resize(before - (removed - total));
        }
        head.write(data, &mut self.bytes[at..at + total]);
    }

    /// Gives the bytes another length, zeros at the end or cut there.
    fn resize(&mut self, len: usize) {
        let mut bytes = std::mem::take(&mut self.bytes).into_vec();
        bytes.reserve_exact(len.saturating_sub(bytes.len()));
        bytes.resize(len, 0);
        self.bytes = bytes.into_boxed_slice();
    }

    /// Writes the header after the number of entries has changed.
    fn count(&mut self, change: i64) {
        let count = match u16::from_le_bytes([self.bytes[4], self.bytes[5]]) {
            // Once too many to be counted, only a whole count could tell again; a Redis waits for one, too.
            UNCOUNTED => None,
            count => usize::try_from(i64::from(count) + change).ok(),
        };
        self.write_header(count);
    }

    fn write_header(&mut self, count: Option<usize>) {
        let count = count.and_then(|count| u16::try_from(count).ok()).unwrap_or(UNCOUNTED);
        self.bytes[4..6].copy_from_slice(&count.to_le_bytes());
        self.write_total();
    }

    fn write_total(&mut self) {
        let total = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes[..4].copy_from_slice(&total.to_le_bytes());
    }

    /// Where the entry at a position ends.
    #[inline]
    fn end(&self, at: Position) -> usize {
        entry::end(&self.bytes, at.0)
    }

    #[inline]
    fn checked(&self, at: usize) -> Option<Position> {
        (self.bytes[at] != END).then_some(Position(at))
    }

    /// The entry that ends where another begins.
    fn before(&self, at: usize) -> Option<Position> {
        (at > HEADER).then(|| Position(entry::start_of_previous(&self.bytes, at)))
    }
}

/// A string to compare entries with, read as an integer once.
pub(crate) struct Wanted<'a> {
    bytes: &'a [u8],
    integer: Option<i64>,
}

impl Wanted<'_> {
    pub(crate) fn new(bytes: &[u8]) -> Wanted<'_> {
        Wanted { bytes, integer: entry::integer(bytes) }
    }

    #[inline]
    pub(crate) fn is(&self, entry: Entry<'_>) -> bool {
        match entry {
            Entry::Integer(number) => self.integer == Some(number),
            Entry::String(bytes) => self.bytes == bytes,
        }
    }
}

/// Entries in a row, from either end.
#[derive(Clone, Copy)]
pub(crate) struct Iter<'a> {
    list: &'a Listpack,
    front: usize,
    back: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if self.front >= self.back {
            return None;
        }
        let entry = entry::read(&self.list.bytes, self.front);
        self.front = entry::end(&self.list.bytes, self.front);
        Some(entry)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = entry::start_of_previous(&self.list.bytes, self.back);
        Some(entry::read(&self.list.bytes, self.back))
    }
}

impl fmt::Debug for Listpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
