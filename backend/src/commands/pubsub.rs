//! Publish and subscribe.
//!
//! Source: redis `src/pubsub.c`.

use reddoor_protocol::command::glob::{self, Case};
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::wrong_subcommand;
use crate::execute::{Call, Handler};
use crate::propagate::Reach;
use crate::pubsub::{Kind, answer};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("subscribe", |call| subscribe(call, Kind::Channel)),
    ("unsubscribe", |call| unsubscribe(call, Kind::Channel)),
    ("psubscribe", |call| subscribe(call, Kind::Pattern)),
    ("punsubscribe", |call| unsubscribe(call, Kind::Pattern)),
    ("ssubscribe", ssubscribe),
    ("sunsubscribe", |call| unsubscribe(call, Kind::Shard)),
    ("publish", |call| publish(call, Kind::Channel)),
    ("spublish", |call| publish(call, Kind::Shard)),
    ("pubsub|channels", |call| channels(call, Kind::Channel)),
    ("pubsub|numpat", numpat),
    ("pubsub|numsub", |call| numsub(call, Kind::Channel)),
    ("pubsub|shardchannels", |call| channels(call, Kind::Shard)),
    ("pubsub|shardnumsub", |call| numsub(call, Kind::Shard)),
    ("pubsub|help", super::help),
];

fn subscribe(call: &mut Call<'_>, kind: Kind) -> Result<(), ReplyError> {
    let (args, word) = (call.args, call.spec.name.as_bytes());
    for name in args.iter().skip(1) {
        call.node.pubsub.subscribe(call.client, kind, name);
        call.push(answer(call.client, word, Some(name), kind));
    }
    Ok(())
}

fn ssubscribe(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if !call.may_block() {
        return Err(ReplyError::new("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"));
    }
    subscribe(call, Kind::Shard)
}

fn unsubscribe(call: &mut Call<'_>, kind: Kind) -> Result<(), ReplyError> {
    let (args, word) = (call.args, call.spec.name.as_bytes());
    for name in args.iter().skip(1) {
        call.node.pubsub.unsubscribe(call.client, kind, name);
        call.push(answer(call.client, word, Some(name), kind));
    }
    if args.len() > 1 {
        return Ok(());
    }
    let names = call.node.pubsub.own_names(call.client.id, kind);
    for name in &names {
        call.node.pubsub.unsubscribe(call.client, kind, name);
        call.push(answer(call.client, word, Some(name), kind));
    }
    if names.is_empty() {
        call.push(answer(call.client, word, None, kind));
    }
    Ok(())
}

fn publish(call: &mut Call<'_>, kind: Kind) -> Result<(), ReplyError> {
    let (channel, text) = (call.arg(1), call.arg(2));
    let count = call.publish(kind, channel, text);
    match &call.node.cluster {
        Some(cluster) => cluster.borrow_mut().publish(kind == Kind::Shard, channel, text),
        None => call.propagate_always(Reach::Replicas),
    }
    reply_with_count(call, count);
    Ok(())
}

fn channels(call: &mut Call<'_>, kind: Kind) -> Result<(), ReplyError> {
    if call.args.len() > 3 {
        return Err(wrong_subcommand(call));
    }
    let pattern = call.args.get(2);
    let is_wanted =
        |name: &&[u8]| pattern.is_none_or(|pattern| glob::is_match(pattern, name, Case::Exact));
    let names = call.node.pubsub.names(kind).map(|name| &**name);
    let names: Vec<&[u8]> = names.filter(is_wanted).collect();
    call.reply.array(names.len());
    names.iter().for_each(|name| call.reply.bulk(name));
    Ok(())
}

fn numpat(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let count = call.node.pubsub.len(Kind::Pattern);
    reply_with_count(call, count);
    Ok(())
}

fn numsub(call: &mut Call<'_>, kind: Kind) -> Result<(), ReplyError> {
    let args = call.args;
    call.reply.array(2 * args.len().saturating_sub(2));
    for name in args.iter().skip(2) {
        let count = call.node.pubsub.listeners_count(kind, name);
        call.reply.bulk(name);
        reply_with_count(call, count);
    }
    Ok(())
}

fn reply_with_count(call: &mut Call<'_>, count: usize) {
    call.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
}
