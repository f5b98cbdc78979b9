//! Strings whole and in parts.

mod lcs;

mod set;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{TimeForm, integer, is, string_of};
use crate::commands::positions::{bytes_between, is_backward};
use crate::data::keyspace::Expired;
use crate::data::string::Str;
use crate::data::value::Value;
use crate::execute::{Call, Handler};
use crate::notify::Class;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("get", get),
    ("set", set::set),
    ("setnx", set::setnx),
    ("setex", set::setex),
    ("psetex", set::psetex),
    ("getset", set::getset),
    ("getdel", getdel),
    ("getex", getex),
    ("mget", mget),
    ("mset", set::mset),
    ("msetnx", set::msetnx),
    ("append", append),
    ("strlen", strlen),
    ("setrange", setrange),
    ("getrange", getrange),
    ("substr", getrange),
    ("lcs", lcs::lcs),
];

/// Writes the string at a key, or a null where there is none.
fn reply_with_value(call: &mut Call<'_>, key: &[u8]) -> Result<(), ReplyError> {
    match call.node.read(call.at(), key) {
        Some(record) => call.reply.bulk(string_of(record)?.bytes(&mut itoa::Buffer::new())),
        None => call.reply.null(),
    }
    Ok(())
}

fn get(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    reply_with_value(call, key)
}

fn getdel(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    reply_with_value(call, key)?;
    if call.node.databases[call.client.db].remove(key).is_some() {
        call.propagate_as(&[b"DEL", key]);
        call.changed(key);
        call.notify(Class::Generic, "del", key);
    }
    Ok(())
}

/// What `GETEX` does to the expiry of the key.
#[derive(Clone, Copy, Debug)]
enum Expiry<'a> {
    Keep,
    Persist,
    At(TimeForm, &'a [u8]),
}

fn parse_expiry<'a>(call: &Call<'a>) -> Result<Expiry<'a>, ReplyError> {
    let mut expiry = Expiry::Keep;
    let mut index = 2;
    while index < call.args.len() {
        let option = call.arg(index);
        expiry = match (expiry, TimeForm::of_option(option), call.args.get(index + 1)) {
            (Expiry::Keep | Expiry::Persist, _, _) if is(option, "PERSIST") => Expiry::Persist,
            // The same option may be given again; the last one counts.
            (Expiry::At(before, _), Some(form), Some(time)) if before == form => {
                index += 1;
                Expiry::At(form, time)
            }
            (Expiry::Keep, Some(form), Some(time)) => {
                index += 1;
                Expiry::At(form, time)
            }
            _ => return Err(ReplyError::SYNTAX),
        };
        index += 1;
    }
    Ok(expiry)
}

fn getex(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    let expiry = parse_expiry(call)?;
    // The key is looked at before the time is.
    let Some(record) = call.node.peek(call.at(), key) else {
        return reply_with_value(call, key);
    };
    string_of(record)?;
    let expires_at_ms = match expiry {
        Expiry::At(form, time) => Some(form.future_ms(call, time)?),
        Expiry::Keep | Expiry::Persist => None,
    };
    reply_with_value(call, key)?;
    let is_decided_here = call.node.expiry_mode() == Expired::Removed;
    let is_past = |time| time <= call.now_ms && is_decided_here;
    let database = &mut call.node.databases[call.client.db];
    let (has_changed, event) = match (expiry, expires_at_ms) {
        (Expiry::Persist, _) => {
            let record = database.find(key, call.now_ms);
            let is_volatile = record.is_some_and(|record| record.is_volatile());
            (is_volatile && database.set_expiry(key, None), "persist")
        }
        (_, Some(time)) if is_past(time) => (database.remove(key).is_some(), "del"),
        (_, Some(time)) => (database.set_expiry(key, Some(time)), "expire"),
        (_, None) => (false, ""),
    };
    if has_changed {
        propagate_expiry(call, key, expires_at_ms, event == "del");
        call.changed(key);
        call.notify(Class::Generic, event, key);
    }
    Ok(())
}

/// What `GETEX` did, in words that mean the same at any time.
fn propagate_expiry(call: &mut Call<'_>, key: &[u8], time: Option<i64>, is_removed: bool) {
    let mut digits = itoa::Buffer::new();
    match time {
        _ if is_removed => call.propagate_as(&[call.node.expired_removal().word(), key]),
        Some(time) => call.propagate_as(&[b"PEXPIREAT", key, digits.format(time).as_bytes()]),
        None => call.propagate_as(&[b"PERSIST", key]),
    }
}

fn mget(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.array(call.args.len() - 1);
    let args = call.args;
    for key in args.iter().skip(1) {
        // A key of another type reads as missing.
        let found = call.node.read(call.at(), key).and_then(|record| string_of(record).ok());
        match found {
            Some(string) => call.reply.bulk(string.bytes(&mut itoa::Buffer::new())),
            None => call.reply.null(),
        }
    }
    Ok(())
}

fn append(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, value) = (call.arg(1), call.arg(2));
    let max = call.node.config.settings().bulk_bytes_max;
    let at = call.at();
    let len = match call.node.write(at, key) {
        Some(record) => {
            let string = string_of(record)?;
            check_len(string.len() + value.len(), max)?;
            let bytes = string.make_raw();
            bytes.extend_from_slice(value);
            bytes.len()
        }
        None => {
            let value_new = Value::String(Str::new(value));
            call.node.databases[at.db].insert(key, value_new, None, at.now_ms);
            value.len()
        }
    };
    call.changed(key);
    call.notify(Class::String, "append", key);
    reply_with_len(call, len);
    Ok(())
}

fn strlen(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let len = match call.node.read(call.at(), call.arg(1)) {
        Some(record) => string_of(record)?.len(),
        None => 0,
    };
    reply_with_len(call, len);
    Ok(())
}

fn setrange(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, value) = (call.arg(1), call.arg(3));
    let offset = usize::try_from(integer(call.arg(2))?)
        .map_err(|_| ReplyError::new("ERR offset is out of range"))?;
    let max = call.node.config.settings().bulk_bytes_max;
    let at = call.at();
    let before = match call.node.write(at, key) {
        Some(record) => Some(string_of(record)?.len()),
        None => None,
    };
    if value.is_empty() {
        reply_with_len(call, before.unwrap_or(0));
        return Ok(());
    }
    let end = offset.saturating_add(value.len());
    check_len(end, max)?;
    let bytes = raw_of_len(call, key, end)?;
    bytes[offset..end].copy_from_slice(value);
    let len = bytes.len();
    call.changed(key);
    call.notify(Class::String, "setrange", key);
    reply_with_len(call, len);
    Ok(())
}

/// The string at a key, made if it is missing, for changes in place; filled with zeros to at least `len` bytes.
pub(super) fn raw_of_len<'c>(
    call: &'c mut Call<'_>,
    key: &[u8],
    len: usize,
) -> Result<&'c mut Vec<u8>, ReplyError> {
    let at = call.at();
    if call.node.write(at, key).is_none() {
        let empty = Value::String(Str::Raw(Vec::new()));
        call.node.databases[at.db].insert(key, empty, None, at.now_ms);
    }
    let record = call.node.write(at, key).ok_or(ReplyError::NO_SUCH_KEY)?;
    let bytes = string_of(record)?.make_raw();
    if bytes.len() < len {
        bytes.resize(len, 0);
    }
    Ok(bytes)
}

fn getrange(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (start, end) = (integer(call.arg(2))?, integer(call.arg(3))?);
    match call.node.read(call.at(), call.arg(1)) {
        Some(record) => {
            let mut digits = itoa::Buffer::new();
            let bytes = string_of(record)?.bytes(&mut digits);
            let range = bytes_between(start, end, bytes.len());
            call.reply.bulk(if is_backward(start, end) { b"" } else { &bytes[range] });
        }
        None => call.reply.bulk(b""),
    }
    Ok(())
}

/// Refuses a string longer than the settings allow.
pub(super) fn check_len(len: usize, max: usize) -> Result<(), ReplyError> {
    if len > max {
        return Err(ReplyError::new(
            "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
        ));
    }
    Ok(())
}

fn reply_with_len(call: &mut Call<'_>, len: usize) {
    call.reply.integer(i64::try_from(len).unwrap_or(i64::MAX));
}
