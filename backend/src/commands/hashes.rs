//! Hashes: fields with values.
//!
//! Source: redis `src/t_hash.c`.

mod numbers;

mod random;

mod read;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::hash_of;
use crate::config::settings::Settings;
use crate::data::hash::{Hash, Limits};
use crate::data::value::Value;
use crate::execute::{Call, Handler};
use crate::node::{At, Node};
use crate::notify::Class;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("hset", hset),
    ("hmset", hmset),
    ("hsetnx", hsetnx),
    ("hdel", hdel),
    ("hget", read::hget),
    ("hmget", read::hmget),
    ("hgetall", read::hgetall),
    ("hkeys", read::hkeys),
    ("hvals", read::hvals),
    ("hlen", read::hlen),
    ("hstrlen", read::hstrlen),
    ("hexists", read::hexists),
    ("hscan", read::hscan),
    ("hincrby", numbers::hincrby),
    ("hincrbyfloat", numbers::hincrbyfloat),
    ("hrandfield", random::hrandfield),
];

fn hset(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let count = set_fields(call)?;
    call.reply.integer(count);
    Ok(())
}

fn hmset(call: &mut Call<'_>) -> Result<(), ReplyError> {
    set_fields(call)?;
    call.reply.ok();
    Ok(())
}

/// Sets all fields of the arguments. How many of them were not there before.
fn set_fields(call: &mut Call<'_>) -> Result<i64, ReplyError> {
    let (key, args) = (call.arg(1), call.args);
    if !args.len().is_multiple_of(2) {
        return Err(ReplyError::wrong_arity(call.spec.name));
    }
    let count = change(call, key, |hash, limits| {
        hash.prepare_for(args.iter().skip(2), limits);
        let mut strings = args.iter().skip(2);
        let mut count = 0;
        while let Some((field, value)) = strings.next().zip(strings.next()) {
            count += i64::from(hash.insert(field, value, limits));
        }
        count
    })?;
    call.changed(key);
    call.notify(Class::Hash, "hset", key);
    Ok(count)
}

fn hsetnx(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, field, value) = (call.arg(1), call.arg(2), call.arg(3));
    let is_set = change(call, key, |hash, limits| {
        hash.find(field).is_none() && hash.insert(field, value, limits)
    })?;
    if is_set {
        call.changed(key);
        call.notify(Class::Hash, "hset", key);
    }
    call.reply.integer(i64::from(is_set));
    Ok(())
}

fn hdel(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, args, at) = (call.arg(1), call.args, call.at());
    let Some(record) = call.node.write(at, key) else {
        call.reply.integer(0);
        return Ok(());
    };
    let hash = hash_of(record)?;
    let mut count = 0;
    for field in args.iter().skip(2) {
        count += i64::from(hash.remove(field));
        if hash.len() == 0 {
            break;
        }
    }
    let is_empty = hash.len() == 0;
    if count > 0 {
        call.changed(key);
        call.notify(Class::Hash, "hdel", key);
    }
    if is_empty {
        call.remove_emptied(key);
    }
    call.reply.integer(count);
    Ok(())
}

/// The hash at a key, to read it.
fn read<'n>(node: &'n mut Node, at: At, key: &[u8]) -> Result<Option<&'n Hash>, ReplyError> {
    node.read(at, key).map(hash_of).transpose().map(|hash| hash.map(|hash| &*hash))
}

/// Changes the hash at a key, an empty one if there is none; the change must add a field to that.
fn change<R>(
    call: &mut Call<'_>,
    key: &[u8],
    change: impl FnOnce(&mut Hash, Limits) -> R,
) -> Result<R, ReplyError> {
    let limits = limits(call.node.config.settings());
    if let Some(record) = call.node.write(call.at(), key) {
        return Ok(change(hash_of(record)?, limits));
    }
    let mut hash = Hash::default();
    let result = change(&mut hash, limits);
    call.create(key, Value::Hash(hash));
    Ok(result)
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        fields_max: settings.hash_compact_fields_max,
        bytes_max: settings.hash_compact_bytes_max,
    }
}
