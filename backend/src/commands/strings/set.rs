//! `SET` and the commands that are forms of it.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{Base, TimeForm, Unit, is};
use crate::commands::strings::reply_with_value;
use crate::data::string::Str;
use crate::data::value::Value;
use crate::execute::Call;
use crate::notify::Class;

/// When a key may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Always,
    Missing,
    Present,
}

impl Condition {
    fn holds(self, is_present: bool) -> bool {
        match self {
            Condition::Always => true,
            Condition::Missing => !is_present,
            Condition::Present => is_present,
        }
    }
}

/// What becomes of the expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lifetime<'a> {
    ForEver,
    Keep,
    Until(TimeForm, &'a [u8]),
}

impl Lifetime<'_> {
    /// Whether a time of this form may follow: the same option may be given again, and the last one counts.
    fn may_become(self, form: TimeForm) -> bool {
        match self {
            Lifetime::ForEver => true,
            Lifetime::Keep => false,
            Lifetime::Until(before, _) => before == form,
        }
    }
}

/// What stands behind the value.
struct Options<'a> {
    condition: Condition,
    lifetime: Lifetime<'a>,
    /// Whether the old value is the reply.
    wants_old: bool,
}

fn parse<'a>(call: &Call<'a>) -> Result<Options<'a>, ReplyError> {
    let mut condition = Condition::Always;
    let mut lifetime = Lifetime::ForEver;
    let mut wants_old = false;
    let mut index = 3;
    while index < call.args.len() {
        let option = call.arg(index);
        if is(option, "NX") && condition != Condition::Present {
            condition = Condition::Missing;
        } else if is(option, "XX") && condition != Condition::Missing {
            condition = Condition::Present;
        } else if is(option, "GET") {
            wants_old = true;
        } else if is(option, "KEEPTTL") && !matches!(lifetime, Lifetime::Until(..)) {
            lifetime = Lifetime::Keep;
        } else if let Some(form) = TimeForm::of_option(option)
            && lifetime.may_become(form)
            && index + 1 < call.args.len()
        {
            index += 1;
            lifetime = Lifetime::Until(form, call.arg(index));
        } else {
            return Err(ReplyError::SYNTAX);
        }
        index += 1;
    }
    Ok(Options { condition, lifetime, wants_old })
}

pub(super) fn set(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let Options { condition, lifetime, wants_old } = parse(call)?;
    let (key, value) = (call.arg(1), call.arg(2));
    let mut expires_at_ms = match lifetime {
        Lifetime::Until(form, time) => Some(form.future_ms(call, time)?),
        Lifetime::ForEver | Lifetime::Keep => None,
    };
    if wants_old {
        reply_with_value(call, key)?;
    }
    if condition != Condition::Always || lifetime == Lifetime::Keep {
        let is_there = call.node.write(call.at(), key).is_some();
        if !condition.holds(is_there) {
            if !wants_old {
                call.reply.null();
            }
            return Ok(());
        }
        if lifetime == Lifetime::Keep {
            expires_at_ms = call.node.databases[call.client.db].expires_at_ms(key);
        }
    }
    insert(call, key, value, expires_at_ms);
    propagate(call, lifetime, expires_at_ms, wants_old);
    if matches!(lifetime, Lifetime::Until(..)) {
        call.notify(Class::Generic, "expire", key);
    }
    if !wants_old {
        call.reply.ok();
    }
    Ok(())
}

/// A time from now on means another at another time, and the old value is of no use to anybody else.
fn propagate(
    call: &mut Call<'_>,
    lifetime: Lifetime<'_>,
    expires_at_ms: Option<i64>,
    wants_old: bool,
) {
    if let (Lifetime::Until(..), Some(time)) = (lifetime, expires_at_ms) {
        propagate_until(call, call.arg(2), time);
    } else if wants_old {
        let words = call.args.iter().enumerate();
        let kept: Vec<&[u8]> =
            words.filter(|(index, word)| *index < 3 || !is(word, "GET")).map(|(_, w)| w).collect();
        call.propagate_as(&kept);
    }
}

fn propagate_until(call: &mut Call<'_>, value: &[u8], time: i64) {
    let mut digits = itoa::Buffer::new();
    let time = digits.format(time).as_bytes();
    call.propagate_as(&[b"SET", call.arg(1), value, b"PXAT", time]);
}

pub(super) fn setnx(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, value) = (call.arg(1), call.arg(2));
    let is_new = call.node.write(call.at(), key).is_none();
    if is_new {
        insert(call, key, value, None);
    }
    call.reply.integer(i64::from(is_new));
    Ok(())
}

pub(super) fn setex(call: &mut Call<'_>) -> Result<(), ReplyError> {
    set_for(call, Unit::Seconds)
}

pub(super) fn psetex(call: &mut Call<'_>) -> Result<(), ReplyError> {
    set_for(call, Unit::Milliseconds)
}

fn set_for(call: &mut Call<'_>, unit: Unit) -> Result<(), ReplyError> {
    let (key, value) = (call.arg(1), call.arg(3));
    let time = TimeForm { unit, base: Base::Now }.future_ms(call, call.arg(2))?;
    insert(call, key, value, Some(time));
    propagate_until(call, value, time);
    call.notify(Class::Generic, "expire", key);
    call.reply.ok();
    Ok(())
}

pub(super) fn getset(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, value) = (call.arg(1), call.arg(2));
    reply_with_value(call, key)?;
    insert(call, key, value, None);
    call.propagate_as(&[b"SET", key, value]);
    Ok(())
}

pub(super) fn mset(call: &mut Call<'_>) -> Result<(), ReplyError> {
    check_pairs(call)?;
    insert_pairs(call);
    call.reply.ok();
    Ok(())
}

pub(super) fn msetnx(call: &mut Call<'_>) -> Result<(), ReplyError> {
    check_pairs(call)?;
    let args = call.args;
    for index in (1..args.len()).step_by(2) {
        if call.node.write(call.at(), args.get(index).unwrap_or_default()).is_some() {
            call.reply.integer(0);
            return Ok(());
        }
    }
    insert_pairs(call);
    call.reply.integer(1);
    Ok(())
}

fn check_pairs(call: &Call<'_>) -> Result<(), ReplyError> {
    if call.args.len().is_multiple_of(2) {
        return Err(ReplyError::wrong_arity(call.spec.name));
    }
    Ok(())
}

fn insert_pairs(call: &mut Call<'_>) {
    for index in (1..call.args.len()).step_by(2) {
        insert(call, call.arg(index), call.arg(index + 1), None);
    }
}

fn insert(call: &mut Call<'_>, key: &[u8], value: &[u8], expires_at_ms: Option<i64>) {
    let at = call.at();
    call.node.databases[at.db].insert(
        key,
        Value::String(Str::new(value)),
        expires_at_ms,
        at.now_ms,
    );
    call.changed(key);
    call.notify(Class::String, "set", key);
}
