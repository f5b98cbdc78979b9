//! Which arguments of a request are keys.
//!
//! In: a row and the arguments of one request. Out: argument positions, in the order in which a Redis names
//! them to `COMMAND GETKEYS`; nothing is allocated.
//! Most rows have their keys at fixed positions, and those cost a comparison or two. The others are described
//! by [`KeySpec`]s; where the specs fail, a few commands have rules by hand (`keys/odd.rs`), as in a Redis.
//!
//! Invariant: every position given is below `args.len()`, whatever the arguments are.
//!
//! Spec: <https://valkey.io/topics/key-specs/>. Source: redis `src/db.c` getKeysFromCommandWithSpecs.

mod odd;

use thiserror::Error;

use crate::command::CommandSpec;
use crate::command::flags::CommandFlags;
use crate::command::key_spec::{BeginSearch, FindKeys, KeyAccess, KeySpec};
use crate::request::{Args, parse_integer};

/// The arguments do not say which keys are meant: the command cannot run.
///
/// Any node refuses such a request in the right words, as long as it holds no keys that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the arguments do not tell the keys")]
pub struct KeysError;

/// Some keys at equal distances. Invariant: all positions are below the number of arguments.
#[derive(Clone, Copy, Debug, Default)]
struct KeyRun {
    first: u32,
    count: u32,
    step: u32,
    access: KeyAccess,
}

/// As many runs as a request can have: one per key spec.
const RUNS_MAX: usize = 3;

/// The keys of one request: an iterator over argument positions and what happens to each key.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    runs: [KeyRun; RUNS_MAX],
    runs_count: usize,
    /// The run that is being given out.
    run: usize,
    /// Keys of that run given so far.
    given: u32,
}

impl Keys {
    fn push(&mut self, run: KeyRun) {
        debug_assert!(self.runs_count < RUNS_MAX, "no row has more key specs");
        if run.count > 0 && self.runs_count < RUNS_MAX {
            self.runs[self.runs_count] = run;
            self.runs_count += 1;
        }
    }

    fn push_one(&mut self, index: usize, access: KeyAccess) {
        self.push(KeyRun { first: position(index), count: 1, step: 1, access });
    }

    fn is_empty(&self) -> bool {
        self.runs_count == 0
    }
}

impl Iterator for Keys {
    type Item = (u32, KeyAccess);

    #[inline]
    fn next(&mut self) -> Option<(u32, KeyAccess)> {
        if self.run >= self.runs_count {
            return None;
        }
        let run = self.runs[self.run];
        let index = run.first + self.given * run.step;
        self.given += 1;
        if self.given == run.count {
            self.run += 1;
            self.given = 0;
        }
        Some((index, run.access))
    }
}

/// How the keys of a row are found; made from its key specs while the crate is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyFinder {
    /// It has none.
    None,
    /// One, at this argument.
    One(u16),
    /// One spec whose range ends at the last argument.
    ToEnd { first: u16, step: u16 },
    /// Whatever the specs say.
    Specs,
}

impl KeyFinder {
    pub(super) const fn of(keys: &[KeySpec]) -> KeyFinder {
        if keys.is_empty() {
            return KeyFinder::None;
        }
        if keys.len() > RUNS_MAX {
            panic!("RUNS_MAX has to grow");
        }
        match (keys.len(), keys[0].begin, keys[0].find) {
            (1, BeginSearch::Index(first), FindKeys::Range { last: 0, .. }) => {
                KeyFinder::One(first)
            }
            (1, BeginSearch::Index(first), FindKeys::Range { last: -1, step, limit: 0 }) => {
                KeyFinder::ToEnd { first, step }
            }
            _ => KeyFinder::Specs,
        }
    }
}

impl CommandSpec {
    /// The position of its key, if every request of this row has one key, always there.
    #[inline]
    pub fn single_key_index(&self) -> Option<usize> {
        match self.finder {
            KeyFinder::One(index) => Some(usize::from(index)),
            KeyFinder::None | KeyFinder::ToEnd { .. } | KeyFinder::Specs => None,
        }
    }

    /// Whether some of its arguments can pick a slot: keys or shard channels.
    #[inline]
    pub fn has_keys(&self) -> bool {
        self.finder != KeyFinder::None
    }
}

/// Writes the positions of all keys and shard channels that pick the slot to `out`, after clearing it.
///
/// They are those of [`find_keys`] but for requests that name a place twice, or at an odd place: there they are what
/// the command uses.
///
/// No keys is a good answer: of a row without keys, and of one whose keys are optional
/// ([`CommandFlags::NO_MANDATORY_KEYS`]).
///
/// # Errors
/// [`KeysError`]: the arguments are no valid call. `out` is then empty.
#[inline]
pub fn key_indexes(
    spec: &CommandSpec,
    args: Args<'_>,
    out: &mut Vec<u32>,
) -> Result<(), KeysError> {
    out.clear();
    match spec.finder {
        KeyFinder::None => Ok(()),
        KeyFinder::One(index) => {
            if usize::from(index) >= args.len() {
                return Err(KeysError);
            }
            out.push(u32::from(index));
            Ok(())
        }
        KeyFinder::ToEnd { first, step } => {
            out.extend((u32::from(first)..position(args.len())).step_by(usize::from(step)));
            if out.is_empty() { Err(KeysError) } else { Ok(()) }
        }
        KeyFinder::Specs => {
            let keys = match odd::find_routed(spec, args) {
                Some(keys) if keys.is_empty() => return Err(KeysError),
                Some(keys) => keys,
                None => find_keys(spec, args)?,
            };
            out.extend(keys.map(|(index, _)| index));
            Ok(())
        }
    }
}

/// Calls `visit` with the position of each key and shard channel and what the command does with it.
///
/// # Errors
/// As [`key_indexes`]; `visit` has then not been called.
pub fn for_each_key(
    spec: &CommandSpec,
    args: Args<'_>,
    mut visit: impl FnMut(usize, KeyAccess),
) -> Result<(), KeysError> {
    for (index, access) in find_keys(spec, args)? {
        visit(index as usize, access);
    }
    Ok(())
}

/// The keys and shard channels of a request.
///
/// # Errors
/// As [`key_indexes`].
pub fn find_keys(spec: &CommandSpec, args: Args<'_>) -> Result<Keys, KeysError> {
    let by_specs = find_by_specs(spec.keys, args).map(|mut keys| {
        odd::adjust_access(spec.odd_keys, args, &mut keys);
        keys
    });
    let keys = match by_specs {
        Ok(keys) => keys,
        Err(KeysError) if spec.accepts(args.len()) => odd::find(spec, args),
        Err(KeysError) => return Err(KeysError),
    };
    let optional = spec.keys.is_empty() || spec.flags.contains(CommandFlags::NO_MANDATORY_KEYS);
    if keys.is_empty() && !optional { Err(KeysError) } else { Ok(keys) }
}

fn find_by_specs(specs: &[KeySpec], args: Args<'_>) -> Result<Keys, KeysError> {
    let mut keys = Keys::default();
    for spec in specs {
        let Some(begin) = find_begin(spec.begin, args)? else { continue };
        keys.push(find_run(spec, begin, args)?);
        if spec.access.contains(KeyAccess::INCOMPLETE) {
            return Err(KeysError);
        }
    }
    Ok(keys)
}

/// The argument at which a spec begins; `None` when its keyword is not there.
fn find_begin(begin: BeginSearch, args: Args<'_>) -> Result<Option<usize>, KeysError> {
    match begin {
        BeginSearch::Index(index) => Ok(Some(usize::from(index))),
        BeginSearch::Keyword { word, from } => Ok(find_keyword(word, from, args)),
        BeginSearch::Unknown => Err(KeysError),
    }
}

/// Neither the first argument nor the last is looked at, as in a Redis.
fn find_keyword(word: &str, from: i16, args: Args<'_>) -> Option<usize> {
    let is_word = |index: &usize| {
        args.get(*index).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    let distance = usize::from(from.unsigned_abs());
    let found = if from >= 0 {
        (distance..args.len().saturating_sub(1)).find(is_word)
    } else {
        (2..=args.len().checked_sub(distance)?).rev().find(is_word)
    };
    found.map(|index| index + 1)
}

fn find_run(spec: &KeySpec, begin: usize, args: Args<'_>) -> Result<KeyRun, KeysError> {
    let (first, last, step) = match spec.find {
        FindKeys::Range { last, step, limit } => {
            (begin, range_last(begin, last, limit, args.len()), step)
        }
        FindKeys::Counted { count, first, step } => {
            let number = args.get(begin + usize::from(count)).and_then(parse_integer);
            let number = number.filter(|number| *number > 0).ok_or(KeysError)?;
            // The low 32 bits count, as a Redis has it; the command itself refuses such a number.
            #[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are meant")]
            let number = usize::try_from(number as i32).map_err(|_| KeysError)?;
            let first = begin + usize::from(first);
            let steps = number.checked_sub(1).and_then(|n| n.checked_mul(usize::from(step)));
            (first, steps.and_then(|steps| first.checked_add(steps)), step)
        }
        FindKeys::Unknown => return Err(KeysError),
    };
    let last = last.ok_or(KeysError)?;
    if last < first || last >= args.len() {
        return Err(KeysError);
    }
    let count = (last - first) / usize::from(step) + 1;
    Ok(KeyRun {
        first: position(first),
        count: position(count),
        step: u32::from(step),
        access: spec.access,
    })
}

/// The last argument of a range, if it is not before the arguments' beginning.
fn range_last(begin: usize, last: i16, limit: u16, args_count: usize) -> Option<usize> {
    let back = usize::from(last.unsigned_abs());
    if last >= 0 {
        Some(begin + back)
    } else if limit <= 1 {
        args_count.checked_sub(back)
    } else {
        let reach = args_count.checked_sub(begin)? / usize::from(limit);
        (begin + reach).checked_sub(back)
    }
}

/// A position or count of arguments as it is kept. A request has at most 1048576 arguments.
fn position(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::resolve::resolve_any_arity;

    /// The keys of a request written in one line, `None` where the arguments do not tell them.
    fn check(request: &str, expect: Option<&[u32]>) {
        let args: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        let args = Args::from_slices(&args);
        let spec = resolve_any_arity(args).unwrap();
        let mut indexes = Vec::new();
        let found = key_indexes(spec, args, &mut indexes).ok().map(|()| indexes.as_slice());
        assert_eq!(found, expect, "{request}");
    }

    #[test]
    fn keys_at_fixed_arguments() {
        check("PING", Some(&[]));
        check("GET a", Some(&[1]));
        check("OBJECT ENCODING a", Some(&[2]));
        check("MGET a b c", Some(&[1, 2, 3]));
        check("MSET a 1 b 2", Some(&[1, 3]));
        check("BLPOP a b 0", Some(&[1, 2]));
        check("BITOP AND d a b", Some(&[2, 3, 4]));
        check("RENAME a b", Some(&[1, 2]));
    }

    #[test]
    fn counted_keys() {
        check("EVAL s 2 a b c", Some(&[3, 4]));
        check("EVAL s 0 a", Some(&[]));
        check("ZUNIONSTORE d 2 a b WEIGHTS 1 2", Some(&[1, 3, 4]));
        check("SINTERCARD 2 a b LIMIT 1", Some(&[2, 3]));
        check("BLMPOP 0 1 a LEFT", Some(&[3]));
    }

    #[test]
    fn hostile_counts_name_no_keys() {
        for count in ["0", "-1", "3", "x", "", "99999999999999999999", "-9223372036854775808"] {
            check(&format!("SINTERCARD {count} a b"), None);
            check(&format!("EVAL s {count} a b"), Some(&[]));
        }
    }

    #[test]
    fn keys_behind_words() {
        check("XREAD COUNT 2 STREAMS a b 0 0", Some(&[4, 5]));
        check("XREADGROUP GROUP streams c STREAMS a 0", Some(&[5]));
        check("XREAD COUNT 2 a 0", None);
        check("XREADGROUP NOACK STREAMS a b 0 0", Some(&[3, 4]));
        check("GEORADIUS a 1 1 1 m STORE b", Some(&[1, 7]));
        check("GEORADIUS a 1 1 1 m STORE b STOREDIST c", Some(&[1, 9]));
        check("GEORADIUSBYMEMBER a b 1 m STORE store STORE d", Some(&[1, 8]));
        check("GEORADIUS a 1 1 1 m STORE", Some(&[1]));
        check("SORT a BY store GET store STORE b", Some(&[1, 7]));
        check("MIGRATE h 1 a 0 10", Some(&[3]));
        check("MIGRATE h 1  0 10 AUTH keys KEYS a b", Some(&[9, 10]));
    }

    #[test]
    fn too_few_arguments_are_an_error() {
        for request in ["GET", "MGET", "RENAME a", "EVAL s", "SORT", "MIGRATE h 1", "OBJECT FREQ"] {
            check(request, None);
        }
    }
}
