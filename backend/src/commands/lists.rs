//! Lists: pushing, and all that is done inside one list; what takes elements off has files of its own.

mod end;

mod pop;

mod transfer;

mod position;

mod blocking;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{index_from_either_end, integer, is, list_of};
use crate::commands::positions::elements_between;
use crate::data::list::{End, List};
use crate::data::value::Value;
use crate::execute::{Call, Handler};
use crate::notify::Class;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("lpush", |call| push(call, End::Front, Creates::Yes)),
    ("rpush", |call| push(call, End::Back, Creates::Yes)),
    ("lpushx", |call| push(call, End::Front, Creates::No)),
    ("rpushx", |call| push(call, End::Back, Creates::No)),
    ("lpop", |call| pop::pop(call, End::Front)),
    ("rpop", |call| pop::pop(call, End::Back)),
    ("lmpop", pop::lmpop),
    ("lmove", transfer::lmove),
    ("rpoplpush", transfer::rpoplpush),
    ("blpop", |call| blocking::pop(call, End::Front)),
    ("brpop", |call| blocking::pop(call, End::Back)),
    ("blmpop", blocking::blmpop),
    ("blmove", blocking::blmove),
    ("brpoplpush", blocking::brpoplpush),
    ("llen", llen),
    ("lindex", lindex),
    ("lset", lset),
    ("lrange", lrange),
    ("ltrim", ltrim),
    ("lrem", lrem),
    ("linsert", linsert),
    ("lpos", position::lpos),
];

/// Whether a command makes the list if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Creates {
    Yes,
    No,
}

fn push(call: &mut Call<'_>, end: End, creates: Creates) -> Result<(), ReplyError> {
    let (key, at, limits) = (call.arg(1), call.at(), call.node.list_limits());
    let args = call.args;
    let push_all = |list: &mut List| {
        args.iter().skip(2).for_each(|value| list.push(end, value, limits));
        list.len()
    };
    let len = match call.node.write(at, key) {
        Some(record) => push_all(list_of(record)?),
        None if creates == Creates::No => {
            call.reply.integer(0);
            return Ok(());
        }
        None => {
            let mut list = Box::<List>::default();
            let len = push_all(&mut list);
            call.create(key, Value::List(list));
            len
        }
    };
    reply_with_count(call, len);
    call.changed(key);
    call.notify(Class::List, end::push_event(end), key);
    Ok(())
}

fn llen(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let len = match call.node.read(call.at(), call.arg(1)) {
        Some(record) => list_of(record)?.len(),
        None => 0,
    };
    reply_with_count(call, len);
    Ok(())
}

fn lindex(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let Some(record) = call.node.read(call.at(), call.arg(1)) else {
        call.reply.null();
        return Ok(());
    };
    let list = list_of(record)?;
    let index = index_from_either_end(integer(call.args.get(2).unwrap_or_default())?, list.len());
    match index.and_then(|index| list.get(index)) {
        Some(element) => call.reply.bulk(element.bytes(&mut itoa::Buffer::new())),
        None => call.reply.null(),
    }
    Ok(())
}

fn lset(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, position, value) = (call.arg(1), call.arg(2), call.arg(3));
    let limits = call.node.list_limits();
    let list = list_of(call.node.write(call.at(), key).ok_or(ReplyError::NO_SUCH_KEY)?)?;
    let index = index_from_either_end(integer(position)?, list.len());
    if !index.is_some_and(|index| list.replace(index, value, limits)) {
        return Err(ReplyError::OUT_OF_RANGE);
    }
    call.changed(key);
    call.notify(Class::List, "lset", key);
    call.reply.ok();
    Ok(())
}

fn lrange(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (start, end) = (integer(call.arg(2))?, integer(call.arg(3))?);
    let Some(record) = call.node.read(call.at(), call.arg(1)) else {
        call.reply.array(0);
        return Ok(());
    };
    let list = list_of(record)?;
    let range = elements_between(start, end, list.len());
    end::reply_with(&mut call.reply, range.len(), list.iter_from(range.start));
    Ok(())
}

fn ltrim(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (start, end) = (integer(call.arg(2))?, integer(call.arg(3))?);
    let key = call.arg(1);
    if let Some(record) = call.node.write(call.at(), key) {
        let list = list_of(record)?;
        let range = elements_between(start, end, list.len());
        let len = list.len();
        list.remove_range(range.end, usize::MAX);
        list.remove_range(0, range.start);
        let (is_empty, is_same) = (list.is_empty(), list.len() == len);
        if is_same {
            // A key that is watched counts as changed all the same.
            call.propagate_nothing();
        }
        call.changed(key);
        call.notify(Class::List, "ltrim", key);
        end::remove_if(call, is_empty, key);
    }
    call.reply.ok();
    Ok(())
}

fn lrem(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, count, value) = (call.arg(1), integer(call.arg(2))?, call.arg(3));
    let Some(record) = call.node.write(call.at(), key) else {
        call.reply.integer(0);
        return Ok(());
    };
    let list = list_of(record)?;
    let from = if count < 0 { End::Back } else { End::Front };
    let max = match usize::try_from(count.unsigned_abs()) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(max) => max,
    };
    let removed = list.remove_equal(value, from, max);
    let is_empty = list.is_empty();
    if removed > 0 {
        call.changed(key);
        call.notify(Class::List, "lrem", key);
        end::remove_if(call, is_empty, key);
    }
    reply_with_count(call, removed);
    Ok(())
}

fn linsert(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, side, pivot, value) = (call.arg(1), call.arg(2), call.arg(3), call.arg(4));
    let behind = match () {
        () if is(side, "AFTER") => 1,
        () if is(side, "BEFORE") => 0,
        () => return Err(ReplyError::SYNTAX),
    };
    let limits = call.node.list_limits();
    let Some(record) = call.node.write(call.at(), key) else {
        call.reply.integer(0);
        return Ok(());
    };
    let list = list_of(record)?;
    let Some(index) = list.find(pivot) else {
        call.reply.integer(-1);
        return Ok(());
    };
    list.insert(index + behind, value, limits);
    let len = list.len();
    call.changed(key);
    call.notify(Class::List, "linsert", key);
    reply_with_count(call, len);
    Ok(())
}

fn reply_with_count(call: &mut Call<'_>, count: usize) {
    call.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
}
