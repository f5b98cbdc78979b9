//! `XADD`, `XTRIM`, `XSETID`: where a stream grows at its end and shrinks at its beginning.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is, stream_of};
use crate::commands::streams::id::{self, NewId};
use crate::commands::streams::write;
use crate::data::stream::id::Id;
use crate::data::stream::trim::{Keep, Trim};
use crate::data::stream::{NodeLimits, Refusal, Stream};
use crate::data::value::Value;
use crate::execute::{Call, Origin};
use crate::notify::Class;

/// What stands between the key and the fields.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    keep: Option<Keep>,
    is_approximate: bool,
    /// Where the bound of trimming stands among the arguments.
    keep_at: usize,
    limit: Option<u64>,
    /// `NOMKSTREAM`: a stream that is not there is not made.
    may_not_make: bool,
}

const NOT_BOTH: ReplyError = ReplyError::from_static(
    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
);
const LIMIT_ALONE: ReplyError = ReplyError::from_static(
    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
);
const LIMIT_NOT_APPROXIMATE: ReplyError =
    ReplyError::from_static("ERR syntax error, LIMIT cannot be used without the special ~ option");

impl Options {
    /// Reads the option at `index`, if there is one: where the next one stands.
    fn take(&mut self, call: &Call<'_>, index: usize) -> Result<Option<usize>, ReplyError> {
        let has_value = index + 1 < call.args.len();
        let option = call.arg(index);
        if has_value && (is(option, "MAXLEN") || is(option, "MINID")) {
            return self.take_trim(call, index).map(Some);
        }
        if has_value && is(option, "LIMIT") {
            let limit = u64::try_from(integer(call.arg(index + 1))?);
            let error = ReplyError::from_static("ERR The LIMIT argument must be >= 0.");
            self.limit = Some(limit.map_err(|_| error)?);
            return Ok(Some(index + 2));
        }
        Ok(None)
    }

    fn take_trim(&mut self, call: &Call<'_>, index: usize) -> Result<usize, ReplyError> {
        if self.keep.is_some() {
            return Err(NOT_BOTH);
        }
        let has_two = index + 2 < call.args.len();
        let sign = call.arg(index + 1);
        self.is_approximate = has_two && sign == b"~";
        let has_sign = self.is_approximate || has_two && sign == b"=";
        let value = index + 1 + usize::from(has_sign);
        self.keep_at = value;
        self.keep = Some(if is(call.arg(index), "MAXLEN") {
            let count = u64::try_from(integer(call.arg(value))?);
            let error = ReplyError::from_static("ERR The MAXLEN argument must be >= 0.");
            Keep::Newest(count.map_err(|_| error)?)
        } else {
            Keep::From(id::exact(call.arg(value))?)
        });
        Ok(value + 1)
    }

    /// What is to be trimmed, if anything. What is repeated has its limit behind it: the bound says what came out.
    fn trim(&self, call: &Call<'_>) -> Result<Option<Trim>, ReplyError> {
        let is_approximate = self.is_approximate;
        if call.origin == Origin::Replay {
            return Ok(self.keep.map(|keep| Trim { keep, is_approximate, limit: 0 }));
        }
        if self.keep.is_none() && self.limit.is_some_and(|limit| limit > 0) {
            return Err(LIMIT_ALONE);
        }
        if self.limit.is_some() && !is_approximate {
            return Err(LIMIT_NOT_APPROXIMATE);
        }
        let limit = match self.limit {
            Some(limit) => limit,
            None if is_approximate => default_limit(call.node.config.settings().stream_node_limits),
            None => 0,
        };
        Ok(self.keep.map(|keep| Trim { keep, is_approximate, limit }))
    }
}

/// How many entries approximate trimming removes at most where the client does not say: so many nodes' worth that
/// nobody else waits for long.
///
/// Source: redis `src/t_stream.c` streamParseAddOrTrimArgsOrReply.
fn default_limit(limits: NodeLimits) -> u64 {
    const NODES: u64 = 100;
    const WITHOUT_NODE_LIMIT: u64 = 10_000;
    const MAX: u64 = 1_000_000;
    match limits.entries.saturating_mul(NODES) {
        0 => WITHOUT_NODE_LIMIT,
        limit => limit.min(MAX),
    }
}

pub(super) fn xadd(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    let limits = call.node.config.settings().stream_node_limits;
    let (options, id, words_at) = parse_new(call)?;
    let trim = options.trim(call)?;
    let words = call.args.iter().skip(words_at);
    let (Some(id), true) = (id, words.len() >= 2 && words.len() % 2 == 0) else {
        return Err(ReplyError::wrong_arity(call.spec.name));
    };
    if id == NewId::Exactly(Id::MIN) {
        return Err(ReplyError::new("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let at = call.at();
    if call.node.write(at, key).is_none() {
        if options.may_not_make {
            call.reply.null();
            return Ok(());
        }
        let empty = Value::Stream(Box::default());
        call.node.databases[at.db].insert(key, empty, None, at.now_ms);
    }
    let record = call.node.write(at, key).ok_or(ReplyError::NO_SUCH_KEY)?;
    let stream = stream_of(record)?;
    let is_given = matches!(id, NewId::Exactly(_));
    let id = add(stream, id, words, limits, at.now_ms)?;
    let trimmed = trim.map_or(0, |trim| stream.trim(&trim));
    propagate(call, &options, (!is_given).then_some((words_at - 1, id)))?;
    call.changed(key);
    call.notify(Class::Stream, "xadd", key);
    if trimmed > 0 {
        call.notify(Class::Stream, "xtrim", key);
    }
    write::id(&mut call.reply, id);
    Ok(())
}

/// The command with the ID that a new entry got, and with the bound of trimming that came out of an approximate one:
/// elsewhere nodes of entries may begin at other places.
fn propagate(
    call: &mut Call<'_>,
    options: &Options,
    new: Option<(usize, Id)>,
) -> Result<(), ReplyError> {
    if !call.node.effects.are_wanted() {
        return Ok(());
    }
    let record = call.node.write(call.at(), call.arg(1)).ok_or(ReplyError::NO_SUCH_KEY)?;
    let stream = stream_of(record)?;
    let bound = match options.keep {
        Some(Keep::Newest(_)) => stream.marks().len.to_string().into_bytes(),
        // What was kept begins here; where nothing is left, nothing is to be kept.
        Some(Keep::From(_)) => {
            let first = stream.range(Id::MIN, Id::MAX).next();
            first.map_or(Id::MAX, |entry| entry.id).text().as_bytes().to_vec()
        }
        None => Vec::new(),
    };
    let id = new.map(|(at, id)| (at, id.text()));
    let mut replaced: Vec<(usize, &[u8])> = Vec::new();
    if options.is_approximate {
        replaced
            .extend([(options.keep_at - 1, b"=".as_slice()), (options.keep_at, bound.as_slice())]);
    }
    replaced.extend(id.iter().map(|(at, id)| (*at, id.as_bytes())));
    call.propagate_with(&replaced);
    Ok(())
}

/// Reads what stands before the fields: options, the ID if there is one, and where the fields begin.
fn parse_new(call: &Call<'_>) -> Result<(Options, Option<NewId>, usize), ReplyError> {
    let mut options = Options::default();
    let mut index = 2;
    while index < call.args.len() {
        let arg = call.arg(index);
        // A star is an ID wherever it stands; other words are IDs if they are no options.
        if arg != b"*"
            && let Some(next) = options.take(call, index)?
        {
            index = next;
        } else if is(arg, "NOMKSTREAM") {
            options.may_not_make = true;
            index += 1;
        } else {
            return Ok((options, Some(id::new(arg)?), index + 1));
        }
    }
    Ok((options, None, index))
}

/// Finds the ID of a new entry and adds it.
fn add<'a>(
    stream: &mut Stream,
    id: NewId,
    words: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    limits: NodeLimits,
    now_ms: i64,
) -> Result<Id, ReplyError> {
    let last_id = stream.marks().last_id;
    let next_id = last_id.next().ok_or(ReplyError::from_static(
        "ERR The stream has exhausted the last possible ID, unable to add more items",
    ))?;
    let id = match id {
        NewId::Exactly(id) => Some(id),
        NewId::NextAt(ms) => stream.next_at(ms),
        // A clock that went back does not matter.
        NewId::Auto => Some(next_id.max(Id { ms: now_ms.unsigned_abs(), seq: 0 })),
    };
    let result = match id {
        Some(id) => stream.append(id, words, limits).map(|()| id),
        // A time without another number counts as too large an entry in a Redis.
        None => Err(Refusal::TooLarge),
    };
    result.map_err(|refusal| match refusal {
        Refusal::NotLarger => ReplyError::new(
            "ERR The ID specified in XADD is equal or smaller than the target stream top item",
        ),
        Refusal::TooLarge => ReplyError::new("ERR Elements are too large to be stored"),
    })
}

pub(super) fn xtrim(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    let mut options = Options::default();
    let mut index = 2;
    while index < call.args.len() {
        index = options.take(call, index)?.ok_or(ReplyError::SYNTAX)?;
    }
    let needed =
        ReplyError::from_static("ERR syntax error, XTRIM must be called with a trimming strategy");
    let trim = match options.keep {
        None if options.limit.unwrap_or(0) == 0 => return Err(needed),
        _ => options.trim(call)?.ok_or(needed)?,
    };
    let removed = match call.node.write(call.at(), key) {
        Some(record) => stream_of(record)?.trim(&trim),
        None => 0,
    };
    if removed > 0 {
        propagate(call, &options, None)?;
        call.node.lost_some(call.client.db, key);
        call.notify(Class::Stream, "xtrim", key);
    }
    call.reply.integer(removed.cast_signed());
    Ok(())
}

pub(super) fn xsetid(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(1);
    let last_id = id::exact(call.arg(2))?;
    let (mut entries_added, mut max_deleted_id) = (None, Id::MIN);
    for index in (3..call.args.len()).step_by(2) {
        let (option, value) = (call.arg(index), call.args.get(index + 1));
        let value = value.ok_or(ReplyError::SYNTAX)?;
        if is(option, "ENTRIESADDED") {
            let count = u64::try_from(integer(value)?);
            let error = ReplyError::from_static("ERR entries_added must be positive");
            entries_added = Some(count.map_err(|_| error)?);
        } else if is(option, "MAXDELETEDID") {
            max_deleted_id = id::exact(value)?;
            check(last_id >= max_deleted_id, "the provided max_deleted_entry_id")?;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    let record = call.node.write(call.at(), key).ok_or(ReplyError::NO_SUCH_KEY)?;
    let stream = stream_of(record)?;
    let marks = stream.marks();
    if let Some(top) = stream.last_entry_id() {
        check(last_id >= top, "the target stream top item")?;
        if entries_added.is_some_and(|count| count < marks.len) {
            return Err(ReplyError::new(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
    }
    let max_deleted_id = Some(max_deleted_id).filter(|id| *id != Id::MIN);
    stream.set_marks(last_id, max_deleted_id, entries_added);
    call.node.changes += 1;
    call.notify(Class::Stream, "xsetid", key);
    call.reply.ok();
    Ok(())
}

/// Refuses an ID that is smaller than `what`.
fn check(is_fine: bool, what: &str) -> Result<(), ReplyError> {
    if is_fine {
        return Ok(());
    }
    Err(ReplyError::new(format!("ERR The ID specified in XSETID is smaller than {what}")))
}
