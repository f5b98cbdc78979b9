//! `HRANDFIELD`: fields picked at random, each as likely.

use reddoor_protocol::encode::{ReplyWriter, Resp};
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::is;
use crate::commands::elements::reply_with_entry;
use crate::commands::hashes::read;
use crate::commands::picks::{Picks, output_bytes_max};
use crate::data::hash::Hash;
use crate::data::listpack::Entry;
use crate::execute::Call;

pub(super) fn hrandfield(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, at, mut random) = (call.arg(1), call.at(), call.node.random.fork());
    if call.args.len() == 2 {
        let hash = read(call.node, at, key)?;
        match hash.and_then(|hash| hash.at(random.below(hash.len()))) {
            Some((field, _)) => reply_with_entry(&mut call.reply, field),
            None => call.reply.null(),
        }
        return Ok(());
    }
    let (picks, has_values) = parse(call)?;
    let bytes_max = output_bytes_max(call);
    match read(call.node, at, key)? {
        Some(hash) => {
            let places = picks.places(hash.len(), random);
            call.reply.array(reply_len(picks.count_of(hash.len()), has_values, &call.reply));
            reply_with_places(&mut call.reply, hash, places, has_values, bytes_max);
        }
        None => call.reply.array(0),
    }
    Ok(())
}

/// The count, and whether values are wanted, too.
fn parse(call: &Call<'_>) -> Result<(Picks, bool), ReplyError> {
    let picks = Picks::parse(call.arg(2))?;
    let has_values = call.args.len() > 3;
    if call.args.len() > 4 || has_values && !is(call.arg(3), "WITHVALUES") {
        return Err(ReplyError::SYNTAX);
    }
    // Twice as many elements must be countable.
    if has_values && i64::try_from(picks.count()).map_or(true, |count| count > i64::MAX / 2) {
        return Err(ReplyError::new("ERR value is out of range"));
    }
    Ok((picks, has_values))
}

/// How many elements the reply has for so many fields: in RESP3 a field and its value are one.
fn reply_len(count: usize, has_values: bool, reply: &ReplyWriter<'_>) -> usize {
    if has_values && reply.resp() == Resp::V2 { count * 2 } else { count }
}

fn reply_with_places(
    reply: &mut ReplyWriter<'_>,
    hash: &Hash,
    places: impl Iterator<Item = usize>,
    has_values: bool,
    bytes_max: usize,
) {
    let is_nested = has_values && reply.resp() == Resp::V3;
    // A place in the compact form is found by counting, which is done once for all of them.
    let compact: Vec<(Entry<'_>, Entry<'_>)> = match hash {
        Hash::Compact(_) => hash.iter().collect(),
        Hash::Table(_) => Vec::new(),
    };
    for place in places {
        if reply.out().len() > bytes_max {
            return;
        }
        let Some((field, value)) = compact.get(place).copied().or_else(|| hash.at(place)) else {
            continue;
        };
        if is_nested {
            reply.array(2);
        }
        reply_with_entry(reply, field);
        if has_values {
            reply_with_entry(reply, value);
        }
    }
}
