//! Writes the parts of which serialised values are made.

use reddoor_protocol::request::parse_integer;

use crate::data::rdb::{LENGTH_32, LENGTH_64, LENGTH_ENCODED, StringForm, lzf};

/// Whether long strings are compressed, as `rdbcompression` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Off,
    On,
}

/// Where serialised values are appended.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    compression: Compression,
    places: lzf::Places,
}

/// Longest text that is looked at as a number, in bytes: what `-2147483648` takes.
const NUMBER_MAX: usize = 11;

/// Strings up to this length are never compressed, in bytes.
const COMPRESSED_MIN: usize = 20;

/// So many bytes at least must be saved by compression.
const SAVED_MIN: usize = 4;

impl Writer<'_> {
    pub(crate) fn new(out: &mut Vec<u8>, compression: Compression) -> Writer<'_> {
        Writer { out, compression, places: lzf::Places::default() }
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// A length, or another number that is written like one.
    #[expect(clippy::cast_possible_truncation, reason = "the arms know how many bits there are")]
    pub(crate) fn length(&mut self, length: u64) {
        match length {
            0..0x40 => self.out.push(length as u8),
            0x40..0x4000 => self.raw(&(0x4000 | length as u16).to_be_bytes()),
            0x4000..=0xffff_ffff => {
                self.out.push(LENGTH_32);
                self.raw(&(length as u32).to_be_bytes());
            }
            _ => {
                self.out.push(LENGTH_64);
                self.raw(&length.to_be_bytes());
            }
        }
    }

    /// A string: as a number or compressed where that is shorter.
    pub(crate) fn string(&mut self, bytes: &[u8]) {
        if bytes.len() <= NUMBER_MAX
            && let Some(number) = parse_integer(bytes)
            && self.small_number(number)
        {
            return;
        }
        if self.compression == Compression::On && bytes.len() > COMPRESSED_MIN && self.lzf(bytes) {
            return;
        }
        self.plain(bytes);
    }

    /// A string that is a number.
    pub(crate) fn integer(&mut self, number: i64) {
        if !self.small_number(number) {
            self.plain(itoa::Buffer::new().format(number).as_bytes());
        }
    }

    /// A floating-point number in eight bytes.
    pub(crate) fn double(&mut self, number: f64) {
        self.raw(&number.to_le_bytes());
    }

    /// Milliseconds since 1970.
    pub(crate) fn milliseconds(&mut self, time: i64) {
        self.raw(&time.to_le_bytes());
    }

    fn plain(&mut self, bytes: &[u8]) {
        self.length(bytes.len() as u64);
        self.raw(bytes);
    }

    /// Writes a number of at most 32 bits. Whether it was one.
    fn small_number(&mut self, number: i64) -> bool {
        if let Ok(number) = i8::try_from(number) {
            self.out.push(LENGTH_ENCODED | StringForm::Int8 as u8);
            self.raw(&number.to_le_bytes());
        } else if let Ok(number) = i16::try_from(number) {
            self.out.push(LENGTH_ENCODED | StringForm::Int16 as u8);
            self.raw(&number.to_le_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.out.push(LENGTH_ENCODED | StringForm::Int32 as u8);
            self.raw(&number.to_le_bytes());
        } else {
            return false;
        }
        true
    }

    /// Writes a string compressed. Whether that was worth it.
    fn lzf(&mut self, bytes: &[u8]) -> bool {
        let compressed = lzf::compress(bytes, bytes.len() - SAVED_MIN, &mut self.places);
        let Some(compressed) = compressed else { return false };
        self.out.push(LENGTH_ENCODED | StringForm::Compressed as u8);
        self.length(compressed.len() as u64);
        self.length(bytes.len() as u64);
        self.raw(&compressed);
        true
    }
}
