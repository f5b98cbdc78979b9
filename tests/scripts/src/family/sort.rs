//! `SORT`: elements that are names of keys, so that patterns find something.

use super::Family;
use crate::grammar::Arg::{self, Either, Key, Many, Number, OneOf, Perhaps, Value, Word};

pub(crate) const FAMILY: Family =
    Family { name: "sort", settings: &[("list-max-listpack-size", "3")], commands: COMMANDS };

/// What holds for sorted sets, too: from them a Redis takes elements in no order, so that none may come out equal.
pub(crate) const SORTED_SETS: Family =
    Family { name: "sort-sorted-sets", settings: &[], commands: OF_SORTED_SETS };

const NAME: Arg = OneOf(&["a", "b", "counter", "x", "", "{tag}x", "nosuch", "y"]);
const NUMBER: Arg =
    OneOf(&["0", "1", "-1", "10", "9", "1e1", "0x10", " 2", "", "1.5", "-0", "inf", "-inf"]);
/// Nothing that a double cannot tell: a Redis remembers such a failure and finds it in the next numbers, too.
const FLOAT: Arg = OneOf(&[
    "0x1p4", "0x1.8p1", ".5", "5.", "1e", "1e+2", "infinity", "nan", "nan(1)", "--1", "+7",
    "1e300", "\t3", "3\0x", " ",
]);

const TEXT: Arg = OneOf(&["a", "B", "ab", "", "b\0c", "b\0a", "\u{e9}", "0", "10", "9", "-"]);

const PATTERN: Arg = OneOf(&[
    "*", "*", "*", "{tag}*", "{*}x", "a*", "nosort", "", "#", "*->f", "*->a", "*->", "{*->x}x",
    "**", "*\0->f",
]);

const INDEX: Arg = OneOf(&["0", "0", "1", "2", "3", "5", "-1", "-7", "100", "x"]);
const LIMIT: Arg = Perhaps(&[Word("LIMIT"), INDEX, INDEX]);
const STORE: Arg = Perhaps(&[OneOf(&["STORE", "store"]), Key]);
const GETS: Arg = Many(2, &[OneOf(&["GET", "get"]), PATTERN]);

const OPTIONS: Arg = Many(
    4,
    &[Either(&[
        &[OneOf(&["ASC", "DESC", "desc", "foo"])],
        &[OneOf(&["ASC", "DESC", "BY", "GET", "LIMIT", "STORE"])],
        &[Word("BY"), PATTERN],
        &[Word("BY"), PATTERN],
        &[Word("GET"), PATTERN],
        &[Word("GET"), PATTERN],
        &[Word("limit"), INDEX, INDEX],
        &[Word("LIMIT"), Number, Number],
        &[Word("STORE"), Key],
    ])],
);

const COMMANDS: &[&[Arg]] = &[
    &[Word("SORT"), Key, OPTIONS],
    &[Word("SORT"), Key, OPTIONS],
    &[Word("SORT_RO"), Key, OPTIONS],
    &[Word("SORT"), Key, Word("ALPHA"), Perhaps(&[Word("DESC")]), LIMIT, GETS, STORE],
    &[Word("SORT"), Key, Word("ALPHA"), Perhaps(&[Word("DESC")]), LIMIT, GETS, STORE],
    &[Word("SORT"), Key, Word("BY"), PATTERN, Word("alpha"), Perhaps(&[Word("DESC")]), GETS, STORE],
    &[Word("SORT"), Key, Word("BY"), PATTERN, LIMIT, Perhaps(&[Word("DESC")]), GETS, STORE],
    &[Word("SORT_RO"), Key, Word("BY"), PATTERN, LIMIT, Perhaps(&[Word("DESC")]), GETS, STORE],
    &[Word("SORT"), Key, Word("BY"), Word("nosort"), LIMIT, Perhaps(&[Word("DESC")]), GETS, STORE],
    &[Word("RPUSH"), Key, NAME, Many(7, &[NAME])],
    &[Word("RPUSH"), Key, NAME, Many(7, &[NAME])],
    &[Word("RPUSH"), Key, NUMBER, Many(7, &[NUMBER])],
    &[Word("RPUSH"), Key, NUMBER, Many(7, &[NUMBER])],
    &[Word("RPUSH"), Key, TEXT, Many(7, &[TEXT])],
    &[Word("RPUSH"), Key, FLOAT, Value],
    // Sets have no order that both servers share; fixed scripts sort them.
    &[Word("HSET"), Key, OneOf(&["f", "a", "f"]), NUMBER],
    &[Word("HSET"), Key, OneOf(&["f", "a", "f"]), TEXT],
    &[Word("LTRIM"), Key, INDEX, INDEX],
    &[Word("SET"), Key, NUMBER],
    &[Word("SET"), Key, NUMBER],
    &[Word("SET"), Key, TEXT],
    &[Word("SET"), Key, FLOAT],
    &[Word("DEL"), Key],
    &[Word("DEL"), Key, Key],
    &[Word("LRANGE"), Key, Word("0"), Word("-1")],
    &[Word("OBJECT"), Word("ENCODING"), Key],
    &[Word("PEXPIREAT"), Key, Word("4102444800000")],
    &[Word("PEXPIRETIME"), Key],
];

const OF_SORTED_SETS: &[&[Arg]] = &[
    &[Word("SORT"), Key, OPTIONS],
    &[Word("SORT_RO"), Key, OPTIONS],
    &[Word("SORT"), Key, Word("ALPHA"), Perhaps(&[Word("DESC")]), LIMIT, GETS, STORE],
    &[Word("SORT"), Key, Word("BY"), PATTERN, LIMIT, Perhaps(&[Word("DESC")]), GETS, STORE],
    &[Word("SORT"), Key, Word("BY"), Word("nosort"), LIMIT, Perhaps(&[Word("DESC")]), GETS, STORE],
    &[Word("ZADD"), Key, INDEX, NAME, INDEX, NAME],
    &[Word("ZADD"), Key, INDEX, NUMBER, INDEX, NUMBER, INDEX, NUMBER],
    &[Word("ZADD"), Key, FLOAT, NUMBER],
    &[Word("ZREM"), Key, NAME, NUMBER],
    &[Word("SET"), Key, NUMBER],
    &[Word("SET"), Key, FLOAT],
    &[Word("DEL"), Key],
    &[Word("OBJECT"), Word("ENCODING"), Key],
];
