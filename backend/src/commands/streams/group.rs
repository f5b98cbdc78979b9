//! `XGROUP`: groups and their consumers made and removed.

use reddoor_protocol::reply_error::ReplyError;

use crate::blocking::Cause;
use crate::commands::argument::{integer, is, stream_of};
use crate::commands::streams::{id, no_group_of_key, subcommand_syntax};
use crate::data::stream::Stream;
use crate::data::stream::group::Group;
use crate::data::stream::id::Id;
use crate::data::value::Value;
use crate::execute::Call;
use crate::notify::Class;

const NO_KEY: ReplyError = ReplyError::from_static(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM \
     option to create an empty stream automatically.",
);

/// Options of `CREATE` and `SETID`.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    makes_stream: bool,
    entries_read: Option<u64>,
}

fn parse(call: &Call<'_>) -> Result<Options, ReplyError> {
    let mut options = Options::default();
    let mut index = 5;
    while index < call.args.len() {
        let (option, value) = (call.arg(index), call.args.get(index + 1));
        if is(call.arg(1), "CREATE") && is(option, "MKSTREAM") {
            options.makes_stream = true;
            index += 1;
        } else if let Some(value) = value.filter(|_| is(option, "ENTRIESREAD")) {
            options.entries_read = match integer(value)? {
                -1 => None,
                count => Some(u64::try_from(count).map_err(|_| {
                    ReplyError::new("ERR value for ENTRIESREAD must be positive or -1")
                })?),
            };
            index += 2;
        } else {
            return Err(subcommand_syntax(call));
        }
    }
    Ok(options)
}

/// The stream, which must be there.
fn stream<'c>(call: &'c mut Call<'_>) -> Result<&'c mut Stream, ReplyError> {
    stream_of(call.node.write(call.at(), call.arg(2)).ok_or(NO_KEY)?)
}

/// The group, which must be there.
fn group<'c>(call: &'c mut Call<'_>) -> Result<&'c mut Group, ReplyError> {
    let (key, name) = (call.arg(2), call.arg(3));
    stream(call)?.group_mut(name).ok_or_else(|| no_group_of_key(key, name))
}

pub(super) fn create(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, name) = (call.arg(2), call.arg(3));
    let options = parse(call)?;
    let at = call.at();
    let last_id = match call.node.write(at, key) {
        Some(record) => Some(stream_of(record)?.marks().last_id),
        None if options.makes_stream => None,
        None => return Err(NO_KEY),
    };
    // With many options the count of arguments is no longer looked at as early as that of a command.
    if call.args.len() > 8 {
        return Err(subcommand_syntax(call));
    }
    let from = match call.arg(4) {
        b"$" => last_id.unwrap_or(Id::MIN),
        arg => id::exact(arg)?,
    };
    if last_id.is_none() {
        let empty = Value::Stream(Box::default());
        call.node.databases[at.db].insert(key, empty, None, at.now_ms);
        call.changed(key);
    }
    if !stream(call)?.create_group(name, from, options.entries_read) {
        return Err(ReplyError::new("BUSYGROUP Consumer Group name already exists"));
    }
    call.node.changes += 1;
    call.notify(Class::Stream, "xgroup-create", key);
    call.reply.ok();
    Ok(())
}

pub(super) fn setid(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let options = parse(call)?;
    let last_id = stream(call)?.marks().last_id;
    group(call)?;
    if call.args.len() != 5 && call.args.len() != 7 {
        return Err(subcommand_syntax(call));
    }
    let last_id = match call.arg(4) {
        b"$" => last_id,
        arg => id::any(arg)?,
    };
    let group = group(call)?;
    group.last_id = last_id;
    group.entries_read = options.entries_read;
    call.node.changes += 1;
    call.notify(Class::Stream, "xgroup-setid", call.arg(2));
    call.reply.ok();
    Ok(())
}

pub(super) fn destroy(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, name) = (call.arg(2), call.arg(3));
    let is_removed = stream(call)?.remove_group(name);
    if is_removed {
        call.node.changes += 1;
        call.notify(Class::Stream, "xgroup-destroy", key);
        // Those who wait for entries of the group hear that it is gone.
        call.node.look_if_ready(call.client.db, key, Cause::Changed);
    }
    call.reply.integer(i64::from(is_removed));
    Ok(())
}

pub(super) fn createconsumer(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, name, now_ms) = (call.arg(2), call.arg(4), call.now_ms);
    let is_made = group(call)?.create_consumer(name, now_ms).is_some();
    if is_made {
        tell_of_consumer(call, key);
    }
    call.reply.integer(i64::from(is_made));
    Ok(())
}

pub(super) fn delconsumer(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, name) = (call.arg(2), call.arg(4));
    let pending = group(call)?.remove_consumer(name);
    if pending.is_some() {
        call.node.changes += 1;
        call.notify(Class::Stream, "xgroup-delconsumer", key);
    }
    call.reply.integer(pending.map_or(0, |count| i64::try_from(count).unwrap_or(i64::MAX)));
    Ok(())
}

/// Tells that a consumer was made.
pub(super) fn tell_of_consumer(call: &mut Call<'_>, key: &[u8]) {
    call.node.changes += 1;
    call.notify(Class::Stream, "xgroup-createconsumer", key);
}
