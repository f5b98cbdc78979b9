//! Arrays of many nodes made one: behind one another, each element once, or in the order of time.

use std::collections::{BTreeMap, HashSet};

use super::answers::{Answers, write_elements};
use super::elements::{self, bulk_text, integer};

/// Samples that a Redis keeps of an event (count).
const HISTORY_ROWS: usize = 160;

/// One behind the other.
pub(super) fn write_all(answers: &Answers<'_>, out: &mut Vec<u8>) -> Option<()> {
    let rows = rows(answers)?;
    write_elements(out, kind(answers)?, &rows);
    Some(())
}

/// Each element once.
pub(super) fn write_distinct(answers: &Answers<'_>, out: &mut Vec<u8>) -> Option<()> {
    let mut seen = HashSet::new();
    let mut rows = rows(answers)?;
    rows.retain(|row| seen.insert(*row));
    write_elements(out, kind(answers)?, &rows);
    Some(())
}

/// Of second and figure: by the second, of which the greatest figure counts, and the latest as one Redis keeps them.
pub(super) fn write_history(answers: &Answers<'_>, out: &mut Vec<u8>) -> Option<()> {
    let mut seconds: BTreeMap<i64, (i64, &[u8])> = BTreeMap::new();
    for row in rows(answers)? {
        let cells = elements::of(row)?;
        let [time, figure] = cells[..] else { return None };
        let figure = integer(figure)?;
        let kept = seconds.entry(integer(time)?).or_insert((figure, row));
        if figure > kept.0 {
            *kept = (figure, row);
        }
    }
    let late = seconds.len().saturating_sub(HISTORY_ROWS);
    let rows: Vec<&[u8]> = seconds.into_values().skip(late).map(|(_, row)| row).collect();
    write_elements(out, kind(answers)?, &rows);
    Some(())
}

/// By the time that stands second in each row, at most so many.
pub(super) fn write_newest_first(
    answers: &Answers<'_>,
    rows_max: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    let mut rows = timed(rows(answers)?, 1)?;
    rows.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    rows.truncate(rows_max);
    write_timed(&rows, answers, out)
}

/// Of name, time, last and greatest figure: the later row of a name, with the greatest figure of all.
pub(super) fn write_latest(answers: &Answers<'_>, out: &mut Vec<u8>) -> Option<()> {
    let mut latest: Vec<(&[u8], [i64; 3])> = Vec::new();
    for row in rows(answers)? {
        let cells = elements::of(row)?;
        let [name, time, last, greatest] = cells[..] else { return None };
        let figures = [integer(time)?, integer(last)?, integer(greatest)?];
        match latest.iter_mut().find(|(known, _)| *known == name) {
            None => latest.push((name, figures)),
            Some((_, known)) => {
                let greatest = known[2].max(figures[2]);
                // Of one second the greatest figure counts.
                if figures[..2] > known[..2] {
                    *known = figures;
                }
                known[2] = greatest;
            }
        }
    }
    out.extend_from_slice(format!("*{}\r\n", latest.len()).as_bytes());
    for (name, [time, last, greatest]) in latest {
        bulk_text(name)?;
        out.extend_from_slice(b"*4\r\n");
        out.extend_from_slice(name);
        out.extend_from_slice(format!(":{time}\r\n:{last}\r\n:{greatest}\r\n").as_bytes());
    }
    Some(())
}

/// The rows of all nodes.
fn rows<'a>(answers: &Answers<'a>) -> Option<Vec<&'a [u8]>> {
    let mut rows = Vec::new();
    for bytes in answers.bytes() {
        rows.append(&mut elements::of(bytes)?);
    }
    Some(rows)
}

/// The rows with their times, which stand at `index` in each.
fn timed(rows: Vec<&[u8]>, index: usize) -> Option<Vec<(i64, &[u8])>> {
    let with_time = |row| Some((integer(elements::of(row)?.get(index)?)?, row));
    rows.into_iter().map(with_time).collect()
}

fn write_timed(rows: &[(i64, &[u8])], answers: &Answers<'_>, out: &mut Vec<u8>) -> Option<()> {
    let rows: Vec<&[u8]> = rows.iter().map(|(_, row)| *row).collect();
    write_elements(out, kind(answers)?, &rows);
    Some(())
}

/// Whether arrays or sets are joined: the same type comes out.
fn kind(answers: &Answers<'_>) -> Option<u8> {
    answers.bytes().next()?.first().copied().filter(|kind| b"*~".contains(kind))
}
