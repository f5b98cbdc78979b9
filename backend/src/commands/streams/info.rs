//! `XINFO`: what is known of a stream, its groups and their consumers.

use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is, stream_of};
use crate::commands::streams::{no_group_of_key, subcommand_syntax, write};
use crate::data::stream::Stream;
use crate::data::stream::group::{Consumer, Group};
use crate::data::stream::id::Id;
use crate::execute::Call;

/// Entries and pending entries that the full form tells unless the client says how many (count).
const COUNT_DEFAULT: usize = 10;

pub(super) fn stream(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let syntax = subcommand_syntax(call);
    let record = call.node.read(call.at(), call.arg(2)).ok_or(ReplyError::NO_SUCH_KEY)?;
    let stream: &Stream = stream_of(record)?;
    let options = call.args;
    let count = match options.len() {
        3 => None,
        4 | 6 if is(&options[3], "FULL") => match (options.get(4), options.get(5)) {
            (Some(option), Some(count)) if is(option, "COUNT") => {
                Some(usize::try_from(integer(count)?).unwrap_or(COUNT_DEFAULT))
            }
            (None, _) => Some(COUNT_DEFAULT),
            _ => return Err(syntax),
        },
        _ => return Err(syntax),
    };
    let reply = &mut call.reply;
    reply.map(if count.is_some() { 9 } else { 10 });
    write_marks(reply, stream);
    match count {
        None => write_summary(reply, stream),
        // 0 stands for all.
        Some(count) => write_full(reply, stream, if count == 0 { usize::MAX } else { count }),
    }
    Ok(())
}

pub(super) fn groups(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let record = call.node.read(call.at(), call.arg(2)).ok_or(ReplyError::NO_SUCH_KEY)?;
    let stream: &Stream = stream_of(record)?;
    let reply = &mut call.reply;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        text(reply, "name", name);
        number(reply, "consumers", group.consumers().len());
        number(reply, "pending", group.pending().len());
        write_progress(reply, stream, group);
    }
    Ok(())
}

pub(super) fn consumers(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, name) = (call.arg(2), call.arg(3));
    let record = call.node.read(call.at(), key).ok_or(ReplyError::NO_SUCH_KEY)?;
    let stream: &Stream = stream_of(record)?;
    let group = stream.group(name).ok_or_else(|| no_group_of_key(key, name))?;
    let reply = &mut call.reply;
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        reply.map(3);
        text(reply, "name", &consumer.name);
        number(reply, "pending", consumer.pending.len());
        reply.bulk(b"idle");
        reply.integer(call.now_ms.wrapping_sub(consumer.seen_at_ms).max(0));
    }
    Ok(())
}

fn write_marks(reply: &mut ReplyWriter<'_>, stream: &Stream) {
    let marks = stream.marks();
    reply.bulk(b"length");
    reply.integer(marks.len.cast_signed());
    number(reply, "radix-tree-keys", stream.nodes().len());
    number(reply, "radix-tree-nodes", stream.radix_nodes_count());
    text(reply, "last-generated-id", marks.last_id.text().as_bytes());
    text(reply, "max-deleted-entry-id", marks.max_deleted_id.text().as_bytes());
    reply.bulk(b"entries-added");
    reply.integer(marks.entries_added.cast_signed());
    text(reply, "recorded-first-entry-id", marks.first_id.text().as_bytes());
}

fn write_summary(reply: &mut ReplyWriter<'_>, stream: &Stream) {
    number(reply, "groups", stream.groups().len());
    let first = stream.range(Id::MIN, Id::MAX).next();
    let last = stream.range_back(Id::MIN, Id::MAX).next();
    for (name, entry) in [("first-entry", first), ("last-entry", last)] {
        reply.bulk(name.as_bytes());
        match entry {
            Some(entry) => write::entry(reply, &entry),
            None => reply.null(),
        }
    }
}

fn write_full(reply: &mut ReplyWriter<'_>, stream: &Stream, count: usize) {
    reply.bulk(b"entries");
    write::entries(reply, stream.range(Id::MIN, Id::MAX).take(count));
    reply.bulk(b"groups");
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(7);
        text(reply, "name", name);
        write_progress(reply, stream, group);
        number(reply, "pel-count", group.pending().len());
        reply.bulk(b"pending");
        reply.array(group.pending().len().min(count));
        for (id, pending) in group.pending().iter().take(count) {
            reply.array(4);
            write::id(reply, *id);
            reply.bulk(&group.consumer(pending.consumer).name);
            reply.integer(pending.delivered_at_ms);
            reply.integer(pending.deliveries.cast_signed());
        }
        reply.bulk(b"consumers");
        reply.array(group.consumers().len());
        group.consumers().for_each(|consumer| write_consumer(reply, group, consumer, count));
    }
}

fn write_consumer(reply: &mut ReplyWriter<'_>, group: &Group, consumer: &Consumer, count: usize) {
    reply.map(4);
    text(reply, "name", &consumer.name);
    reply.bulk(b"seen-time");
    reply.integer(consumer.seen_at_ms);
    number(reply, "pel-count", consumer.pending.len());
    reply.bulk(b"pending");
    write::array(reply, |reply| {
        let pending = consumer.pending.iter().take(count);
        let found = pending.filter_map(|id| Some((*id, group.pending().get(id)?)));
        found
            .map(|(id, pending)| {
                reply.array(3);
                write::id(reply, id);
                reply.integer(pending.delivered_at_ms);
                reply.integer(pending.deliveries.cast_signed());
            })
            .count()
    });
}

fn write_progress(reply: &mut ReplyWriter<'_>, stream: &Stream, group: &Group) {
    text(reply, "last-delivered-id", group.last_id.text().as_bytes());
    let facts = [
        ("entries-read", group.entries_read.map(u64::cast_signed)),
        ("lag", stream.marks().lag(group)),
    ];
    for (name, fact) in facts {
        reply.bulk(name.as_bytes());
        match fact {
            Some(fact) => reply.integer(fact),
            None => reply.null(),
        }
    }
}

fn text(reply: &mut ReplyWriter<'_>, name: &str, value: &[u8]) {
    reply.bulk(name.as_bytes());
    reply.bulk(value);
}

fn number(reply: &mut ReplyWriter<'_>, name: &str, value: usize) {
    reply.bulk(name.as_bytes());
    reply.integer(i64::try_from(value).unwrap_or(i64::MAX));
}
