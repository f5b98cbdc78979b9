//! Keys whatever they hold: existence, removal, names, facts.

use reddoor_protocol::command::CommandId;
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{database_number, is};
use crate::data::lazy_free::{self, Freeing};
use crate::data::value::Value;
use crate::execute::{Call, Handler};
use crate::node::At;
use crate::notify::Class;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("del", del),
    ("unlink", del),
    ("exists", exists),
    ("touch", touch),
    ("type", type_of),
    ("rename", rename),
    ("renamenx", renamenx),
    ("copy", copy),
    ("move", move_key),
    ("object|encoding", object_encoding),
    ("object|refcount", object_refcount),
    ("object|idletime", object_idletime),
    ("object|freq", object_freq),
    ("object|help", super::help),
];

const UNLINK: CommandId = CommandId::of("unlink");

fn del(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let at = call.at();
    let args = call.args;
    let freeing = match call.spec.id() {
        UNLINK => Freeing::Later,
        _ => call.node.config.settings().memory.lazy.removed,
    };
    let mut count = 0;
    for key in args.iter().skip(1) {
        // The look-up lets a key that has expired count as gone.
        if call.node.peek(at, key).is_some() {
            if let Some(record) = call.node.databases[at.db].remove(key) {
                lazy_free::free(record.value, freeing);
            }
            call.changed(key);
            call.notify(Class::Generic, "del", key);
            count += 1;
        }
    }
    call.reply.integer(count);
    Ok(())
}

fn exists(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let args = call.args;
    let mut count = 0;
    for key in args.iter().skip(1) {
        count += i64::from(call.node.inspect(call.at(), key).is_some());
    }
    call.reply.integer(count);
    Ok(())
}

fn touch(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let args = call.args;
    let mut count = 0;
    for key in args.iter().skip(1) {
        count += i64::from(call.node.read(call.at(), key).is_some());
    }
    call.reply.integer(count);
    Ok(())
}

fn type_of(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let name = call.node.inspect(call.at(), call.arg(1)).map_or("none", |r| r.value.type_name());
    call.reply.simple(name);
    Ok(())
}

fn rename(call: &mut Call<'_>) -> Result<(), ReplyError> {
    rename_if(call, |_| true)?;
    call.reply.ok();
    Ok(())
}

fn renamenx(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let is_done = rename_if(call, |target_exists| !target_exists)?;
    call.reply.integer(i64::from(is_done));
    Ok(())
}

/// Renames if `may` allows it, knowing whether the new name is taken. Whether it was done.
fn rename_if(call: &mut Call<'_>, may: fn(bool) -> bool) -> Result<bool, ReplyError> {
    let (source, target) = (call.arg(1), call.arg(2));
    let at = call.at();
    call.node.write(at, source).ok_or(ReplyError::NO_SUCH_KEY)?;
    let target_exists = call.node.write(at, target).is_some();
    if !may(target_exists) {
        return Ok(false);
    }
    if source == target {
        return Ok(true);
    }
    let database = &mut call.node.databases[at.db];
    let expires_at_ms = database.expires_at_ms(source);
    // What was there is gone for good: its successor counts as a new key.
    database.remove_replaced(target);
    let record = database.remove(source).ok_or(ReplyError::NO_SUCH_KEY)?;
    database.insert(target, record.value, expires_at_ms, at.now_ms);
    call.changed(source);
    call.changed(target);
    call.notify(Class::Generic, "rename_from", source);
    call.notify(Class::Generic, "rename_to", target);
    Ok(true)
}

fn copy(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (source, target) = (call.arg(1), call.arg(2));
    let from = call.at();
    let (mut to, mut replaces) = (from, false);
    let mut index = 3;
    while index < call.args.len() {
        let option = call.arg(index);
        if is(option, "REPLACE") {
            replaces = true;
        } else if is(option, "DB") && index + 1 < call.args.len() {
            index += 1;
            to.db = database_index(call, call.arg(index))?;
        } else {
            return Err(ReplyError::SYNTAX);
        }
        index += 1;
    }
    if call.node.cluster.is_some() && to.db != 0 {
        return Err(ReplyError::new(
            "ERR Copying to another database is not allowed in cluster mode",
        ));
    }
    if from.db == to.db && source == target {
        return Err(ReplyError::new("ERR source and destination objects are the same"));
    }
    let is_done = copy_value(call, (from, source), (to, target), replaces);
    if is_done {
        call.notify_in(Class::Generic, "copy_to", to.db, target);
    }
    call.reply.integer(i64::from(is_done));
    Ok(())
}

/// Copies a key's value and expiry. Whether the source was there and the target free, or to be replaced.
fn copy_value(call: &mut Call<'_>, from: (At, &[u8]), to: (At, &[u8]), replaces: bool) -> bool {
    let Some(record) = call.node.read(from.0, from.1) else { return false };
    let value = record.value.copy();
    let expires_at_ms = call.node.databases[from.0.db].expires_at_ms(from.1);
    if call.node.write(to.0, to.1).is_some() && !replaces {
        return false;
    }
    call.node.databases[to.0.db].remove_replaced(to.1);
    call.node.databases[to.0.db].insert(to.1, value, expires_at_ms, to.0.now_ms);
    call.node.changed(to.0.db, to.1);
    true
}

fn move_key(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.node.cluster.is_some() {
        return Err(ReplyError::new("ERR MOVE is not allowed in cluster mode"));
    }
    let key = call.arg(1);
    let from = call.at();
    let to = At { db: database_index(call, call.arg(2))?, ..from };
    if from.db == to.db {
        return Err(ReplyError::new("ERR source and destination objects are the same"));
    }
    let is_done = call.node.write(from, key).is_some() && call.node.write(to, key).is_none();
    let expires_at_ms = call.node.databases[from.db].expires_at_ms(key);
    if is_done && let Some(record) = call.node.databases[from.db].remove(key) {
        call.node.databases[to.db].insert(key, record.value, expires_at_ms, to.now_ms);
        call.changed(key);
        call.node.changed(to.db, key);
        call.notify(Class::Generic, "move_from", key);
        call.notify_in(Class::Generic, "move_to", to.db, key);
    }
    call.reply.integer(i64::from(is_done));
    Ok(())
}

fn database_index(call: &Call<'_>, arg: &[u8]) -> Result<usize, ReplyError> {
    let number = database_number(arg)?;
    // In cluster mode there is only one; which of the others was meant does not matter.
    let count = call.node.config.settings().databases_count;
    usize::try_from(number).ok().filter(|i| *i < count).ok_or(ReplyError::DB_OUT_OF_RANGE)
}

fn object_encoding(call: &mut Call<'_>) -> Result<(), ReplyError> {
    match call.node.peek(call.at(), call.arg(2)) {
        Some(record) => call.reply.bulk(record.value.encoding().as_bytes()),
        None => call.reply.null(),
    }
    Ok(())
}

fn object_refcount(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let shares_integers = call.node.config.settings().shares_integers;
    match call.node.peek(call.at(), call.arg(2)) {
        Some(record) => call.reply.integer(refcount(&record.value, shares_integers)),
        None => call.reply.null(),
    }
    Ok(())
}

/// How many keys a Redis says that refer to a value: it has one object for each small number.
pub(super) fn refcount(value: &Value, shares_integers: bool) -> i64 {
    /// What is told of a value that all keys share.
    const SHARED: i64 = i32::MAX as i64;
    match value {
        Value::String(string) if shares_integers && string.is_shared() => SHARED,
        _ => 1,
    }
}

fn object_idletime(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let now_ms = call.now_ms;
    let Some(usage) = call.node.peek(call.at(), call.arg(2)).map(|record| record.usage) else {
        call.reply.null();
        return Ok(());
    };
    if call.node.config.settings().memory.counts_uses() {
        return Err(ReplyError::new(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
             between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    call.reply.integer(i64::from(usage.idle_s(now_ms)));
    Ok(())
}

fn object_freq(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let now_ms = call.now_ms;
    let Some(usage) = call.node.peek(call.at(), call.arg(2)).map(|record| record.usage) else {
        call.reply.null();
        return Ok(());
    };
    let memory = &call.node.config.settings().memory;
    if memory.counts_uses() {
        call.reply.integer(i64::from(usage.frequency(now_ms, memory.frequencies)));
        return Ok(());
    }
    Err(ReplyError::new(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
         switching between policies at runtime LRU and LFU data will take some time to adjust.",
    ))
}
