//! What several sets have in common, have together, and have not.
//!
//! The sets are read as they are, side by side; what is to be stored is a set of its own until nothing refers to the
//! others any more, because the key may be one of theirs.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is, set_of};
use crate::commands::elements::{Elements, reply_with_entry};
use crate::commands::results::{self, Answered};
use crate::commands::sets::reply_with_count;
use crate::data::listpack::Entry;
use crate::data::set::Set;
use crate::data::value::Value;
use crate::execute::Call;
use crate::notify::Class;

pub(super) fn sinter(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let mut found = Elements::default();
    if let Some(sets) = all_sets(call, 1, call.args.len() - 1)? {
        intersect(sets, |member| {
            found.push_entry(member);
            true
        });
    }
    found.reply_as_set(&mut call.reply);
    Ok(())
}

pub(super) fn sintercard(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (keys_count, limit) = parse_cardinality(call)?;
    let mut count = 0;
    if let Some(sets) = all_sets(call, 2, keys_count)? {
        intersect(sets, |_| {
            count += 1;
            count != limit
        });
    }
    reply_with_count(call, count);
    Ok(())
}

pub(super) fn sinterstore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let integers_max = call.node.config.settings().set_integers_max;
    let (mut result, mut answered) = (Set::default(), Answered::AfterEvents);
    if let Some(sets) = all_sets(call, 2, call.args.len() - 2)? {
        answered = Answered::BeforeEvents;
        intersect(sets, |member| {
            result.insert_entry(member, integers_max);
            true
        });
    }
    store(call, result, "sinterstore", answered);
    Ok(())
}

pub(super) fn sunion(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let result = unite(call, 1)?;
    reply_with_set(call, &result);
    Ok(())
}

pub(super) fn sunionstore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let result = unite(call, 2)?;
    store(call, result, "sunionstore", Answered::BeforeEvents);
    Ok(())
}

pub(super) fn sdiff(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let result = subtract(call, 1)?;
    reply_with_set(call, &result);
    Ok(())
}

pub(super) fn sdiffstore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let result = subtract(call, 2)?;
    store(call, result, "sdiffstore", Answered::BeforeEvents);
    Ok(())
}

/// `SINTERCARD`'s number of keys, and its limit, which is 0 for none.
fn parse_cardinality(call: &Call<'_>) -> Result<(usize, usize), ReplyError> {
    let count = |arg, least: usize, error: &'static str| {
        let count = integer(arg).ok().and_then(|count| usize::try_from(count).ok());
        count.filter(|count| *count >= least).ok_or(ReplyError::new(error))
    };
    let keys_count = count(call.arg(1), 1, "ERR numkeys should be greater than 0")?;
    if keys_count > call.args.len() - 2 {
        return Err(ReplyError::new("ERR Number of keys can't be greater than number of args"));
    }
    let mut limit = 0;
    let mut index = 2 + keys_count;
    while index < call.args.len() {
        let value = call.args.get(index + 1).filter(|_| is(call.arg(index), "LIMIT"));
        limit = count(value.ok_or(ReplyError::SYNTAX)?, 0, "ERR LIMIT can't be negative")?;
        index += 2;
    }
    Ok((keys_count, limit))
}

/// The sets at so many keys of the arguments, missing ones left open.
fn sets<'c>(
    call: &'c mut Call<'_>,
    first: usize,
    count: usize,
) -> Result<Vec<Option<&'c Set>>, ReplyError> {
    let (at, keys) = (call.at(), call.args.iter().skip(first).take(count));
    for key in keys.clone() {
        // Lets expired keys go, and counts hits and misses.
        call.node.read(at, key).map(set_of).transpose()?;
    }
    let database = &call.node.databases[at.db];
    let set = |key| match &database.record(key)?.value {
        Value::Set(set) => Some(set),
        _ => None,
    };
    Ok(keys.map(set).collect())
}

/// As [`sets`]; nothing if one of them is missing.
fn all_sets<'c>(
    call: &'c mut Call<'_>,
    first: usize,
    count: usize,
) -> Result<Option<Vec<&'c Set>>, ReplyError> {
    Ok(sets(call, first, count)?.into_iter().collect())
}

/// Visits what all sets have in common, until a visit says that it is enough.
fn intersect(mut sets: Vec<&Set>, mut visit: impl FnMut(Entry<'_>) -> bool) {
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    let is_common = |member: &Entry<'_>| {
        others.iter().all(|set| std::ptr::eq(*set, *smallest) || set.contains_entry(*member))
    };
    for member in smallest.iter().filter(is_common) {
        if !visit(member) {
            return;
        }
    }
}

fn unite(call: &mut Call<'_>, first: usize) -> Result<Set, ReplyError> {
    let integers_max = call.node.config.settings().set_integers_max;
    let sets = sets(call, first, call.args.len() - first)?;
    let mut result = Set::default();
    for member in sets.into_iter().flatten().flat_map(Set::iter) {
        result.insert_entry(member, integers_max);
    }
    Ok(result)
}

/// The first set without what any of the others has.
///
/// Either each of its members is looked for in the others, or each of theirs is taken out of a copy of it, whichever
/// is less work; like a Redis, because the copy's encoding can tell which it was.
/// Source: redis `src/t_set.c` sunionDiffGenericCommand.
fn subtract(call: &mut Call<'_>, first: usize) -> Result<Set, ReplyError> {
    let integers_max = call.node.config.settings().set_integers_max;
    let sets = sets(call, first, call.args.len() - first)?;
    let Some((Some(minuend), others)) = sets.split_first() else { return Ok(Set::default()) };
    let mut others: Vec<&Set> = others.iter().copied().flatten().collect();
    let mut result = Set::default();
    if others.iter().any(|set| std::ptr::eq(*set, *minuend)) {
        return Ok(result);
    }
    let work_looking = minuend.len() * (1 + others.len()) / 2;
    let work_removing = minuend.len() + others.iter().map(|set| set.len()).sum::<usize>();
    if work_looking <= work_removing {
        // The largest is the most likely one to have a member.
        others.sort_by_key(|set| std::cmp::Reverse(set.len()));
        let is_left = |member: &Entry<'_>| !others.iter().any(|set| set.contains_entry(*member));
        for member in minuend.iter().filter(is_left) {
            result.insert_entry(member, integers_max);
        }
        return Ok(result);
    }
    for member in minuend.iter() {
        result.insert_entry(member, integers_max);
    }
    for member in others.into_iter().flat_map(Set::iter) {
        result.remove(member.bytes(&mut itoa::Buffer::new()));
    }
    Ok(result)
}

/// Puts a result at the key of the first argument, in the place of whatever was there, and answers with its size.
fn store(call: &mut Call<'_>, result: Set, event: &'static str, answered: Answered) {
    let (count, event) = (result.len(), (Class::Set, event));
    results::store(call, call.arg(1), (Value::Set(result), count), event, answered);
}

fn reply_with_set(call: &mut Call<'_>, set: &Set) {
    call.reply.set(set.len());
    for member in set.iter() {
        reply_with_entry(&mut call.reply, member);
    }
}
