//! `XCLAIM`, `XAUTOCLAIM`: pending entries taken over by another consumer.

use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is, quoted, stream_of};
use crate::commands::streams::{group, id, no_group, propagate, write};
use crate::data::stream::Stream;
use crate::data::stream::group::{Group, Pending};
use crate::data::stream::id::Id;
use crate::execute::Call;

/// How entries are claimed, and by whom.
#[derive(Clone, Copy, Debug)]
struct Claim<'a> {
    group: &'a [u8],
    consumer: &'a [u8],
    now_ms: i64,
    /// Claims only what was not given out for so long, in milliseconds; 0 for anything.
    idle_min_ms: i64,
    /// When the entries count as given out; `None` for now.
    delivered_at_ms: Option<i64>,
    /// How often they count as given out; `None` for once more.
    deliveries: Option<u64>,
    /// Claims what is pending nowhere, too.
    forces: bool,
    /// Answers no more than IDs, and does not count as giving out.
    only_ids: bool,
    /// The group has come so far at least.
    last_id: Id,
}

/// What was claimed so far.
#[derive(Debug, Default)]
struct Claimed {
    taken: Vec<Id>,
    /// What was pending and is not in the stream any more.
    gone: Vec<Id>,
    consumer_is_new: bool,
    /// What others are told of it, if they are: who has what now.
    effects: Option<Vec<(propagate::Claim, Box<[u8]>)>>,
}

/// What became of an entry that was to be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// It stays with whom it was, or with nobody.
    Left,
}

pub(super) fn xclaim(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    // Counted, and told of if it is missing, before anything else is looked at.
    call.node.read(call.at(), key);
    stream_of_group(call)?;
    let mut claim = Claim::of_idle(call)?;
    let ids: Vec<Id> = call.args.iter().skip(5).map_while(|arg| id::exact(arg).ok()).collect();
    parse(call, 5 + ids.len(), &mut claim)?;
    let mut claimed = Claimed::of(call);
    let stream = stream_of_group(call)?;
    let (mut is_further, mut entries_read) = (false, None);
    if let Some(group) = stream.group_mut(claim.group) {
        is_further = claim.last_id > group.last_id;
        group.last_id = group.last_id.max(claim.last_id);
        entries_read = group.entries_read;
    }
    for id in ids {
        claim.take(stream, id, &mut claimed);
    }
    write_taken(call, key, &claimed.taken, claim.only_ids)?;
    call.node.changes += u64::from(is_further);
    if is_further && claimed.taken.is_empty() && claimed.gone.is_empty() {
        propagate::progress(call, key, claim.group, claim.last_id, entries_read);
    }
    claimed.tell(call, key, claim.group);
    Ok(())
}

fn parse(call: &Call<'_>, from: usize, claim: &mut Claim<'_>) -> Result<(), ReplyError> {
    let number = |arg: &[u8], option: &str| {
        integer(arg).map_err(|_| invalid(&format!("{option} option argument for XCLAIM")))
    };
    let mut index = from;
    while index < call.args.len() {
        let option = call.arg(index);
        let value = call.args.get(index + 1);
        index += 2;
        match value {
            _ if is(option, "FORCE") || is(option, "JUSTID") => {
                claim.forces |= is(option, "FORCE");
                claim.only_ids |= is(option, "JUSTID");
                index -= 1;
            }
            Some(value) if is(option, "IDLE") => {
                let idle_ms = number(value, "IDLE")?;
                claim.delivered_at_ms = Some(claim.now_ms.wrapping_sub(idle_ms));
            }
            Some(value) if is(option, "TIME") => {
                claim.delivered_at_ms = Some(number(value, "TIME")?);
            }
            Some(value) if is(option, "RETRYCOUNT") => {
                claim.deliveries = u64::try_from(number(value, "RETRYCOUNT")?).ok();
            }
            Some(value) if is(option, "LASTID") => claim.last_id = id::exact(value)?,
            _ => {
                let option = quoted(option);
                return Err(ReplyError::new(format!("ERR Unrecognized XCLAIM option '{option}'")));
            }
        }
    }
    Ok(())
}

/// Pending entries looked at for each that may be claimed, at most (count).
const AUTO_ATTEMPTS: i64 = 10;

/// A count for which a Redis finds no memory: it asks for 16 bytes for each ahead, and addresses have 47 bits.
const AUTO_COUNT_TOO_HIGH: i64 = (1 << 47) / 16;

pub(super) fn xautoclaim(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    call.node.read(call.at(), key);
    let mut claim = Claim::of_idle(call)?;
    let mut next = Some(id::interval_start(call.arg(5))?);
    let mut count = parse_auto(call, &mut claim)?;
    let mut claimed = Claimed::of(call);
    let stream = stream_of_group(call)?;
    if count >= AUTO_COUNT_TOO_HIGH {
        return Err(ReplyError::new(
            "ERR Insufficient memory, failed allocating transient memory, COUNT too high.",
        ));
    }
    let next_pending = |stream: &Stream, from: Option<Id>| {
        let (id, _) = stream.group(claim.group)?.pending().range(from?..).next()?;
        Some(*id)
    };
    let mut attempts = count.saturating_mul(AUTO_ATTEMPTS);
    while attempts > 0
        && count > 0
        && let Some(id) = next_pending(stream, next)
    {
        next = id.next();
        attempts -= 1;
        if claim.take(stream, id, &mut claimed) == Outcome::Done {
            count -= 1;
        }
    }
    let next = next_pending(stream, next).unwrap_or(Id::MIN);
    call.reply.array(3);
    write::id(&mut call.reply, next);
    write_taken(call, key, &claimed.taken, claim.only_ids)?;
    call.reply.array(claimed.gone.len());
    claimed.gone.iter().for_each(|id| write::id(&mut call.reply, *id));
    claimed.tell(call, key, claim.group);
    Ok(())
}

/// The options of `XAUTOCLAIM`: how many entries it claims at most.
fn parse_auto(call: &Call<'_>, claim: &mut Claim<'_>) -> Result<i64, ReplyError> {
    const DEFAULT: i64 = 100;
    const MAX: i64 = i64::MAX / 16;
    let mut count = DEFAULT;
    let mut index = 6;
    while index < call.args.len() {
        let (option, value) = (call.arg(index), call.args.get(index + 1));
        if let Some(value) = value.filter(|_| is(option, "COUNT")) {
            let wished = integer(value).ok().filter(|count| (1..=MAX).contains(count));
            count = wished.ok_or(ReplyError::from_static("ERR COUNT must be > 0"))?;
            index += 2;
        } else if is(option, "JUSTID") {
            claim.only_ids = true;
            index += 1;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    Ok(count)
}

impl<'a> Claim<'a> {
    /// Reads who claims what has been idle for how long; options come later.
    fn of_idle(call: &Call<'a>) -> Result<Claim<'a>, ReplyError> {
        let command = call.spec.name.to_ascii_uppercase();
        let idle_min_ms = integer(call.arg(4))
            .map_err(|_| invalid(&format!("min-idle-time argument for {command}")))?;
        Ok(Claim {
            group: call.arg(2),
            consumer: call.arg(3),
            now_ms: call.now_ms,
            idle_min_ms: idle_min_ms.max(0),
            delivered_at_ms: None,
            deliveries: None,
            forces: false,
            only_ids: false,
            last_id: Id::MIN,
        })
    }

    /// Claims one entry, if it may. A consumer that is not there yet is made with the first one.
    fn take(&self, stream: &mut Stream, id: Id, claimed: &mut Claimed) -> Outcome {
        let exists = stream.contains(id);
        let Some(group) = stream.group_mut(self.group) else { return Outcome::Left };
        if !exists {
            // Nobody can have pending what is gone.
            let Some(pending) = group.pending().get(&id) else { return Outcome::Left };
            claimed.note(group, id, pending);
            group.acknowledge(id);
            claimed.gone.push(id);
            return Outcome::Done;
        }
        let is_free = group.pending().get(&id).map_or(self.forces, |pending| {
            let idle_ms = self.now_ms.wrapping_sub(pending.delivered_at_ms);
            self.idle_min_ms == 0 || idle_ms >= self.idle_min_ms
        });
        let seen = if is_free { group.see_consumer(self.consumer, self.now_ms) } else { None };
        let Some((consumer, is_made)) = seen else { return Outcome::Left };
        claimed.consumer_is_new |= is_made;
        claimed.taken.push(id);
        let pending = group.hand_over(id, consumer, self.now_ms);
        // A time to come is a client's wrong arithmetic.
        let delivered_at_ms = self.delivered_at_ms.filter(|time| (0..=self.now_ms).contains(time));
        pending.delivered_at_ms = delivered_at_ms.unwrap_or(self.now_ms);
        pending.deliveries = match self.deliveries {
            Some(deliveries) => deliveries,
            None if self.only_ids => pending.deliveries,
            None => pending.deliveries.wrapping_add(1),
        };
        let pending = *pending;
        claimed.note(group, id, &pending);
        Outcome::Done
    }
}

impl Claimed {
    /// Nothing yet.
    fn of(call: &Call<'_>) -> Claimed {
        let effects = call.node.effects.are_wanted().then(Vec::new);
        Claimed { effects, ..Claimed::default() }
    }

    /// Notes who has an entry, for those who repeat it.
    fn note(&mut self, group: &Group, id: Id, pending: &Pending) {
        if let Some(effects) = &mut self.effects {
            let name = group.consumer(pending.consumer).name.clone();
            effects.push((propagate::Claim::of_pending(id, pending, group.last_id), name));
        }
    }

    fn tell(&self, call: &mut Call<'_>, key: &[u8], group_name: &[u8]) {
        for (claim, consumer) in self.effects.iter().flatten() {
            claim.propagate(call, key, group_name, consumer);
        }
        call.propagate_nothing();
        call.node.changes += (self.taken.len() + self.gone.len()) as u64;
        if self.consumer_is_new {
            group::tell_of_consumer(call, key);
        }
    }
}

/// The stream with the group that the arguments name.
fn stream_of_group<'c>(call: &'c mut Call<'_>) -> Result<&'c mut Stream, ReplyError> {
    let (key, group) = (call.arg(1), call.arg(2));
    let Some(record) = call.node.write(call.at(), key) else {
        return Err(no_group(key, group, ""));
    };
    let stream = stream_of(record)?;
    if stream.group(group).is_some() { Ok(stream) } else { Err(no_group(key, group, "")) }
}

fn invalid(what: &str) -> ReplyError {
    ReplyError::new(format!("ERR Invalid {what}"))
}

/// Answers the entries that were claimed.
fn write_taken(
    call: &mut Call<'_>,
    key: &[u8],
    taken: &[Id],
    only_ids: bool,
) -> Result<(), ReplyError> {
    let record = call.node.write(call.at(), key).ok_or(ReplyError::NO_SUCH_KEY)?;
    let (stream, reply): (_, &mut ReplyWriter<'_>) = (stream_of(record)?, &mut call.reply);
    reply.array(taken.len());
    for id in taken {
        if only_ids {
            write::id(reply, *id);
        } else if let Some(entry) = stream.range(*id, *id).next() {
            write::entry(reply, &entry);
        }
    }
    Ok(())
}
