//! Client requests cut into argument ranges over one buffer.
//!
//! In: the unconsumed bytes of one client, a prefix of which may be an incomplete request.
//! Out: how many bytes one request takes and where its arguments lie; nothing is copied.
//!
//! ```text
//! *2\r\n $3\r\nGET\r\n $1\r\na\r\n        buf
//!            ^^^          ^             args: 8..11, 17..18
//! ```
//!
//! Invariants: the same bytes give the same requests however they are split over calls; bytes already looked
//! at are not scanned again; memory grows with what was received, never with a length that was only announced.
//!
//! Spec: <https://valkey.io/topics/protocol/>; errors as redis `src/networking.c` words them.

mod args;

pub mod passage;

use crate::error::ProtocolError;
use crate::inline;

use args::ArgRange;

pub use args::{Args, ArgsBuf, ArgsTooLarge};

/// Arguments a client may send before it has authenticated (count). Source: redis `src/networking.c`.
const UNAUTHENTICATED_ARGS_MAX: usize = 10;

/// Bytes of one bulk that a client may send before it has authenticated. Source: redis `src/networking.c`.
const UNAUTHENTICATED_BULK_BYTES_MAX: usize = 16 * 1024;

/// Ranges kept for reuse between requests; a decoder that held more gives the memory back.
const ARGS_KEPT_MAX: usize = 1024;

/// What a request may not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one argument. Default 512 MiB (`proto-max-bulk-len`).
    pub bulk_bytes_max: usize,
    /// Arguments of one request (count). Default 1048576.
    pub args_max: usize,
    /// Bytes of an inline request, and of any `*` or `$` line. Default 65536.
    pub inline_bytes_max: usize,
    /// Whether the client still has to authenticate: then ten arguments of 16 KiB are the most.
    pub unauthenticated: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bulk_bytes_max: 512 * 1024 * 1024,
            args_max: 1024 * 1024,
            inline_bytes_max: 64 * 1024,
            unauthenticated: false,
        }
    }
}

/// Cuts requests out of one client's byte stream.
///
/// One decoder may serve many clients as long as each finds it between requests; a client in the middle of a
/// request keeps its decoder.
#[derive(Debug, Default)]
pub struct RequestDecoder {
    args: Vec<ArgRange>,
    /// Arguments of an inline request, unquoted: they are no substrings of what was received.
    unquoted: Vec<u8>,
    state: State,
}

/// How far the request at the start of the buffer has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing of it yet. `inline` tells how the request before it was written.
    #[default]
    Start,
    /// The last request was inline; its arguments lie in `unquoted`.
    StartAfterInline,
    /// `missing` arguments (count) are still to come, the next `$` line at `pos` (bytes).
    Multibulk { missing: usize, pos: usize },
    /// The next argument's payload begins at `pos` and has `len` bytes; it is one of `missing`.
    Bulk { missing: usize, pos: usize, len: usize },
}

impl RequestDecoder {
    /// Reads one request from the start of `buf`, which must hold all bytes since the last request's end.
    ///
    /// `Ok(None)`: incomplete; call again with the same bytes and more behind them.
    /// `Ok(Some(n))`: one request of `n` bytes (at least 1); [`RequestDecoder::args`] gives its arguments until
    /// the next call. A request without arguments (an empty line, `*0`, `*-1`) is to be skipped.
    ///
    /// # Errors
    /// The peer broke the protocol: answer with the error and close; the decoder must not be used again.
    pub fn decode(&mut self, buf: &[u8], limits: &Limits) -> Result<Option<usize>, ProtocolError> {
        let from = match self.state {
            State::Multibulk { missing, pos } => (missing, pos, None),
            State::Bulk { missing, pos, len } => (missing, pos, Some(len)),
            State::Start | State::StartAfterInline => {
                self.begin();
                match buf.first() {
                    None => return Ok(None),
                    Some(b'*') => match count_line(buf, limits)? {
                        None => return Ok(None),
                        Some((None, end)) => return Ok(Some(end)),
                        Some((Some(count), pos)) => (count, pos, None),
                    },
                    Some(_) => return self.decode_inline(buf, limits),
                }
            }
        };
        self.decode_multibulk(buf, limits, from)
    }

    #[inline]
    fn begin(&mut self) {
        self.args.clear();
        if self.args.capacity() > ARGS_KEPT_MAX {
            self.args.shrink_to(ARGS_KEPT_MAX);
        }
        self.state = State::Start;
    }

    /// Goes on with so many arguments missing, from a position on; the length of the first one may be known already.
    #[inline]
    fn decode_multibulk(
        &mut self,
        buf: &[u8],
        limits: &Limits,
        (mut missing, mut pos, mut pending): (usize, usize, Option<usize>),
    ) -> Result<Option<usize>, ProtocolError> {
        while missing > 0 {
            if pending.is_none()
                && let Some((range, end)) = short_bulk(buf, pos, limits)
            {
                self.args.push(range);
                pos = end;
                missing -= 1;
                continue;
            }
            let len = match pending.take() {
                Some(len) => len,
                None => match bulk_line(buf, pos, limits)? {
                    Some((len, payload)) => {
                        pos = payload;
                        len
                    }
                    None => {
                        self.state = State::Multibulk { missing, pos };
                        return Ok(None);
                    }
                },
            };
            // The two bytes behind the payload are skipped unread, as a Redis does.
            if buf.len().saturating_sub(pos) < len + 2 {
                self.state = State::Bulk { missing, pos, len };
                return Ok(None);
            }
            let (Ok(start), Ok(len32)) = (u32::try_from(pos), u32::try_from(len)) else {
                return Err(ProtocolError::InvalidBulkLength);
            };
            self.args.push(ArgRange { start, len: len32 });
            pos += len + 2;
            missing -= 1;
        }
        self.state = State::Start;
        Ok(Some(pos))
    }

    fn decode_inline(
        &mut self,
        buf: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, ProtocolError> {
        let Some(newline) = memchr::memchr(b'\n', buf) else {
            if without_return(buf).len() > limits.inline_bytes_max {
                return Err(ProtocolError::InlineTooLong);
            }
            return Ok(None);
        };
        let line = without_return(&buf[..newline]);
        if line.len() > limits.inline_bytes_max {
            return Err(ProtocolError::InlineTooLong);
        }
        self.unquoted.clear();
        self.state = State::StartAfterInline;
        let args = &mut self.args;
        inline::split(line, &mut self.unquoted, |start, len| {
            // A line is at most `inline_bytes_max` bytes and unquoting never lengthens it.
            if let (Ok(start), Ok(len)) = (u32::try_from(start), u32::try_from(len)) {
                args.push(ArgRange { start, len });
            }
        })?;
        Ok(Some(newline + 1))
    }

    /// The arguments of the request that the last [`RequestDecoder::decode`] completed in this `buf`.
    pub fn args<'a>(&'a self, buf: &'a [u8]) -> Args<'a> {
        let buf = if self.is_inline() { &self.unquoted } else { buf };
        Args::in_ranges(buf, &self.args)
    }

    /// Whether the last complete request was inline, so that its bytes cannot be passed on as they came.
    pub fn is_inline(&self) -> bool {
        self.state == State::StartAfterInline
    }

    /// Whether the decoder stands in the middle of a request, so that it belongs to one client.
    pub fn is_partial(&self) -> bool {
        matches!(self.state, State::Multibulk { .. } | State::Bulk { .. })
    }

    /// The bytes of the request under way that are understood: what lies behind them waits to be.
    pub fn bytes_understood(&self) -> usize {
        match self.state {
            State::Multibulk { pos, .. } | State::Bulk { pos, .. } => pos,
            State::Start | State::StartAfterInline => 0,
        }
    }

    /// The bytes that the request under way will surely take in all, if more than one argument's header is
    /// known; for sizing a read, never for allocating before the bytes are there.
    pub fn bytes_wanted(&self) -> usize {
        match self.state {
            State::Bulk { pos, len, .. } => pos + len + 2,
            _ => 0,
        }
    }
}

/// A line without the first byte of its end, which is no part of its length.
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[derive(Clone, Copy)]
enum LineKind {
    Count,
    Bulk,
}

impl LineKind {
    fn invalid(self) -> ProtocolError {
        match self {
            LineKind::Count => ProtocolError::InvalidMultibulkLength,
            LineKind::Bulk => ProtocolError::InvalidBulkLength,
        }
    }

    fn too_long(self) -> ProtocolError {
        match self {
            LineKind::Count => ProtocolError::CountLineTooLong,
            LineKind::Bulk => ProtocolError::BulkLineTooLong,
        }
    }
}

/// Reads `*<count>\r\n`: how many arguments follow, `None` for fewer than none, and the position behind the line.
#[inline]
fn count_line(
    buf: &[u8],
    limits: &Limits,
) -> Result<Option<(Option<usize>, usize)>, ProtocolError> {
    let (count, pos) = match short_line(buf, 1) {
        Some(line) => line,
        None => match number_line(buf, 1, limits, LineKind::Count)? {
            None => return Ok(None),
            Some((count, pos)) => match usize::try_from(count) {
                Err(_) => return Ok(Some((None, pos))),
                Ok(count) => (count, pos),
            },
        },
    };
    check_count(count, limits)?;
    Ok(Some((Some(count), pos)))
}

#[inline]
fn check_count(count: usize, limits: &Limits) -> Result<(), ProtocolError> {
    if count > limits.args_max {
        return Err(ProtocolError::InvalidMultibulkLength);
    }
    if limits.unauthenticated && count > UNAUTHENTICATED_ARGS_MAX {
        return Err(ProtocolError::UnauthenticatedMultibulkLength);
    }
    Ok(())
}

/// An argument as nearly all are: of less than a thousand bytes, received whole. Where it lies, and the position behind it.
#[inline]
fn short_bulk(buf: &[u8], pos: usize, limits: &Limits) -> Option<(ArgRange, usize)> {
    // So few bytes may be sent by those, too, who have not authenticated.
    const _: () = assert!(UNAUTHENTICATED_BULK_BYTES_MAX > SHORT_MAX);
    if buf.get(pos) != Some(&b'$') {
        return None;
    }
    let (len, payload) = short_line(buf, pos + 1)?;
    let end = payload + len + 2;
    if end > buf.len() || len > limits.bulk_bytes_max {
        return None;
    }
    let range = ArgRange { start: u32::try_from(payload).ok()?, len: u32::try_from(len).ok()? };
    Some((range, end))
}

/// Reads `$<len>\r\n` at `pos`: the payload's length and position.
fn bulk_line(
    buf: &[u8],
    pos: usize,
    limits: &Limits,
) -> Result<Option<(usize, usize)>, ProtocolError> {
    let Some(&first) = buf.get(pos) else { return Ok(None) };
    if first != b'$' {
        // A Redis looks at the byte only once the line is there.
        return match number_line(buf, pos, limits, LineKind::Bulk) {
            Ok(None) => Ok(None),
            Err(error @ ProtocolError::BulkLineTooLong) => Err(error),
            Ok(Some(_)) | Err(_) => Err(ProtocolError::ExpectedDollar(first)),
        };
    }
    let Some((len, payload)) = number_line(buf, pos + 1, limits, LineKind::Bulk)? else {
        return Ok(None);
    };
    let len = usize::try_from(len).map_err(|_| ProtocolError::InvalidBulkLength)?;
    if len > limits.bulk_bytes_max {
        return Err(ProtocolError::InvalidBulkLength);
    }
    if limits.unauthenticated && len > UNAUTHENTICATED_BULK_BYTES_MAX {
        return Err(ProtocolError::UnauthenticatedBulkLength);
    }
    Ok(Some((len, payload)))
}

/// The greatest number that [`short_line`] reads.
const SHORT_MAX: usize = 999;

/// The case of nearly every line: at most three digits, no leading zero, received whole. The number and the position
/// behind the line.
#[inline]
pub(crate) fn short_line(buf: &[u8], start: usize) -> Option<(usize, usize)> {
    let digit = |byte: u8| usize::from(byte - b'0');
    // Redis waits for the byte behind `\r` but does not look at it.
    match *buf.get(start..)? {
        [a @ b'0'..=b'9', b'\r', _, ..] => Some((digit(a), start + 3)),
        [a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', _, ..] => {
            Some((digit(a) * 10 + digit(b), start + 4))
        }
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b'\r', _, ..] => {
            Some((digit(a) * 100 + digit(b) * 10 + digit(c), start + 5))
        }
        _ => None,
    }
}

/// Reads a decimal number and its `\r\n` from `start`: the number and the position behind the line.
fn number_line(
    buf: &[u8],
    start: usize,
    limits: &Limits,
    kind: LineKind,
) -> Result<Option<(i64, usize)>, ProtocolError> {
    // The usual case: one to nine digits, no leading zero, the whole line received.
    let mut value: u32 = 0;
    let mut at = start;
    while let Some(&byte) = buf.get(at) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 || at - start >= 9 {
            break;
        }
        value = value * 10 + u32::from(digit);
        at += 1;
    }
    let leading_zero = at - start > 1 && buf[start] == b'0';
    if at > start && !leading_zero && buf.get(at) == Some(&b'\r') {
        // Redis waits for the byte behind `\r` but does not look at it.
        return Ok((buf.len() > at + 1).then_some((i64::from(value), at + 2)));
    }
    odd_number_line(buf, start, limits, kind)
}

/// The cases that [`number_line`] leaves: incomplete, negative, huge or malformed.
#[cold]
fn odd_number_line(
    buf: &[u8],
    start: usize,
    limits: &Limits,
    kind: LineKind,
) -> Result<Option<(i64, usize)>, ProtocolError> {
    let line = buf.get(start..).unwrap_or_default();
    let end = memchr::memchr(b'\r', line);
    // Redis counts from the type byte, which `start` has passed.
    if end.unwrap_or(line.len()) >= limits.inline_bytes_max {
        return Err(kind.too_long());
    }
    let Some(len) = end else { return Ok(None) };
    if line.len() < len + 2 {
        return Ok(None);
    }
    let number = parse_integer(&line[..len]).ok_or(kind.invalid())?;
    Ok(Some((number, start + len + 2)))
}

/// A decimal integer as Redis reads it: no sign but `-`, no leading zeros, no spaces, within 64 bits.
///
/// Source: redis `src/util.c` string2ll.
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    match digits {
        [b'0'] if digits.len() == text.len() => return Some(0),
        [] | [b'0', ..] => return None,
        _ => {}
    }
    let mut value: i64 = 0;
    let negative = digits.len() != text.len();
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        let digit = i64::from(digit);
        value = value.checked_mul(10)?;
        value = if negative { value.checked_sub(digit)? } else { value.checked_add(digit)? };
    }
    Some(value)
}

#[cfg(test)]
mod tests;
