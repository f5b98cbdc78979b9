//! Sorted sets as bytes: the listpack as it is, or members with their scores one by one.

use reddoor_protocol::double::parse_double;

use crate::data::listpack::{Entry, Listpack};
use crate::data::rdb::Kind;
use crate::data::rdb::read::{ReadError, Reader};
use crate::data::rdb::write::Writer;
use crate::data::sorted_set::{Direction, Limits, SortedSet};

pub(super) fn kind(set: &SortedSet) -> Kind {
    if set.as_listpack().is_some() { Kind::SortedSetListpack } else { Kind::SortedSet2 }
}

pub(super) fn write(set: &SortedSet, out: &mut Writer<'_>) {
    if let Some(list) = set.as_listpack() {
        return out.string(list.as_bytes());
    }
    out.length(set.len() as u64);
    // From the highest score down: a Redis that reads them adds each before all others.
    for (name, score) in set.walk(0..set.len(), Direction::Backward) {
        out.string(name.bytes(&mut itoa::Buffer::new()));
        out.double(score);
    }
}

/// Reads members one by one, each with its score as `score` reads it.
pub(super) fn read<'a>(
    bytes: &mut Reader<'a>,
    limits: &Limits,
    score: impl Fn(&mut Reader<'a>) -> Result<f64, ReadError>,
) -> Result<SortedSet, ReadError> {
    let mut members = Vec::new();
    for _ in 0..bytes.count()? {
        members.push((bytes.string()?.as_ref().to_vec(), score(bytes)?));
    }
    from_members(members, limits)
}

/// Takes members and scores in turn. The length of names is not looked at: who wrote them had its own limit.
pub(super) fn from_listpack(list: &Listpack, limits: &Limits) -> Result<SortedSet, ReadError> {
    if list.is_empty() {
        return Err(ReadError::Empty);
    }
    let (mut members, mut entries) = (Vec::new(), list.iter());
    while let Some(name) = entries.next() {
        let score = entries.next().and_then(score_of).ok_or(ReadError::Malformed)?;
        members.push((name.to_vec(), score));
    }
    from_members(members, &Limits { name_bytes_max: usize::MAX, ..*limits })
}

#[expect(clippy::cast_precision_loss, reason = "scores are doubles, integers just their form")]
fn score_of(entry: Entry<'_>) -> Option<f64> {
    match entry {
        Entry::Integer(number) => Some(number as f64),
        Entry::String(text) => parse_double(text),
    }
}

fn from_members(mut members: Vec<(Vec<u8>, f64)>, limits: &Limits) -> Result<SortedSet, ReadError> {
    members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let is_sound = members.iter().all(|(_, score)| !score.is_nan())
        && members.is_sorted_by(|(a, _), (b, _)| a < b);
    if is_sound { Ok(SortedSet::from_members(members, limits)) } else { Err(ReadError::Malformed) }
}
