//! IDs of entries as clients write them.
//!
//! Source: redis `src/t_stream.c` streamGenericParseIDOrReply.

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::parse_integer;

use crate::data::stream::id::Id;

const INVALID: ReplyError =
    ReplyError::from_static("ERR Invalid stream ID specified as stream command argument");

/// Longest text that is read as an ID, in bytes.
const TEXT_MAX: usize = 127;

/// The ID of an entry to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewId {
    /// `*`: from the clock.
    Auto,
    /// `ms-*`: the next one of this time.
    NextAt(u64),
    Exactly(Id),
}

/// An ID that is written out; without its second half it is the first of its time.
pub(super) fn exact(arg: &[u8]) -> Result<Id, ReplyError> {
    written_out(arg, 0).ok_or(INVALID)
}

/// As [`exact`], or `-` for the smallest and `+` for the largest ID of all.
pub(super) fn any(arg: &[u8]) -> Result<Id, ReplyError> {
    bound(arg, 0)
}

/// The ID of a new entry.
pub(super) fn new(arg: &[u8]) -> Result<NewId, ReplyError> {
    if arg == b"*" {
        return Ok(NewId::Auto);
    }
    let text = as_c_string(arg).ok_or(INVALID)?;
    match text.iter().position(|byte| *byte == b'-') {
        Some(dash) if text[dash + 1..] == *b"*" => {
            unsigned(&text[..dash]).map(NewId::NextAt).ok_or(INVALID)
        }
        _ => exact(arg).map(NewId::Exactly),
    }
}

/// Where an interval begins; a `(` before the ID leaves that one out.
pub(super) fn interval_start(arg: &[u8]) -> Result<Id, ReplyError> {
    match excluded(arg) {
        Some(arg) => written_out(arg, 0)
            .ok_or(INVALID)?
            .next()
            .ok_or(ReplyError::from_static("ERR invalid start ID for the interval")),
        None => bound(arg, 0),
    }
}

/// Where an interval ends, with all entries of that time; a `(` before the ID leaves that one out.
pub(super) fn interval_end(arg: &[u8]) -> Result<Id, ReplyError> {
    match excluded(arg) {
        Some(arg) => written_out(arg, u64::MAX)
            .ok_or(INVALID)?
            .previous()
            .ok_or(ReplyError::from_static("ERR invalid end ID for the interval")),
        None => bound(arg, u64::MAX),
    }
}

fn excluded(arg: &[u8]) -> Option<&[u8]> {
    arg.strip_prefix(b"(").filter(|rest| !rest.is_empty())
}

fn bound(arg: &[u8], missing_seq: u64) -> Result<Id, ReplyError> {
    match as_c_string(arg) {
        Some(b"-") => Ok(Id::MIN),
        Some(b"+") => Ok(Id::MAX),
        _ => written_out(arg, missing_seq).ok_or(INVALID),
    }
}

fn written_out(arg: &[u8], missing_seq: u64) -> Option<Id> {
    let text = as_c_string(arg)?;
    let (ms, seq) = match text.iter().position(|byte| *byte == b'-') {
        Some(dash) => (&text[..dash], unsigned(&text[dash + 1..])?),
        None => (text, missing_seq),
    };
    Some(Id { ms: unsigned(ms)?, seq })
}

/// What a Redis sees of an argument: it copies it into a buffer, in which a zero ends it.
fn as_c_string(arg: &[u8]) -> Option<&[u8]> {
    if arg.len() > TEXT_MAX {
        return None;
    }
    arg.split(|byte| *byte == 0).next()
}

/// A number of 64 bits: one in canonical form, otherwise whatever C's `strtoull` takes, which are spaces and a sign
/// before it, too; a negative number wraps.
fn unsigned(text: &[u8]) -> Option<u64> {
    if let Some(number) = parse_integer(text) {
        return u64::try_from(number).ok();
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte))?;
    let (is_negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if is_negative { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_does() {
        let table: [(&str, Option<u64>); 12] = [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("007", Some(7)),
            (" \t+7", Some(7)),
            ("-3", None),
            ("-03", Some(u64::MAX - 2)),
            ("", None),
            (" ", None),
            ("+", None),
            ("7 ", None),
            ("0x7", None),
        ];
        for (text, expect) in table {
            assert_eq!(unsigned(text.as_bytes()), expect, "{text:?}");
        }
    }

    #[test]
    fn intervals_may_leave_out_their_ends() {
        let id = |ms, seq| Some(Id { ms, seq });
        let table: [(&str, Option<Id>, Option<Id>); 9] = [
            ("-", id(0, 0), id(0, 0)),
            ("+", Some(Id::MAX), Some(Id::MAX)),
            ("5", id(5, 0), id(5, u64::MAX)),
            ("(5", id(5, 1), id(5, u64::MAX - 1)),
            ("(5-7", id(5, 8), id(5, 6)),
            ("(0-0", id(0, 1), None),
            ("(-", None, None),
            ("(", None, None),
            ("5-*", None, None),
        ];
        for (text, start, end) in table {
            assert_eq!(interval_start(text.as_bytes()).ok(), start, "{text:?}");
            assert_eq!(interval_end(text.as_bytes()).ok(), end, "{text:?}");
        }
        assert_eq!(new(b"5-*"), Ok(NewId::NextAt(5)));
        assert_eq!(new(b"5"), Ok(NewId::Exactly(Id { ms: 5, seq: 0 })));
    }
}
