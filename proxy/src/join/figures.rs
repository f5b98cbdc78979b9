//! Figures by name, added over many nodes.
//!
//! ```text
//! MEMORY STATS of two nodes      total.allocated 10  fragmentation 1.5  db.0 {overhead 3}
//!                                total.allocated 20  fragmentation 1.2  db.0 {overhead 4}
//! joined                         total.allocated 30  fragmentation 1.5  db.0 {overhead 7}
//! ```

use reddoor_protocol::encode::write_header;

use super::answers::Answers;
use super::elements::{self, bulk_text, integer};

/// Groups in groups that are looked into: `LATENCY HISTOGRAM` has three. What lies deeper is taken from the first
/// node, so that no reply makes this go deeper than that.
const DEPTH_MAX: usize = 4;

/// Parts of names whose integers are ratios.
const RATIOS: [&[u8]; 3] = [b"per-key", b"percentage", b"ratio"];

/// Arrays of names, each with an integer behind it.
pub(super) fn write_sum_by_name(
    answers: &Answers<'_>,
    more: &[i64],
    out: &mut Vec<u8>,
) -> Option<()> {
    let mut sums: Vec<(&[u8], i64)> = Vec::new();
    for (turn, bytes) in answers.bytes().enumerate() {
        let cells = elements::of(bytes)?;
        if turn == 0 {
            let pairs = cells.chunks_exact(2).map(|pair| Some((pair[0], integer(pair[1])?)));
            sums = pairs.collect::<Option<_>>()?;
            continue;
        }
        if cells.len() != sums.len() * 2 {
            return None;
        }
        for ((name, sum), pair) in sums.iter_mut().zip(cells.chunks_exact(2)) {
            if *name != pair[0] {
                return None;
            }
            *sum = sum.saturating_add(integer(pair[1])?);
        }
    }
    write_header(out, b'*', sums.len() * 2);
    for (index, (name, sum)) in sums.into_iter().enumerate() {
        let sum = sum.saturating_add(more.get(index).copied().unwrap_or(0)).max(0);
        out.extend_from_slice(name);
        out.extend_from_slice(format!(":{sum}\r\n").as_bytes());
    }
    Some(())
}

/// Maps, or the flat arrays that RESP2 has for them, perhaps in maps.
pub(super) fn write_sum_fields(answers: &Answers<'_>, out: &mut Vec<u8>) -> Option<()> {
    let mut bytes = answers.bytes();
    let mut sum = Figure::of(bytes.next()?, DEPTH_MAX);
    for reply in bytes {
        sum.add(Figure::of(reply, DEPTH_MAX), false);
    }
    if !matches!(sum, Figure::Group(..)) {
        return None;
    }
    sum.write(out);
    Some(())
}

/// One figure, or a group of them.
#[derive(Debug)]
enum Figure<'a> {
    Integer(i64),
    /// A number with a fraction, as it came.
    Fraction(f64, &'a [u8]),
    /// By names, under the first byte of its type.
    Group(u8, Vec<(&'a [u8], Figure<'a>)>),
    /// Anything else, as it came.
    Other(&'a [u8]),
}

impl<'a> Figure<'a> {
    fn of(bytes: &'a [u8], depth: usize) -> Figure<'a> {
        if let Some(number) = integer(bytes) {
            return Figure::Integer(number);
        }
        if let Some(number) = fraction(bytes) {
            return Figure::Fraction(number, bytes);
        }
        let kind = bytes.first().copied().unwrap_or_default();
        match elements::of(bytes) {
            Some(cells) if depth > 0 && b"*%".contains(&kind) && cells.len() % 2 == 0 => {
                let pairs = cells.chunks_exact(2);
                let pairs = pairs.map(|pair| (pair[0], Figure::of(pair[1], depth - 1)));
                Figure::Group(kind, pairs.collect())
            }
            _ => Figure::Other(bytes),
        }
    }

    fn add(&mut self, other: Figure<'a>, is_ratio: bool) {
        match (self, other) {
            (Figure::Integer(sum), Figure::Integer(more)) if is_ratio => *sum = more.max(*sum),
            (Figure::Integer(sum), Figure::Integer(more)) => *sum = sum.saturating_add(more),
            (Figure::Fraction(most, text), Figure::Fraction(more, other)) if more > *most => {
                (*most, *text) = (more, other);
            }
            (Figure::Group(_, fields), Figure::Group(_, others)) => {
                for (name, figure) in others {
                    match fields.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, sum)) => sum.add(figure, is_ratio_name(name)),
                        None => fields.push((name, figure)),
                    }
                }
            }
            _ => {}
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Figure::Integer(number) => out.extend_from_slice(format!(":{number}\r\n").as_bytes()),
            Figure::Fraction(_, bytes) | Figure::Other(bytes) => out.extend_from_slice(bytes),
            Figure::Group(kind, fields) => {
                let per_field = if *kind == b'%' { 1 } else { 2 };
                write_header(out, *kind, fields.len() * per_field);
                for (name, figure) in fields {
                    out.extend_from_slice(name);
                    figure.write(out);
                }
            }
        }
    }
}

fn is_ratio_name(name: &[u8]) -> bool {
    RATIOS.iter().any(|ratio| name.windows(ratio.len()).any(|part| part == *ratio))
}

/// A number with a fraction: a type of its own in RESP3, a string in RESP2.
fn fraction(bytes: &[u8]) -> Option<f64> {
    let text = match bytes.strip_prefix(b",") {
        Some(line) => line.strip_suffix(b"\r\n")?,
        None => bulk_text(bytes)?,
    };
    std::str::from_utf8(text).ok()?.parse().ok()
}
