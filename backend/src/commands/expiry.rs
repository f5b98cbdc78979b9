//! When keys expire.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{Base, TimeForm, Unit, integer, is, quoted};
use crate::data::keyspace::Expired;
use crate::execute::{Call, Handler};
use crate::notify::Class;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("expire", |call| expire(call, SECONDS_FROM_NOW)),
    ("pexpire", |call| expire(call, MILLISECONDS_FROM_NOW)),
    ("expireat", |call| expire(call, SECONDS_SINCE_1970)),
    ("pexpireat", |call| expire(call, MILLISECONDS_SINCE_1970)),
    ("ttl", |call| lifetime(call, SECONDS_FROM_NOW)),
    ("pttl", |call| lifetime(call, MILLISECONDS_FROM_NOW)),
    ("expiretime", |call| lifetime(call, SECONDS_SINCE_1970)),
    ("pexpiretime", |call| lifetime(call, MILLISECONDS_SINCE_1970)),
    ("persist", persist),
];

const SECONDS_FROM_NOW: TimeForm = TimeForm { unit: Unit::Seconds, base: Base::Now };
const MILLISECONDS_FROM_NOW: TimeForm = TimeForm { unit: Unit::Milliseconds, base: Base::Now };
const SECONDS_SINCE_1970: TimeForm = TimeForm { unit: Unit::Seconds, base: Base::Epoch };
const MILLISECONDS_SINCE_1970: TimeForm = TimeForm { unit: Unit::Milliseconds, base: Base::Epoch };

/// Which present expiries may be replaced. All that are set must hold.
#[derive(Clone, Copy, Debug, Default)]
struct Conditions {
    if_none: bool,
    if_any: bool,
    if_later: bool,
    if_sooner: bool,
}

impl Conditions {
    fn parse(call: &Call<'_>) -> Result<Conditions, ReplyError> {
        let mut conditions = Conditions::default();
        for option in call.args.iter().skip(3) {
            if is(option, "NX") {
                conditions.if_none = true;
            } else if is(option, "XX") {
                conditions.if_any = true;
            } else if is(option, "GT") {
                conditions.if_later = true;
            } else if is(option, "LT") {
                conditions.if_sooner = true;
            } else {
                let option = quoted(option);
                return Err(ReplyError::new(format!("ERR Unsupported option {option}")));
            }
        }
        let Conditions { if_none, if_any, if_later, if_sooner } = conditions;
        if if_none && (if_any || if_later || if_sooner) {
            return Err(ReplyError::new(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if if_later && if_sooner {
            return Err(ReplyError::new(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(conditions)
    }

    /// Whether an expiry may be replaced by another; `None` is later than any time.
    fn allow(self, before: Option<i64>, after: i64) -> bool {
        !(self.if_none && before.is_some()
            || self.if_any && before.is_none()
            || self.if_later && before.is_none_or(|before| after <= before)
            || self.if_sooner && before.is_some_and(|before| after >= before))
    }
}

fn expire(call: &mut Call<'_>, form: TimeForm) -> Result<(), ReplyError> {
    let key = call.arg(1);
    let at = call.at();
    let conditions = Conditions::parse(call)?;
    let time = form.to_unix_ms(integer(call.arg(2))?, call)?;
    let is_there = call.node.write(at, key).is_some();
    let is_allowed =
        is_there && conditions.allow(call.node.databases[at.db].expires_at_ms(key), time);
    if is_allowed {
        let is_past = time <= at.now_ms && call.node.expiry_mode() == Expired::Removed;
        let database = &mut call.node.databases[at.db];
        let event = if is_past {
            database.remove(key);
            call.propagate_as(&[call.node.expired_removal().word(), key]);
            "del"
        } else {
            database.set_expiry(key, Some(time));
            propagate_time(call, form, time);
            "expire"
        };
        call.changed(key);
        call.notify(Class::Generic, event, key);
    }
    call.reply.integer(i64::from(is_allowed));
    Ok(())
}

/// As a time of the calendar, in milliseconds, which is the same everywhere.
fn propagate_time(call: &mut Call<'_>, form: TimeForm, time: i64) {
    if form != MILLISECONDS_SINCE_1970 {
        let mut digits = itoa::Buffer::new();
        call.propagate_with(&[(0, b"PEXPIREAT"), (2, digits.format(time).as_bytes())]);
    }
}

/// What is answered for a key that is not there, and for one that never expires.
const NO_KEY: i64 = -2;
const NO_EXPIRY: i64 = -1;

fn lifetime(call: &mut Call<'_>, form: TimeForm) -> Result<(), ReplyError> {
    let at = call.at();
    let key = call.arg(1);
    let is_there = call.node.inspect(at, key).is_some();
    let answer = match call.node.databases[at.db].expires_at_ms(key) {
        _ if !is_there => NO_KEY,
        None => NO_EXPIRY,
        Some(time) => {
            let ms = match form.base {
                Base::Now => time.saturating_sub(at.now_ms).max(0),
                Base::Epoch => time,
            };
            match form.unit {
                // To the nearest second.
                Unit::Seconds => ms.saturating_add(500) / 1000,
                Unit::Milliseconds => ms,
            }
        }
    };
    call.reply.integer(answer);
    Ok(())
}

fn persist(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    let at = call.at();
    let is_volatile = call.node.write(at, key).is_some_and(|record| record.is_volatile());
    if is_volatile {
        call.node.databases[at.db].set_expiry(key, None);
        call.changed(key);
        call.notify(Class::Generic, "persist", key);
    }
    call.reply.integer(i64::from(is_volatile));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_expiry_is_later_than_any() {
        let later = Conditions { if_later: true, ..Conditions::default() };
        let sooner = Conditions { if_sooner: true, ..Conditions::default() };
        assert!(!later.allow(None, 5) && sooner.allow(None, 5));
        assert!(later.allow(Some(4), 5) && !later.allow(Some(5), 5));
        assert!(sooner.allow(Some(6), 5) && !sooner.allow(Some(5), 5));
    }
}
