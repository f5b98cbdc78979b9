//! Walks over all keys.

use reddoor_protocol::command::glob::{self, Case};
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is};
use crate::data::key::Key;
use crate::execute::{Call, Handler};

pub(super) const HANDLERS: &[(&str, Handler)] =
    &[("keys", keys), ("scan", scan), ("randomkey", randomkey), ("dbsize", dbsize)];

fn keys(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let pattern = call.arg(1);
    let now_ms = call.now_ms;
    let database = &call.node.databases[call.client.db];
    let found: Vec<&Key> = database
        .iter()
        .filter(|(key, record)| {
            record.expires_at_ms().is_none_or(|time| time >= now_ms)
                && glob::is_match(pattern, key, Case::Exact)
        })
        .map(|(key, _)| key)
        .collect();
    call.reply.array(found.len());
    found.into_iter().for_each(|key| call.reply.bulk(key));
    Ok(())
}

/// What a scan is to give back.
struct Filter<'a> {
    count: usize,
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
}

/// Buckets visited for each key that was asked for, at most (count). Source: redis `src/db.c` scanGenericCommand.
const BUCKETS_PER_KEY: usize = 10;

fn scan(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let mut cursor = parse_cursor(call.arg(1))?;
    let filter = parse(call)?;
    let now_ms = call.now_ms;
    let database = &call.node.databases[call.client.db];
    let mut found: Vec<Key> = Vec::new();
    let mut met = 0;
    let mut buckets_left = filter.count.saturating_mul(BUCKETS_PER_KEY);
    loop {
        cursor = database.scan(cursor, |key, record| {
            met += 1;
            if record.expires_at_ms().is_none_or(|time| time >= now_ms)
                && filter.pattern.is_none_or(|p| glob::is_match(p, key, Case::Exact))
                && filter.type_name.is_none_or(|t| is(t, record.value.type_name()))
            {
                found.push(key.clone());
            }
        });
        buckets_left -= 1;
        if cursor == 0 || met >= filter.count || buckets_left == 0 {
            break;
        }
    }
    call.reply.array(2);
    call.reply.bulk(cursor.to_string().as_bytes());
    call.reply.array(found.len());
    found.iter().for_each(|key| call.reply.bulk(key));
    Ok(())
}

fn parse<'a>(call: &Call<'a>) -> Result<Filter<'a>, ReplyError> {
    let mut filter = Filter { count: 10, pattern: None, type_name: None };
    let mut index = 2;
    while index < call.args.len() {
        let (option, value) = (call.arg(index), call.args.get(index + 1));
        let value = value.ok_or(ReplyError::SYNTAX)?;
        if is(option, "COUNT") {
            let count = integer(value)?;
            filter.count =
                usize::try_from(count).ok().filter(|c| *c > 0).ok_or(ReplyError::SYNTAX)?;
        } else if is(option, "MATCH") {
            filter.pattern = Some(value).filter(|pattern| *pattern != b"*");
        } else if is(option, "TYPE") {
            filter.type_name = Some(value);
        } else {
            return Err(ReplyError::SYNTAX);
        }
        index += 2;
    }
    Ok(filter)
}

/// A cursor as C's `strtoul` reads it: signs and leading zeros are fine, spaces before it are not.
fn parse_cursor(arg: &[u8]) -> Result<u64, ReplyError> {
    let invalid = || ReplyError::new("ERR invalid cursor");
    let text = std::str::from_utf8(arg).map_err(|_| invalid())?;
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.starts_with('+') {
        return Err(invalid());
    }
    let number: u64 = digits.parse().map_err(|_| invalid())?;
    Ok(if is_negative { number.wrapping_neg() } else { number })
}

fn randomkey(call: &mut Call<'_>) -> Result<(), ReplyError> {
    /// Keys that may turn out to have expired before one of them is given all the same (count).
    /// Source: redis `src/db.c` dbRandomKey.
    const TRIES_MAX: usize = 100;
    let at = call.at();
    for _ in 0..TRIES_MAX {
        let Some(key) = call.node.databases[at.db].random_key() else { break };
        if call.node.peek(at, &key).is_some() {
            call.reply.bulk(&key);
            return Ok(());
        }
    }
    call.reply.null();
    Ok(())
}

fn dbsize(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let len = call.node.databases[call.client.db].len();
    call.reply.integer(i64::try_from(len).unwrap_or(i64::MAX));
    Ok(())
}
