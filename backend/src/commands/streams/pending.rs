//! `XACK`, `XPENDING`: what consumers were given and have not acknowledged.

use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is, stream_of};
use crate::commands::streams::{id, no_group, write};
use crate::data::stream::group::Group;
use crate::data::stream::id::Id;
use crate::execute::Call;

pub(super) fn xack(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let name = call.arg(2);
    let group = match call.node.read(call.at(), call.arg(1)) {
        Some(record) => stream_of(record)?.group_mut(name),
        None => None,
    };
    let Some(group) = group else {
        call.reply.integer(0);
        return Ok(());
    };
    let ids: Vec<Id> = call.args.iter().skip(3).map(id::exact).collect::<Result<_, _>>()?;
    let count = ids.into_iter().filter(|id| group.acknowledge(*id)).count();
    call.node.changes += count as u64;
    call.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(())
}

/// Which pending entries are told one by one.
#[derive(Clone, Copy, Debug)]
struct Filter<'a> {
    from: Id,
    to: Id,
    count: usize,
    /// Not given out again for so long, in milliseconds; 0 for any.
    idle_min_ms: i64,
    consumer: Option<&'a [u8]>,
}

pub(super) fn xpending(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let filter = match call.args.len() {
        3 => None,
        6..=9 => Some(parse(call)?),
        _ => return Err(ReplyError::SYNTAX),
    };
    let (key, name) = (call.arg(1), call.arg(2));
    let group = match call.node.read(call.at(), key) {
        Some(record) => stream_of(record)?.group(name),
        None => None,
    };
    let group = group.ok_or_else(|| no_group(key, name, ""))?;
    match filter {
        None => answer_summary(&mut call.reply, group),
        Some(filter) => answer_list(&mut call.reply, group, &filter, call.now_ms),
    }
    Ok(())
}

fn parse<'a>(call: &Call<'a>) -> Result<Filter<'a>, ReplyError> {
    let (mut start, mut idle_min_ms) = (3, 0);
    if is(call.arg(3), "IDLE") {
        idle_min_ms = integer(call.arg(4))?;
        start = 5;
        if call.args.len() < 8 {
            return Err(ReplyError::SYNTAX);
        }
    }
    Ok(Filter {
        count: usize::try_from(integer(call.arg(start + 2))?).unwrap_or(0),
        from: id::interval_start(call.arg(start))?,
        to: id::interval_end(call.arg(start + 1))?,
        idle_min_ms,
        consumer: call.args.get(start + 3),
    })
}

fn answer_summary(reply: &mut ReplyWriter<'_>, group: &Group) {
    let pending = group.pending();
    reply.array(4);
    reply.integer(i64::try_from(pending.len()).unwrap_or(i64::MAX));
    let (Some((first, _)), Some((last, _))) = (pending.first_key_value(), pending.last_key_value())
    else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    write::id(reply, *first);
    write::id(reply, *last);
    write::array(reply, |reply| {
        let busy = group.consumers().filter(|consumer| !consumer.pending.is_empty());
        busy.map(|consumer| {
            reply.array(2);
            reply.bulk(&consumer.name);
            reply.bulk(consumer.pending.len().to_string().as_bytes());
        })
        .count()
    });
}

fn answer_list(reply: &mut ReplyWriter<'_>, group: &Group, filter: &Filter<'_>, now_ms: i64) {
    let consumer = filter.consumer.map(|name| group.find_consumer(name));
    // A tree refuses a range that ends before it begins.
    if consumer == Some(None) || filter.from > filter.to {
        reply.array(0);
        return;
    }
    let range = filter.from..=filter.to;
    let ids: Box<dyn Iterator<Item = &Id>> = match consumer.flatten() {
        Some(consumer) => Box::new(group.consumer(consumer).pending.range(range)),
        None => Box::new(group.pending().range(range).map(|(id, _)| id)),
    };
    let found =
        ids.filter_map(|id| Some((*id, group.pending().get(id)?))).filter(|(_, pending)| {
            filter.idle_min_ms == 0
                || now_ms.wrapping_sub(pending.delivered_at_ms) >= filter.idle_min_ms
        });
    write::array(reply, |reply| {
        found
            .take(filter.count)
            .map(|(id, pending)| {
                reply.array(4);
                write::id(reply, id);
                reply.bulk(&group.consumer(pending.consumer).name);
                reply.integer(now_ms.wrapping_sub(pending.delivered_at_ms).max(0));
                reply.integer(pending.deliveries.cast_signed());
            })
            .count()
    });
}
