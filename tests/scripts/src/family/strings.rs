//! Strings, bits, keys of any type, expiry and transactions.

use super::Family;
use crate::grammar::Arg::{
    self, Either, FieldOffset, Float, Key, Many, Number, OneOf, Pattern, Perhaps, Small, Value,
    Word,
};

pub(crate) const FAMILY: Family = Family { name: "strings", settings: &[], commands: COMMANDS };

/// Expiries far enough away not to come true meanwhile, or none at all.
const SECONDS: Arg = OneOf(&[
    "0",
    "-1",
    "1000",
    "1001",
    "500000",
    "9223372036854775",
    "9223372036854776",
    "9223372036854775807",
    "-9223372036854775808",
    "x",
    "1.5",
    "",
]);

const UNIX_SECONDS: Arg = OneOf(&[
    "0",
    "1",
    "-1",
    "4102444800",
    "4102444801",
    "9223372036854775",
    "9223372036854776",
    "x",
]);

const UNIX_MILLISECONDS: Arg = OneOf(&[
    "0",
    "1",
    "-1",
    "4102444800000",
    "4102444800500",
    "4102444800499",
    "9223372036854775807",
    "x",
]);

const MILLISECONDS: Arg =
    OneOf(&["0", "-1", "1000000", "1000500", "9223372036854775807", "-9223372036854775808", "x"]);

const FIELD: Arg = OneOf(&[
    "u1", "i1", "u8", "i8", "u4", "i5", "u63", "i64", "u13", "i16", "u64", "i65", "u0", "x8", "",
    "u",
]);

const DATABASE: Arg = OneOf(&["0", "0", "1", "9", "15", "16", "-1", "x", "99999999999"]);
const BIT: Arg = OneOf(&["0", "1", "1", "0", "2", "x", "-1"]);
const PAIRS: Arg = Many(3, &[Key, Value]);
const MORE_KEYS: Arg = Many(3, &[Key]);

const SET_OPTIONS: Arg = Many(
    3,
    &[Either(&[
        &[OneOf(&["NX", "XX", "GET", "KEEPTTL", "foo", "get"])],
        &[Word("EX"), SECONDS],
        &[Word("px"), MILLISECONDS],
        &[Word("EXAT"), UNIX_SECONDS],
        &[Word("PXAT"), UNIX_MILLISECONDS],
    ])],
);

const LCS_OPTIONS: Arg = Many(
    3,
    &[Either(&[&[OneOf(&["IDX", "LEN", "WITHMATCHLEN", "x"])], &[Word("MINMATCHLEN"), Small]])],
);

const FIELD_OPERATIONS: Arg = Many(
    3,
    &[Either(&[
        &[Word("GET"), FIELD, FieldOffset],
        &[OneOf(&["SET", "INCRBY", "incrby", "foo"]), FIELD, FieldOffset, Number],
        &[Word("OVERFLOW"), OneOf(&["WRAP", "sat", "FAIL", "x"])],
    ])],
);

const EXPIRE_OPTIONS: Arg = Perhaps(&[OneOf(&["NX", "XX", "GT", "lt", "foo"])]);
const RANGE_UNIT: Arg = Perhaps(&[OneOf(&["BYTE", "BIT", "bit", "x"])]);

const COMMANDS: &[&[Arg]] = &[
    &[Word("SET"), Key, Value],
    &[Word("SET"), Key, Value],
    &[Word("SET"), Key, Value, SET_OPTIONS],
    &[Word("SET"), Key, Value, SET_OPTIONS],
    &[Word("GET"), Key],
    &[Word("GET"), Key],
    &[Word("SETNX"), Key, Value],
    &[Word("SETEX"), Key, SECONDS, Value],
    &[Word("PSETEX"), Key, MILLISECONDS, Value],
    &[Word("GETSET"), Key, Value],
    &[Word("GETDEL"), Key],
    &[Word("GETEX"), Key],
    &[Word("GETEX"), Key, Perhaps(&[OneOf(&["PERSIST", "EX", "foo"])])],
    &[Word("GETEX"), Key, Word("EX"), SECONDS],
    &[Word("GETEX"), Key, SET_OPTIONS],
    &[Word("GETEX"), Key, Word("PX"), MILLISECONDS],
    &[Word("GETEX"), Key, Word("EXAT"), UNIX_SECONDS],
    &[Word("GETEX"), Key, Word("PXAT"), UNIX_MILLISECONDS, Perhaps(&[OneOf(&["PERSIST"])])],
    &[Word("MGET"), Key, MORE_KEYS],
    &[Word("MSET"), Key, Value, PAIRS],
    &[Word("MSETNX"), Key, Value, PAIRS],
    &[Word("MSET"), Key, Value, Key],
    &[Word("APPEND"), Key, Value],
    &[Word("STRLEN"), Key],
    &[Word("SETRANGE"), Key, Small, Value],
    &[Word("GETRANGE"), Key, Small, Small],
    &[Word("SUBSTR"), Key, Number, Number],
    &[Word("INCR"), Key],
    &[Word("DECR"), Key],
    &[Word("INCRBY"), Key, Number],
    &[Word("DECRBY"), Key, Number],
    &[Word("INCRBYFLOAT"), Key, Float],
    &[Word("INCRBYFLOAT"), Key, Float],
    &[Word("LCS"), Key, Key, LCS_OPTIONS],
    &[Word("SETBIT"), Key, Small, BIT],
    &[Word("GETBIT"), Key, Small],
    &[Word("BITCOUNT"), Key],
    &[Word("BITCOUNT"), Key, Small, Small, RANGE_UNIT],
    &[Word("BITCOUNT"), Key, Small],
    &[Word("BITPOS"), Key, BIT],
    &[Word("BITPOS"), Key, BIT, Small],
    &[Word("BITPOS"), Key, BIT, Small, Small, RANGE_UNIT],
    &[Word("BITOP"), Perhaps(&[OneOf(&["AND", "or", "XOR"])]), Key, Key, MORE_KEYS],
    &[Word("BITOP"), Word("NOT"), Key, Key],
    &[Word("BITOP"), Word("NOT"), Key, Key, MORE_KEYS],
    &[Word("BITFIELD"), Key, FIELD_OPERATIONS],
    &[Word("BITFIELD"), Key, FIELD_OPERATIONS],
    &[Word("BITFIELD_RO"), Key, Word("GET"), FIELD, Small],
    &[Word("BITFIELD_RO"), Key, FIELD_OPERATIONS],
    &[Word("DEL"), Key, MORE_KEYS],
    &[Word("UNLINK"), Key],
    &[Word("EXISTS"), Key, MORE_KEYS],
    &[Word("TOUCH"), Key, MORE_KEYS],
    &[Word("TYPE"), Key],
    &[Word("RENAME"), Key, Key],
    &[Word("RENAMENX"), Key, Key],
    &[Word("COPY"), Key, Key, Perhaps(&[OneOf(&["REPLACE", "foo"])])],
    &[Word("COPY"), Key, Key, Word("DB"), DATABASE, Perhaps(&[OneOf(&["REPLACE"])])],
    &[Word("MOVE"), Key, DATABASE],
    // Later and sooner are compared only between times that are the same for both servers.
    &[Word("EXPIRE"), Key, SECONDS, Perhaps(&[OneOf(&["NX", "XX", "foo"])])],
    &[Word("PEXPIRE"), Key, MILLISECONDS, Perhaps(&[OneOf(&["nx", "xx"])])],
    &[Word("EXPIREAT"), Key, UNIX_SECONDS, EXPIRE_OPTIONS, EXPIRE_OPTIONS],
    &[Word("PEXPIREAT"), Key, UNIX_MILLISECONDS, EXPIRE_OPTIONS],
    &[Word("TTL"), Key],
    &[Word("PTTL"), Key],
    &[Word("EXPIRETIME"), Key],
    &[Word("PEXPIRETIME"), Key],
    &[Word("PERSIST"), Key],
    &[Word("KEYS"), Pattern],
    &[Word("SCAN"), Word("0"), Word("COUNT"), Word("1000"), Word("MATCH"), Pattern],
    &[Word("SCAN"), Word("0"), Word("TYPE"), Word("string"), Word("COUNT"), Word("1000")],
    &[Word("DBSIZE")],
    &[Word("OBJECT"), Word("ENCODING"), Key],
    &[Word("OBJECT"), Word("FREQ"), Key],
    &[Word("DUMP"), Key],
    &[Word("SELECT"), DATABASE],
    &[Word("SELECT"), Word("0")],
    &[Word("SELECT"), Word("0")],
    &[Word("SWAPDB"), DATABASE, DATABASE],
    &[Word("ECHO"), Value],
    &[Word("PING"), Perhaps(&[OneOf(&["hi"])])],
    &[Word("MULTI")],
    &[Word("EXEC")],
    &[Word("EXEC")],
    &[Word("DISCARD")],
    &[Word("WATCH"), Key, MORE_KEYS],
    &[Word("UNWATCH")],
    &[Word("NOSUCH"), Value],
    &[Word("GET")],
    &[Word("CLIENT"), Word("nosuch")],
];
