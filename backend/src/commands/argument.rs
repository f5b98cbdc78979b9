//! Arguments that several commands read alike.

use std::time::Duration;

use reddoor_protocol::double::parse_double;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::parse_integer;

use crate::data::hash::Hash;
use crate::data::keyspace::Record;
use crate::data::list::List;
use crate::data::long_double::LongDouble;
use crate::data::set::Set;
use crate::data::sorted_set::SortedSet;
use crate::data::stream::Stream;
use crate::data::string::Str;
use crate::data::value::Value;
use crate::execute::Call;

/// Whether an argument is this word, in any case of letters.
#[inline]
pub(crate) fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

/// Whether nothing but how to flush stands from this argument on: nothing, `SYNC` or `ASYNC`. Either way ends before the
/// reply.
pub(super) fn is_flush_mode(call: &Call<'_>, from: usize) -> bool {
    call.args.len() == from
        || call.args.len() == from + 1
            && (is(call.arg(from), "SYNC") || is(call.arg(from), "ASYNC"))
}

/// A word of the client for an error text, which in a Redis ends at the first zero byte.
pub(super) fn quoted(arg: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(arg.split(|byte| *byte == 0).next().unwrap_or_default())
}

/// A whole number of 64 bits.
pub(super) fn integer(arg: &[u8]) -> Result<i64, ReplyError> {
    parse_integer(arg).ok_or(ReplyError::NOT_INTEGER)
}

/// A whole number within bounds; `error` says what it should have been.
pub(super) fn integer_within(
    arg: &[u8],
    bounds: std::ops::RangeInclusive<i64>,
    error: &'static str,
) -> Result<i64, ReplyError> {
    let number = integer(arg)?;
    if bounds.contains(&number) { Ok(number) } else { Err(ReplyError::new(error)) }
}

/// A whole number that is a count, at least `min`; `error` is told of whatever else it may be.
pub(super) fn whole_number(
    arg: &[u8],
    min: usize,
    error: &'static str,
) -> Result<usize, ReplyError> {
    let number = parse_integer(arg).and_then(|number| usize::try_from(number).ok());
    number.filter(|number| *number >= min).ok_or(ReplyError::new(error))
}

/// The index that a position means, negative ones counted from the end, if it is below `len`.
pub(super) fn index_from_either_end(position: i64, len: usize) -> Option<usize> {
    let index = match usize::try_from(position) {
        Ok(index) => index,
        Err(_) => len.checked_sub(usize::try_from(position.unsigned_abs()).ok()?)?,
    };
    (index < len).then_some(index)
}

/// A floating point number that is not "not a number".
pub(super) fn float(arg: &[u8]) -> Result<f64, ReplyError> {
    parse_double(arg).ok_or(ReplyError::NOT_FLOAT)
}

/// The number of a database, which there may be or not.
pub(super) fn database_number(arg: &[u8]) -> Result<i64, ReplyError> {
    integer_within(
        arg,
        i64::from(i32::MIN)..=i64::from(i32::MAX),
        "ERR value is out of range, value must between -2147483648 and 2147483647",
    )
}

/// How long a blocking command may wait, in seconds and parts of them; `None`, which is written 0, is for ever.
///
/// # Errors
/// The argument is no number, or negative.
pub(super) fn timeout(arg: &[u8]) -> Result<Option<Duration>, ReplyError> {
    let seconds = LongDouble::parse(arg)
        .ok_or(ReplyError::new("ERR timeout is not a float or out of range"))?;
    // A wait ends rather late than early.
    let ms = (seconds.to_f64() * 1000.0).ceil();
    // What does not fit 64 bits becomes the smallest number in a Redis, which is refused as any negative one.
    #[expect(clippy::cast_precision_loss, reason = "a bound")]
    let fits = ms < i64::MAX as f64;
    #[expect(clippy::cast_possible_truncation, reason = "within the bounds")]
    timeout_of_ms(if fits { ms as i64 } else { i64::MIN })
}

/// As [`timeout`], in whole milliseconds.
pub(super) fn timeout_ms(arg: &[u8]) -> Result<Option<Duration>, ReplyError> {
    let ms = parse_integer(arg)
        .ok_or(ReplyError::new("ERR timeout is not an integer or out of range"))?;
    timeout_of_ms(ms)
}

fn timeout_of_ms(ms: i64) -> Result<Option<Duration>, ReplyError> {
    let ms = u64::try_from(ms).map_err(|_| ReplyError::new("ERR timeout is negative"))?;
    Ok((ms > 0).then(|| Duration::from_millis(ms)))
}

/// The string that a record holds.
pub(super) fn string_of(record: &mut Record) -> Result<&mut Str, ReplyError> {
    match &mut record.value {
        Value::String(string) => Ok(string),
        _ => Err(ReplyError::WRONG_TYPE),
    }
}

/// The hash that a record holds.
pub(super) fn hash_of(record: &mut Record) -> Result<&mut Hash, ReplyError> {
    match &mut record.value {
        Value::Hash(hash) => Ok(hash),
        _ => Err(ReplyError::WRONG_TYPE),
    }
}

/// The set that a record holds.
pub(super) fn set_of(record: &mut Record) -> Result<&mut Set, ReplyError> {
    match &mut record.value {
        Value::Set(set) => Ok(set),
        _ => Err(ReplyError::WRONG_TYPE),
    }
}

/// The list that a record holds.
pub(super) fn list_of(record: &mut Record) -> Result<&mut List, ReplyError> {
    match &mut record.value {
        Value::List(list) => Ok(list),
        _ => Err(ReplyError::WRONG_TYPE),
    }
}

/// The answer to a subcommand with too many arguments where its row has no upper bound.
pub(super) fn wrong_subcommand(call: &Call<'_>) -> ReplyError {
    let (parent, sub) = (call.arg(0).to_ascii_uppercase(), call.arg(1));
    ReplyError::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{}'. Try {} HELP.",
        quoted(sub),
        quoted(&parent)
    ))
}

/// The sorted set that a record holds.
pub(super) fn sorted_set_of(record: &mut Record) -> Result<&mut SortedSet, ReplyError> {
    match &mut record.value {
        Value::SortedSet(set) => Ok(set),
        _ => Err(ReplyError::WRONG_TYPE),
    }
}

/// The stream that a record holds.
pub(super) fn stream_of(record: &mut Record) -> Result<&mut Stream, ReplyError> {
    match &mut record.value {
        Value::Stream(stream) => Ok(stream),
        _ => Err(ReplyError::WRONG_TYPE),
    }
}

/// How an expiry time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeForm {
    pub(super) unit: Unit,
    pub(super) base: Base,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// From now on.
    Now,
    /// Since 1970.
    Epoch,
}

impl TimeForm {
    /// The form that an option such as `EX` announces.
    pub(super) fn of_option(option: &[u8]) -> Option<TimeForm> {
        let forms = [
            ("EX", Unit::Seconds, Base::Now),
            ("PX", Unit::Milliseconds, Base::Now),
            ("EXAT", Unit::Seconds, Base::Epoch),
            ("PXAT", Unit::Milliseconds, Base::Epoch),
        ];
        let found = forms.into_iter().find(|(word, _, _)| is(option, word));
        found.map(|(_, unit, base)| TimeForm { unit, base })
    }

    /// Reads a time to come, as `SET` and its company do: in milliseconds since 1970.
    ///
    /// # Errors
    /// The argument is no number, not positive, or too far away.
    pub(super) fn future_ms(self, call: &Call<'_>, arg: &[u8]) -> Result<i64, ReplyError> {
        let time = integer(arg)?;
        if time <= 0 {
            return Err(invalid_expire(call));
        }
        self.to_unix_ms(time, call)
    }

    /// Turns a time, past or to come, into milliseconds since 1970.
    ///
    /// # Errors
    /// It does not fit 64 bits.
    pub(super) fn to_unix_ms(self, time: i64, call: &Call<'_>) -> Result<i64, ReplyError> {
        let ms = match self.unit {
            Unit::Seconds => time.checked_mul(1000),
            Unit::Milliseconds => Some(time),
        };
        let unix_ms = match self.base {
            Base::Now => ms.and_then(|ms| ms.checked_add(call.now_ms)),
            Base::Epoch => ms,
        };
        unix_ms.ok_or_else(|| invalid_expire(call))
    }
}

fn invalid_expire(call: &Call<'_>) -> ReplyError {
    ReplyError::new(format!("ERR invalid expire time in '{}' command", call.spec.name))
}
