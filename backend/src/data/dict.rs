//! The hash table: chains in buckets, resized a few buckets at a time, scanned by reverse-binary cursors.
//!
//! A resize holds two tables; every change moves some buckets over, so that no single call pays for all of it.
//! A cursor counts with its bits reversed, from the highest bit of the mask down. Since a bucket of a table of
//! 2ⁿ splits into buckets of a larger table that share its low n bits, what a cursor has passed stays passed
//! when the table grows or shrinks: a scan meets every key that was there throughout, and may meet one twice.
//!
//! Invariants: bucket counts are powers of two; while `moved` is `Some(n)` the buckets of `old` below n are empty.
//! Not here: hashing. Callers bring the hash, keyed so that clients cannot choose it.
//! Source: redis `src/dict.c` dictScan, for the idea of the cursor.

use crate::data::key::Key;
use crate::data::random::Random;

/// Buckets of the smallest table (count).
const BUCKETS_MIN: usize = 4;

/// A table is shrunk when fewer than one in this many buckets is in use; so a walk over all buckets never
/// costs more than this many per key.
const SPARSE: usize = 8;

/// Empty buckets that one step of a resize may pass over (count). Source: redis `src/dict.c` dictRehash.
const EMPTY_VISITS_MAX: usize = 10;

/// A map from keys to `V`.
#[derive(Debug)]
pub(crate) struct Dict<V> {
    /// Where new keys go.
    table: Table<V>,
    /// What is being moved into `table`.
    old: Table<V>,
    /// How many buckets of `old` have been moved; `None` when no resize is under way.
    moved: Option<usize>,
}

#[derive(Debug)]
struct Table<V> {
    buckets: Vec<Link<V>>,
    /// How many keys it holds.
    len: usize,
}

type Link<V> = Option<Box<Node<V>>>;

#[derive(Debug)]
struct Node<V> {
    next: Link<V>,
    hash: u32,
    key: Key,
    value: V,
}

impl<V> Node<V> {
    #[inline]
    fn is(&self, hash: u32, key: &[u8]) -> bool {
        self.hash == hash && *self.key == *key
    }
}

impl<V> Default for Dict<V> {
    fn default() -> Dict<V> {
        Dict { table: Table::default(), old: Table::default(), moved: None }
    }
}

impl<V> Default for Table<V> {
    fn default() -> Table<V> {
        Table { buckets: Vec::new(), len: 0 }
    }
}

impl<V> Dict<V> {
    /// How many keys it holds.
    pub(crate) fn len(&self) -> usize {
        self.table.len + self.old.len
    }

    #[inline]
    pub(crate) fn find(&self, hash: u32, key: &[u8]) -> Option<&V> {
        let found = self.table.find(hash, key);
        if found.is_none() && self.moved.is_some() {
            return self.old.find(hash, key);
        }
        found
    }

    #[inline]
    pub(crate) fn find_mut(&mut self, hash: u32, key: &[u8]) -> Option<&mut V> {
        if self.moved.is_some() {
            self.step();
            if self.table.find(hash, key).is_none() {
                return self.old.find_mut(hash, key);
            }
        }
        self.table.find_mut(hash, key)
    }

    /// Adds a key that is not there yet.
    pub(crate) fn insert_new(&mut self, hash: u32, key: Key, value: V) -> &mut V {
        debug_assert!(self.find(hash, &key).is_none(), "the key is new");
        self.grow_if_full();
        self.step();
        self.table.push(Box::new(Node { next: None, hash, key, value }))
    }

    /// Removes a key and gives back its value.
    pub(crate) fn remove(&mut self, hash: u32, key: &[u8]) -> Option<V> {
        self.step();
        let removed = self.table.remove(hash, key).or_else(|| self.old.remove(hash, key))?;
        self.shrink_if_sparse();
        Some(removed)
    }

    /// Moves buckets until the resize is done or about `buckets` were moved. Whether more remain.
    pub(crate) fn resize_further(&mut self, buckets: usize) -> bool {
        for _ in 0..buckets {
            if self.moved.is_none() {
                return false;
            }
            self.step();
        }
        self.moved.is_some()
    }

    /// Visits one bucket and gives back where the next call has to go on; 0 starts and 0 means the end.
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(&Key, &V)) -> u64 {
        if self.len() == 0 {
            return 0;
        }
        if self.moved.is_none() {
            self.table.visit(cursor, &mut visit);
            return next_cursor(cursor, self.table.mask());
        }
        let (small, large) = if self.old.buckets.len() < self.table.buckets.len() {
            (&self.old, &self.table)
        } else {
            (&self.table, &self.old)
        };
        small.visit(cursor, &mut visit);
        // All buckets of the larger table into which this bucket of the smaller one splits.
        let mut cursor = cursor;
        loop {
            large.visit(cursor, &mut visit);
            cursor = next_cursor(cursor, large.mask());
            if cursor & (small.mask() ^ large.mask()) == 0 {
                return cursor;
            }
        }
    }

    /// All keys and values, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &V)> {
        self.old.iter().chain(self.table.iter())
    }

    /// A key picked at random: every bucket in use is as likely, then every key in it.
    pub(crate) fn random(&self, random: &mut Random) -> Option<(&Key, &V)> {
        if self.len() == 0 {
            return None;
        }
        let moved = self.moved.unwrap_or(0);
        let choices = self.table.buckets.len() + self.old.buckets.len() - moved;
        loop {
            let at = random.below(choices);
            let bucket = match at.checked_sub(self.table.buckets.len()) {
                None => &self.table.buckets[at],
                Some(at) => &self.old.buckets[moved + at],
            };
            let count = chain(bucket).count();
            if count > 0 {
                return chain(bucket).nth(random.below(count)).map(|node| (&node.key, &node.value));
            }
        }
    }

    fn grow_if_full(&mut self) {
        if self.moved.is_none() && self.table.len >= self.table.buckets.len() {
            self.resize((self.table.len + 1).next_power_of_two().max(BUCKETS_MIN));
        }
    }

    fn shrink_if_sparse(&mut self) {
        let buckets = self.table.buckets.len();
        if self.moved.is_none() && buckets > BUCKETS_MIN && self.table.len < buckets / SPARSE {
            self.resize(self.table.len.next_power_of_two().max(BUCKETS_MIN));
        }
    }

    fn resize(&mut self, buckets: usize) {
        self.old = std::mem::replace(&mut self.table, Table::with_buckets(buckets));
        self.moved = Some(0);
        if self.old.len == 0 {
            self.finish_resize();
        }
    }

    /// Moves one bucket of a resize under way.
    #[inline]
    fn step(&mut self) {
        if let Some(moved) = self.moved {
            self.move_bucket(moved);
        }
    }

    fn move_bucket(&mut self, from: usize) {
        let mut at = from;
        let end = self.old.buckets.len().min(from + EMPTY_VISITS_MAX);
        while at < end && self.old.buckets[at].is_none() {
            at += 1;
        }
        if let Some(bucket) = self.old.buckets.get_mut(at) {
            let mut link = bucket.take();
            while let Some(mut node) = link {
                link = node.next.take();
                self.old.len -= 1;
                self.table.push(node);
            }
            at += 1;
        }
        self.moved = Some(at);
        if self.old.len == 0 {
            self.finish_resize();
        }
    }

    fn finish_resize(&mut self) {
        self.old = Table::default();
        self.moved = None;
        // Keys may have been removed meanwhile.
        self.shrink_if_sparse();
    }
}

impl<V> Table<V> {
    fn with_buckets(count: usize) -> Table<V> {
        let mut buckets = Vec::new();
        buckets.resize_with(count, || None);
        Table { buckets, len: 0 }
    }

    fn mask(&self) -> u64 {
        (self.buckets.len() as u64).wrapping_sub(1)
    }

    /// The bucket of a hash. A table without buckets has no index, so it is given one that is not there.
    #[inline]
    fn index(&self, hash: u32) -> usize {
        hash as usize & self.buckets.len().wrapping_sub(1)
    }

    #[inline]
    fn find(&self, hash: u32, key: &[u8]) -> Option<&V> {
        let mut link = self.buckets.get(self.index(hash))?.as_deref();
        while let Some(node) = link {
            if node.is(hash, key) {
                return Some(&node.value);
            }
            link = node.next.as_deref();
        }
        None
    }

    #[inline]
    fn find_mut(&mut self, hash: u32, key: &[u8]) -> Option<&mut V> {
        let index = self.index(hash);
        let mut link = self.buckets.get_mut(index)?.as_deref_mut();
        while let Some(node) = link {
            if node.is(hash, key) {
                return Some(&mut node.value);
            }
            link = node.next.as_deref_mut();
        }
        None
    }

    fn push(&mut self, mut node: Box<Node<V>>) -> &mut V {
        let index = self.index(node.hash);
        let bucket = &mut self.buckets[index];
        node.next = bucket.take();
        self.len += 1;
        &mut bucket.insert(node).value
    }

    fn remove(&mut self, hash: u32, key: &[u8]) -> Option<V> {
        let index = self.index(hash);
        let mut link = self.buckets.get_mut(index)?;
        while link.as_ref().is_some_and(|node| !node.is(hash, key)) {
            link = &mut link.as_mut()?.next;
        }
        let node = link.take()?;
        *link = node.next;
        self.len -= 1;
        Some(node.value)
    }

    fn visit(&self, cursor: u64, visit: &mut impl FnMut(&Key, &V)) {
        let index = usize::try_from(cursor & self.mask()).ok();
        if let Some(bucket) = index.and_then(|index| self.buckets.get(index)) {
            chain(bucket).for_each(|node| visit(&node.key, &node.value));
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&Key, &V)> {
        self.buckets.iter().flat_map(chain).map(|node| (&node.key, &node.value))
    }
}

fn chain<V>(link: &Link<V>) -> impl Iterator<Item = &Node<V>> {
    std::iter::successors(link.as_deref(), |node| node.next.as_deref())
}

/// Counts up with the bits of the mask reversed: the highest bit of the mask changes first.
fn next_cursor(cursor: u64, mask: u64) -> u64 {
    (cursor | !mask).reverse_bits().wrapping_add(1).reverse_bits()
}

#[cfg(test)]
mod tests;
