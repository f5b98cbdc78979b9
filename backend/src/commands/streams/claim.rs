//! `XCLAIM`, `XAUTOCLAIM`: pending entries taken over by another consumer.

use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is, quoted, stream_of};
use crate::commands::streams::{group, id, no_group, write};
use crate::data::stream::Stream;
use crate::data::stream::group::ConsumerId;
use crate::data::stream::id::Id;
use crate::execute::Call;

/// The group's stream, which must be there.
fn stream_of_group<'c>(call: &'c mut Call<'_>) -> Result<&'c mut Stream, ReplyError> {
    let (key, group) = (call.arg(1), call.arg(2));
    match call.node.read(call.at(), key) {
        Some(record) => {
            let stream = stream_of(record)?;
            if stream.group(group).is_some() { Ok(stream) } else { Err(no_group(key, group, "")) }
        }
        None => Err(no_group(key, group, "")),
    }
}

fn idle_min(call: &Call<'_>) -> Result<i64, ReplyError> {
    named_integer(call.arg(4), || format!("min-idle-time argument for {}", command_name(call)))
        .map(|idle| idle.max(0))
}

/// A number; `what` it is goes into the error.
fn named_integer(arg: &[u8], what: impl FnOnce() -> String) -> Result<i64, ReplyError> {
    integer(arg).map_err(|_| ReplyError::new(format!("ERR Invalid {}", what())))
}

fn command_name(call: &Call<'_>) -> String {
    call.spec.name.to_ascii_uppercase()
}

/// How entries are claimed.
#[derive(Clone, Copy, Debug)]
struct Claim {
    idle_min_ms: i64,
    /// When the entries count as given out.
    delivered_at_ms: Option<i64>,
    /// How often they count as given out.
    deliveries: Option<u64>,
    /// Claims what is pending at nobody.
    forces: bool,
    only_ids: bool,
    /// The group has come so far at least.
    last_id: Id,
}

fn parse_claim(call: &Call<'_>, mut index: usize, idle_min_ms: i64) -> Result<Claim, ReplyError> {
    let mut claim = Claim::of_idle(idle_min_ms);
    let number = |arg: &[u8], option: &str| {
        named_integer(arg, || format!("{option} option argument for XCLAIM"))
    };
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
                let idle = number(value, "IDLE")?;
                claim.delivered_at_ms = Some(call.now_ms.wrapping_sub(idle));
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
    Ok(claim)
}

pub(super) fn xclaim(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, group_name, now_ms) = (call.arg(1), call.arg(2), call.now_ms);
    stream_of_group(call)?;
    let idle_min_ms = idle_min(call)?;
    let ids: Vec<Id> = call.args.iter().skip(5).map_while(|arg| id::exact(arg).ok()).collect();
    let claim = parse_claim(call, 5 + ids.len(), idle_min_ms)?;
    let Some(consumer) = group::consumer(call, key, group_name, call.arg(3))? else {
        return Ok(());
    };
    let record = call.node.write(call.at(), key).ok_or(ReplyError::NO_SUCH_KEY)?;
    let stream = stream_of(record)?;
    let (mut taken, mut changes) = (Vec::new(), 0);
    if let Some(group) = stream.group_mut(group_name)
        && claim.last_id > group.last_id
    {
        group.last_id = claim.last_id;
        changes += 1;
    }
    for id in ids {
        let outcome = claim.take(stream, group_name, id, consumer, now_ms);
        changes += u64::from(outcome != Outcome::Left);
        taken.extend(Some(id).filter(|_| outcome == Outcome::Taken));
    }
    write_taken(&mut call.reply, stream, &taken, claim.only_ids);
    call.node.changes += changes;
    Ok(())
}

/// What became of an entry that was to be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Taken,
    /// The stream does not have it any more, so nobody can have it pending.
    Gone,
    /// It stays with whom it was, or with nobody.
    Left,
}

impl Claim {
    /// Claims what has been idle for so long.
    fn of_idle(idle_min_ms: i64) -> Claim {
        Claim {
            idle_min_ms,
            delivered_at_ms: None,
            deliveries: None,
            forces: false,
            only_ids: false,
            last_id: Id::MIN,
        }
    }

    fn take(
        &self,
        stream: &mut Stream,
        group: &[u8],
        id: Id,
        consumer: ConsumerId,
        now_ms: i64,
    ) -> Outcome {
        let exists = stream.contains(id);
        let Some(group) = stream.group_mut(group) else { return Outcome::Left };
        if !exists {
            return if group.acknowledge(id) { Outcome::Gone } else { Outcome::Left };
        }
        match group.pending().get(&id) {
            None if self.forces => group.deliver(id, consumer, now_ms),
            None => return Outcome::Left,
            Some(pending) => {
                let idle_ms = now_ms.wrapping_sub(pending.delivered_at_ms);
                if self.idle_min_ms > 0 && idle_ms < self.idle_min_ms {
                    return Outcome::Left;
                }
            }
        }
        let Some(pending) = group.hand_over(id, consumer) else { return Outcome::Left };
        // A time to come is a client's wrong arithmetic.
        let delivered_at_ms = self.delivered_at_ms.filter(|time| (0..=now_ms).contains(time));
        pending.delivered_at_ms = delivered_at_ms.unwrap_or(now_ms);
        pending.deliveries = match self.deliveries {
            Some(deliveries) => deliveries,
            None if self.only_ids => pending.deliveries,
            None => pending.deliveries.wrapping_add(1),
        };
        Outcome::Taken
    }
}

pub(super) fn xautoclaim(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (key, group_name, now_ms) = (call.arg(1), call.arg(2), call.now_ms);
    let mut claim = Claim::of_idle(idle_min(call)?);
    let mut next = Some(id::interval_start(call.arg(5))?);
    let mut count = parse_auto(call, &mut claim)?;
    stream_of_group(call)?;
    if count >= AUTO_COUNT_TOO_HIGH {
        return Err(ReplyError::new(
            "ERR Insufficient memory, failed allocating transient memory, COUNT too high.",
        ));
    }
    let Some(consumer) = group::consumer(call, key, group_name, call.arg(3))? else {
        return Ok(());
    };
    let record = call.node.write(call.at(), key).ok_or(ReplyError::NO_SUCH_KEY)?;
    let stream = stream_of(record)?;
    let next_pending = |stream: &Stream, from: Option<Id>| {
        let (id, _) = stream.group(group_name)?.pending().range(from?..).next()?;
        Some(*id)
    };
    let (mut taken, mut gone) = (Vec::new(), Vec::new());
    let mut attempts = count.saturating_mul(AUTO_ATTEMPTS);
    while attempts > 0
        && count > 0
        && let Some(id) = next_pending(stream, next)
    {
        next = id.next();
        attempts -= 1;
        match claim.take(stream, group_name, id, consumer, now_ms) {
            Outcome::Taken => taken.push(id),
            Outcome::Gone => gone.push(id),
            Outcome::Left => continue,
        }
        count -= 1;
    }
    let reply = &mut call.reply;
    reply.array(3);
    write::id(reply, next_pending(stream, next).unwrap_or(Id::MIN));
    write_taken(reply, stream, &taken, claim.only_ids);
    reply.array(gone.len());
    gone.iter().for_each(|id| write::id(reply, *id));
    call.node.changes += (taken.len() + gone.len()) as u64;
    Ok(())
}

/// Pending entries looked at for each that may be claimed, at most (count).
const AUTO_ATTEMPTS: i64 = 10;

/// A count for which a Redis finds no memory: it asks for 16 bytes for each ahead, and addresses have 47 bits.
const AUTO_COUNT_TOO_HIGH: i64 = (1 << 47) / 16;

/// The options of `XAUTOCLAIM`: how many entries it claims at most.
fn parse_auto(call: &Call<'_>, claim: &mut Claim) -> Result<i64, ReplyError> {
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

/// Answers the entries that were claimed.
fn write_taken(reply: &mut ReplyWriter<'_>, stream: &Stream, taken: &[Id], only_ids: bool) {
    reply.array(taken.len());
    for id in taken {
        if only_ids {
            write::id(reply, *id);
        } else if let Some(entry) = stream.range(*id, *id).next() {
            write::entry(reply, &entry);
        }
    }
}
