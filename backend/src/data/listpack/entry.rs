//! One entry of a listpack: head, data, and its length once more.
//!
//! | head | then | means |
//! |---|---|---|
//! | `0xxxxxxx` | | integer 0 to 127 |
//! | `10xxxxxx` | data | string of up to 63 bytes |
//! | `110xxxxx` | 1 byte | integer of 13 bits, high bits first |
//! | `1110xxxx` | 1 byte, data | string of up to 4095 bytes, high bits first |
//! | `0xF0` | 4 bytes, data | longer string, little-endian length |
//! | `0xF1` … `0xF4` | 2, 3, 4, 8 bytes | integer, little-endian |
//!
//! The length at the end counts head and data, seven bits a byte, the highest first; a set top bit says that there
//! is a byte before.

use std::fmt;

use reddoor_protocol::request::parse_integer;

/// An entry: integers come back as what they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Entry<'a> {
    Integer(i64),
    String(&'a [u8]),
}

/// Longest text that can be a 64-bit number, in bytes.
const INTEGER_TEXT_MAX: usize = 20;

impl<'a> Entry<'a> {
    /// The bytes; an integer is written into `digits`.
    #[inline]
    pub(crate) fn bytes<'b>(self, digits: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Entry::Integer(number) => digits.format(number).as_bytes(),
            Entry::String(bytes) => bytes,
        }
    }

    /// The entry as an integer, if it reads as one in canonical form.
    pub(crate) fn integer(self) -> Option<i64> {
        match self {
            Entry::Integer(number) => Some(number),
            Entry::String(bytes) => integer(bytes),
        }
    }

    /// The bytes in memory of their own.
    pub(crate) fn to_vec(self) -> Vec<u8> {
        self.bytes(&mut itoa::Buffer::new()).to_vec()
    }
}

impl PartialEq<[u8]> for Entry<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        self.bytes(&mut itoa::Buffer::new()) == other
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Integer(number) => number.fmt(f),
            Entry::String(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
        }
    }
}

/// The integer that a text is kept as.
#[inline]
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    if text.len() > INTEGER_TEXT_MAX { None } else { parse_integer(text) }
}

/// How data is kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Head {
    Integer { number: i64, bytes: usize },
    String { head_bytes: usize, len: usize },
}

impl Head {
    #[inline]
    pub(super) fn of(data: &[u8]) -> Head {
        if let Some(number) = integer(data) {
            return Head::of_integer(number);
        }
        let head_bytes = match data.len() {
            0..=63 => 1,
            64..=4095 => 2,
            _ => 5,
        };
        Head::String { head_bytes, len: data.len() }
    }

    #[inline]
    pub(super) fn of_integer(number: i64) -> Head {
        let bytes = match number {
            0..=127 => 1,
            -4096..=4095 => 2,
            -0x8000..=0x7fff => 3,
            -0x80_0000..=0x7f_ffff => 4,
            -0x8000_0000..=0x7fff_ffff => 5,
            _ => 9,
        };
        Head::Integer { number, bytes }
    }

    /// Bytes of head and data.
    fn bytes(self) -> usize {
        match self {
            Head::Integer { bytes, .. } => bytes,
            Head::String { head_bytes, len } => head_bytes + len,
        }
    }

    /// Bytes of the whole entry.
    #[inline]
    pub(super) fn total(self) -> usize {
        self.bytes() + back_len_bytes(self.bytes())
    }

    /// Writes the entry. `out` has exactly [`Head::total`] bytes.
    #[expect(clippy::cast_possible_truncation, reason = "bits are picked")]
    pub(super) fn write(self, data: &[u8], out: &mut [u8]) {
        match self {
            Head::Integer { number, bytes: 1 } => out[0] = number as u8,
            Head::Integer { number, bytes: 2 } => {
                out[0] = 0b1100_0000 | (number >> 8) as u8 & 0b1_1111;
                out[1] = number as u8;
            }
            Head::Integer { number, bytes } => {
                out[0] = match bytes {
                    3 => 0xf1,
                    4 => 0xf2,
                    5 => 0xf3,
                    _ => 0xf4,
                };
                out[1..bytes].copy_from_slice(&number.to_le_bytes()[..bytes - 1]);
            }
            Head::String { head_bytes, len } => {
                match head_bytes {
                    1 => out[0] = 0b1000_0000 | len as u8,
                    2 => out[..2].copy_from_slice(&[0b1110_0000 | (len >> 8) as u8, len as u8]),
                    _ => {
                        out[0] = 0xf0;
                        out[1..5].copy_from_slice(&(len as u32).to_le_bytes());
                    }
                }
                out[head_bytes..head_bytes + len].copy_from_slice(data);
            }
        }
        let bytes = self.bytes();
        let back_len = &mut out[bytes..];
        for (distance, byte) in back_len.iter_mut().rev().enumerate() {
            *byte = (bytes >> (7 * distance)) as u8 & 127 | 128;
        }
        back_len[0] &= 127;
    }
}

/// Bytes of the length that stands at the end of an entry with so many bytes of head and data.
///
/// Source: redis `src/listpack.c` lpEncodeBacklen, whose bounds are one short of what fits.
fn back_len_bytes(bytes: usize) -> usize {
    match bytes {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// Bytes of head and data of the entry at an offset.
#[inline]
fn bytes_at(bytes: &[u8], at: usize) -> usize {
    match bytes[at] {
        0..=0x7f => 1,
        head @ 0x80..=0xbf => 1 + usize::from(head & 0x3f),
        0xc0..=0xdf => 2,
        head @ 0xe0..=0xef => 2 + (usize::from(head & 0x0f) << 8 | usize::from(bytes[at + 1])),
        0xf0 => 5 + u32::from_le_bytes(array(bytes, at + 1)) as usize,
        0xf1 => 3,
        0xf2 => 4,
        0xf3 => 5,
        _ => 9,
    }
}

/// Where the entry at an offset ends.
#[inline]
pub(super) fn end(bytes: &[u8], at: usize) -> usize {
    let len = bytes_at(bytes, at);
    at + len + back_len_bytes(len)
}

/// As [`end`], with bytes that may be anything: `None` unless the whole entry is well-formed and another byte follows.
pub(super) fn checked_end(bytes: &[u8], at: usize) -> Option<usize> {
    // So many bytes of the head must be there before its length can be read.
    let head_bytes = match bytes.get(at)? {
        0xe0..=0xef => 2,
        0xf0 => 5,
        0xf5..=0xff => return None,
        _ => 1,
    };
    bytes.get(at..at + head_bytes)?;
    let len = bytes_at(bytes, at);
    let end = at.checked_add(len)?.checked_add(back_len_bytes(len))?;
    bytes.get(end)?;
    (start_of_previous_checked(bytes, end)? == at).then_some(end)
}

/// Where the entry begins that ends at an offset.
#[inline]
pub(super) fn start_of_previous(bytes: &[u8], end: usize) -> usize {
    start_of_previous_checked(bytes, end).expect("a listpack is well-formed")
}

#[inline]
fn start_of_previous_checked(bytes: &[u8], end: usize) -> Option<usize> {
    let (mut len, mut taken) = (0usize, 0);
    loop {
        let byte = bytes[end.checked_sub(taken + 1)?];
        len |= usize::from(byte & 127) << (7 * taken);
        taken += 1;
        if byte & 128 == 0 {
            return end.checked_sub(taken)?.checked_sub(len);
        }
        if taken == 5 {
            return None;
        }
    }
}

/// The entry at an offset.
#[inline]
pub(super) fn read(bytes: &[u8], at: usize) -> Entry<'_> {
    let len = bytes_at(bytes, at);
    let string = |head_bytes: usize| Entry::String(&bytes[at + head_bytes..at + len]);
    match bytes[at] {
        head @ 0..=0x7f => Entry::Integer(i64::from(head)),
        0x80..=0xbf => string(1),
        head @ 0xc0..=0xdf => {
            let unsigned = i64::from(head & 0x1f) << 8 | i64::from(bytes[at + 1]);
            Entry::Integer(if unsigned < 4096 { unsigned } else { unsigned - 8192 })
        }
        0xe0..=0xef => string(2),
        0xf0 => string(5),
        0xf1 => Entry::Integer(i64::from(i16::from_le_bytes(array(bytes, at + 1)))),
        0xf2 => {
            let [a, b, c] = array(bytes, at + 1);
            Entry::Integer(i64::from(i32::from_le_bytes([0, a, b, c]) >> 8))
        }
        0xf3 => Entry::Integer(i64::from(i32::from_le_bytes(array(bytes, at + 1)))),
        _ => Entry::Integer(i64::from_le_bytes(array(bytes, at + 1))),
    }
}

#[inline]
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}
