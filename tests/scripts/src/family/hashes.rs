//! Hashes around the thresholds of their compact form.

use super::Family;
use crate::grammar::Arg::{
    self, Either, Float, Key, Many, Number, OneOf, Pattern, Perhaps, Value, Word,
};

pub(crate) const FAMILY: Family = Family {
    name: "hashes",
    settings: &[("hash-max-listpack-entries", "6"), ("hash-max-listpack-value", "15")],
    commands: COMMANDS,
};

const FIELD: Arg = OneOf(&[
    "f",
    "g",
    "h",
    "1",
    "2",
    "-1",
    "007",
    "",
    "4095",
    "9223372036854775807",
    "a field of many letters",
    "fifteen letters",
    "sixteen letters!",
    "n",
    "n",
    "n",
]);

const PAIRS: Arg = Many(4, &[FIELD, Value]);
const FIELDS: Arg = Many(4, &[FIELD]);

const CURSOR: Arg = OneOf(&["0", "0", "0", "x", "-0", "7x", ""]);

const SCAN_OPTIONS: Arg = Many(
    3,
    &[Either(&[
        &[Word("COUNT"), OneOf(&["1000", "1000", "100", "0", "-1", "x"])],
        &[Word("match"), Pattern],
        &[OneOf(&["TYPE", "foo", "COUNT"])],
        &[Word("MATCH"), OneOf(&["[fgh]", "*e*", "1", "n"])],
    ])],
);

const COMMANDS: &[&[Arg]] = &[
    &[Word("HSET"), Key, FIELD, Value],
    &[Word("HSET"), Key, FIELD, Value, PAIRS],
    &[Word("HSET"), Key, FIELD, Value, PAIRS],
    &[Word("HSET"), Key, Word("n"), Number],
    &[Word("HSET"), Key, Word("n"), Float],
    &[Word("hmset"), Key, FIELD, Value, PAIRS],
    &[Word("HSETNX"), Key, FIELD, Value],
    &[Word("HSETNX"), Key, FIELD, Value],
    &[Word("HGET"), Key, FIELD],
    &[Word("HMGET"), Key, FIELD, FIELDS],
    &[Word("HGETALL"), Key],
    &[Word("HKEYS"), Key],
    &[Word("HVALS"), Key],
    &[Word("HLEN"), Key],
    &[Word("HSTRLEN"), Key, FIELD],
    &[Word("HEXISTS"), Key, FIELD],
    &[Word("HDEL"), Key, FIELD, FIELDS],
    &[Word("HDEL"), Key, FIELD, FIELDS],
    &[Word("HDEL"), Key, FIELD, FIELD, FIELDS, FIELDS],
    &[Word("HINCRBY"), Key, FIELD, Number],
    &[Word("HINCRBY"), Key, Word("n"), OneOf(&["1", "-1", "5000", "x"])],
    &[Word("HINCRBY"), Key, Word("n"), Number],
    &[Word("HINCRBYFLOAT"), Key, FIELD, Float],
    &[Word("HINCRBYFLOAT"), Key, Word("n"), Float],
    &[Word("HINCRBYFLOAT"), Key, Word("n"), OneOf(&["0.1", "1e3", "-5.5", "3"])],
    &[Word("HSCAN"), Key, CURSOR, SCAN_OPTIONS, Word("COUNT"), Word("1000")],
    &[Word("HSCAN"), Key, Word("0"), Word("COUNT"), Word("1000")],
    &[Word("HRANDFIELD"), Key, OneOf(&["0", "1000", "100000"])],
    &[Word("HRANDFIELD"), Key, OneOf(&["0", "1000"]), OneOf(&["WITHVALUES", "withvalues", "foo"])],
    &[Word("TYPE"), Key],
    &[Word("OBJECT"), OneOf(&["ENCODING", "FREQ", "IDLETIME"]), Key],
    &[Word("OBJECT"), Word("ENCODING"), Key],
    &[Word("SET"), Key, Value],
    &[Word("GET"), Key],
    &[Word("INCR"), Key],
    &[Word("APPEND"), Key, Value],
    &[Word("STRLEN"), Key],
    &[Word("GETSET"), Key, Value],
    &[Word("SMEMBERS"), Key],
    &[Word("SADD"), Key, Value],
    &[Word("DEL"), Key, Many(2, &[Key])],
    &[Word("RENAME"), Key, Key],
    &[Word("COPY"), Key, Key, Perhaps(&[Word("REPLACE")])],
    &[Word("COPY"), Key, Key, Word("REPLACE")],
    &[Word("EXPIREAT"), Key, Word("4102444800")],
    &[Word("EXPIRETIME"), Key],
    &[Word("PERSIST"), Key],
    &[Word("EXISTS"), Key],
    &[Word("SCAN"), Word("0"), Word("TYPE"), Word("hash"), Word("COUNT"), Word("1000")],
    &[Word("MULTI")],
    &[Word("EXEC")],
    &[Word("EXEC")],
    &[Word("WATCH"), Key],
    &[
        Word("CONFIG"),
        Word("SET"),
        Word("hash-max-listpack-entries"),
        OneOf(&["0", "1", "6", "6", "6"]),
    ],
    &[
        Word("CONFIG"),
        Word("SET"),
        Word("hash-max-listpack-value"),
        OneOf(&["0", "4", "15", "15", "15"]),
    ],
];
