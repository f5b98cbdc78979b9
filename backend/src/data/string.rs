//! The string type with its encodings.
//!
//! A whole number in canonical form is kept as a number (`int`), a text that arrives whole and is short is kept
//! tight (`embstr`), everything that was changed in place or is long is a growable buffer (`raw`).
//!
//! Source: redis `src/object.c` tryObjectEncoding, for the thresholds.

use reddoor_protocol::request::parse_integer;

/// Longest string that is called `embstr`, in bytes.
const EMBEDDED_MAX: usize = 44;

/// Longest string kept in place, in bytes: what fits beside tag and length in 24 bytes.
const INLINE_MAX: usize = 15;

/// Longest text that can be a 64-bit number, in bytes.
const INTEGER_MAX: usize = 20;

/// Smallest number that is shared and not counted as a key's own memory.
const SHARED: std::ops::Range<i64> = 0..10_000;

/// A string value.
#[derive(Clone, Debug)]
pub(crate) enum Str {
    /// A whole number in canonical form, which may be a copy of another key's.
    Int { number: i64, is_copy: bool },
    /// `embstr`, short enough to be kept in place.
    Inline { len: u8, bytes: [u8; INLINE_MAX] },
    /// `embstr`, longer than that.
    Embedded(Box<[u8]>),
    /// `raw`
    Raw(Vec<u8>),
}

impl Str {
    /// The string in the tightest encoding, as for a value that a client has sent whole.
    #[inline]
    pub(crate) fn new(bytes: &[u8]) -> Str {
        if bytes.len() <= INTEGER_MAX
            && let Some(number) = parse_integer(bytes)
        {
            return Str::integer_of(number);
        }
        Str::text(bytes)
    }

    /// A whole number that no other key's value was copied for.
    pub(crate) fn integer_of(number: i64) -> Str {
        Str::Int { number, is_copy: false }
    }

    /// The string as text, even if it reads as a number: what a command computes rather than receives.
    pub(crate) fn text(bytes: &[u8]) -> Str {
        match u8::try_from(bytes.len()) {
            Ok(len) if bytes.len() <= INLINE_MAX => {
                let mut inline = [0; INLINE_MAX];
                inline[..bytes.len()].copy_from_slice(bytes);
                Str::Inline { len, bytes: inline }
            }
            _ if bytes.len() <= EMBEDDED_MAX => Str::Embedded(bytes.into()),
            _ => Str::Raw(bytes.to_vec()),
        }
    }

    /// Length in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Str::Int { number, .. } => itoa::Buffer::new().format(*number).len(),
            Str::Inline { len, .. } => usize::from(*len),
            Str::Embedded(bytes) => bytes.len(),
            Str::Raw(bytes) => bytes.len(),
        }
    }

    /// The bytes; a number is written into `digits`.
    #[inline]
    pub(crate) fn bytes<'a>(&'a self, digits: &'a mut itoa::Buffer) -> &'a [u8] {
        match self {
            Str::Int { number, .. } => digits.format(*number).as_bytes(),
            Str::Inline { len, bytes } => &bytes[..usize::from(*len).min(INLINE_MAX)],
            Str::Embedded(bytes) => bytes,
            Str::Raw(bytes) => bytes,
        }
    }

    /// The string as a whole number, if it is one in canonical form.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Str::Int { number, .. } => Some(*number),
            Str::Inline { .. } | Str::Embedded(_) | Str::Raw(_) => {
                parse_integer(self.bytes(&mut itoa::Buffer::new()))
            }
        }
    }

    /// The bytes to be changed in place; from here on the encoding is `raw`.
    pub(crate) fn make_raw(&mut self) -> &mut Vec<u8> {
        if !matches!(self, Str::Raw(_)) {
            *self = Str::Raw(self.bytes(&mut itoa::Buffer::new()).to_vec());
        }
        match self {
            Str::Raw(bytes) => bytes,
            Str::Int { .. } | Str::Inline { .. } | Str::Embedded(_) => {
                unreachable!("made raw above")
            }
        }
    }

    /// What `OBJECT ENCODING` answers.
    pub(crate) fn encoding(&self) -> &'static str {
        match self {
            Str::Int { .. } => "int",
            Str::Inline { .. } | Str::Embedded(_) => "embstr",
            Str::Raw(_) => "raw",
        }
    }

    /// Whether a Redis would share one object between all keys with this value: a copy has its own.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Str::Int { number, is_copy: false } if SHARED.contains(number))
    }

    /// The same string for another key.
    pub(crate) fn copy(&self) -> Str {
        match self {
            Str::Int { number, .. } => Str::Int { number: *number, is_copy: true },
            text => text.clone(),
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Str::Int { .. } | Str::Inline { .. } => 0,
            Str::Embedded(bytes) => bytes.len(),
            Str::Raw(bytes) => bytes.capacity(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_follow_the_thresholds() {
        let table: [(&[u8], &str); 9] = [
            (b"0", "int"),
            (b"-9223372036854775808", "int"),
            (b"9223372036854775808", "embstr"),
            (b"007", "embstr"),
            (b"-0", "embstr"),
            (b"", "embstr"),
            (&[b'a'; 15], "embstr"),
            (&[b'a'; 44], "embstr"),
            (&[b'a'; 45], "raw"),
        ];
        for (bytes, encoding) in table {
            let string = Str::new(bytes);
            assert_eq!(string.encoding(), encoding, "{}", bytes.escape_ascii());
            assert_eq!(string.bytes(&mut itoa::Buffer::new()), bytes);
            assert_eq!(string.len(), bytes.len());
        }
        assert_eq!(size_of::<Str>(), 24);
    }

    #[test]
    fn what_is_changed_in_place_is_raw() {
        let mut string = Str::new(b"12");
        string.make_raw().extend_from_slice(b"3");
        assert_eq!(string.encoding(), "raw");
        assert_eq!(string.integer(), Some(123));
    }
}
