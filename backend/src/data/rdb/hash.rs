//! Hashes as bytes: the listpack as it is, or fields and values one by one.

use std::collections::HashSet;

use crate::data::hash::{Hash, Limits};
use crate::data::listpack::{Entry, Listpack};
use crate::data::rdb::Kind;
use crate::data::rdb::read::{ReadError, Reader};
use crate::data::rdb::write::Writer;

pub(super) fn kind(hash: &Hash) -> Kind {
    if matches!(hash, Hash::Compact(_)) { Kind::HashListpack } else { Kind::Hash }
}

pub(super) fn write(hash: &Hash, out: &mut Writer<'_>) {
    if let Hash::Compact(list) = hash {
        return out.string(list.as_bytes());
    }
    out.length(hash.len() as u64);
    for (field, value) in hash.iter() {
        out.string(field.bytes(&mut itoa::Buffer::new()));
        out.string(value.bytes(&mut itoa::Buffer::new()));
    }
}

/// Reads fields and values one by one.
pub(super) fn read(bytes: &mut Reader<'_>, limits: Limits) -> Result<Hash, ReadError> {
    let mut hash = Hash::default();
    for _ in 0..bytes.count()? {
        let (field, value) = (bytes.string()?, bytes.string()?);
        if !hash.insert(field.as_ref(), value.as_ref(), limits) {
            return Err(ReadError::Malformed);
        }
    }
    Ok(hash)
}

/// Takes fields and values in turn. The length of strings is not looked at: who wrote them had its own limit.
pub(super) fn from_listpack(list: Listpack, limits: Limits) -> Result<Hash, ReadError> {
    if list.is_empty() {
        return Err(ReadError::Empty);
    }
    if !list.len().is_multiple_of(2) {
        return Err(ReadError::Malformed);
    }
    if list.len() / 2 > limits.fields_max {
        return table_from(&list);
    }
    if are_different(&list) { Ok(Hash::Compact(list)) } else { Err(ReadError::Malformed) }
}

/// So many fields are compared each with each (count): no memory is needed for that, and no hash.
const COMPARED_MAX: usize = 16;

/// Whether no field is there twice. Integers are kept as such, so they differ from all strings.
fn are_different(list: &Listpack) -> bool {
    let fields = || list.iter().step_by(2);
    if list.len() / 2 > COMPARED_MAX {
        let mut seen = HashSet::new();
        return fields().all(|field| seen.insert(field));
    }
    fields().enumerate().all(|(count, field)| fields().take(count).all(|before| before != field))
}

/// As [`from_listpack`], for the oldest form, whose strings do have to be short.
pub(super) fn from_zipmap(list: Listpack, limits: Limits) -> Result<Hash, ReadError> {
    let len = |entry: Entry<'_>| entry.bytes(&mut itoa::Buffer::new()).len();
    let is_long = list.iter().any(|entry| len(entry) > limits.bytes_max);
    from_listpack(list, if is_long { NOT_COMPACT } else { limits })
}

/// The limits of a hash that becomes a table at once.
const NOT_COMPACT: Limits = Limits { fields_max: 0, bytes_max: 0 };

fn table_from(list: &Listpack) -> Result<Hash, ReadError> {
    let mut hash = Hash::default();
    let mut entries = list.iter();
    while let Some((field, value)) = entries.next().zip(entries.next()) {
        let (mut field_digits, mut value_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (field, value) = (field.bytes(&mut field_digits), value.bytes(&mut value_digits));
        if !hash.insert(field, value, NOT_COMPACT) {
            return Err(ReadError::Malformed);
        }
    }
    Ok(hash)
}
