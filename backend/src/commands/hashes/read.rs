//! What a hash holds.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::elements::{Elements, reply_with_entry};
use crate::commands::hashes::read;
use crate::commands::scan::{self, Filter};
use crate::data::listpack::Entry;
use crate::execute::Call;

pub(super) fn hget(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, field, at) = (call.arg(1), call.arg(2), call.at());
    match read(call.node, at, key)?.and_then(|hash| hash.find(field)) {
        Some(value) => reply_with_entry(&mut call.reply, value),
        None => call.reply.null(),
    }
    Ok(())
}

pub(super) fn hmget(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, args, at) = (call.arg(1), call.args, call.at());
    let hash = read(call.node, at, key)?;
    call.reply.array(args.len() - 2);
    for field in args.iter().skip(2) {
        match hash.and_then(|hash| hash.find(field)) {
            Some(value) => reply_with_entry(&mut call.reply, value),
            None => call.reply.null(),
        }
    }
    Ok(())
}

pub(super) fn hgetall(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, at) = (call.arg(1), call.at());
    let Some(hash) = read(call.node, at, key)? else {
        call.reply.map(0);
        return Ok(());
    };
    call.reply.map(hash.len());
    for (field, value) in hash.iter() {
        reply_with_entry(&mut call.reply, field);
        reply_with_entry(&mut call.reply, value);
    }
    Ok(())
}

pub(super) fn hkeys(call: &mut Call<'_>) -> Result<(), ReplyError> {
    reply_with_each(call, |(field, _)| field)
}

pub(super) fn hvals(call: &mut Call<'_>) -> Result<(), ReplyError> {
    reply_with_each(call, |(_, value)| value)
}

fn reply_with_each(
    call: &mut Call<'_>,
    half: for<'e> fn((Entry<'e>, Entry<'e>)) -> Entry<'e>,
) -> Result<(), ReplyError> {
    let (key, at) = (call.arg(1), call.at());
    let hash = read(call.node, at, key)?;
    call.reply.array(hash.map_or(0, |hash| hash.len()));
    for pair in hash.into_iter().flat_map(|hash| hash.iter()) {
        reply_with_entry(&mut call.reply, half(pair));
    }
    Ok(())
}

pub(super) fn hlen(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, at) = (call.arg(1), call.at());
    let len = read(call.node, at, key)?.map_or(0, |hash| hash.len());
    call.reply.integer(i64::try_from(len).unwrap_or(i64::MAX));
    Ok(())
}

pub(super) fn hstrlen(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, field, at) = (call.arg(1), call.arg(2), call.at());
    let value = read(call.node, at, key)?.and_then(|hash| hash.find(field));
    let len = value.map_or(0, |value| value.bytes(&mut itoa::Buffer::new()).len());
    call.reply.integer(i64::try_from(len).unwrap_or(i64::MAX));
    Ok(())
}

pub(super) fn hexists(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, field, at) = (call.arg(1), call.arg(2), call.at());
    let found = read(call.node, at, key)?.and_then(|hash| hash.find(field));
    call.reply.integer(i64::from(found.is_some()));
    Ok(())
}

pub(super) fn hscan(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, at) = (call.arg(1), call.at());
    let cursor = scan::parse_cursor(call.arg(2))?;
    let Some(hash) = read(call.node, at, key)? else {
        scan::reply_with_page(call, 0, &Elements::default());
        return Ok(());
    };
    let filter = Filter::of_elements(call.args)?;
    let mut found = Elements::default();
    let cursor = filter.walk(cursor, |cursor, met| {
        hash.scan(cursor, |field, value| {
            // A Redis counts both as elements.
            *met += 2;
            let mut digits = itoa::Buffer::new();
            let field = field.bytes(&mut digits);
            if filter.is_match(field) {
                found.push(field);
                found.push_entry(value);
            }
        })
    });
    scan::reply_with_page(call, cursor, &found);
    Ok(())
}
