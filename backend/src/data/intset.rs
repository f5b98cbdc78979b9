//! Integers in ascending order in one run of bytes: the compact form of sets of integers.
//!
//! The bytes are those of a Redis, so that dumps and snapshots carry them as they are, little-endian all:
//! 4 bytes for the width of a member (2, 4 or 8), 4 bytes for their count, the members.
//! The width is that of the widest member there ever was.
//!
//! Invariant: the bytes are well-formed; what comes from outside is checked by [`Intset::from_bytes`] first.
//!
//! Source: redis `src/intset.c`.

/// Bytes before the first member.
const HEADER: usize = 8;

/// A set of integers.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Intset {
    /// Exactly as long as it must be.
    bytes: Box<[u8]>,
}

/// The bytes are no set of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Bytes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    Two = 2,
    Four = 4,
    Eight = 8,
}

impl Width {
    fn of(number: i64) -> Width {
        if i16::try_from(number).is_ok() {
            Width::Two
        } else if i32::try_from(number).is_ok() {
            Width::Four
        } else {
            Width::Eight
        }
    }

    fn bytes(self) -> usize {
        self as usize
    }
}

impl Default for Intset {
    fn default() -> Intset {
        Intset { bytes: [2, 0, 0, 0, 0, 0, 0, 0].into() }
    }
}

impl Intset {
    /// Takes bytes from outside. Costs O(bytes): every member is looked at.
    ///
    /// # Errors
    /// Anything is not as it must be, or there is no member.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Intset, Malformed> {
        let word = |at: usize| bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word));
        let (width, count) = word(0).zip(word(4)).ok_or(Malformed)?;
        let is_framed = matches!(width, 2 | 4 | 8)
            && count > 0
            && u64::from(width) * u64::from(count) == (bytes.len() - HEADER) as u64;
        if !is_framed {
            return Err(Malformed);
        }
        let set = Intset { bytes: bytes.into() };
        if set.iter().is_sorted_by(|a, b| a < b) { Ok(set) } else { Err(Malformed) }
    }

    /// All bytes, as they are dumped.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn len(&self) -> usize {
        (self.bytes.len() - HEADER) / self.width().bytes()
    }

    /// The member at an index below [`Intset::len`], in ascending order.
    #[inline]
    pub(crate) fn at(&self, index: usize) -> i64 {
        let members = &self.bytes[HEADER..];
        match self.width() {
            Width::Two => i64::from(i16::from_le_bytes(chunk(members, index))),
            Width::Four => i64::from(i32::from_le_bytes(chunk(members, index))),
            Width::Eight => i64::from_le_bytes(chunk(members, index)),
        }
    }

    /// All members in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = i64> {
        (0..self.len()).map(|index| self.at(index))
    }

    pub(crate) fn contains(&self, number: i64) -> bool {
        Width::of(number) <= self.width() && self.search(number).is_ok()
    }

    /// Whether the number was not there before.
    pub(crate) fn insert(&mut self, number: i64) -> bool {
        let Err(index) = self.search(number) else { return false };
        let width = Width::of(number).max(self.width());
        if width > self.width() {
            self.widen(width);
        }
        let (at, bytes) = (HEADER + index * width.bytes(), width.bytes());
        let end = self.bytes.len();
        self.resize(end + bytes);
        self.bytes.copy_within(at..end, at + bytes);
        self.bytes[at..at + bytes].copy_from_slice(&number.to_le_bytes()[..bytes]);
        true
    }

    /// Whether the number was there.
    pub(crate) fn remove(&mut self, number: i64) -> bool {
        let Ok(index) = self.search(number) else { return false };
        let bytes = self.width().bytes();
        let at = HEADER + index * bytes;
        self.bytes.copy_within(at + bytes.., at);
        self.resize(self.bytes.len() - bytes);
        true
    }

    /// Where a number is, or would be.
    fn search(&self, number: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        // Numbers often come in ascending order.
        if high > 0 && self.at(high - 1) < number {
            return Err(high);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at(middle).cmp(&number) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    fn width(&self) -> Width {
        match self.bytes[0] {
            2 => Width::Two,
            4 => Width::Four,
            _ => Width::Eight,
        }
    }

    /// Writes all members anew with a greater width.
    fn widen(&mut self, width: Width) {
        let mut bytes = Vec::with_capacity(HEADER + self.len() * width.bytes());
        bytes.extend_from_slice(&self.bytes[..HEADER]);
        bytes[0] = width as u8;
        for number in self.iter() {
            bytes.extend_from_slice(&number.to_le_bytes()[..width.bytes()]);
        }
        self.bytes = bytes.into_boxed_slice();
    }

    /// Gives the bytes another length and writes the count that follows from it.
    fn resize(&mut self, len: usize) {
        let mut bytes = std::mem::take(&mut self.bytes).into_vec();
        bytes.reserve_exact(len.saturating_sub(bytes.len()));
        bytes.resize(len, 0);
        self.bytes = bytes.into_boxed_slice();
        let count = u32::try_from(self.len()).unwrap_or(u32::MAX);
        self.bytes[4..HEADER].copy_from_slice(&count.to_le_bytes());
    }
}

#[inline]
fn chunk<const N: usize>(bytes: &[u8], index: usize) -> [u8; N] {
    let mut chunk = [0; N];
    chunk.copy_from_slice(&bytes[index * N..index * N + N]);
    chunk
}

impl std::fmt::Debug for Intset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![8 => -20..20i64, 2 => -40_000..40_000i64, 1 => any::<i64>()]
    }

    proptest! {
        #[test]
        fn behaves_like_a_sorted_set(
            steps in proptest::collection::vec((any::<bool>(), number()), 0..300),
        ) {
            let (mut set, mut model) = (Intset::default(), BTreeSet::new());
            for (is_insert, number) in steps {
                if is_insert {
                    prop_assert_eq!(set.insert(number), model.insert(number));
                } else {
                    prop_assert_eq!(set.remove(number), model.remove(&number));
                }
                prop_assert_eq!(set.contains(number), model.contains(&number));
                prop_assert_eq!(set.len(), model.len());
            }
            prop_assert!(set.iter().eq(model.iter().copied()));
            let copy = Intset::from_bytes(set.as_bytes());
            prop_assert_eq!(copy, if model.is_empty() { Err(Malformed) } else { Ok(set) });
        }

        #[test]
        fn bytes_from_outside_are_refused_or_sound(
            bytes in proptest::collection::vec(prop_oneof![0..9u8, any::<u8>()], 0..40),
        ) {
            if let Ok(set) = Intset::from_bytes(&bytes) {
                let members: BTreeSet<i64> = set.iter().collect();
                prop_assert!(members.into_iter().eq(set.iter()));
            }
        }
    }

    #[test]
    fn the_bytes_are_those_of_a_redis() {
        let mut set = Intset::default();
        [5, -1, 3].iter().for_each(|number| assert!(set.insert(*number)));
        assert_eq!(set.as_bytes(), b"\x02\0\0\0\x03\0\0\0\xff\xff\x03\0\x05\0");
        assert!(set.insert(-40_000));
        assert!(set.remove(3));
        assert_eq!(
            set.as_bytes(),
            b"\x04\0\0\0\x03\0\0\0\xc0\x63\xff\xff\xff\xff\xff\xff\x05\0\0\0"
        );
    }
}
