//! Values that are numbers.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::integer;
use crate::commands::hashes::change;
use crate::data::long_double::LongDouble;
use crate::execute::Call;
use crate::notify::Class;

pub(super) fn hincrby(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, field) = (call.arg(1), call.arg(2));
    let increment = integer(call.arg(3))?;
    let sum = change(call, key, |hash, limits| {
        let before = match hash.find(field) {
            Some(value) => {
                value.integer().ok_or(ReplyError::new("ERR hash value is not an integer"))?
            }
            None => 0,
        };
        let sum = before
            .checked_add(increment)
            .ok_or(ReplyError::new("ERR increment or decrement would overflow"))?;
        hash.insert(field, itoa::Buffer::new().format(sum).as_bytes(), limits);
        Ok(sum)
    })??;
    call.changed(key);
    call.notify(Class::Hash, "hincrby", key);
    call.reply.integer(sum);
    Ok(())
}

pub(super) fn hincrbyfloat(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, field) = (call.arg(1), call.arg(2));
    let increment = LongDouble::parse(call.arg(3)).ok_or(ReplyError::NOT_FLOAT)?;
    if !matches!(increment, LongDouble::Finite { .. }) {
        return Err(ReplyError::new("ERR value is NaN or Infinity"));
    }
    let sum = change(call, key, |hash, limits| {
        let before = match hash.find(field) {
            Some(value) => LongDouble::parse(value.bytes(&mut itoa::Buffer::new()))
                .ok_or(ReplyError::new("ERR hash value is not a float"))?,
            None => LongDouble::ZERO,
        };
        let sum = before
            .add(increment)
            .to_text()
            .ok_or(ReplyError::new("ERR increment would produce NaN or Infinity"))?;
        hash.insert(field, sum.as_bytes(), limits);
        Ok(sum)
    })??;
    // Others need not compute alike.
    call.propagate_as(&[b"HSET", key, field, sum.as_bytes()]);
    call.changed(key);
    call.notify(Class::Hash, "hincrbyfloat", key);
    call.reply.bulk(sum.as_bytes());
    Ok(())
}
