//! Strings as rows of bits; bit 0 is the highest bit of the first byte.

mod field;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is, string_of};
use crate::commands::positions::{bytes_between, is_backward};
use crate::commands::strings::raw_of_len;
use crate::data::string::Str;
use crate::data::value::Value;
use crate::execute::{Call, Handler};
use crate::notify::Class;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("setbit", setbit),
    ("getbit", getbit),
    ("bitcount", bitcount),
    ("bitpos", bitpos),
    ("bitop", bitop),
    ("bitfield", field::bitfield),
    ("bitfield_ro", field::bitfield_ro),
];

/// A bit's position: below 8 times the largest string.
fn bit_offset(call: &Call<'_>, arg: &[u8]) -> Result<usize, ReplyError> {
    let invalid = || ReplyError::new("ERR bit offset is not an integer or out of range");
    let offset = integer(arg).ok().and_then(|offset| usize::try_from(offset).ok());
    let offset = offset.ok_or_else(invalid)?;
    if offset / 8 >= call.node.config.settings().bulk_bytes_max {
        return Err(invalid());
    }
    Ok(offset)
}

fn setbit(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    let offset = bit_offset(call, call.arg(2))?;
    let is_set = match integer(call.arg(3)) {
        Ok(0) => false,
        Ok(1) => true,
        _ => return Err(ReplyError::new("ERR bit is not an integer or out of range")),
    };
    let len_before = len_of(call, key)?;
    let bytes = raw_of_len(call, key, offset / 8 + 1)?;
    let mask = 0x80 >> (offset % 8);
    let was_set = bytes[offset / 8] & mask != 0;
    if is_set {
        bytes[offset / 8] |= mask;
    } else {
        bytes[offset / 8] &= !mask;
    }
    if bytes.len() != len_before || is_set != was_set {
        call.changed(key);
        call.notify(Class::String, "setbit", key);
    }
    call.reply.integer(i64::from(was_set));
    Ok(())
}

/// Length of the string at a key in bytes; 0 for none.
fn len_of(call: &mut Call<'_>, key: &[u8]) -> Result<usize, ReplyError> {
    match call.node.peek(call.at(), key) {
        Some(record) => Ok(string_of(record)?.len()),
        None => Ok(0),
    }
}

fn getbit(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let offset = bit_offset(call, call.arg(2))?;
    let is_set = match call.node.read(call.at(), call.arg(1)) {
        Some(record) => {
            let mut digits = itoa::Buffer::new();
            let bytes = string_of(record)?.bytes(&mut digits);
            bytes.get(offset / 8).is_some_and(|byte| byte & (0x80 >> (offset % 8)) != 0)
        }
        None => false,
    };
    call.reply.integer(i64::from(is_set));
    Ok(())
}

/// What `start` and `end` count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Byte,
    Bit,
}

fn unit(arg: Option<&[u8]>) -> Result<Unit, ReplyError> {
    match arg {
        None => Ok(Unit::Byte),
        Some(word) if is(word, "BYTE") => Ok(Unit::Byte),
        Some(word) if is(word, "BIT") => Ok(Unit::Bit),
        Some(_) => Err(ReplyError::SYNTAX),
    }
}

/// A range of bits, the end excluded; empty ranges are `None`.
fn bit_range(start: i64, end: i64, unit: Unit, len_bytes: usize) -> Option<(usize, usize)> {
    let bits_per_unit = if unit == Unit::Byte { 8 } else { 1 };
    let units = bytes_between(start, end, len_bytes * 8 / bits_per_unit);
    (!units.is_empty()).then_some((units.start * bits_per_unit, units.end * bits_per_unit))
}

/// How many bits are set between two positions.
fn count_ones(bytes: &[u8], (start, end): (usize, usize)) -> usize {
    let (first, last) = (start / 8, (end - 1) / 8);
    let mut count: usize = bytes[first..=last].iter().map(|byte| byte.count_ones() as usize).sum();
    // Take off the bits before the start and behind the end.
    count -= (u32::from(bytes[first]) >> (8 - start % 8)).count_ones() as usize;
    count -= (bytes[last] & low_mask(8 - (end - 1) % 8 - 1)).count_ones() as usize;
    count
}

/// A byte with this many of its lowest bits set; at most 8.
fn low_mask(bits: usize) -> u8 {
    u8::try_from((1u16 << bits) - 1).unwrap_or(u8::MAX)
}

fn bitcount(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let args = call.args;
    let count = match call.node.read(call.at(), call.arg(1)) {
        // A missing key answers before the range is looked at.
        None => 0,
        Some(record) => {
            let mut digits = itoa::Buffer::new();
            let bytes = string_of(record)?.bytes(&mut digits);
            let (start, end) = match (args.len(), args.get(2), args.get(3)) {
                (2, _, _) => (0, -1),
                (4 | 5, Some(start), Some(end)) => (integer(start)?, integer(end)?),
                _ => return Err(ReplyError::SYNTAX),
            };
            if is_backward(start, end) {
                // Answers before the unit is looked at.
                0
            } else {
                let bits = bit_range(start, end, unit(args.get(4))?, bytes.len());
                bits.map_or(0, |bits| count_ones(bytes, bits))
            }
        }
    };
    call.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(())
}

fn bitpos(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let args = call.args;
    let wants_one = match integer(call.arg(2))? {
        0 => false,
        1 => true,
        _ => return Err(ReplyError::new("ERR The bit argument must be 1 or 0.")),
    };
    let position = match call.node.read(call.at(), call.arg(1)) {
        // A missing key is an endless row of zeros, whatever the range.
        None => (!wants_one).then_some(0),
        Some(record) => {
            if args.len() > 6 {
                return Err(ReplyError::SYNTAX);
            }
            let start = args.get(3).map_or(Ok(0), integer)?;
            let unit = unit(args.get(5))?;
            let end = args.get(4).map(integer).transpose()?;
            let mut digits = itoa::Buffer::new();
            let bytes = string_of(record)?.bytes(&mut digits);
            bit_range(start, end.unwrap_or(-1), unit, bytes.len()).and_then(|(from, to)| {
                // Without an end, the string is followed by zeros.
                let behind = (!wants_one && end.is_none()).then_some(to);
                find_bit(bytes, from, to, wants_one).or(behind)
            })
        }
    };
    call.reply.integer(position.and_then(|bit| i64::try_from(bit).ok()).unwrap_or(-1));
    Ok(())
}

/// The first bit of this kind between two positions, whole bytes of the other kind passed over at once.
fn find_bit(bytes: &[u8], from: usize, to: usize, wants_one: bool) -> Option<usize> {
    let skipped = if wants_one { 0 } else { u8::MAX };
    let mut bit = from;
    while bit < to {
        let byte = bytes[bit / 8];
        if byte == skipped {
            bit = (bit / 8 + 1) * 8;
            continue;
        }
        if (byte & (0x80 >> (bit % 8)) != 0) == wants_one {
            return Some(bit);
        }
        bit += 1;
    }
    None
}

/// What `BITOP` does to its sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
}

fn bitop(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (name, target) = (call.arg(1), call.arg(2));
    let operations = [
        ("AND", Operation::And),
        ("OR", Operation::Or),
        ("XOR", Operation::Xor),
        ("NOT", Operation::Not),
    ];
    let operation = operations.into_iter().find(|(word, _)| is(name, word));
    let operation = operation.ok_or(ReplyError::SYNTAX)?.1;
    if operation == Operation::Not && call.args.len() != 4 {
        return Err(ReplyError::new("ERR BITOP NOT must be called with a single source key."));
    }
    let at = call.at();
    let mut sources = Vec::new();
    for key in call.args.iter().skip(3) {
        sources.push(match call.node.read(at, key) {
            Some(record) => string_of(record)?.bytes(&mut itoa::Buffer::new()).to_vec(),
            None => Vec::new(),
        });
    }
    let result = combine(operation, sources);
    let len = result.len();
    if len > 0 {
        call.node.databases[at.db].insert(target, Value::String(Str::Raw(result)), None, at.now_ms);
        call.changed(target);
        call.notify(Class::String, "set", target);
    } else if call.node.write(at, target).is_some() {
        call.node.databases[at.db].remove(target);
        call.changed(target);
        call.notify(Class::Generic, "del", target);
    }
    call.reply.integer(i64::try_from(len).unwrap_or(i64::MAX));
    Ok(())
}

/// Joins the sources; shorter ones count as filled up with zeros.
fn combine(operation: Operation, sources: Vec<Vec<u8>>) -> Vec<u8> {
    let len = sources.iter().map(Vec::len).max().unwrap_or(0);
    let mut sources = sources.into_iter();
    let mut result = sources.next().unwrap_or_default();
    result.resize(len, 0);
    if operation == Operation::Not {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    for source in sources {
        let filled = source.into_iter().chain(std::iter::repeat(0));
        for (byte, other) in result.iter_mut().zip(filled) {
            *byte = match operation {
                Operation::And => *byte & other,
                Operation::Or => *byte | other,
                Operation::Xor => *byte ^ other,
                Operation::Not => *byte,
            };
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_agrees_with_looking_at_each_bit() {
        let bytes = [0b1010_0101, 0xff, 0x00, 0b0001_1000];
        let is_set = |bit: usize| bytes[bit / 8] & (0x80 >> (bit % 8)) != 0;
        for start in 0..32 {
            for end in start + 1..=32 {
                let expect = (start..end).filter(|bit| is_set(*bit)).count();
                assert_eq!(count_ones(&bytes, (start, end)), expect, "{start}..{end}");
                for wants_one in [false, true] {
                    let expect = (start..end).find(|bit| is_set(*bit) == wants_one);
                    assert_eq!(find_bit(&bytes, start, end, wants_one), expect);
                }
            }
        }
    }

    #[test]
    fn shorter_sources_are_filled_up() {
        let sources = || vec![vec![0xff, 0x0f], vec![0xf0]];
        assert_eq!(combine(Operation::And, sources()), [0xf0, 0x00]);
        assert_eq!(combine(Operation::Or, sources()), [0xff, 0x0f]);
        assert_eq!(combine(Operation::Xor, sources()), [0x0f, 0x0f]);
        assert_eq!(combine(Operation::Not, vec![vec![0x0f]]), [0xf0]);
    }
}
