//! Sets around the thresholds of their compact form, and what they have in common.

use super::Family;
use crate::grammar::Arg::{self, Either, Key, Many, Number, OneOf, Pattern, Perhaps, Value, Word};

pub(crate) const FAMILY: Family =
    Family { name: "sets", settings: &[("set-max-intset-entries", "6")], commands: COMMANDS };

pub(super) const INTEGER: Arg = OneOf(&[
    "0",
    "1",
    "2",
    "3",
    "4",
    "-1",
    "100",
    "32767",
    "32768",
    "-32768",
    "-32769",
    "2147483647",
    "-2147483649",
    "9223372036854775807",
    "-9223372036854775808",
]);

const MEMBER: Arg = Either(&[
    &[INTEGER],
    &[INTEGER],
    &[INTEGER],
    &[OneOf(&["a", "b", "", "01", "-0", "+1", "1.0", "a member of more than twenty-two letters"])],
    &[Number],
    &[Value],
]);

const INTEGERS: Arg = Many(6, &[INTEGER]);
const MEMBERS: Arg = Many(4, &[MEMBER]);
const MORE_KEYS: Arg = Many(3, &[Key]);

/// Pops that leave nothing to chance.
const POPPED: Arg = OneOf(&["0", "100000", "1000", "-1", "x", "9223372036854775807"]);

const LIMIT: Arg = Many(
    2,
    &[Either(&[
        &[Word("LIMIT"), OneOf(&["0", "1", "2", "100", "-1", "x"])],
        &[OneOf(&["limit", "foo"])],
    ])],
);

const CURSOR: Arg = OneOf(&["0", "0", "0", "x", "-0", "7x", ""]);

const SCAN_OPTIONS: Arg = Many(
    3,
    &[Either(&[
        &[Word("COUNT"), OneOf(&["1000", "1000", "100", "0", "-1", "x"])],
        &[Word("match"), Pattern],
        &[OneOf(&["TYPE", "foo", "COUNT"])],
        &[Word("MATCH"), OneOf(&["[123]", "*7*", "-*", "?"])],
    ])],
);

const COMMANDS: &[&[Arg]] = &[
    &[Word("SADD"), Key, INTEGER, INTEGERS],
    &[Word("SADD"), Key, INTEGER, INTEGERS],
    &[Word("SADD"), Key, INTEGER],
    &[Word("SADD"), Key, MEMBER, MEMBERS],
    &[Word("SREM"), Key, MEMBER, MEMBERS],
    &[Word("SREM"), Key, INTEGER, INTEGERS, INTEGERS, INTEGERS],
    &[Word("SISMEMBER"), Key, MEMBER],
    &[Word("SMISMEMBER"), Key, MEMBER, MEMBERS],
    &[Word("SCARD"), Key],
    &[Word("SMEMBERS"), Key],
    &[Word("SMOVE"), Key, Key, MEMBER],
    &[Word("SMOVE"), Key, Key, INTEGER],
    &[Word("SPOP"), Key, POPPED],
    &[Word("SRANDMEMBER"), Key, OneOf(&["0", "1000", "100000"])],
    &[Word("SINTER"), Key, MORE_KEYS],
    &[Word("SINTERSTORE"), Key, Key, MORE_KEYS],
    &[Word("SINTERCARD"), OneOf(&["1", "2", "3", "2", "0", "-1", "x"]), Key, Key, MORE_KEYS, LIMIT],
    &[Word("SINTERCARD"), Word("2"), Key, Key, LIMIT],
    &[Word("SUNION"), Key, MORE_KEYS],
    &[Word("SUNIONSTORE"), Key, Key, MORE_KEYS],
    &[Word("SDIFF"), Key, MORE_KEYS],
    &[Word("SDIFFSTORE"), Key, Key, MORE_KEYS],
    &[Word("SDIFFSTORE"), Key, Key, Key, Key, MORE_KEYS],
    &[Word("SSCAN"), Key, CURSOR, SCAN_OPTIONS, Word("COUNT"), Word("1000")],
    &[Word("SSCAN"), Key, Word("0"), Word("COUNT"), Word("1000")],
    &[Word("TYPE"), Key],
    &[Word("OBJECT"), OneOf(&["ENCODING", "FREQ", "IDLETIME"]), Key],
    &[Word("OBJECT"), Word("ENCODING"), Key],
    &[Word("SET"), Key, Value],
    &[Word("GET"), Key],
    &[Word("APPEND"), Key, Value],
    &[Word("HSET"), Key, Value, Value],
    &[Word("HGETALL"), Key],
    &[Word("DEL"), Key, Many(2, &[Key])],
    &[Word("RENAME"), Key, Key],
    &[Word("COPY"), Key, Key, Perhaps(&[Word("REPLACE")])],
    &[Word("COPY"), Key, Key, Word("REPLACE")],
    &[Word("EXPIREAT"), Key, Word("4102444800")],
    &[Word("EXPIRETIME"), Key],
    &[Word("EXISTS"), Key],
    &[Word("SCAN"), Word("0"), Word("TYPE"), Word("set"), Word("COUNT"), Word("1000")],
    &[Word("MULTI")],
    &[Word("EXEC")],
    &[Word("EXEC")],
    &[Word("WATCH"), Key],
    &[
        Word("CONFIG"),
        Word("SET"),
        Word("set-max-intset-entries"),
        OneOf(&["0", "1", "6", "6", "6", "1000"]),
    ],
];
