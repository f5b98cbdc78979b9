//! Registers as runs of equal ones.
//!
//! | bytes | means |
//! |---|---|
//! | `00llllll` | l + 1 zeros |
//! | `01llllll llllllll` | l + 1 zeros, the high bits first |
//! | `1vvvvvll` | l + 1 times the value v + 1 |

use std::ops::Range;

use crate::data::hyper_log_log::{Corrupted, HEADER, REGISTERS};

/// Longest run of zeros in one byte.
const SHORT_ZEROS_MAX: usize = 64;

/// Largest value.
const VALUE_MAX: u8 = 32;

/// Longest run of a value that is not zero.
const VALUE_RUN_MAX: usize = 4;

/// Runs that are looked at for a merge after a change.
const MERGE_REACH: usize = 5;

/// Registers of the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// From 0 to 32.
    pub(crate) value: u8,
    /// How many registers, at least 1.
    pub(crate) len: usize,
    /// Bytes that it takes.
    pub(crate) bytes: usize,
}

impl Run {
    /// The run at an offset. Where the second byte is missing it counts as zero. A Redis that splits such a run writes
    /// the byte behind its string, and may find it there later: a damaged one can take more elements there than here.
    fn at(bytes: &[u8], at: usize) -> Option<Run> {
        let first = *bytes.get(at)?;
        let low = usize::from(first & 0x3f);
        Some(match first >> 6 {
            0 => Run { value: 0, len: low + 1, bytes: 1 },
            1 => {
                let second = usize::from(bytes.get(at + 1).copied().unwrap_or(0));
                Run { value: 0, len: (low << 8 | second) + 1, bytes: 2 }
            }
            _ => {
                let len = usize::from(first & 3) + 1;
                Run { value: (first >> 2 & 0x1f) + 1, len, bytes: 1 }
            }
        })
    }
}

/// All runs in their order.
pub(crate) fn runs(bytes: &[u8]) -> impl Iterator<Item = Run> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let run = Run::at(bytes, at)?;
        at += run.bytes;
        Some(run)
    })
}

/// All runs with the registers that they stand for, which are in range.
///
/// # Errors
/// The runs do not end where the registers do. What was told before is true.
pub(super) fn for_each_run(
    bytes: &[u8],
    mut tell: impl FnMut(Range<usize>, u8),
) -> Result<(), Corrupted> {
    let mut first = 0;
    for run in runs(bytes) {
        let end = first + run.len;
        if end > REGISTERS {
            return Err(Corrupted);
        }
        tell(first..end, run.value);
        first = end;
    }
    if first == REGISTERS { Ok(()) } else { Err(Corrupted) }
}

/// Appends a run of zeros, not longer than all registers.
#[expect(clippy::cast_possible_truncation, reason = "at most 14 bits")]
pub(super) fn push_zeros(out: &mut Vec<u8>, len: usize) {
    let len_less_one = len - 1;
    if len <= SHORT_ZEROS_MAX {
        out.push(len_less_one as u8);
    } else {
        out.extend_from_slice(&(0x4000 | len_less_one as u16).to_be_bytes());
    }
}

/// Lets a register be at least so much; `bytes` is the whole string. Whether it was less; `None` if it has to become
/// dense first.
///
/// 1. The run with the register is found.
/// 2. Unless it says so much already, it is split in up to three.
/// 3. Runs of the same value that have become neighbours are joined.
///
/// # Errors
/// The runs end before the register.
pub(super) fn raise(
    bytes: &mut Vec<u8>,
    index: usize,
    value: u8,
    bytes_max: usize,
) -> Result<Option<bool>, Corrupted> {
    if value > VALUE_MAX {
        return Ok(None);
    }
    let Found { run, at, first, previous } = find(bytes, index).ok_or(Corrupted)?;
    if run.value >= value {
        return Ok(Some(false));
    }
    let mut split = Vec::new();
    push_run(&mut split, run.value, index - first);
    push_run(&mut split, value, 1);
    push_run(&mut split, run.value, first + run.len - index - 1);
    let len = bytes.len() + split.len() - run.bytes;
    if split.len() > run.bytes && len > bytes_max {
        return Ok(None);
    }
    // A run that lacks its second byte at the end leaves as many bytes as if it had it.
    bytes.splice(at..(at + run.bytes).min(bytes.len()), split);
    bytes.truncate(len);
    join_neighbours(bytes, previous);
    Ok(Some(true))
}

/// The run that stands for a register.
struct Found {
    run: Run,
    /// Where it begins in the whole string, and the one before it, or else it again.
    at: usize,
    previous: usize,
    /// Its first register.
    first: usize,
}

fn find(bytes: &[u8], index: usize) -> Option<Found> {
    let (mut at, mut previous, mut first) = (HEADER, HEADER, 0);
    loop {
        let run = Run::at(bytes, at)?;
        if index < first + run.len {
            return Some(Found { run, at, previous, first });
        }
        previous = at;
        at += run.bytes;
        first += run.len;
    }
}

fn push_run(out: &mut Vec<u8>, value: u8, len: usize) {
    match (value, len) {
        (_, 0) => {}
        (0, _) => push_zeros(out, len),
        (value, _) => out.push(value_run(value, len)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most 4")]
fn value_run(value: u8, len: usize) -> u8 {
    1 << 7 | (value - 1) << 2 | (len - 1) as u8
}

/// Joins runs of the same value among the next few from an offset on.
fn join_neighbours(bytes: &mut Vec<u8>, from: usize) {
    let mut at = from;
    for _ in 0..MERGE_REACH {
        let Some(run) = Run::at(bytes, at) else { return };
        let joined = Run::at(bytes, at + run.bytes).filter(|next| {
            run.value > 0 && next.value == run.value && run.len + next.len <= VALUE_RUN_MAX
        });
        match joined {
            Some(next) => {
                bytes[at] = value_run(run.value, run.len + next.len);
                bytes.remove(at + 1);
            }
            None => at += run.bytes,
        }
    }
}
