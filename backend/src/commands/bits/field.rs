//! `BITFIELD`: integers of any width at any bit of a string.

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::parse_integer;

use crate::commands::argument::{integer, is, string_of};
use crate::commands::bits::len_of;
use crate::commands::strings::raw_of_len;
use crate::execute::Call;
use crate::notify::Class;

/// The type of an integer inside the string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Width {
    is_signed: bool,
    /// 1 to 64 if signed, 1 to 63 if not.
    bits: u32,
}

/// What to do with a number that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
struct Operation {
    action: Action,
    width: Width,
    /// The first bit.
    offset: usize,
    overflow: Overflow,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Get,
    Set(i64),
    Increment(i64),
}

pub(super) fn bitfield(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let operations = parse(call, true)?;
    let key = call.arg(1);
    let end = operations
        .iter()
        .filter(|operation| !matches!(operation.action, Action::Get))
        .map(|operation| operation.offset + operation.width.bits as usize)
        .max();
    let Some(end) = end else { return reply_to_reads(call, key, &operations) };
    let len_before = len_of(call, key)?;
    let mut answers = Vec::with_capacity(operations.len());
    let bytes = raw_of_len(call, key, end.div_ceil(8))?;
    let has_grown = bytes.len() != len_before;
    let mut has_changed = false;
    for operation in operations {
        let (answer, changes) = operation.run(bytes);
        // What failed changes nothing, even where room was made for it.
        has_changed |= changes || has_grown && answer.is_some() && operation.writes();
        answers.push(answer);
    }
    if has_changed {
        call.changed(key);
        call.notify(Class::String, "setbit", key);
    }
    call.reply.array(answers.len());
    for answer in answers {
        match answer {
            Some(number) => call.reply.integer(number),
            None => call.reply.null(),
        }
    }
    Ok(())
}

pub(super) fn bitfield_ro(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let operations = parse(call, false)?;
    let key = call.arg(1);
    reply_to_reads(call, key, &operations)
}

fn reply_to_reads(
    call: &mut Call<'_>,
    key: &[u8],
    operations: &[Operation],
) -> Result<(), ReplyError> {
    let mut digits = itoa::Buffer::new();
    let bytes = match call.node.read(call.at(), key) {
        Some(record) => string_of(record)?.bytes(&mut digits),
        None => &[],
    };
    call.reply.array(operations.len());
    for operation in operations {
        call.reply.integer(operation.width.read(bytes, operation.offset));
    }
    Ok(())
}

fn parse(call: &Call<'_>, may_write: bool) -> Result<Vec<Operation>, ReplyError> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut index = 2;
    while index < call.args.len() {
        let (word, more) = (call.arg(index), call.args.len() - index - 1);
        if is(word, "OVERFLOW") && more >= 1 {
            overflow = parse_overflow(call.arg(index + 1))?;
            index += 2;
            continue;
        }
        let takes = match word {
            word if is(word, "GET") => 2,
            word if is(word, "SET") || is(word, "INCRBY") => 3,
            _ => return Err(ReplyError::SYNTAX),
        };
        if more < takes {
            return Err(ReplyError::SYNTAX);
        }
        let width = parse_width(call.arg(index + 1))?;
        let offset = parse_offset(call, call.arg(index + 2), width)?;
        let action = match takes {
            2 => Action::Get,
            _ => {
                let number = integer(call.arg(index + 3))?;
                if is(word, "SET") { Action::Set(number) } else { Action::Increment(number) }
            }
        };
        operations.push(Operation { action, width, offset, overflow });
        index += takes + 1;
    }
    if !may_write && operations.iter().any(|o| !matches!(o.action, Action::Get)) {
        return Err(ReplyError::new("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    Ok(operations)
}

fn parse_overflow(arg: &[u8]) -> Result<Overflow, ReplyError> {
    match arg {
        word if is(word, "WRAP") => Ok(Overflow::Wrap),
        word if is(word, "SAT") => Ok(Overflow::Saturate),
        word if is(word, "FAIL") => Ok(Overflow::Fail),
        _ => Err(ReplyError::new("ERR Invalid OVERFLOW type specified")),
    }
}

fn parse_width(arg: &[u8]) -> Result<Width, ReplyError> {
    let invalid = || {
        ReplyError::new(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        )
    };
    let (is_signed, bits, max) = match arg {
        [b'i', bits @ ..] => (true, bits, 64),
        [b'u', bits @ ..] => (false, bits, 63),
        _ => return Err(invalid()),
    };
    let bits = parse_integer(bits).and_then(|bits| u32::try_from(bits).ok());
    let bits = bits.filter(|bits| (1..=max).contains(bits)).ok_or_else(invalid)?;
    Ok(Width { is_signed, bits })
}

/// A bit's position; `#3` means the third integer of this width.
fn parse_offset(call: &Call<'_>, arg: &[u8], width: Width) -> Result<usize, ReplyError> {
    let invalid = || ReplyError::new("ERR bit offset is not an integer or out of range");
    let (number, factor) = match arg {
        [b'#', number @ ..] => (number, i64::from(width.bits)),
        number => (number, 1),
    };
    // A Redis does not notice when the product wraps around.
    let offset = parse_integer(number).map(|number| number.wrapping_mul(factor));
    let offset = offset.and_then(|offset| usize::try_from(offset).ok()).ok_or_else(invalid)?;
    if offset / 8 >= call.node.config.settings().bulk_bytes_max {
        return Err(invalid());
    }
    Ok(offset)
}

impl Operation {
    /// Whether it may change the string.
    fn writes(self) -> bool {
        !matches!(self.action, Action::Get)
    }

    /// Runs it on a string that is long enough: the answer, `None` where a number did not fit and must not wrap, and
    /// whether a bit has changed.
    fn run(self, bytes: &mut [u8]) -> (Option<i64>, bool) {
        let before = self.width.read(bytes, self.offset);
        let (base, increment, answers_before) = match self.action {
            Action::Get => return (Some(before), false),
            Action::Set(number) => (number, 0, true),
            Action::Increment(number) => (before, number, false),
        };
        let Some(stored) = self.width.fit(base, increment, self.overflow) else {
            return (None, false);
        };
        self.width.write(bytes, self.offset, stored);
        (Some(if answers_before { before } else { stored }), stored != before)
    }
}

impl Width {
    /// The smallest and the largest integer.
    fn bounds(self) -> (i64, i64) {
        if self.is_signed {
            let max = i64::MAX >> (64 - self.bits);
            (-max - 1, max)
        } else {
            (0, i64::MAX >> (63 - self.bits))
        }
    }

    /// The sum of two numbers as this width can hold it; `None` where it does not and must not be bent.
    fn fit(self, base: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        let (min, max) = self.bounds();
        let (is_above, is_below) = if self.is_signed {
            self.leaves_signed(base, increment)
        } else {
            self.leaves_unsigned(base, increment)
        };
        match overflow {
            Overflow::Fail if is_above || is_below => None,
            Overflow::Saturate if is_above => Some(max),
            Overflow::Saturate if is_below => Some(min),
            Overflow::Wrap | Overflow::Saturate | Overflow::Fail => {
                Some(self.wrapped(base.wrapping_add(increment)))
            }
        }
    }

    /// Whether a sum lies above or below the bounds, as a Redis sees it: its own differences may wrap around.
    ///
    /// Source: redis `src/bitops.c` checkSignedBitfieldOverflow.
    fn leaves_signed(self, base: i64, increment: i64) -> (bool, bool) {
        let (min, max) = self.bounds();
        let (room_above, room_below) = (max.wrapping_sub(base), min.wrapping_sub(base));
        let is_narrow = self.bits != 64;
        let is_above = base > max
            || is_narrow && increment > room_above
            || base >= 0 && increment > 0 && increment > room_above;
        let is_below = base < min
            || is_narrow && increment < room_below
            || base < 0 && increment < 0 && increment < room_below;
        (is_above, !is_above && is_below)
    }

    /// As [`Width::leaves_signed`]; a negative base counts as a very large one.
    ///
    /// Source: redis `src/bitops.c` checkUnsignedBitfieldOverflow.
    fn leaves_unsigned(self, base: i64, increment: i64) -> (bool, bool) {
        let (_, max) = self.bounds();
        let (room_above, room_below) = (max.wrapping_sub(base), base.wrapping_neg());
        let is_above = base < 0 || base > max || increment > 0 && increment > room_above;
        let is_below = increment < 0 && increment < room_below;
        (is_above, !is_above && is_below)
    }

    /// The lowest bits of a number, read as an integer of this width.
    fn wrapped(self, number: i64) -> i64 {
        let unused = 64 - self.bits;
        if self.is_signed {
            number << unused >> unused
        } else {
            number & (i64::MAX >> (63 - self.bits))
        }
    }

    /// Reads the integer at a bit; beyond the string there are zeros.
    fn read(self, bytes: &[u8], offset: usize) -> i64 {
        let mut number: i128 = 0;
        for bit in offset..offset + self.bits as usize {
            let byte = bytes.get(bit / 8).copied().unwrap_or(0);
            number = number << 1 | i128::from(byte >> (7 - bit % 8) & 1);
        }
        let is_negative = self.is_signed && number >> (self.bits - 1) & 1 == 1;
        let number = if is_negative { number - (1 << self.bits) } else { number };
        i64::try_from(number).unwrap_or_default()
    }

    /// Writes the lowest bits of an integer at a bit of a string that is long enough.
    fn write(self, bytes: &mut [u8], offset: usize, number: i64) {
        for index in 0..self.bits as usize {
            let bit = offset + index;
            let mask = 0x80 >> (bit % 8);
            if number >> (self.bits as usize - 1 - index) & 1 == 1 {
                bytes[bit / 8] |= mask;
            } else {
                bytes[bit / 8] &= !mask;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_at_any_bit() {
        let mut bytes = [0xaa; 20];
        for (is_signed, bits) in
            [(true, 1), (true, 5), (true, 64), (false, 1), (false, 13), (false, 63)]
        {
            let width = Width { is_signed, bits };
            let (min, max) = width.bounds();
            for offset in [0, 3, 8, 17] {
                for number in [min, max, 0, max / 2] {
                    width.write(&mut bytes, offset, number);
                    assert_eq!(width.read(&bytes, offset), number, "{width:?} at {offset}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_wraps_saturates_or_fails() {
        let signed = Width { is_signed: true, bits: 8 };
        assert_eq!(signed.fit(127, 1, Overflow::Wrap), Some(-128));
        assert_eq!(signed.fit(-128, -1, Overflow::Wrap), Some(127));
        assert_eq!(signed.fit(127, 1, Overflow::Saturate), Some(127));
        assert_eq!(signed.fit(127, 1, Overflow::Fail), None);
        let unsigned = Width { is_signed: false, bits: 4 };
        assert_eq!(unsigned.fit(15, 1, Overflow::Wrap), Some(0));
        assert_eq!(unsigned.fit(0, -1, Overflow::Saturate), Some(0));
        assert_eq!(unsigned.fit(-1, 0, Overflow::Saturate), Some(15));
    }
}
