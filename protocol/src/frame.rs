//! Where does this reply end? Replies are measured, not parsed.
//!
//! In: the bytes that follow the last reply's end. Out: the length of the next reply in bytes.
//! Invariants: resumable (nothing is scanned twice, however the bytes are split), no recursion, no allocation
//! by an announced length.
//!
//! Spec: <https://valkey.io/topics/protocol/>, RESP2 and RESP3 without streamed types, which no server sends.

use crate::error::ProtocolError;
use crate::request::{parse_integer, short_line};

/// What a reply may not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyLimits {
    /// Bytes of one reply. Default 1 GiB: two bulks of the largest size.
    pub reply_bytes_max: usize,
    /// Bytes of a line: simple strings, errors, numbers, length lines. Default 64 KiB.
    pub line_bytes_max: usize,
    /// Levels of arrays in arrays. Default 64; Redis itself nests fewer than ten, scripts up to
    /// [`ReplyLimits::SCRIPT_DEPTH_MAX`].
    pub depth_max: usize,
}

impl ReplyLimits {
    /// Levels of arrays in arrays of a script's reply, at most: Lua's stack for C ends at 8000 places, and each level
    /// takes at least one. For what is measured and not parsed, as a level costs its counter alone.
    pub const SCRIPT_DEPTH_MAX: usize = 8192;
}

impl Default for ReplyLimits {
    fn default() -> Self {
        ReplyLimits {
            reply_bytes_max: 1024 * 1024 * 1024,
            line_bytes_max: 64 * 1024,
            depth_max: 64,
        }
    }
}

/// What kind of element stands at a position, and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// One line; the element ends with it. Simple strings, errors, integers, doubles, nulls, booleans.
    Line,
    /// `len` payload bytes and a line end follow.
    Bulk {
        /// Payload bytes.
        len: usize,
    },
    /// `elements` elements follow (a map has two for every pair).
    Aggregate {
        /// Elements that follow (count).
        elements: usize,
    },
}

/// Reads the head of the element at the start of `buf`: what it is and the bytes its line takes.
///
/// `Ok(None)`: the line is not complete yet.
///
/// # Errors
/// The peer broke the protocol; the stream has no known frame boundary any more.
#[inline]
pub fn head(buf: &[u8], limits: &ReplyLimits) -> Result<Option<(Head, usize)>, ProtocolError> {
    let Some(&kind) = buf.first() else { return Ok(None) };
    match kind {
        b'+' | b'-' | b':' | b',' | b'_' | b'#' | b'(' => {
            Ok(line_end(buf, limits)?.map(|end| (Head::Line, end)))
        }
        b'$' | b'=' | b'!' => Ok(length(buf, limits)?.map(|(len, end)| match len {
            Some(len) => (Head::Bulk { len }, end),
            None => (Head::Line, end),
        })),
        b'*' | b'~' | b'>' | b'%' | b'|' => {
            let Some((len, end)) = length(buf, limits)? else { return Ok(None) };
            let Some(len) = len else { return Ok(Some((Head::Line, end))) };
            let elements = match kind {
                b'%' => len * 2,
                // Attributes stand before the reply they describe: one more element follows.
                b'|' => len * 2 + 1,
                _ => len,
            };
            Ok(Some((Head::Aggregate { elements }, end)))
        }
        other => Err(ProtocolError::UnknownReplyType(other)),
    }
}

/// The position behind the line that `buf` begins with.
#[inline]
fn line_end(buf: &[u8], limits: &ReplyLimits) -> Result<Option<usize>, ProtocolError> {
    let too_long = Err(ProtocolError::ReplyLineTooLong { max: limits.line_bytes_max });
    match memchr::memchr(b'\n', buf) {
        Some(at) if at > limits.line_bytes_max => too_long,
        Some(at) if at >= 1 && buf[at - 1] == b'\r' => Ok(Some(at + 1)),
        Some(_) => Err(ProtocolError::MalformedReplyLine),
        None if buf.len() > limits.line_bytes_max => too_long,
        None => Ok(None),
    }
}

/// Reads `<type><len>\r\n`: the length (`None` for -1) and the bytes of the line.
#[inline]
fn length(
    buf: &[u8],
    limits: &ReplyLimits,
) -> Result<Option<(Option<usize>, usize)>, ProtocolError> {
    let mut value: usize = 0;
    let mut at = 1;
    while let Some(&byte) = buf.get(at) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 || at > 9 {
            break;
        }
        value = value * 10 + usize::from(digit);
        at += 1;
    }
    if at > 1 && buf.len() > at + 1 && buf[at] == b'\r' && buf[at + 1] == b'\n' {
        if value > limits.reply_bytes_max {
            return Err(ProtocolError::ReplyTooLarge { max: limits.reply_bytes_max });
        }
        return Ok(Some((Some(value), at + 2)));
    }
    let Some(end) = line_end(buf, limits)? else { return Ok(None) };
    match parse_integer(&buf[1..end - 2]) {
        Some(-1) => Ok(Some((None, end))),
        Some(len) if len >= 0 => Err(ProtocolError::ReplyTooLarge { max: limits.reply_bytes_max }),
        _ => Err(ProtocolError::MalformedReplyLine),
    }
}

/// The length of a reply as most are, received whole: a bulk of less than a thousand bytes, or none, or `+OK`.
#[inline]
fn plain_len(buf: &[u8]) -> Option<usize> {
    if buf.first() != Some(&b'$') {
        return buf.starts_with(b"+OK\r\n").then_some(5);
    }
    let Some((len, payload)) = short_line(buf, 1) else {
        return buf.starts_with(b"$-1\r\n").then_some(5);
    };
    let end = payload + len + 2;
    let is_whole = buf[payload - 1] == b'\n' && buf.get(end - 2..end)? == b"\r\n";
    is_whole.then_some(end)
}

/// Measures the replies of one connection.
///
/// Invariant: between replies `pos`, `bulk_left` and `passed` are zero and `pending` is empty.
#[derive(Debug, Default)]
pub struct ReplyScanner {
    /// Bytes of the current reply that are already measured.
    pos: usize,
    /// Elements still missing on each open level (count).
    pending: Vec<usize>,
    /// Bytes of the bulk under way that are still to be let go, its line end with them.
    bulk_left: usize,
    /// Bytes of the current reply that were let go.
    passed: usize,
}

impl ReplyScanner {
    /// The length in bytes of the reply at the start of `buf`, which must hold all bytes since the last
    /// reply's end.
    ///
    /// `Ok(None)`: incomplete; call again with the same bytes and more behind them.
    ///
    /// # Errors
    /// The peer broke the protocol; close the connection.
    #[inline]
    pub fn scan(
        &mut self,
        buf: &[u8],
        limits: &ReplyLimits,
    ) -> Result<Option<usize>, ProtocolError> {
        if self.pos == 0
            && self.pending.is_empty()
            && let Some(len) = plain_len(buf)
            && len <= limits.reply_bytes_max
        {
            return Ok(Some(len));
        }
        loop {
            let rest = buf.get(self.pos..).unwrap_or_default();
            let Some((head, line)) = head(rest, limits)? else { return Ok(None) };
            match head {
                Head::Line => self.pos += line,
                Head::Bulk { len } => {
                    let end = self.pos + line + len + 2;
                    if end > limits.reply_bytes_max {
                        return Err(ProtocolError::ReplyTooLarge { max: limits.reply_bytes_max });
                    }
                    if buf.len() < end {
                        return Ok(None);
                    }
                    if buf[end - 2..end] != *b"\r\n" {
                        return Err(ProtocolError::MalformedReplyLine);
                    }
                    self.pos = end;
                }
                Head::Aggregate { elements: 0 } => self.pos += line,
                Head::Aggregate { elements } => {
                    self.pos += line;
                    self.open(elements, limits)?;
                    continue;
                }
            }
            if self.close_finished() {
                return Ok(Some(std::mem::take(&mut self.pos)));
            }
            if self.pos > limits.reply_bytes_max {
                return Err(ProtocolError::ReplyTooLarge { max: limits.reply_bytes_max });
            }
        }
    }

    /// The bytes that the reply under way needs at least, measured from its start; zero when nothing of it is
    /// known.
    pub fn bytes_wanted(&self, buf: &[u8], limits: &ReplyLimits) -> usize {
        match head(buf.get(self.pos..).unwrap_or_default(), limits) {
            Ok(Some((Head::Bulk { len }, line))) => self.pos + line + len + 2,
            _ => 0,
        }
    }

    /// Measures a reply that is let go as it comes: gives back how many bytes at the start of `buf` belong to it, and
    /// whether it ends with them. The next call must find the bytes behind these at the start of its `buf`.
    ///
    /// May follow on a [`ReplyScanner::scan`] that found the reply incomplete; from then on this must be called until the
    /// reply has ended. A line that is incomplete is not let go.
    ///
    /// # Errors
    /// The peer broke the protocol; close the connection. What was let go before is not taken back.
    pub fn pass(
        &mut self,
        buf: &[u8],
        limits: &ReplyLimits,
    ) -> Result<(usize, bool), ProtocolError> {
        let mut taken = std::mem::take(&mut self.pos);
        let is_end = loop {
            if self.bulk_left > 0 {
                taken += self.pass_bulk(buf.get(taken..).unwrap_or_default())?;
                if self.bulk_left > 0 {
                    break false;
                }
            } else {
                let rest = buf.get(taken..).unwrap_or_default();
                let Some((head, line)) = head(rest, limits)? else { break false };
                taken += line;
                match head {
                    Head::Bulk { len } => {
                        self.bulk_left = len + 2;
                        if self.passed + taken + self.bulk_left > limits.reply_bytes_max {
                            let max = limits.reply_bytes_max;
                            return Err(ProtocolError::ReplyTooLarge { max });
                        }
                        continue;
                    }
                    Head::Aggregate { elements } if elements > 0 => {
                        self.open(elements, limits)?;
                        continue;
                    }
                    Head::Line | Head::Aggregate { .. } => {}
                }
            }
            if self.close_finished() {
                break true;
            }
        };
        self.passed = if is_end { 0 } else { self.passed + taken };
        if self.passed > limits.reply_bytes_max {
            return Err(ProtocolError::ReplyTooLarge { max: limits.reply_bytes_max });
        }
        Ok((taken, is_end))
    }

    /// Lets go what is there of a bulk; gives back how many bytes that is.
    fn pass_bulk(&mut self, buf: &[u8]) -> Result<usize, ProtocolError> {
        let len = self.bulk_left.min(buf.len());
        let before = self.bulk_left;
        self.bulk_left -= len;
        // Of its last two bytes, those that are among these.
        let line_end = &b"\r\n"[2 - before.min(2)..2 - self.bulk_left.min(2)];
        if !buf[..len].ends_with(line_end) {
            return Err(ProtocolError::MalformedReplyLine);
        }
        Ok(len)
    }

    fn open(&mut self, elements: usize, limits: &ReplyLimits) -> Result<(), ProtocolError> {
        if self.pending.len() >= limits.depth_max {
            return Err(ProtocolError::ReplyTooDeep { max: limits.depth_max });
        }
        self.pending.push(elements);
        Ok(())
    }

    /// Counts one finished element; true when that finished the whole reply.
    #[inline]
    fn close_finished(&mut self) -> bool {
        while let Some(missing) = self.pending.last_mut() {
            *missing -= 1;
            if *missing > 0 {
                return false;
            }
            self.pending.pop();
        }
        true
    }
}

/// Measures the one element at the start of `buf`, of which all bytes must be there.
///
/// For walking through a reply that [`ReplyScanner::scan`] has already measured. `None` when it is incomplete
/// or malformed.
pub fn element_len(buf: &[u8], limits: &ReplyLimits) -> Option<usize> {
    ReplyScanner::default().scan(buf, limits).ok().flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan_all(input: &[u8], cuts: &[usize]) -> Result<Vec<Vec<u8>>, ProtocolError> {
        let limits = ReplyLimits::default();
        let mut scanner = ReplyScanner::default();
        let mut replies = Vec::new();
        let mut start = 0;
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
        cuts.push(input.len());
        cuts.sort_unstable();
        for end in cuts {
            while let Some(len) = scanner.scan(&input[start..end], &limits)? {
                replies.push(input[start..start + len].to_vec());
                start += len;
            }
        }
        Ok(replies)
    }

    /// As [`scan_all`], but each reply is let go once `from` cuts have left it incomplete.
    fn pass_all(input: &[u8], cuts: &[usize], from: usize) -> Result<Vec<Vec<u8>>, ProtocolError> {
        let limits = ReplyLimits::default();
        let mut scanner = ReplyScanner::default();
        let (mut replies, mut reply) = (Vec::new(), Vec::new());
        let (mut start, mut incomplete) = (0, 0);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
        cuts.push(input.len());
        cuts.sort_unstable();
        for end in cuts {
            loop {
                let (len, is_end) = if reply.is_empty() && incomplete < from {
                    match scanner.scan(&input[start..end], &limits)? {
                        Some(len) => (len, true),
                        None => break incomplete += 1,
                    }
                } else {
                    scanner.pass(&input[start..end], &limits)?
                };
                reply.extend_from_slice(&input[start..start + len]);
                start += len;
                if !is_end {
                    break;
                }
                replies.push(std::mem::take(&mut reply));
                incomplete = 0;
            }
        }
        Ok(replies)
    }

    const REPLIES: &[&str] = &[
        "+OK\r\n",
        "-ERR x\r\n",
        ":1\r\n",
        "$-1\r\n",
        "$0\r\n\r\n",
        "$2\r\n\r\n\r\n",
        "*-1\r\n",
        "*0\r\n",
        "*2\r\n:1\r\n*1\r\n$1\r\na\r\n",
        "%2\r\n+a\r\n:1\r\n+b\r\n~1\r\n#t\r\n",
        "_\r\n",
        ",1.5\r\n",
        "(12345678901234567890\r\n",
        "=6\r\ntxt:hi\r\n",
        "!5\r\nERR x\r\n",
        ">2\r\n+a\r\n+b\r\n",
        "|1\r\n+ttl\r\n:3\r\n*1\r\n:2\r\n",
        "%0\r\n",
    ];

    #[test]
    fn every_type_is_measured() {
        let input = REPLIES.concat();
        let got = scan_all(input.as_bytes(), &[]).unwrap();
        let expect: Vec<Vec<u8>> = REPLIES.iter().map(|r| r.as_bytes().to_vec()).collect();
        assert_eq!(got, expect);
    }

    #[test]
    fn broken_replies_are_errors() {
        for bad in [
            "x\r\n",
            "$x\r\n",
            "$-2\r\n",
            "+a\n",
            "*99999999999\r\n",
            "$1073741825\r\n",
            "$3\r\nabcde",
        ] {
            assert!(scan_all(bad.as_bytes(), &[]).is_err(), "{bad:?}");
        }
        let deep = "*1\r\n".repeat(65);
        assert_eq!(scan_all(deep.as_bytes(), &[]), Err(ProtocolError::ReplyTooDeep { max: 64 }));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_frames(
            picks in prop::collection::vec(0..REPLIES.len(), 0..10),
            cuts in prop::collection::vec(any::<usize>(), 0..40),
        ) {
            let expect: Vec<Vec<u8>> =
                picks.iter().map(|pick| REPLIES[*pick].as_bytes().to_vec()).collect();
            prop_assert_eq!(scan_all(&expect.concat(), &cuts), Ok(expect));
        }

        #[test]
        fn a_reply_that_is_let_go_as_it_comes_ends_where_it_ends(
            picks in prop::collection::vec(0..REPLIES.len(), 1..10),
            cuts in prop::collection::vec(any::<usize>(), 0..40),
            from in 0usize..5,
        ) {
            let expect: Vec<Vec<u8>> =
                picks.iter().map(|pick| REPLIES[*pick].as_bytes().to_vec()).collect();
            prop_assert_eq!(pass_all(&expect.concat(), &cuts, from), Ok(expect));
        }

        #[test]
        fn what_is_let_go_is_refused_where_it_would_be_refused_whole(
            input in prop::collection::vec(
                prop::sample::select(b"*$+-:%~>|=!_,#(0129\r\n\r\nab".to_vec()), 0..80),
            cuts in prop::collection::vec(any::<usize>(), 0..10),
            from in 0usize..3,
        ) {
            let whole = scan_all(&input, &[]);
            let passed = pass_all(&input, &cuts, from);
            // Of a line end that is not there whole, one sees what is wrong sooner.
            prop_assert!(passed.is_err() || whole.is_ok());
            if let (Ok(whole), Ok(passed)) = (whole, passed) {
                prop_assert_eq!(whole, passed);
            }
        }

        #[test]
        fn any_bytes_never_panic(
            input in prop::collection::vec(
                prop::sample::select(b"*$+-:%~>|=!_,#(0129\r\n\r\nab".to_vec()), 0..80),
            cuts in prop::collection::vec(any::<usize>(), 0..10),
        ) {
            let whole = scan_all(&input, &[]);
            prop_assert_eq!(scan_all(&input, &cuts), whole);
        }
    }
}
