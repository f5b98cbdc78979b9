//! Strings that are numbers.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, string_of};
use crate::data::long_double::LongDouble;
use crate::data::string::Str;
use crate::data::value::Value;
use crate::execute::{Call, Handler};
use crate::notify::Class;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("incr", |call| add(call, 1)),
    ("decr", |call| add(call, -1)),
    ("incrby", incrby),
    ("decrby", decrby),
    ("incrbyfloat", incrbyfloat),
];

fn incrby(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let increment = integer(call.arg(2))?;
    add(call, increment)
}

fn decrby(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let decrement = integer(call.arg(2))?;
    let increment =
        decrement.checked_neg().ok_or(ReplyError::new("ERR decrement would overflow"))?;
    add(call, increment)
}

fn add(call: &mut Call<'_>, increment: i64) -> Result<(), ReplyError> {
    let key = call.arg(1);
    let at = call.at();
    let overflow = ReplyError::new("ERR increment or decrement would overflow");
    let sum = match call.node.write(at, key) {
        Some(record) => {
            let string = string_of(record)?;
            let number = string.integer().ok_or(ReplyError::NOT_INTEGER)?;
            let sum = number.checked_add(increment).ok_or(overflow)?;
            *string = Str::integer_of(sum);
            sum
        }
        None => {
            let value = Value::String(Str::integer_of(increment));
            call.node.databases[at.db].insert(key, value, None, at.now_ms);
            increment
        }
    };
    call.changed(key);
    call.notify(Class::String, "incrby", key);
    call.reply.integer(sum);
    Ok(())
}

fn incrbyfloat(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    let at = call.at();
    let before = match call.node.write(at, key) {
        Some(record) => {
            let mut digits = itoa::Buffer::new();
            let bytes = string_of(record)?.bytes(&mut digits);
            LongDouble::parse(bytes).ok_or(ReplyError::NOT_FLOAT)?
        }
        None => LongDouble::ZERO,
    };
    let increment = LongDouble::parse(call.arg(2)).ok_or(ReplyError::NOT_FLOAT)?;
    let sum = before
        .add(increment)
        .to_text()
        .ok_or(ReplyError::new("ERR increment would produce NaN or Infinity"))?;
    let string = Str::text(sum.as_bytes());
    match call.node.write(at, key) {
        Some(record) => record.value = Value::String(string),
        None => {
            call.node.databases[at.db].insert(key, Value::String(string), None, at.now_ms);
        }
    }
    // Others need not compute alike.
    call.propagate_as(&[b"SET", key, sum.as_bytes(), b"KEEPTTL"]);
    call.changed(key);
    call.notify(Class::String, "incrbyfloat", key);
    call.reply.bulk(sum.as_bytes());
    Ok(())
}
