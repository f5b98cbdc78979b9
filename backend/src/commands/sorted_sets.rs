//! Sorted sets: members by name. Ranges, pops and combinations have files of their own.

mod add;

mod bounds;

mod combine;

mod pop;

mod random;

mod range;

mod remove_range;

use reddoor_protocol::double::double_text;
use reddoor_protocol::encode::{ReplyWriter, Resp};
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::sorted_set_of;
use crate::commands::elements::{Elements, reply_with_entry};
use crate::commands::results::{self, Answered};
use crate::commands::scan::{Filter, parse_cursor, reply_with_page};
use crate::data::listpack::Entry;
use crate::data::sorted_set::{SortedSet, compact_score_text};
use crate::data::value::Value;
use crate::execute::{Call, Handler};
use crate::node::{At, Node};
use crate::notify::Class;

pub(super) use add::add_from;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("zadd", |call| add::add(call, false)),
    ("zincrby", |call| add::add(call, true)),
    ("zrem", zrem),
    ("zcard", zcard),
    ("zscore", zscore),
    ("zmscore", zmscore),
    ("zrank", |call| reply_with_rank(call, |rank, _| rank)),
    ("zrevrank", |call| reply_with_rank(call, |rank, len| len - 1 - rank)),
    ("zscan", zscan),
    ("zrandmember", random::zrandmember),
    ("zcount", range::zcount),
    ("zlexcount", range::zlexcount),
    ("zrange", range::zrange),
    ("zrevrange", range::zrevrange),
    ("zrangebyscore", range::zrangebyscore),
    ("zrevrangebyscore", range::zrevrangebyscore),
    ("zrangebylex", range::zrangebylex),
    ("zrevrangebylex", range::zrevrangebylex),
    ("zrangestore", range::zrangestore),
    ("zremrangebyrank", remove_range::zremrangebyrank),
    ("zremrangebyscore", remove_range::zremrangebyscore),
    ("zremrangebylex", remove_range::zremrangebylex),
    ("zpopmin", pop::zpopmin),
    ("zpopmax", pop::zpopmax),
    ("zmpop", pop::zmpop),
    ("bzpopmin", pop::bzpopmin),
    ("bzpopmax", pop::bzpopmax),
    ("bzmpop", pop::bzmpop),
    ("zunion", combine::zunion),
    ("zinter", combine::zinter),
    ("zdiff", combine::zdiff),
    ("zunionstore", combine::zunionstore),
    ("zinterstore", combine::zinterstore),
    ("zdiffstore", combine::zdiffstore),
    ("zintercard", combine::zintercard),
];

/// The sorted set at a key, for reading; `None` if there is no such key.
fn read_set<'n>(
    node: &'n mut Node,
    at: At,
    key: &[u8],
) -> Result<Option<&'n SortedSet>, ReplyError> {
    let set = node.read(at, key).map(sorted_set_of).transpose()?;
    Ok(set.map(|set| &*set))
}

fn reply_with_count(call: &mut Call<'_>, count: usize) {
    call.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
}

/// Writes the head of an array of members with their scores: pairs in RESP3, one behind the other in RESP2.
fn write_pairs_head(reply: &mut ReplyWriter<'_>, count: usize) {
    reply.array(if reply.resp() == Resp::V3 { count } else { count.saturating_mul(2) });
}

/// Writes one of the pairs that [`write_pairs_head`] announced.
fn write_pair(reply: &mut ReplyWriter<'_>, name: Entry<'_>, score: f64) {
    if reply.resp() == Resp::V3 {
        reply.array(2);
    }
    reply_with_entry(reply, name);
    reply.double(score);
}

/// Writes an array of members, with scores or without.
fn write_members<'a>(
    reply: &mut ReplyWriter<'_>,
    members: impl ExactSizeIterator<Item = (Entry<'a>, f64)>,
    with_scores: bool,
) {
    if with_scores {
        write_pairs_head(reply, members.len());
        members.for_each(|(name, score)| write_pair(reply, name, score));
    } else {
        reply.array(members.len());
        members.for_each(|(name, _)| reply_with_entry(reply, name));
    }
}

/// Puts a computed sorted set in the place of whatever a key holds, or removes the key if it is empty, and answers
/// how many members there are. `event` names the command.
pub(super) fn store(
    call: &mut Call<'_>,
    target: &[u8],
    set: SortedSet,
    event: &'static str,
    answered: Answered,
) {
    let count = set.len();
    let event = (Class::SortedSet, event);
    results::store(call, target, (Value::SortedSet(set), count), event, answered);
}

/// Ends a command that has removed members: tells of it, and removes the key if none is left.
fn finish_removal(call: &mut Call<'_>, key: &[u8], event: &'static str, is_empty: bool) {
    call.changed(key);
    call.notify(Class::SortedSet, event, key);
    if is_empty {
        call.remove_emptied(key);
    }
}

fn zrem(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (args, key) = (call.args, call.arg(1));
    let Some(record) = call.node.write(call.at(), key) else {
        call.reply.integer(0);
        return Ok(());
    };
    let set = sorted_set_of(record)?;
    let removed = args.iter().skip(2).filter(|name| set.remove(name)).count();
    let is_empty = set.len() == 0;
    if removed > 0 {
        finish_removal(call, key, "zrem", is_empty);
    }
    reply_with_count(call, removed);
    Ok(())
}

fn zcard(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let count = read_set(call.node, call.at(), call.arg(1))?.map_or(0, |set| set.len());
    reply_with_count(call, count);
    Ok(())
}

fn zscore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let name = call.arg(2);
    match read_set(call.node, call.at(), call.arg(1))?.and_then(|set| set.score(name)) {
        Some(score) => call.reply.double(score),
        None => call.reply.null(),
    }
    Ok(())
}

fn zmscore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let args = call.args;
    let set = read_set(call.node, call.at(), call.arg(1))?;
    call.reply.array(args.len() - 2);
    for name in args.iter().skip(2) {
        match set.and_then(|set| set.score(name)) {
            Some(score) => call.reply.double(score),
            None => call.reply.null(),
        }
    }
    Ok(())
}

/// Answers where a member stands, counted as `count` says from its rank and the number of members.
fn reply_with_rank(
    call: &mut Call<'_>,
    count: fn(usize, usize) -> usize,
) -> Result<(), ReplyError> {
    let name = call.arg(2);
    let set = read_set(call.node, call.at(), call.arg(1))?;
    match set.and_then(|set| set.rank(name).map(|rank| count(rank, set.len()))) {
        Some(rank) => reply_with_count(call, rank),
        None => call.reply.null(),
    }
    Ok(())
}

fn zscan(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let cursor = parse_cursor(call.arg(2))?;
    let args = call.args;
    let mut found = Elements::default();
    let Some(set) = read_set(call.node, call.at(), call.arg(1))? else {
        reply_with_page(call, 0, &found);
        return Ok(());
    };
    let filter = Filter::of_elements(args)?;
    // A Redis tells compact scores as they are kept, and others as it tells doubles.
    let score_text = if set.is_compact() { compact_score_text } else { double_text };
    let cursor = filter.walk(cursor, |cursor, met| {
        set.scan(cursor, |name, score| {
            *met += 2;
            if filter.is_match(name.bytes(&mut itoa::Buffer::new())) {
                found.push_entry(name);
                found.push(&score_text(score));
            }
        })
    });
    reply_with_page(call, cursor, &found);
    Ok(())
}
