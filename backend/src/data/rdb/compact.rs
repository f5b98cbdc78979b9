//! Small collections as one string: listpacks as they are, and the two forms that came before them.
//!
//! Either older form becomes a [`Listpack`], which is what a value of this node can hold.
//!
//! Source: redis `src/ziplist.c`, `src/zipmap.c`.

use reddoor_protocol::request::parse_integer;

use crate::data::listpack::{Entry, Listpack};
use crate::data::rdb::read::{ReadError, Reader};

/// Reads a listpack, checked to the last byte. Strings that should be integers are refused: they would not be found.
pub(super) fn listpack(bytes: &mut Reader<'_>) -> Result<Listpack, ReadError> {
    let list = Listpack::from_bytes(bytes.string()?.as_ref()).map_err(|_| ReadError::Malformed)?;
    let is_canonical = |entry| match entry {
        Entry::Integer(_) => true,
        Entry::String(bytes) => parse_integer(bytes).is_none(),
    };
    if list.iter().all(is_canonical) { Ok(list) } else { Err(ReadError::Malformed) }
}

/// The end of a ziplist and of a zipmap.
const END: u8 = 0xff;

/// Stands for a length that follows in four bytes.
const LONG: u8 = 0xfe;

/// Bytes before a ziplist's first entry: all bytes in four, where the last entry is in four, the count in two.
const ZIPLIST_HEADER: usize = 10;

/// Reads a ziplist.
pub(super) fn ziplist(bytes: &mut Reader<'_>) -> Result<Listpack, ReadError> {
    let text = bytes.string()?;
    convert_ziplist(text.as_ref()).ok_or(ReadError::Malformed)
}

fn convert_ziplist(bytes: &[u8]) -> Option<Listpack> {
    let mut rest = Reader::new(bytes);
    let [total, last] = [number_32(&mut rest)?, number_32(&mut rest)?];
    let stated_count = usize::from(u16::from_le_bytes(rest.array().ok()?));
    let (mut list, mut count) = (Listpack::new(), 0usize);
    let (mut at, mut last_bytes) = (ZIPLIST_HEADER, 0);
    loop {
        let begin = bytes.len() - rest.remaining();
        match rest.byte().ok()? {
            END => break,
            LONG if number_32(&mut rest)? == last_bytes => {}
            before if before != LONG && usize::from(before) == last_bytes => {}
            _ => return None,
        }
        push_ziplist_entry(&mut rest, &mut list)?;
        (at, last_bytes) = (begin, bytes.len() - rest.remaining() - begin);
        count += 1;
    }
    let is_counted = stated_count == usize::from(u16::MAX) || stated_count == count;
    let is_whole = total == bytes.len() && rest.remaining() == 0;
    (is_counted && is_whole && last == at).then_some(list)
}

/// Reads what an entry holds, behind the size of the entry before it.
fn push_ziplist_entry(rest: &mut Reader<'_>, list: &mut Listpack) -> Option<()> {
    let head = rest.byte().ok()?;
    let len = match head {
        0..0x40 => u64::from(head),
        0x40..0x80 => u64::from(head & 0x3f) << 8 | u64::from(rest.byte().ok()?),
        0x80 => u64::from(u32::from_be_bytes(rest.array().ok()?)),
        _ => {
            let number = ziplist_integer(head, rest)?;
            list.has_room_for(ENTRY_BYTES_MAX).then(|| list.push_back_integer(number))?;
            return Some(());
        }
    };
    push(list, rest.take(len).ok()?)
}

fn ziplist_integer(head: u8, rest: &mut Reader<'_>) -> Option<i64> {
    Some(match head {
        0xc0 => i64::from(i16::from_le_bytes(rest.array().ok()?)),
        0xd0 => i64::from(i32::from_le_bytes(rest.array().ok()?)),
        0xe0 => i64::from_le_bytes(rest.array().ok()?),
        0xf0 => {
            let [a, b, c] = rest.array().ok()?;
            i64::from(i32::from_le_bytes([0, a, b, c]) >> 8)
        }
        0xfe => i64::from(i8::from_le_bytes(rest.array().ok()?)),
        0xf1..=0xfd => i64::from(head & 0xf) - 1,
        _ => return None,
    })
}

/// Reads a zipmap: fields and values in turn.
pub(super) fn zipmap(bytes: &mut Reader<'_>) -> Result<Listpack, ReadError> {
    let text = bytes.string()?;
    convert_zipmap(text.as_ref()).ok_or(ReadError::Malformed)
}

fn convert_zipmap(bytes: &[u8]) -> Option<Listpack> {
    let mut rest = Reader::new(bytes);
    let stated_count = rest.byte().ok()?;
    let (mut list, mut count) = (Listpack::new(), 0usize);
    loop {
        let first = rest.byte().ok()?;
        if first == END {
            break;
        }
        let field_len = zipmap_len(first, &mut rest)?;
        push(&mut list, rest.take(field_len).ok()?)?;
        let first = rest.byte().ok()?;
        let value_len = zipmap_len(first, &mut rest)?;
        let unused = rest.byte().ok()?;
        push(&mut list, rest.take(value_len).ok()?)?;
        rest.take(u64::from(unused)).ok()?;
        count += 1;
    }
    let is_counted = stated_count >= LONG || usize::from(stated_count) == count;
    (is_counted && rest.remaining() == 0).then_some(list)
}

fn zipmap_len(first: u8, rest: &mut Reader<'_>) -> Option<u64> {
    match first {
        LONG => Some(number_32(rest)? as u64),
        END => None,
        len => Some(u64::from(len)),
    }
}

fn number_32(rest: &mut Reader<'_>) -> Option<usize> {
    Some(u32::from_le_bytes(rest.array().ok()?) as usize)
}

/// More than an entry takes beside its own bytes, and than an integer takes in all.
const ENTRY_BYTES_MAX: usize = 16;

fn push(list: &mut Listpack, data: &[u8]) -> Option<()> {
    list.has_room_for(data.len() + ENTRY_BYTES_MAX).then(|| list.push_back(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &Listpack) -> Vec<Vec<u8>> {
        list.iter().map(Entry::to_vec).collect()
    }

    #[test]
    fn ziplists_of_all_kinds_of_entries_are_read() {
        let mut bytes = vec![0; ZIPLIST_HEADER];
        let entries: [&[u8]; 9] = [
            b"\x02hi",
            b"\xf1",
            b"\xfd",
            b"\xfe\x80",
            b"\xc0\x00\x80",
            b"\xf0\xff\xff\x7f",
            b"\xd0\x00\x00\x00\x80",
            b"\xe0\x00\x00\x00\x00\x00\x00\x00\x80",
            b"\x40\x03abc",
        ];
        let (mut before, mut last) = (0u8, 0u32);
        for entry in entries {
            last = u32::try_from(bytes.len()).unwrap();
            bytes.push(before);
            bytes.extend_from_slice(entry);
            before = u8::try_from(entry.len() + 1).unwrap();
        }
        bytes.push(END);
        let total = u32::try_from(bytes.len()).unwrap();
        bytes[..4].copy_from_slice(&total.to_le_bytes());
        bytes[4..8].copy_from_slice(&last.to_le_bytes());
        bytes[8..10].copy_from_slice(&9u16.to_le_bytes());
        let expect: [&[u8]; 9] = [
            b"hi",
            b"0",
            b"12",
            b"-128",
            b"-32768",
            b"8388607",
            b"-2147483648",
            b"-9223372036854775808",
            b"abc",
        ];
        assert_eq!(texts(&convert_ziplist(&bytes).unwrap()), expect);
        for at in 0..ZIPLIST_HEADER {
            let mut broken = bytes.clone();
            broken[at] ^= 1;
            assert_eq!(convert_ziplist(&broken), None, "byte {at}");
        }
    }

    #[test]
    fn zipmaps_are_read() {
        let bytes = b"\x02\x01a\x02\x01xy?\xfe\x01\0\0\0b\x01\x005\xff";
        let list = convert_zipmap(bytes).unwrap();
        assert_eq!(texts(&list), [b"a".as_slice(), b"xy", b"b", b"5"]);
        assert_eq!(convert_zipmap(&bytes[..bytes.len() - 1]), None);
        assert_eq!(convert_zipmap(b"\x03\x01a\x01\0b\xff"), None);
    }
}
