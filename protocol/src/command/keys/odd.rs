//! Keys by hand, for the commands whose specs do not tell them all.
//!
//! These rules take what they can and refuse nothing: the command itself will.
//!
//! Source: redis `src/db.c` genericGetKeys, sortGetKeys, migrateGetKeys, xreadGetKeys, georadiusGetKeys,
//! setGetKeys, bitfieldGetKeys.

use crate::command::CommandSpec;
use crate::command::key_spec::{BeginSearch, FindKeys, KeyAccess, KeySpec, OddKeys};
use crate::command::keys::{KeyRun, Keys, position};
use crate::request::Args;

const READ: KeyAccess = KeyAccess::of_words("RO access");
const OVERWRITE: KeyAccess = KeyAccess::of_words("OW update");
const MOVE_AWAY: KeyAccess = KeyAccess::of_words("RW access delete");

/// The keys of a request that the specs of its row did not understand.
pub(super) fn find(spec: &CommandSpec, args: Args<'_>) -> Keys {
    match spec.odd_keys {
        OddKeys::Sort { store } => find_sort(args, store),
        OddKeys::Migrate => find_migrate(args),
        OddKeys::Streams => find_streams(args),
        OddKeys::LastStore => find_last_store(args),
        OddKeys::Destination => find_destination(spec.keys),
        OddKeys::None | OddKeys::Set | OddKeys::BitField => find_counted(spec.keys, args),
    }
}

/// The keys that a node takes the request to a slot by, where the specs say something else to `COMMAND GETKEYS`: the
/// command means these.
pub(super) fn find_routed(spec: &CommandSpec, args: Args<'_>) -> Option<Keys> {
    match spec.odd_keys {
        OddKeys::Streams if spec.accepts(args.len()) => Some(find_streams(args)),
        OddKeys::LastStore if spec.accepts(args.len()) => Some(find_last_store(args)),
        _ => None,
    }
}

/// Makes the access of `keys` what it is with these arguments.
pub(super) fn adjust_access(odd: OddKeys, args: Args<'_>, keys: &mut Keys) {
    let access = match odd {
        OddKeys::Set => set_access(args),
        OddKeys::BitField => bitfield_access(args),
        OddKeys::None
        | OddKeys::Sort { .. }
        | OddKeys::Migrate
        | OddKeys::Streams
        | OddKeys::LastStore
        | OddKeys::Destination => return,
    };
    for run in &mut keys.runs[..keys.runs_count] {
        run.access = access;
    }
}

/// A count that is no clean number: its leading digits count, and too many keys are none.
fn find_counted(specs: &[KeySpec], args: Args<'_>) -> Keys {
    let mut keys = Keys::default();
    let counted = specs.iter().find_map(|spec| match (spec.begin, spec.find) {
        (BeginSearch::Index(begin), FindKeys::Counted { count, first, .. }) => {
            Some((usize::from(begin + count), usize::from(begin + first)))
        }
        _ => None,
    });
    let Some((count_at, first)) = counted else { return keys };
    let number = args.get(count_at).map_or(0, leading_number);
    if number == 0 || number > args.len().saturating_sub(first) {
        return keys;
    }
    let access = KeyAccess::empty();
    keys.push(KeyRun { first: position(first), count: position(number), step: 1, access });
    if let Some(KeySpec {
        begin: BeginSearch::Index(store), find: FindKeys::Range { .. }, ..
    }) = specs.first()
    {
        keys.push_one(usize::from(*store), access);
    }
    keys
}

/// The decimal number that `text` begins with, after white space and a plus sign; 0 if there is none.
///
/// Read as C reads an `int`: out of 64 bits it is the largest number, and of that the low 32 bits count.
/// A negative number is 0 here, since no keys come of it either.
fn leading_number(text: &[u8]) -> usize {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let text = &text[start..];
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let mut number: i64 = 0;
    for byte in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        let digit = i64::from(byte - b'0');
        let digit = if negative { -digit } else { digit };
        number = number.saturating_mul(10).saturating_add(digit);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are meant")]
    usize::try_from(number as i32).unwrap_or(0)
}

/// The key, and the destination of the last `STORE`, whose place is anywhere among the options.
fn find_sort(args: Args<'_>, store: bool) -> Keys {
    let mut keys = Keys::default();
    keys.push_one(1, READ);
    if !store {
        return keys;
    }
    let mut destination = None;
    let mut at = 2;
    while let Some(arg) = args.get(at) {
        if arg.eq_ignore_ascii_case(b"limit") {
            at += 2;
        } else if arg.eq_ignore_ascii_case(b"get") || arg.eq_ignore_ascii_case(b"by") {
            at += 1;
        } else if arg.eq_ignore_ascii_case(b"store") && at + 1 < args.len() {
            // The destination is looked at as if it were an option too, as in a Redis.
            destination = Some(at + 1);
        }
        at += 1;
    }
    if let Some(destination) = destination {
        keys.push_one(destination, OVERWRITE);
    }
    keys
}

/// The destination alone. Arity makes sure that it is there.
fn find_destination(specs: &[KeySpec]) -> Keys {
    let mut keys = Keys::default();
    if let Some(KeySpec { begin: BeginSearch::Index(index), access, .. }) = specs.first() {
        keys.push_one(usize::from(*index), *access);
    }
    keys
}

/// The third argument, or if that is empty everything behind `KEYS`.
fn find_migrate(args: Args<'_>) -> Keys {
    let mut keys = Keys::default();
    let mut at = 6;
    while let Some(arg) = args.get(at) {
        if arg.eq_ignore_ascii_case(b"keys") {
            if args.get(3).is_some_and(<[u8]>::is_empty) {
                let (first, count) = (position(at + 1), position(args.len() - at - 1));
                keys.push(KeyRun { first, count, step: 1, access: MOVE_AWAY });
            }
            return keys;
        }
        if arg.eq_ignore_ascii_case(b"auth") {
            at += 1;
        } else if arg.eq_ignore_ascii_case(b"auth2") {
            at += 2;
        }
        at += 1;
    }
    keys.push_one(3, MOVE_AWAY);
    keys
}

/// The first half of what stands behind `STREAMS`, if only known options stand before it.
fn find_streams(args: Args<'_>) -> Keys {
    let mut keys = Keys::default();
    let mut at = 1;
    while let Some(arg) = args.get(at) {
        let is = |word: &[u8]| arg.eq_ignore_ascii_case(word);
        if is(b"streams") {
            let behind = args.len() - at - 1;
            let count = if behind.is_multiple_of(2) { behind / 2 } else { 0 };
            let (first, count) = (position(at + 1), position(count));
            keys.push(KeyRun { first, count, step: 1, access: KeyAccess::empty() });
            return keys;
        }
        at += if is(b"block") || is(b"count") {
            2
        } else if is(b"group") {
            3
        } else if is(b"noack") {
            1
        } else {
            return keys;
        };
    }
    keys
}

/// The key, and what stands behind the last `STORE` or `STOREDIST`: the words before it are forgotten.
fn find_last_store(args: Args<'_>) -> Keys {
    let mut keys = Keys::default();
    keys.push_one(1, READ);
    let mut destination = None;
    // A point by its name stands before the options, as a point by its place does.
    let mut at = 5;
    while let Some(arg) = args.get(at) {
        let is_store = arg.eq_ignore_ascii_case(b"store") || arg.eq_ignore_ascii_case(b"storedist");
        if is_store && at + 1 < args.len() {
            destination = Some(at + 1);
            at += 1;
        }
        at += 1;
    }
    if let Some(destination) = destination {
        keys.push_one(destination, OVERWRITE);
    }
    keys
}

fn set_access(args: Args<'_>) -> KeyAccess {
    let reads_old = args.iter().skip(3).any(|arg| arg.eq_ignore_ascii_case(b"get"));
    KeyAccess::of_words(if reads_old { "RW access update" } else { "OW update" })
}

fn bitfield_access(args: Args<'_>) -> KeyAccess {
    let mut at = 2;
    while let Some(operation) = args.get(at) {
        // An operation is a word, a type and an offset.
        if at + 2 >= args.len() || !operation.eq_ignore_ascii_case(b"get") {
            return KeyAccess::of_words("RW access update");
        }
        at += 3;
    }
    READ
}
