//! Sets: different members.
//!
//! Source: redis `src/t_set.c`.

mod combine;

mod random;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::set_of;
use crate::commands::elements::{Elements, reply_with_entry};
use crate::commands::scan::{self, Filter};
use crate::data::set::Set;
use crate::data::value::Value;
use crate::execute::{Call, Handler};
use crate::node::{At, Node};
use crate::notify::Class;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("sadd", sadd),
    ("srem", srem),
    ("smove", smove),
    ("scard", scard),
    ("sismember", sismember),
    ("smismember", smismember),
    ("smembers", smembers),
    ("sscan", sscan),
    ("spop", random::spop),
    ("srandmember", random::srandmember),
    ("sinter", combine::sinter),
    ("sinterstore", combine::sinterstore),
    ("sintercard", combine::sintercard),
    ("sunion", combine::sunion),
    ("sunionstore", combine::sunionstore),
    ("sdiff", combine::sdiff),
    ("sdiffstore", combine::sdiffstore),
];

fn sadd(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, args) = (call.arg(1), call.args);
    let integers_max = call.node.config.settings().set_integers_max;
    let add_all = |set: &mut Set| {
        let is_new = |member: &&[u8]| set.insert(member, integers_max);
        args.iter().skip(2).filter(is_new).count()
    };
    let count = match call.node.write(call.at(), key) {
        Some(record) => add_all(set_of(record)?),
        None => {
            let mut set = Set::default();
            let count = add_all(&mut set);
            call.create(key, Value::Set(set));
            count
        }
    };
    if count > 0 {
        call.changed(key);
        call.notify(Class::Set, "sadd", key);
    }
    reply_with_count(call, count);
    Ok(())
}

fn srem(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, args, at) = (call.arg(1), call.args, call.at());
    let Some(record) = call.node.write(at, key) else {
        call.reply.integer(0);
        return Ok(());
    };
    let set = set_of(record)?;
    let mut count = 0;
    for member in args.iter().skip(2) {
        count += usize::from(set.remove(member));
        if set.len() == 0 {
            break;
        }
    }
    let is_empty = set.len() == 0;
    if count > 0 {
        call.changed(key);
        call.notify(Class::Set, "srem", key);
    }
    if is_empty {
        call.remove_emptied(key);
    }
    reply_with_count(call, count);
    Ok(())
}

fn smove(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (source, target, member, at) = (call.arg(1), call.arg(2), call.arg(3), call.at());
    let Some(record) = call.node.write(at, source) else {
        call.reply.integer(0);
        return Ok(());
    };
    let is_member = set_of(record)?.contains(member);
    if let Some(record) = call.node.write(at, target) {
        set_of(record)?;
    }
    if is_member && source != target {
        take_from(call, source, member)?;
        put_into(call, target, member)?;
    }
    call.reply.integer(i64::from(is_member));
    Ok(())
}

/// The first half of `SMOVE`.
fn take_from(call: &mut Call<'_>, key: &[u8], member: &[u8]) -> Result<(), ReplyError> {
    let Some(record) = call.node.write(call.at(), key) else { return Ok(()) };
    let set = set_of(record)?;
    set.remove(member);
    let is_empty = set.len() == 0;
    call.changed(key);
    call.notify(Class::Set, "srem", key);
    if is_empty {
        call.remove_emptied(key);
    }
    Ok(())
}

/// The second half of `SMOVE`.
fn put_into(call: &mut Call<'_>, key: &[u8], member: &[u8]) -> Result<(), ReplyError> {
    let integers_max = call.node.config.settings().set_integers_max;
    let is_new = match call.node.write(call.at(), key) {
        Some(record) => set_of(record)?.insert(member, integers_max),
        None => {
            let mut set = Set::default();
            set.insert(member, integers_max);
            call.create(key, Value::Set(set));
            true
        }
    };
    if is_new {
        call.changed(key);
        call.notify(Class::Set, "sadd", key);
    }
    Ok(())
}

fn scard(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, at) = (call.arg(1), call.at());
    let len = read(call.node, at, key)?.map_or(0, Set::len);
    reply_with_count(call, len);
    Ok(())
}

fn sismember(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, member, at) = (call.arg(1), call.arg(2), call.at());
    let is_member = read(call.node, at, key)?.is_some_and(|set| set.contains(member));
    call.reply.integer(i64::from(is_member));
    Ok(())
}

fn smismember(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, args, at) = (call.arg(1), call.args, call.at());
    let set = read(call.node, at, key)?;
    call.reply.array(args.len() - 2);
    for member in args.iter().skip(2) {
        call.reply.integer(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

fn smembers(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, at) = (call.arg(1), call.at());
    let set = read(call.node, at, key)?;
    call.reply.set(set.map_or(0, Set::len));
    for member in set.into_iter().flat_map(Set::iter) {
        reply_with_entry(&mut call.reply, member);
    }
    Ok(())
}

fn sscan(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, at) = (call.arg(1), call.at());
    let cursor = scan::parse_cursor(call.arg(2))?;
    let Some(set) = read(call.node, at, key)? else {
        scan::reply_with_page(call, 0, &Elements::default());
        return Ok(());
    };
    let filter = Filter::of_elements(call.args)?;
    let mut found = Elements::default();
    let cursor = filter.walk(cursor, |cursor, met| {
        set.scan(cursor, |member| {
            *met += 1;
            let mut digits = itoa::Buffer::new();
            let member = member.bytes(&mut digits);
            if filter.is_match(member) {
                found.push(member);
            }
        })
    });
    scan::reply_with_page(call, cursor, &found);
    Ok(())
}

/// The set at a key, to read it.
fn read<'n>(node: &'n mut Node, at: At, key: &[u8]) -> Result<Option<&'n Set>, ReplyError> {
    node.read(at, key).map(set_of).transpose().map(|set| set.map(|set| &*set))
}

fn reply_with_count(call: &mut Call<'_>, count: usize) {
    call.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
}
