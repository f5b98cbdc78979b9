//! Sets as bytes: integers as they are, or members one by one.

use crate::data::intset::Intset;
use crate::data::listpack::Listpack;
use crate::data::rdb::Kind;
use crate::data::rdb::read::{ReadError, Reader};
use crate::data::rdb::write::Writer;
use crate::data::set::Set;

pub(super) fn kind(set: &Set) -> Kind {
    if matches!(set, Set::Integers(_)) { Kind::SetIntset } else { Kind::Set }
}

pub(super) fn write(set: &Set, out: &mut Writer<'_>) {
    if let Set::Integers(integers) = set {
        return out.string(integers.as_bytes());
    }
    out.length(set.len() as u64);
    set.iter().for_each(|member| out.string(member.bytes(&mut itoa::Buffer::new())));
}

/// Reads members one by one.
pub(super) fn read(bytes: &mut Reader<'_>, integers_max: usize) -> Result<Set, ReadError> {
    let mut set = Set::default();
    for _ in 0..bytes.count()? {
        if !set.insert(bytes.string()?.as_ref(), integers_max) {
            return Err(ReadError::Malformed);
        }
    }
    Ok(set)
}

/// Reads integers as they are kept.
pub(super) fn read_intset(bytes: &mut Reader<'_>, integers_max: usize) -> Result<Set, ReadError> {
    let text = bytes.string()?;
    let integers = Intset::from_bytes(text.as_ref()).map_err(|_| ReadError::Malformed)?;
    if integers.len() <= integers_max {
        return Ok(Set::Integers(integers));
    }
    let mut set = Set::default();
    for number in integers.iter() {
        set.insert(itoa::Buffer::new().format(number).as_bytes(), integers_max);
    }
    Ok(set)
}

/// Makes a set of the members in a listpack.
pub(super) fn from_listpack(list: &Listpack, integers_max: usize) -> Result<Set, ReadError> {
    if list.is_empty() {
        return Err(ReadError::Empty);
    }
    let mut set = Set::default();
    let are_different = list.iter().all(|member| set.insert_entry(member, integers_max));
    if are_different { Ok(set) } else { Err(ReadError::Malformed) }
}
