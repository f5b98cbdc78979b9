//! Fields and members picked at random, of which only the shape can be compared; what changes keys is left to others.

use super::Family;
use super::sets::INTEGER;
use crate::grammar::Arg::{self, Key, Many, OneOf, Perhaps, Value, Word};

pub(crate) const FAMILY: Family = Family {
    name: "picks",
    settings: &[("set-max-intset-entries", "6"), ("hash-max-listpack-entries", "6")],
    commands: COMMANDS,
};

const COUNT: Arg = OneOf(&[
    "0",
    "1",
    "2",
    "3",
    "5",
    "6",
    "7",
    "20",
    "-1",
    "-2",
    "-6",
    "-50",
    "-1000",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "x",
    "",
    "1.0",
]);

/// Around the largest count that has a double. Negative ones are never answered where they are allowed.
const COUNT_WITH_VALUES: Arg = OneOf(&["4611686018427387903", "4611686018427387904"]);

const WITH_VALUES: Arg = Perhaps(&[OneOf(&["WITHVALUES", "withvalues", "WITHVALUES", "foo"])]);

const COMMANDS: &[&[Arg]] = &[
    &[Word("HSET"), Key, Value, Value, Many(3, &[Value, Value])],
    &[Word("SADD"), Key, INTEGER, Many(3, &[INTEGER])],
    &[Word("SADD"), Key, Value, Many(3, &[Value])],
    &[Word("SET"), Key, Value],
    &[Word("DEL"), Key],
    &[Word("HDEL"), Key, Value, Many(3, &[Value])],
    &[Word("SREM"), Key, INTEGER, Many(3, &[INTEGER])],
    &[Word("HRANDFIELD"), Key],
    &[Word("HRANDFIELD"), Key, COUNT],
    &[Word("HRANDFIELD"), Key, COUNT, WITH_VALUES],
    &[Word("HRANDFIELD"), Key, COUNT_WITH_VALUES, Word("WITHVALUES")],
    &[Word("HRANDFIELD"), Key, COUNT, Word("withvalues")],
    &[Word("SRANDMEMBER"), Key],
    &[Word("SRANDMEMBER"), Key, COUNT],
    &[Word("SRANDMEMBER"), Key, COUNT],
    &[Word("COPY"), Key, Key, Word("REPLACE")],
    &[Word("OBJECT"), Word("ENCODING"), Key],
];
