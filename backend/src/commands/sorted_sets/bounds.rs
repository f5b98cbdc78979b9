//! Bounds of ranges as clients write them.

use reddoor_protocol::double::read_double;
use reddoor_protocol::reply_error::ReplyError;

use crate::data::sorted_set::range::{LexBound, LexRange, ScoreBound, ScoreRange};

/// Two scores, each perhaps with a `(` in front that leaves it out.
pub(super) fn scores(min: &[u8], max: &[u8]) -> Result<ScoreRange, ReplyError> {
    let range = score(min).zip(score(max)).map(|(min, max)| ScoreRange { min, max });
    range.ok_or(ReplyError::new("ERR min or max is not a float"))
}

/// Reads a score more freely than elsewhere: spaces in front, nothing at all, and numbers too large for a double
/// pass, and a zero byte ends it.
fn score(arg: &[u8]) -> Option<ScoreBound> {
    let (is_exclusive, text) = match arg {
        [b'(', text @ ..] => (true, text),
        text => (false, text),
    };
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let read = read_double(text);
    let is_valid = read.len == text.len() && !read.number.is_nan();
    is_valid.then_some(ScoreBound { score: read.number, is_exclusive })
}

/// Two names behind `[` or `(`, or `-` and `+` for either end.
pub(super) fn names<'a>(min: &'a [u8], max: &'a [u8]) -> Result<LexRange<'a>, ReplyError> {
    let range = name(min).zip(name(max)).map(|(min, max)| LexRange { min, max });
    range.ok_or(ReplyError::new("ERR min or max not valid string range item"))
}

fn name(arg: &[u8]) -> Option<LexBound<'_>> {
    match arg {
        [b'(', name @ ..] => Some(LexBound::Exclusive(name)),
        [b'[', name @ ..] => Some(LexBound::Inclusive(name)),
        [b'-'] | [b'-', 0, ..] => Some(LexBound::Start),
        [b'+'] | [b'+', 0, ..] => Some(LexBound::End),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_freely() {
        let table = [
            (b"1.5".as_slice(), Some((1.5, false))),
            (b"(1", Some((1.0, true))),
            (b"", Some((0.0, false))),
            (b"(", Some((0.0, true))),
            (b" 2", Some((2.0, false))),
            (b"1e400", Some((f64::INFINITY, false))),
            (b"3\0x", Some((3.0, false))),
            (b"2 ", None),
            (b"(nan", None),
        ];
        for (arg, expect) in table {
            let expect = expect.map(|(score, is_exclusive)| ScoreBound { score, is_exclusive });
            assert_eq!(score(arg), expect, "{}", arg.escape_ascii());
        }
    }

    #[test]
    fn names_need_a_sign_in_front() {
        assert_eq!(name(b"[a"), Some(LexBound::Inclusive(b"a")));
        assert_eq!(name(b"("), Some(LexBound::Exclusive(b"")));
        assert_eq!(name(b"-"), Some(LexBound::Start));
        assert_eq!((name(b"a"), name(b""), name(b"-a")), (None, None, None));
    }
}
