//! A field and its value in one piece of memory, in place if both are short.

use std::fmt;
use std::ops::Deref;

/// Longest field and value together that are kept in place, in bytes: what fits beside tag and lengths in 32 bytes.
const INLINE_MAX: usize = 29;

/// A field, to which it derefs, and its value behind it.
#[derive(Clone)]
pub(super) enum Pair {
    /// At most [`INLINE_MAX`] bytes, of which the first `field_len` are the field, up to `len` the value.
    Inline { field_len: u8, len: u8, bytes: [u8; INLINE_MAX] },
    /// Longer ones.
    Heap { field_len: usize, bytes: Box<[u8]> },
}

impl Pair {
    pub(super) fn new(field: &[u8], value: &[u8]) -> Pair {
        let (field_len, len) = (field.len(), field.len() + value.len());
        match (u8::try_from(field_len), u8::try_from(len)) {
            (Ok(field_len), Ok(len)) if usize::from(len) <= INLINE_MAX => {
                let mut bytes = [0; INLINE_MAX];
                bytes[..field.len()].copy_from_slice(field);
                bytes[field.len()..usize::from(len)].copy_from_slice(value);
                Pair::Inline { field_len, len, bytes }
            }
            _ => Pair::Heap { field_len, bytes: [field, value].concat().into() },
        }
    }

    pub(super) fn value(&self) -> &[u8] {
        let (field_len, bytes) = self.parts();
        &bytes[field_len..]
    }

    pub(super) fn set_value(&mut self, value: &[u8]) {
        match self {
            // A value of the same length, as counters mostly have, needs no new memory.
            Pair::Heap { field_len, bytes } if bytes.len() == *field_len + value.len() => {
                bytes[*field_len..].copy_from_slice(value);
            }
            _ => *self = Pair::new(self, value),
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Pair::Inline { .. } => 0,
            Pair::Heap { bytes, .. } => bytes.len(),
        }
    }

    /// Where the field ends, and the bytes of both.
    #[inline]
    fn parts(&self) -> (usize, &[u8]) {
        match self {
            Pair::Inline { field_len, len, bytes } => {
                (usize::from(*field_len), &bytes[..usize::from(*len).min(INLINE_MAX)])
            }
            Pair::Heap { field_len, bytes } => (*field_len, bytes),
        }
    }
}

impl Deref for Pair {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        let (field_len, bytes) = self.parts();
        &bytes[..field_len]
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.escape_ascii(), self.value().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_any_length_come_back() {
        for (field_len, value_len) in
            [(0, 0), (0, 29), (29, 0), (14, 15), (15, 15), (300, 0), (0, 300)]
        {
            let (field, value) = (vec![b'f'; field_len], vec![b'v'; value_len]);
            let mut pair = Pair::new(&field, &value);
            assert_eq!((&*pair, pair.value()), (&*field, &*value));
            for value in [b"".as_slice(), b"x", &[b'w'; 30], &[b'z'; 30], &[b'y'; 15]] {
                pair.set_value(value);
                assert_eq!((&*pair, pair.value()), (&*field, value));
            }
        }
        assert_eq!(size_of::<Pair>(), 32);
    }
}
