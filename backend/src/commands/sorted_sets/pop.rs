//! Members taken out at either end.

use std::time::Duration;

use reddoor_protocol::encode::Resp;
use reddoor_protocol::reply_error::ReplyError;

use crate::blocking::{Awaited, TimeoutReply, Wait};
use crate::commands::argument::{is, sorted_set_of, timeout, whole_number};
use crate::commands::elements::reply_with_entry;
use crate::commands::sorted_sets::finish_removal;
use crate::data::key::Key;
use crate::data::sorted_set::Direction;
use crate::execute::Call;

/// At which end members are taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Min,
    Max,
}

impl End {
    fn direction(self) -> Direction {
        match self {
            End::Min => Direction::Forward,
            End::Max => Direction::Backward,
        }
    }

    /// The command that pops here and now.
    fn word(self) -> &'static [u8] {
        match self {
            End::Min => b"ZPOPMIN",
            End::Max => b"ZPOPMAX",
        }
    }

    fn event(self) -> &'static str {
        match self {
            End::Min => "zpopmin",
            End::Max => "zpopmax",
        }
    }
}

/// How members that were taken out are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Members and scores in turn.
    Flat,
    /// Pairs of member and score.
    Pairs,
    /// The key, then members and scores in turn.
    KeyFlat,
    /// The key, then pairs of member and score.
    KeyPairs,
}

pub(super) fn zpopmin(call: &mut Call<'_>) -> Result<(), ReplyError> {
    pop_one_key(call, End::Min)
}

pub(super) fn zpopmax(call: &mut Call<'_>) -> Result<(), ReplyError> {
    pop_one_key(call, End::Max)
}

fn pop_one_key(call: &mut Call<'_>, end: End) -> Result<(), ReplyError> {
    if call.args.len() > 3 {
        return Err(ReplyError::SYNTAX);
    }
    let (count, shape) = match call.args.get(2) {
        None => (1, Shape::Flat),
        Some(count) => {
            let count = whole_number(count, 0, "ERR value is out of range, must be positive")?;
            (count, if call.reply.resp() == Resp::V3 { Shape::Pairs } else { Shape::Flat })
        }
    };
    let key = call.arg(1);
    if !pop(call, key, end, count, shape)? {
        call.reply.array(0);
    }
    Ok(())
}

pub(super) fn zmpop(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let request = MultiPop::parse(call, 1)?;
    let args = call.args;
    for key in args.iter().skip(2).take(request.keys) {
        if pop(call, key, request.end, request.count, Shape::KeyPairs)? {
            return Ok(());
        }
    }
    call.reply.null_array();
    Ok(())
}

pub(super) fn bzpopmin(call: &mut Call<'_>) -> Result<(), ReplyError> {
    wait_and_pop_one(call, End::Min)
}

pub(super) fn bzpopmax(call: &mut Call<'_>) -> Result<(), ReplyError> {
    wait_and_pop_one(call, End::Max)
}

fn wait_and_pop_one(call: &mut Call<'_>, end: End) -> Result<(), ReplyError> {
    let last = call.args.len() - 1;
    let timeout = timeout(call.arg(last))?;
    let keys: Vec<&[u8]> = call.args.iter().take(last).skip(1).collect();
    wait_and_pop(call, &keys, timeout, |call, key| pop(call, key, end, 1, Shape::KeyFlat))
}

pub(super) fn bzmpop(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let request = MultiPop::parse(call, 2)?;
    let timeout = timeout(call.arg(1))?;
    let keys: Vec<&[u8]> = call.args.iter().skip(3).take(request.keys).collect();
    wait_and_pop(call, &keys, timeout, |call, key| {
        pop(call, key, request.end, request.count, Shape::KeyPairs)
    })
}

/// Pops from the first key that has something, or waits until one has.
fn wait_and_pop<'a>(
    call: &mut Call<'a>,
    keys: &[&'a [u8]],
    timeout: Option<Duration>,
    pop: impl Fn(&mut Call<'a>, &[u8]) -> Result<bool, ReplyError>,
) -> Result<(), ReplyError> {
    let ready = call.ready_key();
    for key in keys.iter().filter(|key| ready.is_none_or(|ready| ready == **key)) {
        if pop(call, key)? {
            return Ok(());
        }
    }
    if !call.may_block() {
        call.reply.null_array();
        return Ok(());
    }
    call.block(Wait {
        keys: keys.iter().map(|key| Key::from(*key)).collect(),
        kind: Awaited::SortedSet,
        timeout,
        on_timeout: TimeoutReply::NullArray,
        args: None,
    });
    Ok(())
}

/// What `ZMPOP` and `BZMPOP` are asked for.
pub(super) struct MultiPop {
    /// How many keys follow their number.
    pub(super) keys: usize,
    pub(super) end: End,
    /// Members to be taken at most.
    pub(super) count: usize,
}

impl MultiPop {
    /// Reads the arguments from the number of keys on.
    pub(super) fn parse(call: &Call<'_>, index: usize) -> Result<MultiPop, ReplyError> {
        let keys = whole_number(call.arg(index), 1, "ERR numkeys should be greater than 0")?;
        let end_at = index.saturating_add(keys).saturating_add(1);
        let end = match call.args.get(end_at) {
            Some(word) if is(word, "MIN") => End::Min,
            Some(word) if is(word, "MAX") => End::Max,
            _ => return Err(ReplyError::SYNTAX),
        };
        let (mut count, mut at) = (None, end_at + 1);
        while at < call.args.len() {
            if count.is_some() || !is(call.arg(at), "COUNT") || at + 1 == call.args.len() {
                return Err(ReplyError::SYNTAX);
            }
            count = Some(whole_number(call.arg(at + 1), 1, "ERR count should be greater than 0")?);
            at += 2;
        }
        Ok(MultiPop { keys, end, count: count.unwrap_or(1) })
    }
}

/// Takes members out of the sorted set at a key and sends them. Whether there were any to be taken; if not, nothing
/// is sent.
pub(super) fn pop(
    call: &mut Call<'_>,
    key: &[u8],
    end: End,
    count: usize,
    shape: Shape,
) -> Result<bool, ReplyError> {
    let Some(record) = call.node.write(call.at(), key) else { return Ok(false) };
    let set = sorted_set_of(record)?;
    if count == 0 {
        return Ok(false);
    }
    let len = set.len();
    let count = count.min(len);
    let ranks = match end {
        End::Min => 0..count,
        End::Max => len - count..len,
    };
    let reply = &mut call.reply;
    match shape {
        Shape::Flat => reply.array(2 * count),
        Shape::Pairs => reply.array(count),
        Shape::KeyFlat => {
            reply.array(1 + 2 * count);
            reply.bulk(key);
        }
        Shape::KeyPairs => {
            reply.array(2);
            reply.bulk(key);
            reply.array(count);
        }
    }
    for (name, score) in set.walk(ranks.clone(), end.direction()) {
        if matches!(shape, Shape::Pairs | Shape::KeyPairs) {
            reply.array(2);
        }
        reply_with_entry(reply, name);
        reply.double(score);
    }
    set.remove_ranks(ranks);
    let mut digits = itoa::Buffer::new();
    match shape {
        Shape::Flat | Shape::Pairs => {}
        Shape::KeyFlat => call.propagate_as(&[end.word(), key]),
        Shape::KeyPairs => {
            call.propagate_as(&[end.word(), key, digits.format(count).as_bytes()]);
        }
    }
    finish_removal(call, key, end.event(), count == len);
    Ok(true)
}
