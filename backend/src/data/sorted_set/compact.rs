//! The form of small sorted sets: a listpack of names, each followed by its score, in order.
//!
//! Scores are texts or integers as a Redis writes them, so that dumps carry the bytes as they are. That form has
//! no negative zero: -0 becomes 0.

use std::ops::Range;

use reddoor_protocol::double::write_double;

use crate::data::listpack::{Entry, Listpack, Position};

/// Names and scores in a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Compact {
    list: Listpack,
}

/// Largest magnitude whose whole numbers are kept as integers. Source: redis `src/util.c` double2ll.
const INTEGER_MAX: f64 = (i64::MAX / 2) as f64;

impl Compact {
    pub(super) fn len(&self) -> usize {
        self.list.len() / 2
    }

    pub(super) fn list(&self) -> &Listpack {
        &self.list
    }

    pub(super) fn score(&self, name: &[u8]) -> Option<f64> {
        self.find(name).map(|at| self.score_behind(at))
    }

    /// Gives a member that is there another score.
    pub(super) fn set_score(&mut self, name: &[u8], score: f64) {
        self.remove(name);
        self.insert(name, score);
    }

    /// Adds a member that is not there.
    pub(super) fn insert(&mut self, name: &[u8], score: f64) {
        let mut at = self.list.first();
        while let Some(here) = at {
            let other = self.score_behind(here);
            let mut digits = itoa::Buffer::new();
            if other > score || other == score && self.list.get(here).bytes(&mut digits) > name {
                break;
            }
            at = self.next_name(here);
        }
        let text = score_text(score);
        match at {
            Some(at) => {
                self.list.insert_before(at, &text);
                self.list.insert_before(at, name);
            }
            None => self.push(name, score),
        }
    }

    /// Adds a member behind all others, where it belongs.
    pub(super) fn push(&mut self, name: &[u8], score: f64) {
        self.list.push_back(name);
        self.list.push_back(&score_text(score));
    }

    /// Removes a member. Whether it was there.
    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let Some(at) = self.find(name) else { return false };
        self.list.remove_many(at, 2);
        true
    }

    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>) {
        if let Some(at) = self.position(ranks.start) {
            self.list.remove_many(at, 2 * ranks.len());
        }
    }

    /// How many members come before this one.
    pub(super) fn rank(&self, name: &[u8]) -> Option<usize> {
        self.pairs().position(|(other, _)| other == *name)
    }

    /// All members in order.
    pub(super) fn pairs(&self) -> Pairs<'_> {
        Pairs { entries: self.list.iter() }
    }

    /// Members in order, those with smaller ranks left out.
    pub(super) fn pairs_from(&self, rank: usize) -> Pairs<'_> {
        let mut pairs = self.pairs();
        for _ in 0..2 * rank {
            pairs.entries.next();
        }
        pairs
    }

    fn position(&self, rank: usize) -> Option<Position> {
        self.list.seek(i64::try_from(2 * rank).ok()?)
    }

    fn find(&self, name: &[u8]) -> Option<Position> {
        self.list.find(self.list.first()?, name, 1)
    }

    fn next_name(&self, at: Position) -> Option<Position> {
        self.list.next(at).and_then(|score| self.list.next(score))
    }

    fn score_behind(&self, name: Position) -> f64 {
        self.list.next(name).map_or(0.0, |at| score_of(self.list.get(at)))
    }
}

/// Names with their scores, from either end.
#[derive(Clone)]
pub(super) struct Pairs<'a> {
    entries: crate::data::listpack::Iter<'a>,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Entry<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.entries.next()?;
        Some((name, score_of(self.entries.next()?)))
    }
}

impl DoubleEndedIterator for Pairs<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let score = score_of(self.entries.next_back()?);
        Some((self.entries.next_back()?, score))
    }
}

#[expect(clippy::cast_precision_loss, reason = "scores are doubles, integers just their form")]
fn score_of(entry: Entry<'_>) -> f64 {
    match entry {
        Entry::Integer(number) => number as f64,
        // What was written by this file always reads as a number.
        Entry::String(text) => {
            std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).unwrap_or(0.0)
        }
    }
}

/// How a score is kept: whole numbers in full, others with 17 digits.
#[expect(clippy::cast_possible_truncation, reason = "compared with what it came from")]
#[expect(clippy::cast_precision_loss, reason = "compared with what it came from")]
pub(super) fn score_text(score: f64) -> Vec<u8> {
    let whole = score as i64;
    if score.abs() <= INTEGER_MAX && whole as f64 == score {
        return itoa::Buffer::new().format(whole).as_bytes().to_vec();
    }
    let mut text = Vec::new();
    write_double(&mut text, score);
    text
}
