//! The collections that can be sorted.

use std::ops::Range;

use reddoor_protocol::reply_error::ReplyError;

use super::order::Item;
use crate::data::keyspace::Record;
use crate::data::list::List;
use crate::data::set::Set;
use crate::data::sorted_set::{Direction, SortedSet};
use crate::data::value::Value;

/// What a key holds.
pub(super) enum Source<'a> {
    List(&'a List),
    Set(&'a Set),
    SortedSet(&'a SortedSet),
    /// There is no such key.
    Nothing,
}

impl<'a> Source<'a> {
    pub(super) fn of(record: Option<&'a mut Record>) -> Result<Source<'a>, ReplyError> {
        match record.map(|record| &mut record.value) {
            Some(Value::List(list)) => Ok(Source::List(list)),
            Some(Value::Set(set)) => Ok(Source::Set(set)),
            Some(Value::SortedSet(set)) => {
                // A Redis does so before it sorts, and it shows afterwards.
                set.make_large();
                Ok(Source::SortedSet(set))
            }
            None => Ok(Source::Nothing),
            Some(_) => Err(ReplyError::WRONG_TYPE),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Source::List(list) => list.len(),
            Source::Set(set) => set.len(),
            Source::SortedSet(set) => set.len(),
            Source::Nothing => 0,
        }
    }

    /// Whether the elements lie in an order of their own.
    pub(super) fn is_ordered(&self) -> bool {
        !matches!(self, Source::Set(_))
    }

    /// All elements as they lie.
    pub(super) fn all(&self) -> Vec<Item> {
        match self {
            Source::List(list) => list.iter().map(Item::new).collect(),
            Source::Set(set) => set.iter().map(Item::new).collect(),
            Source::SortedSet(set) => set.iter().map(|(name, _)| Item::new(name)).collect(),
            Source::Nothing => Vec::new(),
        }
    }

    /// The elements at these indexes, which exist; counted from the end, and told backwards, if they have an order
    /// and it is to be turned round.
    pub(super) fn part(&self, range: Range<usize>, is_descending: bool) -> Vec<Item> {
        let count = range.len();
        if count == 0 {
            return Vec::new();
        }
        match self {
            Source::List(list) if is_descending => {
                let elements = list.iter_back_from(list.len() - 1 - range.start);
                elements.take(count).map(Item::new).collect()
            }
            Source::List(list) => list.iter_from(range.start).take(count).map(Item::new).collect(),
            Source::SortedSet(set) => {
                let (ranks, direction) = match is_descending {
                    true => (set.len() - range.end..set.len() - range.start, Direction::Backward),
                    false => (range, Direction::Forward),
                };
                set.walk(ranks, direction).map(|(name, _)| Item::new(name)).collect()
            }
            Source::Set(set) => set.iter().skip(range.start).take(count).map(Item::new).collect(),
            Source::Nothing => Vec::new(),
        }
    }
}
