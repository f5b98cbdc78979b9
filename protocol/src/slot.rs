//! Key → hash slot.
//!
//! Spec: <https://valkey.io/topics/cluster-spec/#key-distribution-model>

use std::fmt;

use crc::{CRC_16_XMODEM, Crc, Table};

/// CRC16 as the cluster specification names it (polynomial 0x1021, initial value 0), 16 table lookups a step.
static CRC16: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_XMODEM);

/// One of the 16384 hash slots.
///
/// Invariant: the number is below [`Slot::COUNT`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u16);

impl Slot {
    /// One more than the highest number.
    const END: u16 = 16384;

    /// How many slots a cluster has.
    pub const COUNT: usize = Self::END as usize;

    /// The first slot.
    pub const ZERO: Slot = Slot(0);

    /// The slot with this number, or `None` when it is not below 16384.
    pub const fn new(number: u16) -> Option<Slot> {
        if number < Self::END { Some(Slot(number)) } else { None }
    }

    /// The slot in which a key lives. Costs about 0.5 ns per byte of the hashed part.
    pub fn of_key(key: &[u8]) -> Slot {
        Slot(CRC16.checksum(hash_tag(key)) & (Self::END - 1))
    }

    /// The slot as an index into an array of [`Slot::COUNT`] entries.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The slot's number, 0 to 16383.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// All slots in ascending order.
    pub fn all() -> impl DoubleEndedIterator<Item = Slot> {
        (0..Self::END).map(Slot)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({})", self.0)
    }
}

/// The part of a key that is hashed: what stands between the first `{` and the next `}` if that is not empty,
/// otherwise the whole key.
///
/// Spec: <https://valkey.io/topics/cluster-spec/#hash-tags>
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = memchr::memchr(b'{', key) else { return key };
    let rest = &key[open + 1..];
    match memchr::memchr(b'}', rest) {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_value_of_the_specification() {
        assert_eq!(CRC16.checksum(b"123456789"), 0x31c3);
        assert_eq!(Slot::of_key(b"123456789").number(), 12739);
        assert_eq!(Slot::of_key(b"foo").number(), 12182);
        assert_eq!(Slot::of_key(b"").number(), 0);
    }

    #[test]
    fn hash_tags_follow_the_specification() {
        let table: &[(&[u8], &[u8])] = &[
            (b"{user1000}.following", b"user1000"),
            (b"foo{}{bar}", b"foo{}{bar}"),
            (b"foo{{bar}}zap", b"{bar"),
            (b"foo{bar}{zap}", b"bar"),
            (b"foo{bar", b"foo{bar"),
            (b"}foo{bar}", b"bar"),
            (b"{}", b"{}"),
        ];
        for (key, hashed) in table {
            assert_eq!(hash_tag(key), *hashed);
            assert_eq!(Slot::of_key(key), Slot::of_key(hashed));
        }
    }

    #[test]
    fn only_16384_slots_exist() {
        assert!(Slot::new(16383).is_some());
        assert!(Slot::new(16384).is_none());
        assert_eq!(Slot::all().count(), Slot::COUNT);
    }
}
