//! Walks over all keys.

use reddoor_protocol::command::glob;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use crate::commands::argument::{integer, is};
use crate::commands::elements::Elements;
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
            !database.has_expired(key, record, now_ms) && glob::is_listed(pattern, key)
        })
        .map(|(key, _)| key)
        .collect();
    call.reply.array(found.len());
    found.into_iter().for_each(|key| call.reply.bulk(key));
    Ok(())
}

/// What a scan is to give back.
pub(super) struct Filter<'a> {
    count: usize,
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
}

/// Buckets visited for each key that was asked for, at most (count). Source: redis `src/db.c` scanGenericCommand.
const BUCKETS_PER_KEY: usize = 10;

fn scan(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let cursor = parse_cursor(call.arg(1))?;
    let filter = Filter::parse(call.args, Walked::Keys)?;
    let now_ms = call.now_ms;
    let database = &call.node.databases[call.client.db];
    let (mut found, mut gone) = (Elements::default(), Vec::new());
    if let Some(type_name) = filter.type_name {
        return scan_of_type(call, cursor, &filter, type_name);
    }
    let cursor = filter.walk(cursor, |cursor, met| {
        database.scan(cursor, |key, record| {
            *met += 1;
            if filter.is_match(key) {
                if database.has_expired(key, record, now_ms) {
                    gone.push(key.clone());
                } else {
                    found.push(key);
                }
            }
        })
    });
    // Looking for them lets them go.
    for key in &gone {
        call.node.peek(call.at(), key);
    }
    reply_with_page(call, cursor, &found);
    Ok(())
}

/// As `SCAN`, for keys of one type: every key is looked up for it, as by `TYPE`.
fn scan_of_type(
    call: &mut Call<'_>,
    cursor: u64,
    filter: &Filter<'_>,
    type_name: &[u8],
) -> Result<(), ReplyError> {
    let database = &call.node.databases[call.client.db];
    let mut keys: Vec<Key> = Vec::new();
    let cursor = filter.walk(cursor, |cursor, met| {
        database.scan(cursor, |key, _| {
            *met += 1;
            if filter.is_match(key) {
                keys.push(key.clone());
            }
        })
    });
    let mut found = Elements::default();
    for key in &keys {
        let record = call.node.inspect(call.at(), key);
        if record.is_some_and(|record| is(type_name, record.value.type_name())) {
            found.push(key);
        }
    }
    reply_with_page(call, cursor, &found);
    Ok(())
}

/// Answers a scan: the cursor to go on with, and what was found.
pub(super) fn reply_with_page(call: &mut Call<'_>, cursor: u64, found: &Elements) {
    call.reply.array(2);
    call.reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    found.reply_as_array(&mut call.reply);
}

/// What a scan walks over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walked {
    Keys,
    /// What one key holds.
    Elements,
}

impl<'a> Filter<'a> {
    /// Reads the options of a command that walks over the elements of one key.
    pub(super) fn of_elements(args: Args<'a>) -> Result<Filter<'a>, ReplyError> {
        Filter::parse(args, Walked::Elements)
    }

    fn parse(args: Args<'a>, walked: Walked) -> Result<Filter<'a>, ReplyError> {
        let mut filter = Filter { count: 10, pattern: None, type_name: None };
        let arg = |index| args.get(index).unwrap_or_default();
        let mut index = if walked == Walked::Keys { 2 } else { 3 };
        while index < args.len() {
            let option = arg(index);
            let value = args.get(index + 1).ok_or(ReplyError::SYNTAX)?;
            if is(option, "COUNT") {
                let count = integer(value)?;
                filter.count =
                    usize::try_from(count).ok().filter(|c| *c > 0).ok_or(ReplyError::SYNTAX)?;
            } else if is(option, "MATCH") {
                filter.pattern = Some(value).filter(|pattern| *pattern != b"*");
            } else if is(option, "TYPE") && walked == Walked::Keys {
                filter.type_name = Some(value);
            } else {
                return Err(ReplyError::SYNTAX);
            }
            index += 2;
        }
        Ok(filter)
    }

    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::is_listed(pattern, text))
    }

    /// Takes steps from a cursor on until as many elements were met as were asked for, or little is there to be met.
    /// A step gives back the next cursor and adds to the count of elements met.
    pub(super) fn walk(&self, cursor: u64, mut step: impl FnMut(u64, &mut usize) -> u64) -> u64 {
        let (mut cursor, mut met) = (cursor, 0);
        let mut buckets_left = self.count.saturating_mul(BUCKETS_PER_KEY);
        loop {
            cursor = step(cursor, &mut met);
            buckets_left -= 1;
            if cursor == 0 || met >= self.count || buckets_left == 0 {
                return cursor;
            }
        }
    }
}

/// A cursor as C's `strtoul` reads it: signs, leading zeros and nothing at all are fine, spaces before it are not.
pub(super) fn parse_cursor(arg: &[u8]) -> Result<u64, ReplyError> {
    let invalid = || ReplyError::new("ERR invalid cursor");
    if arg.is_empty() {
        return Ok(0);
    }
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
