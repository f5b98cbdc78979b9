//! `XREAD`, `XREADGROUP`: what is new in several streams, for anyone or for a consumer of a group.

use std::time::Duration;

use reddoor_protocol::encode::{ReplyWriter, Resp};
use reddoor_protocol::reply_error::ReplyError;

use crate::blocking::{Awaited, TimeoutReply, Wait};
use crate::commands::argument::{integer, is, stream_of, timeout_ms};
use crate::commands::streams::propagate::Claim;
use crate::commands::streams::{group, id, no_group, propagate, write};
use crate::data::key::Key;
use crate::data::stream::Stream;
use crate::data::stream::id::Id;
use crate::execute::{Call, Origin};

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
struct Request<'a> {
    /// Entries of each stream (count); 0 for all.
    count: usize,
    /// Whether it waits if nothing is new, and how long; `None` for ever.
    waits: bool,
    timeout: Option<Duration>,
    group: Option<Reader<'a>>,
    /// Where the first key stands among the arguments.
    keys_at: usize,
    keys_count: usize,
}

/// The consumer for whom entries are read.
#[derive(Clone, Copy, Debug)]
struct Reader<'a> {
    group: &'a [u8],
    consumer: &'a [u8],
    /// `NOACK`: what it is given does not become pending.
    needs_no_ack: bool,
}

/// Stands for `>`: what no consumer of the group was given yet.
const UNDELIVERED: Id = Id::MAX;

pub(super) fn xread(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let request = parse(call, false)?;
    read(call, &request)
}

pub(super) fn xreadgroup(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let request = parse(call, true)?;
    call.propagate_nothing();
    if request.group.is_none() {
        return Err(ReplyError::new("ERR Missing GROUP option for XREADGROUP"));
    }
    read(call, &request)
}

fn read(call: &mut Call<'_>, request: &Request<'_>) -> Result<(), ReplyError> {
    if let Some(key) = call.ready_key() {
        return read_ready(call, request, key);
    }
    let starts = find_starts(call, request)?;
    let begin = call.reply.out().len();
    let mut served = 0;
    for (index, start) in starts.iter().enumerate() {
        let key = call.arg(request.keys_at + index);
        if has_news(call, request, key, *start)? {
            serve(call, request, key, *start)?;
            served += 1;
        }
    }
    if served > 0 {
        write_len(call, begin, served);
    } else if request.waits && call.may_block() {
        wait(call, request, Some(&starts));
    } else {
        call.reply.null_array();
    }
    Ok(())
}

/// Reads from the one stream that got something, after the client has waited for it.
fn read_ready(call: &mut Call<'_>, request: &Request<'_>, key: &[u8]) -> Result<(), ReplyError> {
    /// Entries for a client that has not said how many it wants (count), lest one that asked from far back gets a
    /// huge stream at once. Source: redis `src/t_stream.c` XREAD_BLOCKED_DEFAULT_COUNT.
    const COUNT_DEFAULT: usize = 1000;
    let mut keys = call.args.iter().skip(request.keys_at);
    let Some(index) = keys.position(|arg| arg == key) else { return Ok(()) };
    let count = if request.count == 0 { COUNT_DEFAULT } else { request.count };
    let request = Request { count, ..*request };
    let Some(record) = call.node.read(call.at(), key) else { return Ok(()) };
    let stream: &Stream = stream_of(record)?;
    let last_id = stream.marks().last_id;
    let start = match &request.group {
        Some(reader) => match stream.group(reader.group) {
            Some(group) => group.last_id,
            None => return Err(GROUP_GONE),
        },
        None => id::exact(call.arg(request.keys_at + request.keys_count + index))?,
    };
    if last_id > start {
        let begin = call.reply.out().len();
        let start = if request.group.is_some() { UNDELIVERED } else { start };
        serve(call, &request, key, start)?;
        write_len(call, begin, 1);
    } else {
        wait(call, &request, None);
    }
    Ok(())
}

const GROUP_GONE: ReplyError = ReplyError::from_static(
    "NOGROUP the consumer group this client was blocked on no longer exists",
);

/// Lets the client wait. `starts` are what `$` means now, and will mean when the command runs again.
fn wait(call: &mut Call<'_>, request: &Request<'_>, starts: Option<&[Id]>) {
    let keys = call.args.iter().skip(request.keys_at).take(request.keys_count);
    let keys: Vec<Key> = keys.map(Key::from).collect();
    let starts_at = request.keys_at + request.keys_count;
    let args = starts.filter(|_| request.group.is_none()).map(|starts| {
        let before = call.args.iter().take(starts_at).map(Box::from);
        before.chain(starts.iter().map(|id| Box::from(id.text().as_bytes()))).collect()
    });
    let kind = if request.group.is_some() { Awaited::StreamOfGroup } else { Awaited::Stream };
    let (timeout, on_timeout) = (request.timeout, TimeoutReply::NullArray);
    call.block(Wait { keys, kind, timeout, on_timeout, args });
}

/// Puts before what was written how many streams it is from.
fn write_len(call: &mut Call<'_>, begin: usize, streams_count: usize) {
    let kind = match call.reply.resp() {
        Resp::V2 => b'*',
        Resp::V3 => b'%',
    };
    write::insert_header(&mut call.reply, begin, kind, streams_count);
}

fn parse<'a>(call: &Call<'a>, for_group: bool) -> Result<Request<'a>, ReplyError> {
    let (mut count, mut reader, mut needs_no_ack) = (0, None, false);
    let (mut waits, mut timeout) = (false, None);
    let mut index = 1;
    while index < call.args.len() {
        let option = call.arg(index);
        let following = call.args.len() - index - 1;
        if is(option, "BLOCK") && following >= 1 {
            refuse_in_script(call)?;
            waits = true;
            timeout = timeout_ms(call.arg(index + 1))?;
            index += 2;
        } else if is(option, "COUNT") && following >= 1 {
            count = usize::try_from(integer(call.arg(index + 1))?).unwrap_or(0);
            index += 2;
        } else if is(option, "STREAMS") && following >= 1 {
            if following % 2 == 1 {
                return Err(UNBALANCED);
            }
            let group = reader.map(|(group, consumer)| Reader { group, consumer, needs_no_ack });
            let (keys_at, keys_count) = (index + 1, following / 2);
            return Ok(Request { count, waits, timeout, group, keys_at, keys_count });
        } else if is(option, "GROUP") && following >= 2 {
            check_for_group(for_group, "GROUP")?;
            reader = Some((call.arg(index + 1), call.arg(index + 2)));
            index += 3;
        } else if is(option, "NOACK") {
            check_for_group(for_group, "NOACK")?;
            needs_no_ack = true;
            index += 1;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    Err(ReplyError::SYNTAX)
}

/// The same words for both commands.
const UNBALANCED: ReplyError = ReplyError::from_static(
    "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
);

/// A script waits for nothing, and is told so rather than answered at once.
fn refuse_in_script(call: &Call<'_>) -> Result<(), ReplyError> {
    if call.origin != Origin::Script {
        return Ok(());
    }
    let name = String::from_utf8_lossy(call.arg(0));
    Err(ReplyError::new(format!(
        "ERR {name} command is not allowed with BLOCK option from scripts"
    )))
}

fn check_for_group(for_group: bool, option: &str) -> Result<(), ReplyError> {
    if for_group {
        return Ok(());
    }
    Err(ReplyError::new(format!(
        "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
    )))
}

/// Behind which ID each stream is to be read; nothing is read before all are understood.
fn find_starts(call: &mut Call<'_>, request: &Request<'_>) -> Result<Vec<Id>, ReplyError> {
    (0..request.keys_count).map(|index| find_start(call, request, index)).collect()
}

fn find_start(call: &mut Call<'_>, request: &Request<'_>, index: usize) -> Result<Id, ReplyError> {
    let key = call.arg(request.keys_at + index);
    let from = call.arg(request.keys_at + request.keys_count + index);
    let at = call.at();
    let stream: Option<&Stream> = match call.node.read(at, key) {
        Some(record) => Some(stream_of(record)?),
        None => None,
    };
    if let Some(reader) = &request.group
        && stream.and_then(|stream| stream.group(reader.group)).is_none()
    {
        return Err(no_group(key, reader.group, " in XREADGROUP with GROUP option"));
    }
    match (from, request.group) {
        (b"$", None) => Ok(stream.map_or(Id::MIN, |stream| stream.marks().last_id)),
        (b"$", Some(_)) => Err(ReplyError::new(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this \
             consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return \
             an empty result set.",
        )),
        (b">", Some(_)) => Ok(UNDELIVERED),
        (b">", None) => Err(ReplyError::new(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        (arg, _) => id::exact(arg),
    }
}

/// Whether a stream has anything for the client.
fn has_news(
    call: &mut Call<'_>,
    request: &Request<'_>,
    key: &[u8],
    start: Id,
) -> Result<bool, ReplyError> {
    let Some(record) = call.node.read(call.at(), key) else { return Ok(false) };
    let stream: &Stream = stream_of(record)?;
    let is_newer = |id: Id| stream.last_entry_id().is_some_and(|last| last > id);
    Ok(match request.group {
        // What is pending is answered, even if nothing is.
        Some(_) if start != UNDELIVERED => true,
        Some(reader) => stream.group(reader.group).is_some_and(|group| is_newer(group.last_id)),
        None => is_newer(start),
    })
}

/// Answers the name of a stream and what it has for the client.
fn serve(
    call: &mut Call<'_>,
    request: &Request<'_>,
    key: &[u8],
    start: Id,
) -> Result<(), ReplyError> {
    if call.reply.resp() == Resp::V2 {
        call.reply.array(2);
    }
    call.reply.bulk(key);
    let count = if request.count == 0 { usize::MAX } else { request.count };
    if let Some(reader) = request.group {
        return serve_consumer(call, &reader, key, start, count);
    }
    let Some(record) = call.node.write(call.at(), key) else { return Ok(()) };
    let stream: &Stream = stream_of(record)?;
    let start = start.next().unwrap_or(Id::MAX);
    write::entries(&mut call.reply, stream.range(start, Id::MAX).take(count));
    Ok(())
}

fn serve_consumer(
    call: &mut Call<'_>,
    reader: &Reader<'_>,
    key: &[u8],
    from: Id,
    count: usize,
) -> Result<(), ReplyError> {
    let now_ms = call.now_ms;
    let record = call.node.write(call.at(), key).ok_or(ReplyError::NO_SUCH_KEY)?;
    let group = stream_of(record)?.group_mut(reader.group);
    let found = group.and_then(|group| group.see_consumer(reader.consumer, now_ms));
    let Some((consumer, is_made)) = found else { return Ok(()) };
    if is_made && reader.needs_no_ack {
        propagate::consumer(call, key, reader.group, reader.consumer);
    }
    if is_made {
        group::tell_of_consumer(call, key);
    }
    call.node.changes += 1;
    let record = call.node.write(call.at(), key).ok_or(ReplyError::NO_SUCH_KEY)?;
    let stream = stream_of(record)?;
    let reply = &mut call.reply;
    let marks = stream.marks();
    let Some(group) = stream.group(reader.group) else { return Ok(()) };
    if from != UNDELIVERED {
        let from = from.next().unwrap_or(Id::MAX);
        let pending = group.consumer(consumer).pending.range(from..);
        let ids: Vec<Id> = pending.take(count).copied().collect();
        reply.array(ids.len());
        for id in ids {
            serve_again(reply, stream, reader.group, id, now_ms);
        }
        return Ok(());
    }
    let from = group.last_id.next().unwrap_or(Id::MAX);
    let mut given = Vec::new();
    let found = stream.range(from, Id::MAX).take(count).inspect(|entry| given.push(entry.id));
    write::entries(reply, found);
    let Some(group) = stream.group_mut(reader.group) else { return Ok(()) };
    for id in &given {
        marks.advance(group, *id);
        if !reader.needs_no_ack {
            group.deliver(*id, consumer, now_ms);
        }
    }
    let (last_id, entries_read) = (group.last_id, group.entries_read);
    if reader.needs_no_ack {
        propagate::progress(call, key, reader.group, last_id, entries_read);
    } else {
        let claims = given.into_iter().map(|id| Claim::of_new(id, now_ms));
        claims.for_each(|claim| claim.propagate(call, key, reader.group, reader.consumer));
    }
    Ok(())
}

/// Answers an entry that is pending already: it counts as given out once more, unless it is gone.
fn serve_again(
    reply: &mut ReplyWriter<'_>,
    stream: &mut Stream,
    group: &[u8],
    id: Id,
    now_ms: i64,
) {
    let Some(entry) = stream.range(id, id).next() else {
        reply.array(2);
        write::id(reply, id);
        reply.null_array();
        return;
    };
    write::entry(reply, &entry);
    if let Some(pending) = stream.group_mut(group).and_then(|group| group.pending_mut(id)) {
        pending.delivered_at_ms = now_ms;
        pending.deliveries = pending.deliveries.wrapping_add(1);
    }
}
