//! The ID of a stream's entry: a time and a number within it.

use std::fmt;

/// Two numbers, ordered by the first, then by the second.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    /// Milliseconds since 1970, or whatever the client wants.
    pub(crate) ms: u64,
    pub(crate) seq: u64,
}

impl Id {
    pub(crate) const MIN: Id = Id { ms: 0, seq: 0 };
    pub(crate) const MAX: Id = Id { ms: u64::MAX, seq: u64::MAX };

    /// The ID right behind this one; `None` behind the last.
    pub(crate) fn next(self) -> Option<Id> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Id { seq, ..self }),
            None => self.ms.checked_add(1).map(|ms| Id { ms, seq: 0 }),
        }
    }

    /// The ID right before this one; `None` before the first.
    pub(crate) fn previous(self) -> Option<Id> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Id { seq, ..self }),
            None => self.ms.checked_sub(1).map(|ms| Id { ms, seq: u64::MAX }),
        }
    }

    /// The ID as clients see it, such as `1526919030474-55`.
    pub(crate) fn text(self) -> IdText {
        let mut text = IdText { bytes: [0; TEXT_MAX], len: 0 };
        text.push(itoa::Buffer::new().format(self.ms).as_bytes());
        text.push(b"-");
        text.push(itoa::Buffer::new().format(self.seq).as_bytes());
        text
    }

    /// The ID of such bytes as [`Id::to_bytes`] makes.
    #[expect(clippy::cast_possible_truncation, reason = "cut into two halves")]
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Id {
        let both = u128::from_be_bytes(bytes);
        Id { ms: (both >> 64) as u64, seq: both as u64 }
    }

    /// The 16 bytes under which a Redis files it: both numbers big-endian, so that bytes sort as IDs do.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }
}

/// Two numbers of up to 20 digits and what stands between them, in bytes.
const TEXT_MAX: usize = 41;

/// An ID in writing, without an allocation.
#[derive(Clone, Copy)]
pub(crate) struct IdText {
    bytes: [u8; TEXT_MAX],
    len: usize,
}

impl IdText {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, part: &[u8]) {
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_carry_into_the_time() {
        let at = |ms, seq| Id { ms, seq };
        let table = [
            (at(0, 0), Some(at(0, 1))),
            (at(7, u64::MAX), Some(at(8, 0))),
            (at(u64::MAX, 6), Some(at(u64::MAX, 7))),
            (Id::MAX, None),
        ];
        for (id, next) in table {
            assert_eq!(id.next(), next, "{id:?}");
            assert_eq!(next.map_or(Some(Id::MAX), Id::previous), Some(id), "{next:?}");
        }
        assert_eq!(Id::MIN.previous(), None);
        assert_eq!(Id::MAX.text().as_bytes(), b"18446744073709551615-18446744073709551615");
    }
}
