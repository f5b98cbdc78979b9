//! Moving an element from one list to another, or to the other end of the same.

use reddoor_protocol::reply_error::ReplyError;

use super::end;
use crate::commands::argument::list_of;
use crate::data::list::{End, List};
use crate::data::value::Value;
use crate::execute::Call;
use crate::notify::Class;

pub(super) fn lmove(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (from, to) = (end::parse(call.arg(3))?, end::parse(call.arg(4))?);
    if !transfer(call, from, to)? {
        call.reply.null();
    }
    Ok(())
}

pub(super) fn rpoplpush(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if !transfer(call, End::Back, End::Front)? {
        call.reply.null();
    }
    Ok(())
}

/// Moves an element between the lists at the first two keys and answers with it. Whether there is one.
pub(super) fn transfer(call: &mut Call<'_>, from: End, to: End) -> Result<bool, ReplyError> {
    let (source, target, at) = (call.arg(1), call.arg(2), call.at());
    let Some(record) = call.node.write(at, source) else { return Ok(false) };
    list_of(record)?;
    if let Some(record) = call.node.write(at, target) {
        list_of(record)?;
    }
    // Nothing can fail any more.
    let Some(record) = call.node.write(at, source) else { return Ok(false) };
    let list = list_of(record)?;
    let Some(element) = list.end(from).map(|element| element.to_vec()) else { return Ok(false) };
    list.remove_end(from);
    push(call, target, to, &element)?;
    call.notify(Class::List, end::push_event(to), target);
    call.reply.bulk(&element);
    // The list may be the same, and then it is not empty any more.
    let is_empty = match call.node.peek(at, source) {
        Some(record) => list_of(record)?.is_empty(),
        None => false,
    };
    call.notify(Class::List, end::pop_event(from), source);
    end::remove_if(call, is_empty, source);
    call.changed(source);
    if source != target {
        call.changed(target);
    }
    Ok(true)
}

fn push(call: &mut Call<'_>, key: &[u8], end: End, value: &[u8]) -> Result<(), ReplyError> {
    let (at, limits) = (call.at(), call.node.list_limits());
    if let Some(record) = call.node.write(at, key) {
        list_of(record)?.push(end, value, limits);
        return Ok(());
    }
    let mut list = Box::<List>::default();
    list.push(end, value, limits);
    call.create(key, Value::List(list));
    Ok(())
}
