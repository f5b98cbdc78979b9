//! Values as bytes: what `DUMP` answers, `MIGRATE` sends and snapshots are made of, in RDB version 10.
//!
//! | module | what it does |
//! |---|---|
//! | [`payload`] | one value with version and checksum, as `DUMP` and `RESTORE` have it |
//! | [`file`] | all databases, as snapshots and full synchronisations have them |
//! | [`write`], [`read`] | lengths, strings, numbers |
//! | [`lzf`] | the compression of long strings |
//! | [`compact`] | small collections as one string, older forms converted |
//! | [`list`], [`hash`], [`set`], [`sorted_set`], [`stream`] | the types |
//!
//! A value is a byte for its type and encoding, then its parts. Compact encodings are written as the bytes that
//! they are in memory. What older versions wrote is read, and converted.
//! Not here: when files are written, and where.
//!
//! Source: redis `src/rdb.c`.

pub(crate) mod file;

pub(crate) mod payload;

pub(crate) mod functions;

pub(crate) mod read;

pub(crate) mod write;

mod lzf;

mod compact;

mod list;

mod hash;

mod set;

mod sorted_set;

mod stream;

use read::{ReadError, Reader};
use write::Writer;

use crate::data::string::Str;
use crate::data::value::Value;

/// The version that is written, and the last one that is read.
pub(crate) const VERSION: u16 = 10;

/// Up to where collections are kept compact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) list: crate::data::list::Limits,
    pub(crate) hash: crate::data::hash::Limits,
    /// Integers in a compact set (count).
    pub(crate) set_integers_max: usize,
    pub(crate) sorted_set: crate::data::sorted_set::Limits,
}

/// The first byte of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    String = 0,
    List = 1,
    Set = 2,
    SortedSet = 3,
    Hash = 4,
    SortedSet2 = 5,
    HashZipmap = 9,
    ListZiplist = 10,
    SetIntset = 11,
    SortedSetZiplist = 12,
    HashZiplist = 13,
    ListQuicklist = 14,
    StreamListpacks = 15,
    HashListpack = 16,
    SortedSetListpack = 17,
    ListQuicklist2 = 18,
    StreamListpacks2 = 19,
}

impl Kind {
    fn of(byte: u8) -> Option<Kind> {
        const ALL: [Kind; 17] = [
            Kind::String,
            Kind::List,
            Kind::Set,
            Kind::SortedSet,
            Kind::Hash,
            Kind::SortedSet2,
            Kind::HashZipmap,
            Kind::ListZiplist,
            Kind::SetIntset,
            Kind::SortedSetZiplist,
            Kind::HashZiplist,
            Kind::ListQuicklist,
            Kind::StreamListpacks,
            Kind::HashListpack,
            Kind::SortedSetListpack,
            Kind::ListQuicklist2,
            Kind::StreamListpacks2,
        ];
        ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// The first byte of a length that does not fit 14 bits.
const LENGTH_32: u8 = 0x80;
const LENGTH_64: u8 = 0x81;

/// The upper bits of a byte that stands for a length, and tells that the string is no plain one.
const LENGTH_ENCODED: u8 = 0xc0;

/// How a string is written that is not written plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum StringForm {
    Int8 = 0,
    Int16 = 1,
    Int32 = 2,
    Compressed = 3,
}

impl StringForm {
    fn of(byte: u8) -> Option<StringForm> {
        use StringForm::{Compressed, Int8, Int16, Int32};
        [Int8, Int16, Int32, Compressed].into_iter().find(|form| *form as u8 == byte)
    }
}

/// Appends a value.
pub(crate) fn write_value(value: &Value, out: &mut Writer<'_>) {
    out.raw(&[kind_of(value) as u8]);
    write_content(value, out);
}

/// How a value is written.
fn kind_of(value: &Value) -> Kind {
    match value {
        Value::String(_) => Kind::String,
        Value::List(_) => Kind::ListQuicklist2,
        Value::Hash(hash) => hash::kind(hash),
        Value::Set(set) => set::kind(set),
        Value::SortedSet(set) => sorted_set::kind(set),
        Value::Stream(_) => Kind::StreamListpacks2,
    }
}

/// Appends what follows the byte for the kind.
fn write_content(value: &Value, out: &mut Writer<'_>) {
    match value {
        Value::String(Str::Int { number, .. }) => out.integer(*number),
        Value::String(string) => out.string(string.bytes(&mut itoa::Buffer::new())),
        Value::List(list) => list::write(list, out),
        Value::Hash(hash) => hash::write(hash, out),
        Value::Set(set) => set::write(set, out),
        Value::SortedSet(set) => sorted_set::write(set, out),
        Value::Stream(stream) => stream::write(stream, out),
    }
}

/// Reads one value; what follows it is left.
///
/// # Errors
/// The bytes are no value.
pub(crate) fn read_value(bytes: &mut Reader<'_>, limits: &Limits) -> Result<Value, ReadError> {
    let kind = Kind::of(bytes.byte()?).ok_or(ReadError::Malformed)?;
    read_content(kind, bytes, limits)
}

/// Reads what follows the byte for the kind.
fn read_content(kind: Kind, bytes: &mut Reader<'_>, limits: &Limits) -> Result<Value, ReadError> {
    Ok(match kind {
        Kind::String => Value::String(Str::new(bytes.string()?.as_ref())),
        Kind::List => Value::List(list::read(bytes, limits.list)?.into()),
        Kind::ListQuicklist2 => Value::List(list::read_nodes(bytes)?.into()),
        Kind::ListQuicklist => Value::List(list::read_ziplists(bytes)?.into()),
        Kind::ListZiplist => Value::List(list::from_listpack(compact::ziplist(bytes)?)?.into()),
        Kind::Set => Value::Set(set::read(bytes, limits.set_integers_max)?),
        Kind::SetIntset => Value::Set(set::read_intset(bytes, limits.set_integers_max)?),
        Kind::SortedSet => {
            let read = sorted_set::read(bytes, &limits.sorted_set, Reader::text_double);
            Value::SortedSet(read?)
        }
        Kind::SortedSet2 => {
            Value::SortedSet(sorted_set::read(bytes, &limits.sorted_set, Reader::double)?)
        }
        Kind::SortedSetListpack => {
            let list = compact::listpack(bytes)?;
            Value::SortedSet(sorted_set::from_listpack(&list, &limits.sorted_set)?)
        }
        Kind::SortedSetZiplist => {
            let list = compact::ziplist(bytes)?;
            Value::SortedSet(sorted_set::from_listpack(&list, &limits.sorted_set)?)
        }
        Kind::Hash => Value::Hash(hash::read(bytes, limits.hash)?),
        Kind::HashListpack => {
            Value::Hash(hash::from_listpack(compact::listpack(bytes)?, limits.hash)?)
        }
        Kind::HashZiplist => {
            Value::Hash(hash::from_listpack(compact::ziplist(bytes)?, limits.hash)?)
        }
        Kind::StreamListpacks => Value::Stream(stream::read(bytes, stream::Form::Before7)?.into()),
        Kind::StreamListpacks2 => Value::Stream(stream::read(bytes, stream::Form::Since7)?.into()),
        Kind::HashZipmap => Value::Hash(hash::from_zipmap(compact::zipmap(bytes)?, limits.hash)?),
    })
}

/// A small set of texts, as servers since 7.2 write it.
const SET_LISTPACK: u8 = 20;

/// As [`read_value`], of a value that a later version may have written.
///
/// # Errors
/// The bytes are no value, or one in a form that is not known here.
pub(crate) fn read_later_value(
    bytes: &mut Reader<'_>,
    limits: &Limits,
) -> Result<Value, ReadError> {
    if bytes.clone().byte()? != SET_LISTPACK {
        return read_value(bytes, limits);
    }
    bytes.byte()?;
    let list = compact::listpack(bytes)?;
    Ok(Value::Set(set::from_listpack(&list, limits.set_integers_max)?))
}

#[cfg(test)]
mod tests;
