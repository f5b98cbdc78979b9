//! Parts of a sorted set: by rank, by score or by name, from either end, sent or stored.

use std::ops::Range;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is};
use crate::commands::positions::elements_between;
use crate::commands::results::Answered;
use crate::commands::sorted_sets::{bounds, read_set, reply_with_count, store, write_members};
use crate::data::sorted_set::range::{LexRange, ScoreRange};
use crate::data::sorted_set::{Direction, SortedSet, Walk};
use crate::execute::Call;

/// By what a range is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Name,
}

/// A range, as given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Span<'a> {
    /// Both included; negative ones count from the end.
    Ranks(i64, i64),
    Scores(ScoreRange),
    Names(LexRange<'a>),
}

impl Span<'_> {
    /// The ranks it means, counted from the lowest score up.
    pub(super) fn ranks(&self, set: &SortedSet, direction: Direction) -> Range<usize> {
        match self {
            Span::Ranks(start, end) => {
                let len = set.len();
                let ranks = elements_between(*start, *end, len);
                match direction {
                    Direction::Forward => ranks,
                    Direction::Backward => len - ranks.end..len - ranks.start,
                }
            }
            Span::Scores(range) => set.ranks_by_score(range),
            Span::Names(range) => set.ranks_by_name(range, direction),
        }
    }
}

/// What a range command does beside what its name says.
struct Options {
    by: By,
    direction: Direction,
    with_scores: bool,
    offset: i64,
    /// Negative for all.
    limit: i64,
}

/// A range command: what its name says of the range, if anything.
#[derive(Clone, Copy)]
struct Form {
    by: Option<By>,
    direction: Option<Direction>,
    /// Whether the result is stored; the first argument is the target then.
    stores: bool,
}

pub(super) fn zrange(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run(call, Form { by: None, direction: None, stores: false })
}

pub(super) fn zrangestore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run(call, Form { by: None, direction: None, stores: true })
}

pub(super) fn zrevrange(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run_by(call, By::Rank, Direction::Backward)
}

pub(super) fn zrangebyscore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run_by(call, By::Score, Direction::Forward)
}

pub(super) fn zrevrangebyscore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run_by(call, By::Score, Direction::Backward)
}

pub(super) fn zrangebylex(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run_by(call, By::Name, Direction::Forward)
}

pub(super) fn zrevrangebylex(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run_by(call, By::Name, Direction::Backward)
}

fn run_by(call: &mut Call<'_>, by: By, direction: Direction) -> Result<(), ReplyError> {
    run(call, Form { by: Some(by), direction: Some(direction), stores: false })
}

fn run(call: &mut Call<'_>, form: Form) -> Result<(), ReplyError> {
    let source = if form.stores { 2 } else { 1 };
    let options = parse_options(call, form, source + 3)?;
    let (first, second) = (call.arg(source + 1), call.arg(source + 2));
    // From the highest score down, the bounds are given in that order, too.
    let is_swapped = options.direction == Direction::Backward && options.by != By::Rank;
    let (min, max) = if is_swapped { (second, first) } else { (first, second) };
    let span = match options.by {
        By::Rank => Span::Ranks(integer(min)?, integer(max)?),
        By::Score => Span::Scores(bounds::scores(min, max)?),
        By::Name => Span::Names(bounds::names(min, max)?),
    };
    let limits = call.node.config.settings().sorted_set_limits;
    let found = read_set(call.node, call.at(), call.arg(source))?;
    let members = found.map(|set| {
        let ranks = limited(span.ranks(set, options.direction), &options);
        set.walk(ranks, options.direction)
    });
    if form.stores {
        // How many there are is known only of ranks before they are walked.
        let count = members.as_ref().filter(|_| options.by == By::Rank).map_or(0, Walk::len);
        let mut set = SortedSet::with_room(&limits, count);
        for (name, score) in members.into_iter().flatten() {
            set.update(name.bytes(&mut itoa::Buffer::new()), &limits, |_| Some(score));
        }
        store(call, call.arg(1), set, "zrangestore", Answered::BeforeEvents);
    } else if let Some(members) = members {
        write_members(&mut call.reply, members, options.with_scores);
    } else {
        call.reply.array(0);
    }
    Ok(())
}

fn parse_options(call: &Call<'_>, form: Form, mut index: usize) -> Result<Options, ReplyError> {
    let (mut by, mut direction) = (form.by, form.direction);
    let (mut with_scores, mut offset, mut limit) = (false, 0, -1);
    while index < call.args.len() {
        let option = call.arg(index);
        if !form.stores && is(option, "WITHSCORES") {
            with_scores = true;
        } else if is(option, "LIMIT") && index + 2 < call.args.len() {
            (offset, limit) = (integer(call.arg(index + 1))?, integer(call.arg(index + 2))?);
            index += 2;
        } else if form.direction.is_none() && direction.is_none() && is(option, "REV") {
            direction = Some(Direction::Backward);
        } else if by.is_none() && is(option, "BYLEX") {
            by = Some(By::Name);
        } else if by.is_none() && is(option, "BYSCORE") {
            by = Some(By::Score);
        } else {
            return Err(ReplyError::SYNTAX);
        }
        index += 1;
    }
    let (by, direction) = (by.unwrap_or(By::Rank), direction.unwrap_or(Direction::Forward));
    if limit != -1 && by == By::Rank {
        return Err(ReplyError::new(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ));
    }
    if with_scores && by == By::Name {
        return Err(ReplyError::new(
            "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        ));
    }
    Ok(Options { by, direction, with_scores, offset, limit })
}

/// What `LIMIT` leaves of some ranks, from the end at which they are begun.
fn limited(ranks: Range<usize>, options: &Options) -> Range<usize> {
    if options.by == By::Rank {
        return ranks;
    }
    // A negative offset passes over everything.
    let skipped = usize::try_from(options.offset).unwrap_or(usize::MAX).min(ranks.len());
    let taken = usize::try_from(options.limit).unwrap_or(usize::MAX).min(ranks.len() - skipped);
    match options.direction {
        Direction::Forward => ranks.start + skipped..ranks.start + skipped + taken,
        Direction::Backward => ranks.end - skipped - taken..ranks.end - skipped,
    }
}

pub(super) fn zcount(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let span = Span::Scores(bounds::scores(call.arg(2), call.arg(3))?);
    count(call, &span)
}

pub(super) fn zlexcount(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let span = Span::Names(bounds::names(call.arg(2), call.arg(3))?);
    count(call, &span)
}

fn count(call: &mut Call<'_>, span: &Span<'_>) -> Result<(), ReplyError> {
    let set = read_set(call.node, call.at(), call.arg(1))?;
    let count = set.map_or(0, |set| span.ranks(set, Direction::Forward).len());
    reply_with_count(call, count);
    Ok(())
}
