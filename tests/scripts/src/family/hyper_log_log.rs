//! Strings that count different elements, and what other string commands do to them.

use super::Family;
use crate::grammar::Arg::{self, Key, KeyOf, Many, Number, OneOf, Perhaps, Small, Value, Word};

pub(crate) const FAMILY: Family = Family {
    name: "hyper_log_log",
    settings: &[("hll-sparse-max-bytes", "100")],
    commands: COMMANDS,
};

const ELEMENTS: Arg = Many(4, &[Value, Perhaps(&[Small]), Perhaps(&[Number])]);

/// Keys that nothing but these commands touches, so that they fill.
const OWN_KEY: Arg = KeyOf(&["hll:1", "hll:2", "hll:3"]);

/// Places in the header and the first runs.
const OFFSET: Arg = OneOf(&["0", "4", "8", "15", "16", "17", "18", "20", "30"]);

const BYTE: Arg = OneOf(&["\0", "\u{1}", "\u{7f}", "H", "@", "\u{3f}", "HYLL"]);

const COMMANDS: &[&[Arg]] = &[
    &[Word("PFADD"), Key, ELEMENTS],
    &[Word("PFADD"), Key, ELEMENTS],
    &[Word("PFADD"), OWN_KEY, ELEMENTS],
    &[Word("PFADD"), OWN_KEY, ELEMENTS],
    &[Word("PFADD"), OWN_KEY, Value, Small],
    &[Word("PFCOUNT"), Key],
    &[Word("PFCOUNT"), OWN_KEY],
    &[Word("PFCOUNT"), Key, OWN_KEY, Many(2, &[Key])],
    &[Word("PFMERGE"), Key, Many(3, &[Key])],
    &[Word("PFMERGE"), OWN_KEY, Many(3, &[OWN_KEY])],
    &[Word("PFDEBUG"), OneOf(&["GETREG", "decode", "ENCODING", "x"]), Key],
    &[Word("PFDEBUG"), OneOf(&["DECODE", "DECODE", "encoding"]), OWN_KEY],
    &[Word("PFDEBUG"), Word("TODENSE"), Key],
    &[Word("GET"), Key],
    &[Word("GET"), OWN_KEY],
    &[Word("OBJECT"), Word("ENCODING"), OWN_KEY],
    &[Word("SETRANGE"), Key, OFFSET, BYTE],
    &[Word("APPEND"), Key, BYTE],
    &[Word("SET"), Key, Value],
    &[Word("DEL"), Key],
    &[Word("DEL"), Key, OWN_KEY],
    &[Word("COPY"), OWN_KEY, Key, Word("REPLACE")],
    &[Word("DUMP"), Key],
    &[Word("STRLEN"), Key],
];
