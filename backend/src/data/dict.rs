//! The hash table: chains in buckets, always as many buckets as keys, scanned by reverse-binary cursors.
//!
//! A new key splits one bucket into two and a removed one joins two, in the order of their numbers (linear
//! hashing): the table never holds two copies of itself, and no single call pays for a resize. All keys lie in a
//! row without gaps, and chains are numbers in that row; the last key moves where one was removed. So a table
//! needs no memory but its keys' and twelve bytes for each, and picking a key at random costs one look.
//!
//! A cursor counts with its bits reversed, from the highest bit of the mask down, over the buckets that there would
//! be with the next smaller power of two of them; each is visited together with the bucket it may have been split
//! into. Since a bucket splits only into buckets that share its low bits, what a cursor has passed stays passed when
//! the table grows or shrinks: a scan meets every key that was there throughout, and may meet one twice.
//!
//! Invariants: there are as many `heads` as `nodes`, or more of them while more keys are expected; each node is in the
//! chain of its hash's bucket, once.
//! Not here: hashing. Callers bring the hash, keyed so that clients cannot choose it.
//! Source: W. Litwin, "Linear hashing", VLDB 1980; redis `src/dict.c` dictScan, for the idea of the cursor.

use std::hint::black_box;
use std::ops::Deref;

use crate::data::key::Key;
use crate::data::pages::Pages;
use crate::data::random::Random;

/// A map from keys to `V`. A `K` may hold more than the bytes it derefs to, which are the key.
#[derive(Clone, Debug)]
pub(crate) struct Dict<V, K = Key> {
    /// The first node of each bucket's chain.
    heads: Pages<Link>,
    nodes: Pages<Node<K, V>>,
}

/// The number of a node, or [`END`].
type Link = u32;

/// The end of a chain.
const END: Link = Link::MAX;

#[derive(Clone, Debug)]
struct Node<K, V> {
    next: Link,
    hash: u32,
    key: K,
    value: V,
}

impl<K: Deref<Target = [u8]>, V> Node<K, V> {
    #[inline]
    fn is(&self, hash: u32, key: &[u8]) -> bool {
        self.hash == hash && *self.key == *key
    }
}

impl<V, K> Default for Dict<V, K> {
    fn default() -> Dict<V, K> {
        Dict { heads: Pages::default(), nodes: Pages::default() }
    }
}

impl<V, K: Deref<Target = [u8]>> Dict<V, K> {
    /// How many keys it holds.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    #[inline]
    pub(crate) fn find(&self, hash: u32, key: &[u8]) -> Option<&V> {
        self.position(hash, key).map(|at| &self.nodes[at].value)
    }

    #[inline]
    pub(crate) fn find_mut(&mut self, hash: u32, key: &[u8]) -> Option<&mut V> {
        self.position(hash, key).map(|at| &mut self.nodes[at].value)
    }

    /// The key as it is kept.
    #[inline]
    pub(crate) fn find_key(&self, hash: u32, key: &[u8]) -> Option<&K> {
        self.position(hash, key).map(|at| &self.nodes[at].key)
    }

    /// As [`Dict::find_key`], to change what a `K` holds beside the key; the key must stay as it is.
    #[inline]
    pub(crate) fn find_key_mut(&mut self, hash: u32, key: &[u8]) -> Option<&mut K> {
        self.position(hash, key).map(|at| &mut self.nodes[at].key)
    }

    /// Adds a key that is not there yet.
    ///
    /// # Panics
    /// With 2³² keys, which take hundreds of gigabytes.
    pub(crate) fn insert_new(&mut self, hash: u32, key: K, value: V) -> &mut V {
        debug_assert!(self.position(hash, &key).is_none(), "the key is new");
        if self.heads.len() == self.nodes.len() {
            self.split_bucket();
        }
        let at = self.nodes.len();
        let link = Link::try_from(at).ok().filter(|link| *link != END).expect("below 2^32 keys");
        let bucket = bucket_of(hash, self.heads.len());
        let next = std::mem::replace(&mut self.heads[bucket], link);
        self.nodes.push(Node { next, hash, key, value });
        &mut self.nodes[at].value
    }

    /// Makes buckets for so many keys in all, so that those to come split none. Costs four bytes for each; what was
    /// expected in vain takes them until [`Dict::expect_no_more`].
    pub(crate) fn expect(&mut self, count: usize) {
        while self.heads.len() < count {
            self.split_bucket();
        }
    }

    /// Gives up the buckets of keys that did not come.
    pub(crate) fn expect_no_more(&mut self) {
        while self.heads.len() > self.nodes.len() {
            self.join_buckets();
        }
    }

    /// Removes a key and gives back its value.
    pub(crate) fn remove(&mut self, hash: u32, key: &[u8]) -> Option<V> {
        let at = self.position(hash, key)?;
        self.remove_at(at).map(|(_, value)| value)
    }

    /// Removes the key at a place of the row, which the last one takes then.
    pub(crate) fn remove_at(&mut self, at: usize) -> Option<(K, V)> {
        let next = self.nodes.get(at)?.next;
        self.relink(at, next);
        let last = self.nodes.len() - 1;
        if at != last {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "below the last one, which is a link"
            )]
            self.relink(last, at as Link);
        }
        let node = self.nodes.swap_remove(at)?;
        self.join_buckets();
        Some((node.key, node.value))
    }

    /// The key at a place of the row of all keys, below [`Dict::len`]. Any change may give it another place.
    pub(crate) fn at(&self, at: usize) -> Option<(&K, &V)> {
        self.nodes.get(at).map(|node| (&node.key, &node.value))
    }

    /// As [`Dict::at`], to change the value.
    pub(crate) fn at_mut(&mut self, at: usize) -> Option<&mut V> {
        if at < self.len() { Some(&mut self.nodes[at].value) } else { None }
    }

    /// Visits a bucket or two and gives back where the next call has to go on; 0 starts and 0 means the end.
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(&K, &V)) -> u64 {
        let buckets = self.heads.len();
        if buckets == 0 {
            return 0;
        }
        let unsplit = 1 << buckets.ilog2();
        let mask = unsplit as u64 - 1;
        #[expect(clippy::cast_possible_truncation, reason = "below a count of buckets")]
        let bucket = (cursor & mask) as usize;
        for bucket in [bucket, bucket + unsplit].into_iter().filter(|bucket| *bucket < buckets) {
            self.chain(bucket).for_each(|node| visit(&node.key, &node.value));
        }
        next_cursor(cursor, mask)
    }

    /// All keys and values, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.nodes.iter().map(|node| (&node.key, &node.value))
    }

    /// A key picked at random, each as likely.
    pub(crate) fn random(&self, random: &mut Random) -> Option<(&K, &V)> {
        if self.len() == 0 {
            return None;
        }
        self.at(random.below(self.len()))
    }

    /// How many keys each bucket has. Costs O(keys).
    pub(crate) fn chain_lens(&self) -> impl Iterator<Item = usize> {
        (0..self.heads.len()).map(|bucket| self.chain(bucket).count())
    }

    /// Bytes on the heap, those that keys and values own not among them.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.heads.heap_bytes() + self.nodes.heap_bytes()
    }

    /// The place of a key in the row.
    #[inline]
    pub(crate) fn position(&self, hash: u32, key: &[u8]) -> Option<usize> {
        let mut link = *self.heads.get(bucket_of(hash, self.heads.len()))?;
        while link != END {
            let node = &self.nodes[link as usize];
            if node.is(hash, key) {
                return Some(link as usize);
            }
            link = node.next;
        }
        None
    }

    /// Reads where looking for keys with these hashes begins, and where making room for as many new ones does. The
    /// reads do not wait for each other, so that a run of new keys waits for memory about once and not once for each.
    pub(crate) fn look_ahead(&self, hashes: impl ExactSizeIterator<Item = u32>) {
        let buckets = self.heads.len();
        let end = buckets.max(self.nodes.len() + hashes.len());
        let sought = hashes.map(|hash| bucket_of(hash, buckets));
        let split = (buckets..end).filter_map(parent_of);
        let links: Vec<Link> =
            sought.chain(split).filter_map(|bucket| self.heads.get(bucket).copied()).collect();
        let nodes = links.iter().filter_map(|link| self.nodes.get(*link as usize));
        black_box(nodes.fold(0, |all, node| all ^ node.hash));
    }

    /// Makes the one link that leads to a node lead elsewhere.
    fn relink(&mut self, node: usize, to: Link) {
        let bucket = bucket_of(self.nodes[node].hash, self.heads.len());
        let mut link = &mut self.heads[bucket];
        let mut at = *link as usize;
        while at != node {
            link = &mut self.nodes[at].next;
            at = *link as usize;
        }
        *link = to;
    }

    /// Adds a bucket, which takes its keys from the one that had them so far.
    fn split_bucket(&mut self) {
        let new = self.heads.len();
        self.heads.push(END);
        let Some(parent) = parent_of(new) else { return };
        let mut link = std::mem::replace(&mut self.heads[parent], END);
        while link != END {
            let node = &mut self.nodes[link as usize];
            let head = &mut self.heads[bucket_of(node.hash, new + 1)];
            let next = std::mem::replace(&mut node.next, *head);
            *head = link;
            link = next;
        }
    }

    /// Removes the last bucket, whose keys go where they would be without it.
    fn join_buckets(&mut self) {
        let Some(first) = self.heads.pop().filter(|first| *first != END) else { return };
        let Some(parent) = parent_of(self.heads.len()) else { return };
        let mut end = first as usize;
        while self.nodes[end].next != END {
            end = self.nodes[end].next as usize;
        }
        self.nodes[end].next = std::mem::replace(&mut self.heads[parent], first);
    }

    fn chain(&self, bucket: usize) -> impl Iterator<Item = &Node<K, V>> {
        let node = |link: Link| self.nodes.get(link as usize);
        let first = self.heads.get(bucket).and_then(|link| node(*link));
        std::iter::successors(first, move |last| node(last.next))
    }
}

/// The bucket of a hash among so many. Without any there is none, so one is given that is not there.
#[inline]
fn bucket_of(hash: u32, buckets: usize) -> usize {
    let mask = buckets.next_power_of_two() - 1;
    let bucket = hash as usize & mask;
    // Buckets from here on have not been split off yet.
    if bucket < buckets { bucket } else { bucket & (mask >> 1) }
}

/// The bucket from which another was split off: its number without the highest bit.
fn parent_of(bucket: usize) -> Option<usize> {
    bucket.checked_ilog2().map(|highest| bucket - (1 << highest))
}

/// Counts up with the bits of the mask reversed: the highest bit of the mask changes first.
fn next_cursor(cursor: u64, mask: u64) -> u64 {
    (cursor | !mask).reverse_bits().wrapping_add(1).reverse_bits()
}

#[cfg(test)]
mod tests;
