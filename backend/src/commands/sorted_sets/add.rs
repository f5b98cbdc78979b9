//! `ZADD` and `ZINCRBY`: scores given or raised, under conditions.

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use crate::commands::argument::{float, is, sorted_set_of};
use crate::data::sorted_set::SortedSet;
use crate::data::value::Value;
use crate::execute::Call;
use crate::notify::Class;

/// What stands before the scores.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    /// Only members that are not there.
    is_new_only: bool,
    /// Only members that are there.
    is_old_only: bool,
    /// Only if the score becomes greater.
    raises_only: bool,
    /// Only if the score becomes less.
    lowers_only: bool,
    /// Scores are added to those that members have.
    increments: bool,
    /// Count changed scores in the reply, too.
    counts_changes: bool,
}

impl Options {
    /// Takes a word in, if it is an option.
    fn read(&mut self, word: &[u8]) -> bool {
        let option = match () {
            () if is(word, "NX") => &mut self.is_new_only,
            () if is(word, "XX") => &mut self.is_old_only,
            () if is(word, "CH") => &mut self.counts_changes,
            () if is(word, "INCR") => &mut self.increments,
            () if is(word, "GT") => &mut self.raises_only,
            () if is(word, "LT") => &mut self.lowers_only,
            () => return false,
        };
        *option = true;
        true
    }

    fn check(self, members: usize) -> Result<(), ReplyError> {
        let Options { is_new_only: nx, is_old_only: xx, raises_only: gt, lowers_only: lt, .. } =
            self;
        if nx && xx {
            return Err(ReplyError::new(
                "ERR XX and NX options at the same time are not compatible",
            ));
        }
        if [gt, lt, nx].into_iter().filter(|is_given| *is_given).count() > 1 {
            return Err(ReplyError::new(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if self.increments && members > 1 {
            return Err(ReplyError::new(
                "ERR INCR option supports a single increment-element pair",
            ));
        }
        Ok(())
    }

    /// The score that a member is to have, and what becomes of it by that.
    fn decide(self, before: Option<f64>, given: f64) -> Outcome {
        let Some(before) = before else {
            return if self.is_old_only { Outcome::Left } else { Outcome::Added(given) };
        };
        if self.is_new_only {
            return Outcome::Left;
        }
        let score = if self.increments { before + given } else { given };
        if score.is_nan() {
            return Outcome::NotANumber;
        }
        if self.lowers_only && score >= before || self.raises_only && score <= before {
            Outcome::Left
        } else if score == before {
            Outcome::Same(score)
        } else {
            Outcome::Changed(score)
        }
    }
}

/// What became of one member.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Added(f64),
    Changed(f64),
    /// It has the score already.
    Same(f64),
    /// A condition did not hold.
    Left,
    NotANumber,
}

impl Outcome {
    /// The score to be written.
    fn to_write(self) -> Option<f64> {
        match self {
            Outcome::Added(score) | Outcome::Changed(score) => Some(score),
            Outcome::Same(_) | Outcome::Left | Outcome::NotANumber => None,
        }
    }
}

/// What became of all members.
#[derive(Debug, Default)]
struct Tally {
    added: i64,
    changed: i64,
    /// The score of the last member; `None` if it was left alone.
    score: Option<f64>,
}

impl Tally {
    fn count(&mut self, outcome: Outcome) {
        self.score = None;
        match outcome {
            Outcome::Added(score) => (self.added, self.score) = (self.added + 1, Some(score)),
            Outcome::Changed(score) => (self.changed, self.score) = (self.changed + 1, Some(score)),
            Outcome::Same(score) => self.score = Some(score),
            Outcome::Left | Outcome::NotANumber => {}
        }
    }
}

/// `ZADD`, or `ZINCRBY` if `increments`, whose arguments are those of `ZADD` with `INCR`.
pub(in crate::commands) fn add(call: &mut Call<'_>, increments: bool) -> Result<(), ReplyError> {
    add_from(call, call.args, increments)
}

/// As [`add`], with arguments that need not be those of the client.
pub(in crate::commands) fn add_from(
    call: &mut Call<'_>,
    args: Args<'_>,
    increments: bool,
) -> Result<(), ReplyError> {
    let mut options = Options { increments, ..Options::default() };
    let words = args.iter().skip(2).take_while(|word| options.read(word)).count();
    let given = args.iter().skip(2 + words);
    let members = given.len() / 2;
    if members == 0 || !given.len().is_multiple_of(2) {
        return Err(ReplyError::SYNTAX);
    }
    options.check(members)?;
    let scores: Vec<f64> = given.clone().step_by(2).map(float).collect::<Result<_, _>>()?;
    let names = given.skip(1).step_by(2);
    let tally = add_members(
        call,
        args.get(1).unwrap_or_default(),
        options,
        scores.iter().copied().zip(names),
    )?;
    if !options.increments {
        call.reply.integer(tally.added + if options.counts_changes { tally.changed } else { 0 });
    } else if let Some(score) = tally.score {
        call.reply.double(score);
    } else {
        call.reply.null();
    }
    Ok(())
}

fn add_members<'a>(
    call: &mut Call<'_>,
    key: &[u8],
    options: Options,
    members: impl Iterator<Item = (f64, &'a [u8])> + Clone,
) -> Result<Tally, ReplyError> {
    let limits = call.node.config.settings().sorted_set_limits;
    let mut made = None;
    let set = match call.node.write(call.at(), key) {
        Some(record) => sorted_set_of(record)?,
        None if options.is_old_only => return Ok(Tally::default()),
        None => {
            let first_name_len = members.clone().next().map_or(0, |(_, name)| name.len());
            made.insert(SortedSet::new(&limits, first_name_len))
        }
    };
    let mut tally = Tally::default();
    for (score, name) in members {
        let mut outcome = Outcome::Left;
        set.update(name, &limits, |before| {
            outcome = options.decide(before, score);
            outcome.to_write()
        });
        if matches!(outcome, Outcome::NotANumber) {
            // Only an increment can come to this, and it stands alone: nothing has changed yet.
            return Err(ReplyError::new("ERR resulting score is not a number (NaN)"));
        }
        tally.count(outcome);
    }
    if let Some(set) = made {
        call.create(key, Value::SortedSet(set));
    }
    if tally.added + tally.changed > 0 {
        call.changed(key);
        call.notify(Class::SortedSet, if options.increments { "zincr" } else { "zadd" }, key);
    }
    Ok(tally)
}
