//! Reads the parts of which serialised values are made.
//!
//! The bytes may be anything: nothing is allocated by a number that they state, only by bytes that are there.

use crate::data::rdb::{LENGTH_32, LENGTH_64, LENGTH_ENCODED, StringForm, lzf};

/// Why bytes are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// They end in the middle of it.
    Truncated,
    /// Something is not as it must be.
    Malformed,
    /// A collection without elements, which no key may hold.
    Empty,
    /// A consumer group has two consumers of one name.
    ConsumerTwice,
}

/// Bytes being read.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// A string as it is kept: apart, or as part of what is read.
#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    Plain(&'a [u8]),
    Made(Vec<u8>),
}

impl AsRef<[u8]> for Text<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Text::Plain(bytes) => bytes,
            Text::Made(bytes) => bytes,
        }
    }
}

/// What stands where a length is expected.
enum Length {
    Bytes(u64),
    /// The string is written in another way.
    Encoded(u8),
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// Bytes not yet read.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn byte(&mut self) -> Result<u8, ReadError> {
        Ok(self.array::<1>()?[0])
    }

    /// So many bytes.
    pub(crate) fn take(&mut self, count: u64) -> Result<&'a [u8], ReadError> {
        let count = usize::try_from(count).map_err(|_| ReadError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(ReadError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(ReadError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A length, or another number that is written like one.
    pub(crate) fn length(&mut self) -> Result<u64, ReadError> {
        match self.length_or_encoding()? {
            Length::Bytes(count) => Ok(count),
            Length::Encoded(_) => Err(ReadError::Malformed),
        }
    }

    /// How many elements follow, none being an error.
    pub(crate) fn count(&mut self) -> Result<u64, ReadError> {
        match self.length()? {
            0 => Err(ReadError::Empty),
            count => Ok(count),
        }
    }

    /// A string, however it is written.
    pub(crate) fn string(&mut self) -> Result<Text<'a>, ReadError> {
        let encoding = match self.length_or_encoding()? {
            Length::Bytes(count) => return Ok(Text::Plain(self.take(count)?)),
            Length::Encoded(encoding) => encoding,
        };
        let number = match StringForm::of(encoding).ok_or(ReadError::Malformed)? {
            StringForm::Int8 => i32::from(i8::from_le_bytes(self.array()?)),
            StringForm::Int16 => i32::from(i16::from_le_bytes(self.array()?)),
            StringForm::Int32 => i32::from_le_bytes(self.array()?),
            StringForm::Compressed => return self.compressed(),
        };
        Ok(Text::Made(itoa::Buffer::new().format(number).as_bytes().to_vec()))
    }

    /// A floating-point number in eight bytes.
    pub(crate) fn double(&mut self) -> Result<f64, ReadError> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// A floating-point number as text, as it was written before RDB version 8.
    pub(crate) fn text_double(&mut self) -> Result<f64, ReadError> {
        let len = match self.byte()? {
            253 => return Ok(f64::NAN),
            254 => return Ok(f64::INFINITY),
            255 => return Ok(f64::NEG_INFINITY),
            len => len,
        };
        let text = std::str::from_utf8(self.take(u64::from(len))?).ok();
        text.and_then(|text| text.trim_start().parse().ok()).ok_or(ReadError::Malformed)
    }

    /// Milliseconds since 1970.
    pub(crate) fn milliseconds(&mut self) -> Result<i64, ReadError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    fn compressed(&mut self) -> Result<Text<'a>, ReadError> {
        let (bytes, len) = (self.length()?, self.length()?);
        let len = usize::try_from(len).map_err(|_| ReadError::Malformed)?;
        let text = lzf::decompress(self.take(bytes)?, len).ok_or(ReadError::Malformed)?;
        Ok(Text::Made(text))
    }

    fn length_or_encoding(&mut self) -> Result<Length, ReadError> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(match first >> 6 {
            0 => Length::Bytes(u64::from(low)),
            1 => Length::Bytes(u64::from(low) << 8 | u64::from(self.byte()?)),
            _ if first == LENGTH_32 => Length::Bytes(u64::from(u32::from_be_bytes(self.array()?))),
            _ if first == LENGTH_64 => Length::Bytes(u64::from_be_bytes(self.array()?)),
            _ if first & LENGTH_ENCODED == LENGTH_ENCODED => Length::Encoded(low),
            _ => return Err(ReadError::Malformed),
        })
    }
}
