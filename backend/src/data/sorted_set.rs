//! The sorted set: members, each once, in order of their scores, those of one score in order of their names.
//!
//! Small ones are kept as a listpack and searched from its beginning; what grows beyond the limits becomes a table
//! with an order beside it and stays so, as in a Redis.
//! Parts are named by ranks: a range of scores or names is turned into ranks first, then walked or removed.
//!
//! Invariant: no score is "not a number".
//! Source: redis `src/t_zset.c` zsetAdd, for when the form changes.

mod compact;

mod indexed;

mod members;

mod order;

pub(crate) mod range;

use std::cmp::Ordering;
use std::ops::Range;

use compact::{Compact, Pairs};
use indexed::Indexed;
use order::Items;
use range::{LexRange, ScoreRange};

use crate::data::listpack::{Entry, Listpack};

/// A sorted set.
#[derive(Clone, Debug)]
pub(crate) struct SortedSet(Form);

#[derive(Clone, Debug)]
enum Form {
    Compact(Compact),
    Indexed(Box<Indexed>),
}

/// Up to where a sorted set is kept compact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Members (count).
    pub(crate) entries_max: usize,
    /// Longest member (bytes).
    pub(crate) name_bytes_max: usize,
}

/// From which end members are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the lowest score up.
    Forward,
    /// From the highest score down.
    Backward,
}

impl SortedSet {
    /// An empty one in the form in which a Redis makes one for such a first member.
    pub(crate) fn new(limits: &Limits, first_name_len: usize) -> SortedSet {
        let is_compact = limits.entries_max > 0 && first_name_len <= limits.name_bytes_max;
        SortedSet(if is_compact { Form::Compact(Compact::default()) } else { Form::indexed() })
    }

    /// An empty one in the form in which a Redis makes one for so many members that are to be added in turn.
    pub(crate) fn with_room(limits: &Limits, count: usize) -> SortedSet {
        let is_compact = count <= limits.entries_max;
        SortedSet(if is_compact { Form::Compact(Compact::default()) } else { Form::indexed() })
    }

    /// One with these members, each once, in any order; compact if the limits allow it.
    pub(crate) fn from_members(mut members: Vec<(Vec<u8>, f64)>, limits: &Limits) -> SortedSet {
        sort(&mut members);
        let longest = members.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        if members.len() <= limits.entries_max && longest <= limits.name_bytes_max {
            let mut compact = Compact::default();
            members.iter().for_each(|(name, score)| compact.push(name, *score));
            return SortedSet(Form::Compact(compact));
        }
        let mut indexed = Box::<Indexed>::default();
        members.iter().for_each(|(name, score)| indexed.insert_new(name, *score));
        SortedSet(Form::Indexed(indexed))
    }

    /// How many members there are.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Form::Compact(compact) => compact.len(),
            Form::Indexed(indexed) => indexed.len(),
        }
    }

    pub(crate) fn score(&self, name: &[u8]) -> Option<f64> {
        match &self.0 {
            Form::Compact(compact) => compact.score(name),
            Form::Indexed(indexed) => indexed.score(name),
        }
    }

    /// Gives a member the score that `decide` names, knowing the one it has if it is there; `None` leaves
    /// everything as it is.
    pub(crate) fn update(
        &mut self,
        name: &[u8],
        limits: &Limits,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) {
        let compact = match &mut self.0 {
            Form::Compact(compact) => compact,
            Form::Indexed(indexed) => return indexed.update(name, decide),
        };
        let before = compact.score(name);
        let Some(score) = decide(before) else { return };
        if before.is_some() {
            return compact.set_score(name, score);
        }
        let is_within = compact.len() < limits.entries_max && name.len() <= limits.name_bytes_max;
        if is_within && compact.list().has_room_for(name.len()) {
            compact.insert(name, score);
        } else {
            self.make_indexed().insert_new(name, score);
        }
    }

    /// Removes a member. Whether it was there.
    pub(crate) fn remove(&mut self, name: &[u8]) -> bool {
        match &mut self.0 {
            Form::Compact(compact) => compact.remove(name),
            Form::Indexed(indexed) => indexed.remove(name),
        }
    }

    /// Removes the members at these ranks. Costs O(log n) for each.
    pub(crate) fn remove_ranks(&mut self, ranks: Range<usize>) {
        let ranks = ranks.start..ranks.end.min(self.len());
        if ranks.is_empty() {
            return;
        }
        match &mut self.0 {
            Form::Compact(compact) => compact.remove_ranks(ranks),
            Form::Indexed(indexed) => indexed.remove_ranks(ranks),
        }
    }

    /// How many members come before this one.
    pub(crate) fn rank(&self, name: &[u8]) -> Option<usize> {
        match &self.0 {
            Form::Compact(compact) => compact.rank(name),
            Form::Indexed(indexed) => indexed.rank(name),
        }
    }

    /// The ranks of the members with scores in a range.
    pub(crate) fn ranks_by_score(&self, range: &ScoreRange) -> Range<usize> {
        let (start, end) = match &self.0 {
            Form::Compact(compact) => {
                let count = |is_such: &dyn Fn(f64) -> bool| {
                    compact.pairs().take_while(|(_, score)| is_such(*score)).count()
                };
                (count(&|score| range.is_before(score)), count(&|score| !range.is_behind(score)))
            }
            Form::Indexed(indexed) => (
                indexed.rank_by_score(|score| range.is_before(score)),
                indexed.rank_by_score(|score| !range.is_behind(score)),
            ),
        };
        start..end.max(start)
    }

    /// The ranks of the members with names in a range, if all have one score.
    ///
    /// Otherwise the answer means nothing; a compact one gives the one that a Redis gives, which depends on the end
    /// from which it is going to be walked.
    pub(crate) fn ranks_by_name(&self, range: &LexRange<'_>, from: Direction) -> Range<usize> {
        if range.is_empty() {
            return 0..0;
        }
        match &self.0 {
            Form::Compact(compact) => compact_ranks_by_name(compact, range, from),
            Form::Indexed(indexed) => {
                let start = indexed.rank_by_name(|name| range.is_before(name));
                let end = indexed.rank_by_name(|name| !range.is_behind(name));
                start..end.max(start)
            }
        }
    }

    /// The members at these ranks, from one end to the other.
    pub(crate) fn walk(&self, ranks: Range<usize>, direction: Direction) -> Walk<'_> {
        let len = self.len();
        let ranks = ranks.start.min(len)..ranks.end.min(len);
        let source = match (&self.0, direction) {
            (Form::Indexed(indexed), _) => Source::Indexed(indexed, indexed.items(ranks.clone())),
            (Form::Compact(compact), Direction::Forward) => {
                Source::Compact(compact.pairs_from(ranks.start))
            }
            (Form::Compact(compact), Direction::Backward) => {
                let mut pairs = compact.pairs();
                for _ in ranks.end..len {
                    pairs.next_back();
                }
                Source::Compact(pairs)
            }
        };
        Walk { source, direction, left: ranks.len() }
    }

    /// All members in order.
    pub(crate) fn iter(&self) -> Walk<'_> {
        self.walk(0..usize::MAX, Direction::Forward)
    }

    /// Visits some members and gives back where to go on; 0 starts and 0 means the end. Compact ones are visited
    /// whole.
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(Entry<'_>, f64)) -> u64 {
        match &self.0 {
            Form::Compact(compact) => {
                compact.pairs().for_each(|(name, score)| visit(name, score));
                0
            }
            Form::Indexed(indexed) => {
                indexed.scan(cursor, |name, score| visit(Entry::String(name), score))
            }
        }
    }

    /// The listpack that it is kept as, if it is.
    pub(crate) fn as_listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Form::Compact(compact) => Some(compact.list()),
            Form::Indexed(_) => None,
        }
    }

    /// Whether it is kept as a listpack.
    pub(crate) fn is_compact(&self) -> bool {
        matches!(self.0, Form::Compact(_))
    }

    /// What `OBJECT ENCODING` answers.
    pub(crate) fn encoding(&self) -> &'static str {
        if self.is_compact() { "listpack" } else { "skiplist" }
    }

    /// How many members each bucket of a table has; `None` of a compact one.
    pub(crate) fn chain_lens(&self) -> Option<Vec<usize>> {
        match &self.0 {
            Form::Compact(_) => None,
            Form::Indexed(indexed) => Some(indexed.chain_lens()),
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self, samples: usize) -> usize {
        match &self.0 {
            Form::Compact(compact) => compact.list().heap_bytes(),
            Form::Indexed(indexed) => indexed.heap_bytes(samples),
        }
    }

    /// Keeps it with an order beside the table, whatever its size.
    pub(crate) fn make_large(&mut self) {
        self.make_indexed();
    }

    fn make_indexed(&mut self) -> &mut Indexed {
        if let Form::Compact(compact) = &self.0 {
            let mut indexed = Box::<Indexed>::default();
            for (name, score) in compact.pairs() {
                indexed.insert_new(name.bytes(&mut itoa::Buffer::new()), score);
            }
            self.0 = Form::Indexed(indexed);
        }
        match &mut self.0 {
            Form::Indexed(indexed) => indexed,
            Form::Compact(_) => unreachable!("made indexed above"),
        }
    }
}

/// Puts members in the order of sorted sets.
pub(crate) fn sort(members: &mut [(Vec<u8>, f64)]) {
    members.sort_unstable_by(|(a, a_score), (b, b_score)| {
        a_score.partial_cmp(b_score).unwrap_or(Ordering::Equal).then_with(|| a.cmp(b))
    });
}

/// A score as compact sorted sets keep it: whole numbers in full, others with 17 digits.
pub(crate) fn compact_score_text(score: f64) -> Vec<u8> {
    compact::score_text(score)
}

impl Form {
    fn indexed() -> Form {
        Form::Indexed(Box::<Indexed>::default())
    }
}

/// Source: redis `src/t_zset.c` zzlFirstInLexRange and zzlLastInLexRange, for what becomes of different scores.
fn compact_ranks_by_name(compact: &Compact, range: &LexRange<'_>, from: Direction) -> Range<usize> {
    let is_before = |name: Entry<'_>| range.is_before(name.bytes(&mut itoa::Buffer::new()));
    let is_behind = |name: Entry<'_>| range.is_behind(name.bytes(&mut itoa::Buffer::new()));
    let mut pairs = compact.pairs();
    let (Some((first, _)), last) = (pairs.next(), pairs.next_back()) else { return 0..0 };
    if is_before(last.map_or(first, |(last, _)| last)) || is_behind(first) {
        return 0..0;
    }
    match from {
        Direction::Forward => {
            let start = compact.pairs().take_while(|(name, _)| is_before(*name)).count();
            let count = compact.pairs_from(start).take_while(|(name, _)| !is_behind(*name)).count();
            start..start + count
        }
        Direction::Backward => {
            let mut pairs = compact.pairs().rev().map(|(name, _)| name).peekable();
            let mut end = compact.len();
            while pairs.next_if(|name| is_behind(*name)).is_some() {
                end -= 1;
            }
            end - pairs.take_while(|name| !is_before(*name)).count()..end
        }
    }
}

/// Members with their scores, one after the other.
#[derive(Clone)]
pub(crate) struct Walk<'a> {
    source: Source<'a>,
    direction: Direction,
    /// How many are still to come.
    left: usize,
}

#[derive(Clone)]
enum Source<'a> {
    Compact(Pairs<'a>),
    Indexed(&'a Indexed, Items<'a>),
}

impl<'a> Iterator for Walk<'a> {
    type Item = (Entry<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        match (&mut self.source, self.direction) {
            (Source::Compact(pairs), Direction::Forward) => pairs.next(),
            (Source::Compact(pairs), Direction::Backward) => pairs.next_back(),
            (Source::Indexed(indexed, items), direction) => {
                let item = match direction {
                    Direction::Forward => items.next(),
                    Direction::Backward => items.next_back(),
                }?;
                Some((Entry::String(indexed.name(item)), item.score))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Walk<'_> {}

#[cfg(test)]
mod tests;
