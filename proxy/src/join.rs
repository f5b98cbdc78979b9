//! The replies to the parts of one request, joined into the one reply that a single Redis would give.
//!
//! In: one reply for each part, in any order. Out: one reply, elements in the client's order.
//! If a part fails, the whole fails: never a nil for what could not be asked, never a smaller count.

pub(crate) mod answers;

pub(crate) mod elements;

mod rows;

mod figures;

use std::ops::Range;

use reddoor_protocol::encode::{ReplyWriter, Resp};
use reddoor_protocol::frame::{self, Head, ReplyLimits};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::parse_integer;

use crate::error::{RequestError, Retry};

/// How the replies to the parts make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinBy {
    /// One element for each key, in the order of the keys (`MGET`).
    Key,
    /// The sum of integers (`DEL`, `EXISTS`, …).
    Sum,
    /// The one part's integer and so much more (`PUBLISH`), never below 0.
    Surplus(i64),
    /// One element for each command of a transaction, in their order; a null when a part is one (`EXEC`).
    Transaction {
        /// The version in which the client speaks.
        resp: Resp,
        /// Parts that run at nodes (count); one more may run here.
        runs: usize,
    },
    /// `OK` when every part is (`MSET`).
    AllOk,
    /// The texts behind one another, as a text for people (`CLIENT LIST`).
    Text(Resp),
    /// `OK` when the sum is not zero (`CLIENT KILL addr:port`).
    KilledOne,
}

/// The keys of one part: positions among the keys of the whole request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartKeys(pub(crate) Vec<u32>);

/// Parts that are outstanding, and what came of the others.
///
/// Invariant: the replies that wait in `bytes` are never more than `bytes_max`.
#[derive(Debug)]
pub(crate) struct Join {
    by: JoinBy,
    bytes_max: usize,
    parts: Vec<Part>,
    /// Parts without a reply (count).
    missing: usize,
    /// Parts that failed (count).
    failed: usize,
    /// What the first failed part said, without `-` and line end.
    first_error: Vec<u8>,
    /// Replies that are needed whole, one behind the other.
    bytes: Vec<u8>,
    sum: i64,
    /// Whether a part was a null: a guarded key was touched, and nothing ran.
    is_null: bool,
    /// Whether the replies were more than may be held, so that none of them is.
    is_too_large: bool,
    /// Elements that several parts of a transaction have a part of, by position.
    inner: Vec<(u32, Join)>,
}

#[derive(Debug)]
struct Part {
    keys: PartKeys,
    is_done: bool,
    /// Where its reply lies in `bytes`.
    reply: Range<usize>,
}

impl Join {
    /// A join of these parts, all outstanding.
    pub(crate) fn new(by: JoinBy, parts: impl Iterator<Item = PartKeys>) -> Join {
        let parts: Vec<Part> =
            parts.map(|keys| Part { keys, is_done: false, reply: 0..0 }).collect();
        Join {
            by,
            bytes_max: usize::MAX,
            missing: parts.len(),
            parts,
            failed: 0,
            first_error: Vec::new(),
            bytes: Vec::new(),
            sum: 0,
            is_null: false,
            is_too_large: false,
            inner: Vec::new(),
        }
    }

    /// The replies may take so many bytes together; if they are more, none is held, and the whole fails.
    pub(crate) fn at_most(self, bytes_max: usize) -> Join {
        Join { bytes_max, ..self }
    }

    /// Whether the replies were more than may be held.
    pub(crate) fn is_too_large(&self) -> bool {
        self.is_too_large
    }

    /// Of a transaction: these elements are joined from what the parts have of them, in the order of the parts.
    pub(crate) fn with_inner(self, inner: Vec<(u32, Join)>) -> Join {
        Join { inner, ..self }
    }

    /// Takes the reply to one part; true when none is missing any more. A second reply to a part is dropped.
    pub(crate) fn hand_in(&mut self, part: u32, reply: &[u8]) -> bool {
        let Some(part) = self.parts.get_mut(part as usize).filter(|part| !part.is_done) else {
            return false;
        };
        part.is_done = true;
        self.missing -= 1;
        if self.is_too_large {
            return self.missing == 0;
        }
        let accepted = match reply {
            [b'-', line @ ..] => Err(line.strip_suffix(b"\r\n").unwrap_or(line)),
            _ => match (self.by, reply) {
                (JoinBy::Transaction { .. }, b"*-1\r\n" | b"_\r\n") => {
                    self.is_null = true;
                    Ok(())
                }
                _ if self.bytes.len() + reply.len() > self.bytes_max => {
                    self.is_too_large = true;
                    self.bytes = Vec::new();
                    Ok(())
                }
                (JoinBy::Key | JoinBy::Transaction { .. }, [b'*', ..]) => {
                    let start = self.bytes.len();
                    self.bytes.extend_from_slice(reply);
                    part.reply = start..self.bytes.len();
                    Ok(())
                }
                (JoinBy::Text(_), [b'$', ..]) => bulk_payload(reply).map(|text| {
                    self.bytes.extend_from_slice(text);
                }),
                (
                    JoinBy::Sum | JoinBy::KilledOne | JoinBy::Surplus(_),
                    [b':', digits @ .., b'\r', b'\n'],
                ) => {
                    self.sum = self.sum.saturating_add(parse_integer(digits).unwrap_or(0));
                    Ok(())
                }
                (JoinBy::AllOk, b"+OK\r\n") => Ok(()),
                _ => Err(ODD_SHAPE),
            },
        };
        if let Err(line) = accepted {
            self.fail(line);
        }
        self.missing == 0
    }

    /// Bytes of replies that wait for the others.
    pub(crate) fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether this part alone is missing; with it, whether the others went well.
    pub(crate) fn is_last_missing(&self, part: u32) -> Option<bool> {
        let is_missing = self.parts.get(part as usize).is_some_and(|part| !part.is_done);
        (self.missing == 1 && is_missing).then_some(self.failed == 0 && !self.is_null)
    }

    /// Every part without a reply failed with this error reply.
    pub(crate) fn fail_missing(&mut self, error: &[u8]) {
        for part in 0..self.parts.len() {
            self.hand_in(u32::try_from(part).unwrap_or(u32::MAX), error);
        }
    }

    fn fail(&mut self, line: &[u8]) {
        if self.failed == 0 {
            self.first_error = line.to_vec();
        }
        self.failed += 1;
    }

    /// Appends the joined reply. All parts must have been handed in.
    pub(crate) fn write(mut self, out: &mut Vec<u8>) {
        debug_assert_eq!(self.missing, 0, "a reply is joined from all parts");
        if self.is_too_large {
            return self.write_too_large(out);
        }
        let elements = match self.by {
            JoinBy::Key | JoinBy::Transaction { .. } if !self.is_null => self.elements(),
            _ => Some(Vec::new()),
        };
        if elements.is_none() && self.failed == 0 {
            self.fail(b"BADREPLY a part has another number of elements than keys");
        }
        let Some(elements) = elements.filter(|_| self.failed == 0) else {
            let (failed, count) = (self.failed, self.parts.len());
            if let JoinBy::Transaction { runs: 1, .. } = self.by {
                // What one node said of the whole.
                out.push(b'-');
                out.extend_from_slice(&self.first_error);
                out.extend_from_slice(b"\r\n");
                return;
            }
            out.extend_from_slice(
                format!("-PARTIAL {failed} of {count} parts failed: ").as_bytes(),
            );
            out.extend_from_slice(&self.first_error);
            out.extend_from_slice(b"\r\n");
            return;
        };
        let resp = match self.by {
            JoinBy::Text(resp) | JoinBy::Transaction { resp, .. } => resp,
            _ => Resp::V2,
        };
        let mut writer = ReplyWriter::new(out, resp);
        match self.by {
            JoinBy::Transaction { .. } if self.is_null => writer.null_array(),
            JoinBy::Key | JoinBy::Transaction { .. } => {
                writer.array(elements.len());
                for element in elements {
                    writer.raw(&self.bytes[element]);
                }
            }
            JoinBy::Sum => writer.integer(self.sum),
            JoinBy::Surplus(more) => writer.integer(self.sum.saturating_add(more).max(0)),
            JoinBy::AllOk => writer.ok(),
            JoinBy::Text(_) => writer.verbatim("txt", &self.bytes),
            JoinBy::KilledOne if self.sum == 0 => {
                writer.error(&ReplyError::from_static("ERR No such client"));
            }
            JoinBy::KilledOne => writer.ok(),
        }
    }

    /// Appends the error for replies that are more than may be held. What a transaction did, it did.
    fn write_too_large(&self, out: &mut Vec<u8>) {
        let retry = match self.by {
            JoinBy::Transaction { .. } => Retry::OutcomeUnknown,
            _ => Retry::Safe,
        };
        RequestError::JoinTooLarge { max: self.bytes_max, retry }.write_reply(out);
    }

    /// Where the element for each key lies in `bytes`; `None` when a part does not have one for each of its keys.
    fn elements(&mut self) -> Option<Vec<Range<usize>>> {
        // The replies are framed, so these limits have been held already.
        let limits =
            ReplyLimits { depth_max: ReplyLimits::SCRIPT_DEPTH_MAX, ..ReplyLimits::default() };
        let last = self.parts.iter().flat_map(|part| &part.keys.0).max();
        let mut elements = vec![0..0; last.map_or(0, |last| *last as usize + 1)];
        for part in &self.parts {
            let reply = &self.bytes[part.reply.clone()];
            let (Head::Aggregate { elements: len }, mut at) =
                frame::head(reply, &limits).ok()??
            else {
                return None;
            };
            if len != part.keys.0.len() {
                return None;
            }
            for key in &part.keys.0 {
                let len = frame::element_len(&reply[at..], &limits)?;
                match self.inner.iter_mut().find(|(position, _)| position == key) {
                    Some((_, join)) => join.hand_in_next(&reply[at..at + len]),
                    None => {
                        let start = part.reply.start + at;
                        *elements.get_mut(*key as usize)? = start..start + len;
                    }
                }
                at += len;
            }
        }
        for (position, join) in std::mem::take(&mut self.inner) {
            let start = self.bytes.len();
            join.write(&mut self.bytes);
            *elements.get_mut(position as usize)? = start..self.bytes.len();
        }
        Some(elements)
    }

    /// Takes the reply to the first part that is without one, when they come in their order.
    fn hand_in_next(&mut self, reply: &[u8]) {
        let part = self.parts.len() - self.missing;
        self.hand_in(u32::try_from(part).unwrap_or(u32::MAX), reply);
    }
}

/// What a part is refused with that has not the shape of its kind.
const ODD_SHAPE: &[u8] = b"BADREPLY a part was answered in another shape";

/// What stands in a bulk string that was framed before.
fn bulk_payload(reply: &[u8]) -> Result<&[u8], &'static [u8]> {
    match frame::head(reply, &ReplyLimits::default()) {
        Ok(Some((Head::Bulk { len }, line))) => reply.get(line..line + len).ok_or(ODD_SHAPE),
        _ => Err(ODD_SHAPE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(by: JoinBy, parts: &[(&[u32], &str)], expect: &str) {
        let indexes: Vec<usize> = (0..parts.len()).collect();
        for order in [indexes.clone(), indexes.into_iter().rev().collect()] {
            let keys = parts.iter().map(|(keys, _)| PartKeys(keys.to_vec()));
            let mut join = Join::new(by, keys);
            for (turn, index) in order.iter().enumerate() {
                let is_last = turn + 1 == parts.len();
                let part = u32::try_from(*index).unwrap();
                assert_eq!(join.hand_in(part, parts[*index].1.as_bytes()), is_last);
            }
            let mut out = Vec::new();
            join.write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        }
    }

    #[test]
    fn elements_stand_in_the_order_of_the_keys() {
        check(
            JoinBy::Key,
            &[
                (&[0, 3], "*2\r\n$1\r\na\r\n$-1\r\n"),
                (&[1], "*1\r\n$1\r\nb\r\n"),
                (&[2], "*1\r\n_\r\n"),
            ],
            "*4\r\n$1\r\na\r\n$1\r\nb\r\n_\r\n$-1\r\n",
        );
    }

    #[test]
    fn a_transaction_is_whole_or_null_or_what_its_node_said() {
        let by = JoinBy::Transaction { resp: Resp::V2, runs: 1 };
        check(
            by,
            &[(&[0, 2], "*2\r\n:1\r\n-ERR x\r\n"), (&[1], "*1\r\n+P\r\n")],
            "*3\r\n:1\r\n+P\r\n-ERR x\r\n",
        );
        check(by, &[(&[0], "*-1\r\n"), (&[1], "*0\r\n")], "*-1\r\n");
        check(by, &[(&[0], "-EXECABORT x\r\n"), (&[1], "*0\r\n")], "-EXECABORT x\r\n");
        let by = JoinBy::Transaction { resp: Resp::V3, runs: 2 };
        check(
            by,
            &[(&[0], "*1\r\n:1\r\n"), (&[1], "-EXECABORT x\r\n")],
            "-PARTIAL 1 of 2 parts failed: EXECABORT x\r\n",
        );
        check(by, &[(&[1], "*1\r\n:1\r\n"), (&[0], "_\r\n")], "_\r\n");
    }

    #[test]
    fn counts_are_added_and_oks_agree() {
        check(JoinBy::Sum, &[(&[0], ":2\r\n"), (&[1], ":40\r\n")], ":42\r\n");
        check(JoinBy::AllOk, &[(&[0], "+OK\r\n"), (&[1], "+OK\r\n")], "+OK\r\n");
        check(JoinBy::KilledOne, &[(&[], ":0\r\n"), (&[], ":1\r\n")], "+OK\r\n");
        check(JoinBy::KilledOne, &[(&[], ":0\r\n")], "-ERR No such client\r\n");
    }

    #[test]
    fn texts_follow_one_another() {
        let parts: &[(&[u32], &str)] = &[(&[], "$3\r\na=1\r\n"), (&[], "$0\r\n\r\n")];
        check(JoinBy::Text(Resp::V2), parts, "$3\r\na=1\r\n");
        check(JoinBy::Text(Resp::V3), parts, "=7\r\ntxt:a=1\r\n");
    }

    #[test]
    fn one_failed_part_fails_the_whole() {
        check(
            JoinBy::Key,
            &[(&[0], "*1\r\n$1\r\na\r\n"), (&[1], "-OOM no memory\r\n")],
            "-PARTIAL 1 of 2 parts failed: OOM no memory\r\n",
        );
        check(
            JoinBy::Sum,
            &[(&[0], "-X y\r\n"), (&[1], "-X y\r\n"), (&[2], ":1\r\n")],
            "-PARTIAL 2 of 3 parts failed: X y\r\n",
        );
        check(
            JoinBy::Key,
            &[(&[0], "*0\r\n"), (&[1], "*1\r\n:1\r\n")],
            "-PARTIAL 1 of 2 parts failed: BADREPLY a part has another number of elements than keys\r\n",
        );
        check(
            JoinBy::AllOk,
            &[(&[0], ":1\r\n"), (&[1], "+OK\r\n")],
            "-PARTIAL 1 of 2 parts failed: BADREPLY a part was answered in another shape\r\n",
        );
    }

    #[test]
    fn replies_that_are_more_than_may_be_held_fail_the_whole_and_are_not_held() {
        let transaction = JoinBy::Transaction { resp: Resp::V2, runs: 2 };
        for (by, outcome) in [(JoinBy::Key, "was not"), (transaction, "may have been")] {
            let parts = [PartKeys(vec![0]), PartKeys(vec![1]), PartKeys(vec![2])];
            let mut join = Join::new(by, parts.into_iter()).at_most(20);
            assert!(!join.hand_in(0, b"*1\r\n$1\r\na\r\n"));
            assert_eq!((join.bytes_len(), join.is_too_large()), (11, false));
            assert!(!join.hand_in(1, b"*1\r\n$1\r\nb\r\n"));
            assert_eq!((join.bytes_len(), join.is_too_large()), (0, true));
            assert!(join.hand_in(2, b"-ERR x\r\n"));
            let mut out = Vec::new();
            join.write(&mut out);
            let expect = format!(
                "-OVERLOAD bytes joined into one reply: limit of 20 reached; the command {outcome} applied\r\n"
            );
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        }
    }

    #[test]
    fn a_second_reply_to_a_part_is_dropped() {
        let mut join = Join::new(JoinBy::Sum, [PartKeys(vec![0]), PartKeys(vec![1])].into_iter());
        assert!(!join.hand_in(0, b":1\r\n"));
        assert!(!join.hand_in(0, b":1\r\n"));
        assert!(!join.hand_in(7, b":1\r\n"));
        assert!(join.hand_in(1, b":1\r\n"));
    }
}
