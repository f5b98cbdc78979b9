//! Several sorted sets made one: unions, intersections and differences. Sets count as members with score 1.
//!
//! Source: redis `src/t_zset.c` zunionInterDiffGenericCommand, for the order in which scores are added up.

use std::collections::HashMap;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{float, integer, is, whole_number};
use crate::commands::elements::reply_with_entry;
use crate::commands::results::Answered;
use crate::commands::sorted_sets::{reply_with_count, store, write_pair, write_pairs_head};
use crate::data::keyspace::Keyspace;
use crate::data::listpack::Entry;
use crate::data::set::Set;
use crate::data::sorted_set::{SortedSet, sort};
use crate::data::value::Value;
use crate::execute::Call;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// What becomes of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Reply,
    /// Only how many there are is asked for.
    Count,
    /// Written to the key that is the first argument, by the command that this event names.
    Store(&'static str),
}

pub(super) fn zunion(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run(call, Operation::Union, Purpose::Reply)
}

pub(super) fn zinter(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run(call, Operation::Intersection, Purpose::Reply)
}

pub(super) fn zdiff(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run(call, Operation::Difference, Purpose::Reply)
}

pub(super) fn zunionstore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run(call, Operation::Union, Purpose::Store("zunionstore"))
}

pub(super) fn zinterstore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run(call, Operation::Intersection, Purpose::Store("zinterstore"))
}

pub(super) fn zdiffstore(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run(call, Operation::Difference, Purpose::Store("zdiffstore"))
}

pub(super) fn zintercard(call: &mut Call<'_>) -> Result<(), ReplyError> {
    run(call, Operation::Intersection, Purpose::Count)
}

fn run(call: &mut Call<'_>, operation: Operation, purpose: Purpose) -> Result<(), ReplyError> {
    let count_at = if matches!(purpose, Purpose::Store(_)) { 2 } else { 1 };
    let keys = parse_keys(call, count_at)?;
    for key in &keys {
        if let Some(record) = call.node.read(call.at(), key) {
            Source::of(&record.value)?;
        }
    }
    let options = Options::parse(call, count_at + 1 + keys.len(), keys.len(), operation, purpose)?;
    let database = &call.node.databases[call.client.db];
    let mut inputs = inputs(database, &keys, &options.weights);
    if operation != Operation::Difference {
        // In this order scores are added up, which shows in their last digits.
        inputs.sort_by_key(Input::len);
    }
    let members = match operation {
        Operation::Union => union(&inputs, options.aggregate),
        Operation::Intersection => intersection(&inputs, options.aggregate, options.limit),
        Operation::Difference => difference(&inputs),
    };
    match purpose {
        Purpose::Count => reply_with_count(call, members.len()),
        Purpose::Store(event) => {
            let limits = call.node.config.settings().sorted_set_limits;
            let set = SortedSet::from_members(members, &limits);
            store(call, call.arg(1), set, event, Answered::BeforeEvents);
        }
        Purpose::Reply => reply(call, members, options.with_scores),
    }
    Ok(())
}

fn reply(call: &mut Call<'_>, mut members: Vec<(Vec<u8>, f64)>, with_scores: bool) {
    sort(&mut members);
    if with_scores {
        write_pairs_head(&mut call.reply, members.len());
    } else {
        call.reply.array(members.len());
    }
    for (name, score) in &members {
        let name = Entry::String(name);
        if with_scores {
            write_pair(&mut call.reply, name, *score);
        } else {
            reply_with_entry(&mut call.reply, name);
        }
    }
}

fn parse_keys<'a>(call: &Call<'a>, count_at: usize) -> Result<Vec<&'a [u8]>, ReplyError> {
    let count = integer(call.arg(count_at))?;
    let count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or_else(|| {
        ReplyError::new(format!(
            "ERR at least 1 input key is needed for '{}' command",
            call.spec.name
        ))
    })?;
    if count > call.args.len() - count_at - 1 {
        return Err(ReplyError::SYNTAX);
    }
    Ok(call.args.iter().skip(count_at + 1).take(count).collect())
}

struct Options {
    /// One for each key.
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// Members after which an intersection may stop; `None` for all.
    limit: Option<usize>,
}

impl Options {
    fn parse(
        call: &Call<'_>,
        mut index: usize,
        keys: usize,
        operation: Operation,
        purpose: Purpose,
    ) -> Result<Options, ReplyError> {
        let mut options = Options {
            weights: vec![1.0; keys],
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: None,
        };
        let has_weights = operation != Operation::Difference && purpose != Purpose::Count;
        while index < call.args.len() {
            let (option, left) = (call.arg(index), call.args.len() - index);
            if has_weights && left > keys && is(option, "WEIGHTS") {
                for weight in &mut options.weights {
                    index += 1;
                    *weight = float(call.arg(index))
                        .map_err(|_| ReplyError::new("ERR weight value is not a float"))?;
                }
            } else if has_weights && left >= 2 && is(option, "AGGREGATE") {
                index += 1;
                options.aggregate = Aggregate::parse(call.arg(index)).ok_or(ReplyError::SYNTAX)?;
            } else if purpose == Purpose::Reply && is(option, "WITHSCORES") {
                options.with_scores = true;
            } else if purpose == Purpose::Count && left >= 2 && is(option, "LIMIT") {
                index += 1;
                let limit = whole_number(call.arg(index), 0, "ERR LIMIT can't be negative")?;
                options.limit = Some(limit).filter(|limit| *limit > 0);
            } else {
                return Err(ReplyError::SYNTAX);
            }
            index += 1;
        }
        Ok(options)
    }
}

/// What becomes of the scores that a member has in several inputs.
#[derive(Clone, Copy, Debug)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn parse(word: &[u8]) -> Option<Aggregate> {
        let words = [("SUM", Aggregate::Sum), ("MIN", Aggregate::Min), ("MAX", Aggregate::Max)];
        words.into_iter().find(|(name, _)| is(word, name)).map(|(_, aggregate)| aggregate)
    }

    fn join(self, sum: f64, score: f64) -> f64 {
        match self {
            Aggregate::Sum => zero_if_nan(sum + score),
            Aggregate::Min if score < sum => score,
            Aggregate::Max if score > sum => score,
            Aggregate::Min | Aggregate::Max => sum,
        }
    }
}

/// Opposite infinities make zero, here.
fn zero_if_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// One of the collections that are combined.
struct Input<'a> {
    /// `None` if the key is not there.
    source: Option<Source<'a>>,
    weight: f64,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    SortedSet(&'a SortedSet),
    Set(&'a Set),
}

/// The score of a set's members.
const SET_SCORE: f64 = 1.0;

impl<'a> Source<'a> {
    fn of(value: &'a Value) -> Result<Source<'a>, ReplyError> {
        match value {
            Value::SortedSet(set) => Ok(Source::SortedSet(set)),
            Value::Set(set) => Ok(Source::Set(set)),
            _ => Err(ReplyError::WRONG_TYPE),
        }
    }

    fn len(self) -> usize {
        match self {
            Source::SortedSet(set) => set.len(),
            Source::Set(set) => set.len(),
        }
    }

    fn score(self, name: &[u8]) -> Option<f64> {
        match self {
            Source::SortedSet(set) => set.score(name),
            Source::Set(set) => set.contains(name).then_some(SET_SCORE),
        }
    }

    fn iter(self) -> impl Iterator<Item = (Entry<'a>, f64)> {
        let (sorted, plain) = match self {
            Source::SortedSet(set) => (Some(set.iter()), None),
            Source::Set(set) => (None, Some(set.iter())),
        };
        let plain = plain.into_iter().flatten().map(|name| (name, SET_SCORE));
        sorted.into_iter().flatten().chain(plain)
    }
}

fn inputs<'a>(database: &'a Keyspace, keys: &[&[u8]], weights: &[f64]) -> Vec<Input<'a>> {
    let source = |key: &&[u8]| database.record(key).and_then(|r| Source::of(&r.value).ok());
    keys.iter()
        .zip(weights)
        .map(|(key, weight)| Input { source: source(key), weight: *weight })
        .collect()
}

impl<'a> Input<'a> {
    fn len(&self) -> usize {
        self.source.map_or(0, Source::len)
    }

    fn score(&self, name: &[u8]) -> Option<f64> {
        Some(self.source?.score(name)? * self.weight)
    }

    /// Members with their weighted scores.
    fn iter(&self) -> impl Iterator<Item = (Entry<'a>, f64)> {
        let weight = self.weight;
        let members = self.source.into_iter().flat_map(Source::iter);
        members.map(move |(name, score)| (name, zero_if_nan(score * weight)))
    }
}

fn union(inputs: &[Input<'_>], aggregate: Aggregate) -> Vec<(Vec<u8>, f64)> {
    let mut sums: HashMap<Vec<u8>, f64> = HashMap::new();
    for (name, score) in inputs.iter().flat_map(Input::iter) {
        sums.entry(name.to_vec())
            .and_modify(|sum| *sum = aggregate.join(*sum, score))
            .or_insert(score);
    }
    sums.into_iter().collect()
}

fn intersection(
    inputs: &[Input<'_>],
    aggregate: Aggregate,
    limit: Option<usize>,
) -> Vec<(Vec<u8>, f64)> {
    let Some((smallest, others)) = inputs.split_first() else { return Vec::new() };
    let in_all = smallest.iter().filter_map(|(name, score)| {
        let name = name.to_vec();
        let sum = others
            .iter()
            .try_fold(score, |sum, other| Some(aggregate.join(sum, other.score(&name)?)))?;
        Some((name, sum))
    });
    in_all.take(limit.unwrap_or(usize::MAX)).collect()
}

fn difference(inputs: &[Input<'_>]) -> Vec<(Vec<u8>, f64)> {
    let Some((first, others)) = inputs.split_first() else { return Vec::new() };
    let members = first.iter().map(|(name, score)| (name.to_vec(), score));
    members.filter(|(name, _)| others.iter().all(|other| other.score(name).is_none())).collect()
}
