//! `LCS`: the longest subsequence that two strings share.
//!
//! Source: redis `src/t_string.c` lcsCommand, for which of several equally long answers is given.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is, string_of};
use crate::execute::Call;

#[derive(Default)]
struct Options {
    wants_len: bool,
    wants_ranges: bool,
    wants_match_lens: bool,
    match_len_min: i64,
}

/// One run of equal bytes: where it lies in both strings, ends included.
#[derive(Debug, PartialEq, Eq)]
struct Match {
    a: (usize, usize),
    b: (usize, usize),
}

pub(super) fn lcs(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let a = value_of(call, 1)?;
    let b = value_of(call, 2)?;
    let options = parse(call)?;
    if options.wants_ranges && options.wants_len {
        return Err(ReplyError::new(
            "ERR If you want both the length and indexes, please just use IDX.",
        ));
    }
    // The table of lengths takes 4 bytes a cell, and may be as large as the largest string.
    let cells_max = call.node.config.settings().bulk_bytes_max / 4;
    if (a.len() + 1).checked_mul(b.len() + 1).is_none_or(|cells| cells > cells_max) {
        return Err(ReplyError::new(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    let (common, matches) = solve(&a, &b);
    if options.wants_ranges {
        reply_with_ranges(call, &matches, common.len(), &options);
    } else if options.wants_len {
        call.reply.integer(number(common.len()));
    } else {
        call.reply.bulk(&common);
    }
    Ok(())
}

fn parse(call: &Call<'_>) -> Result<Options, ReplyError> {
    let mut options = Options::default();
    let mut index = 3;
    while index < call.args.len() {
        let option = call.arg(index);
        if is(option, "IDX") {
            options.wants_ranges = true;
        } else if is(option, "LEN") {
            options.wants_len = true;
        } else if is(option, "WITHMATCHLEN") {
            options.wants_match_lens = true;
        } else if is(option, "MINMATCHLEN") && index + 1 < call.args.len() {
            index += 1;
            options.match_len_min = integer(call.arg(index))?.max(0);
        } else {
            return Err(ReplyError::SYNTAX);
        }
        index += 1;
    }
    Ok(options)
}

/// This command has words of its own for a wrong type.
const NO_STRING: ReplyError =
    ReplyError::from_static("ERR The specified keys must contain string values");

fn value_of(call: &mut Call<'_>, index: usize) -> Result<Vec<u8>, ReplyError> {
    match call.node.read(call.at(), call.arg(index)) {
        Some(record) => {
            let string = string_of(record).map_err(|_| NO_STRING)?;
            Ok(string.bytes(&mut itoa::Buffer::new()).to_vec())
        }
        None => Ok(Vec::new()),
    }
}

/// The subsequence and the runs it consists of, the last run first.
fn solve(a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<Match>) {
    let width = b.len() + 1;
    // lengths[i * width + j]: the longest for the first i bytes of a and the first j of b.
    let mut lengths = vec![0u32; (a.len() + 1) * width];
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            lengths[i * width + j] = if a[i - 1] == b[j - 1] {
                lengths[(i - 1) * width + j - 1] + 1
            } else {
                lengths[(i - 1) * width + j].max(lengths[i * width + j - 1])
            };
        }
    }
    let mut common = Vec::new();
    let mut matches: Vec<Match> = Vec::new();
    let (mut i, mut j) = (a.len(), b.len());
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            common.push(a[i - 1]);
            match matches.last_mut() {
                Some(run) if run.a.0 == i && run.b.0 == j => {
                    run.a.0 = i - 1;
                    run.b.0 = j - 1;
                }
                _ => matches.push(Match { a: (i - 1, i - 1), b: (j - 1, j - 1) }),
            }
            i -= 1;
            j -= 1;
        } else if lengths[(i - 1) * width + j] > lengths[i * width + j - 1] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    common.reverse();
    (common, matches)
}

fn reply_with_ranges(call: &mut Call<'_>, matches: &[Match], len: usize, options: &Options) {
    let run_len = |run: &Match| number(run.a.1 - run.a.0 + 1);
    let long_enough = matches.iter().filter(|run| run_len(run) >= options.match_len_min);
    let reply = &mut call.reply;
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(long_enough.clone().count());
    for run in long_enough {
        reply.array(if options.wants_match_lens { 3 } else { 2 });
        for (start, end) in [run.a, run.b] {
            reply.array(2);
            reply.integer(number(start));
            reply.integer(number(end));
        }
        if options.wants_match_lens {
            reply.integer(run_len(run));
        }
    }
    reply.bulk(b"len");
    reply.integer(number(len));
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_from_the_end() {
        let (common, matches) = solve(b"ohmytext", b"mynewtext");
        assert_eq!(common, b"mytext");
        assert_eq!(matches, [Match { a: (4, 7), b: (5, 8) }, Match { a: (2, 3), b: (0, 1) }]);
        assert_eq!(solve(b"", b"x").0, b"");
    }
}
