//! Writes the parts of which serialised values are made.

use std::io;

use reddoor_protocol::request::parse_integer;

use crate::data::rdb::{LENGTH_32, LENGTH_64, LENGTH_ENCODED, StringForm, lzf};

/// Whether long strings are compressed, as `rdbcompression` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Off,
    On,
}

/// Where serialised values are appended.
pub(crate) struct Writer<'a> {
    out: Vec<u8>,
    compression: Compression,
    places: lzf::Places,
    /// Where the bytes go when they are many; without it they stay here.
    sink: Option<Sink<'a>>,
}

/// Takes bytes until it fails; what comes later is dropped.
struct Sink<'a> {
    writer: &'a mut dyn io::Write,
    result: io::Result<()>,
}

/// Bytes that are gathered before they go on.
const SINK_BYTES: usize = 64 * 1024;

/// Longest text that is looked at as a number, in bytes: what `-2147483648` takes.
const NUMBER_MAX: usize = 11;

/// Strings up to this length are never compressed, in bytes.
const COMPRESSED_MIN: usize = 20;

/// So many bytes at least must be saved by compression.
const SAVED_MIN: usize = 4;

impl<'a> Writer<'a> {
    /// One that keeps everything for [`Writer::into_bytes`].
    pub(crate) fn new(compression: Compression) -> Writer<'a> {
        Writer { out: Vec::new(), compression, places: lzf::Places::default(), sink: None }
    }

    /// One that passes everything on to another, in large pieces. [`Writer::finish`] tells how that went.
    pub(crate) fn to(writer: &'a mut dyn io::Write, compression: Compression) -> Writer<'a> {
        let sink = Some(Sink { writer, result: Ok(()) });
        Writer { sink, ..Writer::new(compression) }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Passes on what is left.
    ///
    /// # Errors
    /// The first that there was; nothing was written from then on.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.pass_on();
        self.sink.map_or(Ok(()), |sink| sink.result)
    }

    /// Whether writing has failed, so that going on is of no use.
    pub(crate) fn has_failed(&self) -> bool {
        self.sink.as_ref().is_some_and(|sink| sink.result.is_err())
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        if self.out.len() >= SINK_BYTES {
            self.pass_on();
        }
    }

    fn pass_on(&mut self) {
        let Some(sink) = &mut self.sink else { return };
        if sink.result.is_ok() {
            sink.result = sink.writer.write_all(&self.out);
        }
        self.out.clear();
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
