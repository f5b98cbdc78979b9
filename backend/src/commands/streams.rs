//! Streams: entries added, read, deleted; their groups and consumers.

mod add;

mod claim;

mod group;

mod id;

mod info;

mod pending;

mod propagate;

mod read;

mod write;

use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is, quoted, stream_of};
use crate::data::stream::id::Id;
use crate::execute::{Call, Handler};
use crate::notify::Class;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("xadd", add::xadd),
    ("xtrim", add::xtrim),
    ("xsetid", add::xsetid),
    ("xlen", xlen),
    ("xrange", xrange),
    ("xrevrange", xrevrange),
    ("xdel", xdel),
    ("xread", read::xread),
    ("xreadgroup", read::xreadgroup),
    ("xgroup|create", group::create),
    ("xgroup|setid", group::setid),
    ("xgroup|destroy", group::destroy),
    ("xgroup|createconsumer", group::createconsumer),
    ("xgroup|delconsumer", group::delconsumer),
    ("xgroup|help", super::help),
    ("xack", pending::xack),
    ("xpending", pending::xpending),
    ("xclaim", claim::xclaim),
    ("xautoclaim", claim::xautoclaim),
    ("xinfo|stream", info::stream),
    ("xinfo|groups", info::groups),
    ("xinfo|consumers", info::consumers),
    ("xinfo|help", super::help),
];

fn xlen(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let len = match call.node.read(call.at(), call.arg(1)) {
        Some(record) => stream_of(record)?.marks().len,
        None => 0,
    };
    call.reply.integer(len.cast_signed());
    Ok(())
}

fn xrange(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let from = id::interval_start(call.arg(2))?;
    let to = id::interval_end(call.arg(3))?;
    answer_range(call, |reply, stream, count| {
        write::entries(reply, stream.range(from, to).take(count));
    })
}

fn xrevrange(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let from = id::interval_start(call.arg(3))?;
    let to = id::interval_end(call.arg(2))?;
    answer_range(call, |reply, stream, count| {
        write::entries(reply, stream.range_back(from, to).take(count));
    })
}

/// Reads how many entries are wished, and lets `write` write them.
fn answer_range(
    call: &mut Call<'_>,
    write: impl Fn(&mut ReplyWriter<'_>, &crate::data::stream::Stream, usize),
) -> Result<(), ReplyError> {
    let mut count = usize::MAX;
    let mut index = 4;
    while index < call.args.len() {
        let value = call.args.get(index + 1).filter(|_| is(call.arg(index), "COUNT"));
        count = usize::try_from(integer(value.ok_or(ReplyError::SYNTAX)?)?).unwrap_or(0);
        index += 2;
    }
    let Some(record) = call.node.read(call.at(), call.arg(1)) else {
        call.reply.array(0);
        return Ok(());
    };
    let stream = stream_of(record)?;
    if count == 0 {
        call.reply.null_array();
    } else {
        write(&mut call.reply, stream, count);
    }
    Ok(())
}

fn xdel(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    let Some(record) = call.node.write(call.at(), key) else {
        call.reply.integer(0);
        return Ok(());
    };
    let stream = stream_of(record)?;
    let ids: Vec<Id> = call.args.iter().skip(2).map(id::exact).collect::<Result<_, _>>()?;
    let removed = stream.delete(ids.into_iter());
    if removed > 0 {
        call.node.lost_some(call.client.db, key);
        call.notify(Class::Stream, "xdel", key);
    }
    call.reply.integer(removed.cast_signed());
    Ok(())
}

/// The key is not there, or the group is not.
fn no_group(key: &[u8], group: &[u8], place: &str) -> ReplyError {
    ReplyError::new(format!(
        "NOGROUP No such key '{}' or consumer group '{}'{place}",
        quoted(key),
        quoted(group)
    ))
}

/// The key is there, the group is not.
fn no_group_of_key(key: &[u8], group: &[u8]) -> ReplyError {
    ReplyError::new(format!(
        "NOGROUP No such consumer group '{}' for key name '{}'",
        quoted(group),
        quoted(key)
    ))
}

/// A subcommand with options that make no sense.
fn subcommand_syntax(call: &Call<'_>) -> ReplyError {
    /// So many bytes of the word are quoted.
    const QUOTED_MAX: usize = 128;
    let word = call.arg(1);
    ReplyError::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{}'. Try {} HELP.",
        quoted(&word[..word.len().min(QUOTED_MAX)]),
        quoted(&call.arg(0).to_ascii_uppercase())
    ))
}
