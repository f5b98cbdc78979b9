//! The rows, and how a name finds its row.
//!
//! How to read a row: `row(name, arity, flags, categories)` and what else is known of the command.
//!
//! - *arity*: number of arguments with the name; negative: the least number.
//! - *flags*: `write` may change data, `readonly` reads it, `denyoom` refused at the memory limit, `admin` for
//!   operators, `noscript` not from scripts, `blocking` may wait, `loading` and `stale` also while the data is
//!   loaded or stale, `no_auth` before authentication, `no_multi` not in a transaction, `fast` cheap; more in
//!   [`flags`](crate::command::flags). `movablekeys` is derived.
//! - *categories*: only those that do not follow from the flags.
//! - *keys*: `key(1, …)` one key; `keys_to(1, -1, …)` up to the last argument; `keys_by(1, -1, 2, …)` every second;
//!   `keys_counted(2, …)` a number and so many keys; `keys_after("STORE", …)` behind a word. Access: `RO` reads,
//!   `RW` changes, `OW` overwrites, `RM` removes; `access` tells what was there; `insert`, `update`, `delete` what
//!   it does to the value; `not_key` a shard channel.
//! - *since*: first version, and cost.
//! - *routed*: see [`policy`](crate::command::policy); without it the keys decide.
//! - *tips*: what a Redis tells clients that know of clusters.
//!
//! One file per group, rows sorted by name, so that a container stands before its subcommands.
//! Numbers of rows are made here, and so is the index from names to rows: an open-addressing table over the
//! length and at most sixteen bytes of the name, which are compared as two numbers; all of it is made while the crate
//! is compiled.

mod bitmaps;
mod cluster;
mod connection;
mod generic;
mod geo;
mod hashes;
mod hyperloglog;
mod lists;
mod pubsub;
mod scripting;
mod server;
mod server_acl;
mod server_introspection;
mod sets;
mod sorted_sets;
mod streams;
mod strings;
mod transactions;

use crate::command::row::row;
use crate::command::{CommandGroup, CommandId, CommandSpec, Subcommands};

/// The groups in the order in which their rows are numbered.
const GROUPS: [(CommandGroup, &[CommandSpec]); 18] = [
    (CommandGroup::String, strings::ROWS),
    (CommandGroup::Bitmap, bitmaps::ROWS),
    (CommandGroup::Generic, generic::ROWS),
    (CommandGroup::Hash, hashes::ROWS),
    (CommandGroup::List, lists::ROWS),
    (CommandGroup::Set, sets::ROWS),
    (CommandGroup::SortedSet, sorted_sets::ROWS),
    (CommandGroup::Stream, streams::ROWS),
    (CommandGroup::HyperLogLog, hyperloglog::ROWS),
    (CommandGroup::Geo, geo::ROWS),
    (CommandGroup::Scripting, scripting::ROWS),
    (CommandGroup::PubSub, pubsub::ROWS),
    (CommandGroup::Transactions, transactions::ROWS),
    (CommandGroup::Connection, connection::ROWS),
    (CommandGroup::Server, server::ROWS),
    (CommandGroup::Server, server_acl::ROWS),
    (CommandGroup::Server, server_introspection::ROWS),
    (CommandGroup::Cluster, cluster::ROWS),
];

/// Number of rows (count).
pub(super) const ROWS_COUNT: usize = count_rows();

/// All rows; a row's number is its place.
pub(super) static ROWS: [CommandSpec; ROWS_COUNT] = number_rows();

/// Places of the index: a power of two, four times the number of commands or so, for short searches.
const INDEX_PLACES: usize = 1024;

/// A place of the index where no row is.
const EMPTY: u16 = u16::MAX;

/// Numbers of commands (not of subcommands) by the hash of their names.
static INDEX: [u16; INDEX_PLACES] = index_rows();

/// The names of all rows as [`fold`] has them.
static FOLDED: [Folded; ROWS_COUNT] = fold_rows();

#[inline]
pub(super) fn lookup(name: &[u8]) -> Option<&'static CommandSpec> {
    let folded = fold(name);
    let mut place = place_of(folded);
    loop {
        let number = usize::from(INDEX[place]);
        let spec = ROWS.get(number)?;
        if FOLDED[number] == folded
            && (name.len() <= FOLDED_BYTES || spec.name.as_bytes().eq_ignore_ascii_case(name))
        {
            return Some(spec);
        }
        place = (place + 1) % INDEX_PLACES;
    }
}

pub(super) const fn id_of(name: &str) -> CommandId {
    let mut at = 0;
    while !is_same(ROWS[at].name.as_bytes(), name.as_bytes()) {
        at += 1;
        assert!(at < ROWS_COUNT, "no row has this name");
    }
    ROWS[at].id
}

/// A place in [`ROWS`] as the small number that ids and the index are made of.
const fn number_of(at: usize) -> u16 {
    assert!(at < EMPTY as usize, "numbers have two bytes");
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    let number = at as u16;
    number
}

const fn count_rows() -> usize {
    let (mut count, mut group) = (0, 0);
    while group < GROUPS.len() {
        count += GROUPS[group].1.len();
        group += 1;
    }
    count
}

const fn number_rows() -> [CommandSpec; ROWS_COUNT] {
    let mut rows = [row("", 0, "", ""); ROWS_COUNT];
    let (mut at, mut container, mut group) = (0, 0, 0);
    while group < GROUPS.len() {
        let (name, group_rows) = GROUPS[group];
        let mut in_group = 0;
        while in_group < group_rows.len() {
            let mut spec = group_rows[in_group];
            spec.group = name;
            spec.id = CommandId(number_of(at));
            rows[at] = spec;
            if is_subcommand(spec.name) {
                let subcommands = rows[container].subcommands;
                let first = if subcommands.count == 0 { number_of(at) } else { subcommands.first };
                rows[container].subcommands = Subcommands { first, count: subcommands.count + 1 };
            } else {
                container = at;
            }
            at += 1;
            in_group += 1;
        }
        group += 1;
    }
    rows
}

const fn index_rows() -> [u16; INDEX_PLACES] {
    let mut index = [EMPTY; INDEX_PLACES];
    let mut at = 0;
    while at < ROWS_COUNT {
        if !is_subcommand(ROWS[at].name) {
            let mut place = place_of(FOLDED[at]);
            while index[place] != EMPTY {
                place = (place + 1) % INDEX_PLACES;
            }
            index[place] = number_of(at);
        }
        at += 1;
    }
    index
}

const fn fold_rows() -> [Folded; ROWS_COUNT] {
    let mut folded = [Folded { head: 0, tail: 0, len: 0 }; ROWS_COUNT];
    let mut at = 0;
    while at < ROWS_COUNT {
        folded[at] = fold(ROWS[at].name.as_bytes());
        at += 1;
    }
    folded
}

/// A name as numbers, its capitals made small. Up to [`FOLDED_BYTES`] bytes they tell all of it, beyond that its two
/// ends.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Folded {
    head: u64,
    tail: u64,
    len: usize,
}

/// See [`Folded`].
const FOLDED_BYTES: usize = 16;

/// Where the search for a name begins.
#[inline]
const fn place_of(name: Folded) -> usize {
    /// 2^64 divided by the golden ratio, made odd: spreads what it multiplies over the high bits.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let head = name.head.wrapping_add(name.len as u64).wrapping_mul(SPREAD);
    let mixed = (head ^ (head >> 32) ^ name.tail).wrapping_mul(SPREAD);
    #[expect(clippy::cast_possible_truncation, reason = "so few bits are left")]
    let place = (mixed >> (64 - INDEX_PLACES.ilog2())) as usize;
    place
}

#[inline]
const fn fold(name: &[u8]) -> Folded {
    let (head, tail) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            (Some(head), Some(tail)) => {
                (u32::from_le_bytes(*head) as u64, u32::from_le_bytes(*tail) as u64)
            }
            _ => (short_head(name), 0),
        },
    };
    Folded { head: with_small_letters(head), tail: with_small_letters(tail), len: name.len() }
}

/// Eight bytes with the capitals among them made small.
#[inline]
const fn with_small_letters(bytes: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Without their highest bits no byte carries into the next; that bit then says what the sum has passed.
    let low = bytes & (EACH * 0x7f);
    let from_a = low + EACH * (0x80 - b'A' as u64);
    let past_z = low + EACH * (0x7f - b'Z' as u64);
    let capitals = from_a & !past_z & !bytes & (EACH * 0x80);
    // What tells small letters from capitals is the third bit from the top.
    bytes | capitals >> 2
}

/// A name of at most three bytes as a number.
#[inline]
const fn short_head(name: &[u8]) -> u64 {
    match *name {
        [a] => u32::from_le_bytes([a, 0, 0, 0]) as u64,
        [a, b] => u32::from_le_bytes([a, b, 0, 0]) as u64,
        [a, b, c] => u32::from_le_bytes([a, b, c, 0]) as u64,
        _ => 0,
    }
}

const fn is_subcommand(name: &str) -> bool {
    let name = name.as_bytes();
    let mut at = 0;
    while at < name.len() {
        if name[at] == b'|' {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests;
