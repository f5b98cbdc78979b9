//! The answers of many nodes to one question, joined by the policy of the command's row.
//!
//! In: one whole reply of each node. Out: the reply that one Redis would give which holds all the data.
//! A node that failed fails the whole, but where one success is enough.

use reddoor_protocol::command::policy::ReplyPolicy;
use reddoor_protocol::encode::{ReplyWriter, Resp, write_header};
use reddoor_protocol::request::{Args, parse_integer};

use super::{figures, rows};
use crate::cluster_map::NodeAddr;
use crate::join::elements::{self, bulk_text};

/// What the request says about how its answers are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JoinHint {
    /// Rows that one node would give at most (count).
    pub(crate) rows_max: usize,
}

/// Rows that `SLOWLOG GET` gives without a number (count).
const ROWS_DEFAULT: usize = 10;

impl JoinHint {
    /// What this request says: the argument behind the names is the number of rows wanted, -1 for all.
    pub(crate) fn of(args: Args<'_>) -> JoinHint {
        let rows_max = match args.get(2).map(parse_integer) {
            None => ROWS_DEFAULT,
            Some(number) => number.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX),
        };
        JoinHint { rows_max }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Answers<'a> {
    parts: Vec<(Option<&'a NodeAddr>, &'a [u8])>,
    resp: Resp,
}

impl<'a> Answers<'a> {
    /// These answers, given in this version, with the nodes that were asked by name.
    pub(crate) fn new(parts: Vec<(Option<&'a NodeAddr>, &'a [u8])>, resp: Resp) -> Answers<'a> {
        Answers { parts, resp }
    }

    /// The answers in the order of the parts.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = &'a [u8]> {
        self.parts.iter().map(|(_, bytes)| *bytes)
    }

    /// The answers with the nodes that gave them.
    pub(crate) fn by_node(&self) -> impl Iterator<Item = (&'a NodeAddr, &'a [u8])> {
        self.parts.iter().filter_map(|(addr, bytes)| addr.map(|addr| (addr, *bytes)))
    }

    /// Whether a node failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.bytes().any(is_error)
    }

    /// Appends the joined reply.
    pub(crate) fn write(&self, policy: ReplyPolicy, hint: JoinHint, out: &mut Vec<u8>) {
        let start = out.len();
        let joined = match policy {
            ReplyPolicy::OneOk => self.write_one_ok(out),
            ReplyPolicy::Texts => self.write_texts(out),
            _ if self.has_failed() => {
                self.write_failure(out);
                Some(())
            }
            ReplyPolicy::AllOkTexts => self.write_texts(out),
            ReplyPolicy::Sum => self.write_integer(out, i64::saturating_add),
            ReplyPolicy::Min => self.write_integer(out, i64::min),
            ReplyPolicy::LogicalAnd => self.write_logical_and(&[], out),
            ReplyPolicy::Concat => rows::write_all(self, out),
            ReplyPolicy::Union => rows::write_distinct(self, out),
            ReplyPolicy::SumByName => figures::write_sum_by_name(self, &[], out),
            ReplyPolicy::SumFields => figures::write_sum_fields(self, out),
            ReplyPolicy::LatestByName => rows::write_latest(self, out),
            ReplyPolicy::History => rows::write_history(self, out),
            ReplyPolicy::NewestFirst => rows::write_newest_first(self, hint.rows_max, out),
            ReplyPolicy::Running => self.write_running(out),
            ReplyPolicy::Passthrough
            | ReplyPolicy::AllOk
            | ReplyPolicy::ByKey
            | ReplyPolicy::Special => self.write_first(out),
        };
        if joined.is_none() {
            write_odd(out, start);
        }
    }

    /// As by [`ReplyPolicy::SumByName`], with so much more for each name.
    pub(crate) fn write_sums(&self, more: &[i64], out: &mut Vec<u8>) {
        let start = out.len();
        if self.has_failed() {
            self.write_failure(out);
        } else if figures::write_sum_by_name(self, more, out).is_none() {
            write_odd(out, start);
        }
    }

    /// Appends the error that stands for the whole: the nodes' own, where all of them say the same.
    pub(crate) fn write_failure(&self, out: &mut Vec<u8>) {
        let errors: Vec<&[u8]> = self.bytes().filter(|bytes| is_error(bytes)).collect();
        let Some(first) = errors.first() else { return };
        let (failed, count) = (errors.len(), self.parts.len());
        if failed == count && errors.iter().all(|error| error == first) {
            return out.extend_from_slice(first);
        }
        out.extend_from_slice(format!("-PARTIAL {failed} of {count} parts failed: ").as_bytes());
        out.extend_from_slice(first.get(1..).unwrap_or_default());
    }

    /// Appends the first error.
    pub(crate) fn write_first_error(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes().find(|bytes| is_error(bytes)).unwrap_or_default());
    }

    fn write_first(&self, out: &mut Vec<u8>) -> Option<()> {
        out.extend_from_slice(self.bytes().next()?);
        Some(())
    }

    /// Where there was nothing to be done a node says so by an error: any other answer is worth more.
    fn write_one_ok(&self, out: &mut Vec<u8>) -> Option<()> {
        let rank = |bytes: &&[u8]| match *bytes {
            bytes if !is_error(bytes) => 0,
            bytes if bytes.starts_with(b"-NOTBUSY") => 2,
            _ => 1,
        };
        out.extend_from_slice(self.bytes().min_by_key(rank)?);
        Some(())
    }

    fn write_integer(&self, out: &mut Vec<u8>, fold: fn(i64, i64) -> i64) -> Option<()> {
        let mut numbers = self.bytes().map(elements::integer);
        let first = numbers.next()??;
        let number = numbers.try_fold(first, |sum, number| Some(fold(sum, number?)))?;
        ReplyWriter::new(out, self.resp).integer(number);
        Some(())
    }

    /// As by [`ReplyPolicy::LogicalAnd`], but 1 where the front door can do without the nodes.
    pub(crate) fn write_known(&self, known: &[bool], out: &mut Vec<u8>) {
        let start = out.len();
        if self.has_failed() {
            self.write_failure(out);
        } else if self.write_logical_and(known, out).is_none() {
            write_odd(out, start);
        }
    }

    fn write_logical_and(&self, known: &[bool], out: &mut Vec<u8>) -> Option<()> {
        let mut all: Option<Vec<i64>> = None;
        for bytes in self.bytes() {
            let flags: Option<Vec<i64>> =
                elements::of(bytes)?.into_iter().map(elements::integer).collect();
            let flags = flags?;
            all = Some(match all {
                None => flags,
                Some(all) if all.len() == flags.len() => {
                    all.into_iter().zip(flags).map(|(a, b)| a.min(b)).collect()
                }
                Some(_) => return None,
            });
        }
        let all = all?;
        let mut writer = ReplyWriter::new(out, self.resp);
        writer.array(all.len());
        let known = known.iter().map(|known| i64::from(*known)).chain(std::iter::repeat(0));
        all.into_iter().zip(known).for_each(|(flag, known)| writer.integer(flag.max(known)));
        Some(())
    }

    /// A node has nothing to tell of an event that it never saw and says so by an error, which is a text like
    /// others, unless no node has.
    fn write_texts(&self, out: &mut Vec<u8>) -> Option<()> {
        let first = self.bytes().next()?;
        if self.bytes().all(|bytes| bytes == first) {
            return self.write_first(out);
        }
        if self.bytes().any(|bytes| is_error(bytes) && !bytes.starts_with(b"-ERR ")) {
            self.write_failure(out);
            return Some(());
        }
        let mut text = Vec::new();
        for (addr, bytes) in self.by_node() {
            text.extend_from_slice(format!("{}:\n", addr.as_str()).as_bytes());
            match bytes.strip_prefix(b"-ERR ") {
                Some(error) => text.extend_from_slice(error.trim_ascii_end()),
                None => text.extend_from_slice(bulk_text(bytes)?),
            }
            text.push(b'\n');
        }
        if first.starts_with(b"=") {
            ReplyWriter::new(out, self.resp).verbatim("txt", &text);
        } else {
            ReplyWriter::new(out, self.resp).bulk(&text);
        }
        Some(())
    }

    fn write_running(&self, out: &mut Vec<u8>) -> Option<()> {
        let runs = |bytes: &&[u8]| {
            let fields = elements::of(bytes).unwrap_or_default();
            fields.get(1).is_some_and(|running| !elements::is_null(running))
        };
        let stands_for_all = self.bytes().find(runs).or(self.bytes().next())?;
        out.extend_from_slice(stands_for_all);
        Some(())
    }
}

/// Says, in the place of what was written from `start` on, that the answers do not fit each other.
fn write_odd(out: &mut Vec<u8>, start: usize) {
    out.truncate(start);
    out.extend_from_slice(b"-PARTIAL ");
    out.extend_from_slice(super::ODD_SHAPE);
    out.extend_from_slice(b"\r\n");
}

/// Appends an array, or what else `kind` says, of elements that are there already.
pub(super) fn write_elements(out: &mut Vec<u8>, kind: u8, elements: &[&[u8]]) {
    write_header(out, kind, elements.len());
    elements.iter().for_each(|element| out.extend_from_slice(element));
}

/// Whether an answer is an error.
pub(crate) fn is_error(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'-')
}

#[cfg(test)]
mod tests;
