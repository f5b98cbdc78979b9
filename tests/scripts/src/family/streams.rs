//! Streams: entries, groups, consumers. IDs are mostly written out, because clocks differ; nodes are small.

use super::Family;
use crate::grammar::Arg::{self, Either, Key, Many, Number, OneOf, Perhaps, Small, Value, Word};

pub(crate) const FAMILY: Family = Family {
    name: "streams",
    settings: &[("stream-node-max-entries", "4"), ("stream-node-max-bytes", "120")],
    commands: COMMANDS,
};

/// IDs that exist, or lie between, or are no IDs.
const ID: Arg = OneOf(&[
    "1-1",
    "1-2",
    "2-0",
    "3",
    "3-5",
    "4-1",
    "5-0",
    "5-1",
    "6-0",
    "7-7",
    "8-0",
    "9-1",
    "10-0",
    "11-3",
    "0",
    "0-1",
    "255-0",
    "256-1",
    "65536-65536",
    "18446744073709551615",
    "18446744073709551615-18446744073709551615",
    "x",
    "",
    "-",
    "+",
    "$",
    "1-",
    "-1",
    "1-1-1",
    "007-+3",
    "1--03",
    "1-*",
]);

/// IDs of new entries: small ones are soon in the past, so that most go on where the last one was.
const NEW_ID: Arg = Either(&[
    &[OneOf(&["0-*", "1-*", "2-*", "3-*", "5-*", "8-*", "20-*", "256-*", "300-*"])],
    &[OneOf(&["0-*", "1-*", "2-*", "3-*", "5-*", "8-*", "20-*", "256-*", "300-*"])],
    &[OneOf(&["0-*", "1-*", "2-*", "3-*", "5-*", "8-*", "20-*", "256-*", "300-*"])],
    &[ID],
]);

const BOUND: Arg = Either(&[
    &[ID],
    &[OneOf(&["-", "+", "(1-1", "(3-5", "(5", "(7-7", "(-", "(", "(0-0"])],
    &[OneOf(&["-", "+"])],
]);

const FIELD: Arg = OneOf(&["f", "g", "1", "", "a longer name of a field, which fills nodes"]);
const PAIRS: Arg = Many(3, &[FIELD, Value]);
const SAME: Arg = OneOf(&["f"]);
const COUNT: Arg = Perhaps(&[
    OneOf(&["COUNT", "count", "COUNT", "foo"]),
    OneOf(&["1", "2", "3", "10", "0", "-1", "x"]),
]);
const GROUP: Arg = OneOf(&["g", "g", "g", "h", "", "nosuch"]);
const CONSUMER: Arg = OneOf(&["ann", "bob", "carl", ""]);

/// Far away from what the two clocks can differ by.
const IDLE: Arg = OneOf(&["0", "0", "0", "100000000", "-1", "x"]);

const TRIM: Arg = Either(&[
    &[Word("MAXLEN"), Small],
    &[
        OneOf(&["MAXLEN", "maxlen"]),
        OneOf(&["~", "=", "~"]),
        OneOf(&["0", "1", "3", "5", "8", "-1", "x"]),
    ],
    &[Word("MINID"), ID],
    &[Word("MINID"), OneOf(&["~", "=", "~"]), ID],
    &[Word("MAXLEN")],
]);

const LIMIT: Arg =
    Perhaps(&[OneOf(&["LIMIT", "limit"]), OneOf(&["0", "1", "4", "5", "9", "100", "-1", "x"])]);

const TRIM_OPTIONS: Arg = Many(2, &[TRIM]);

const CLAIM_OPTIONS: Arg = Many(
    3,
    &[Either(&[
        &[OneOf(&["FORCE", "JUSTID", "force", "foo"])],
        &[Word("IDLE"), OneOf(&["0", "200000000", "x"])],
        &[Word("TIME"), OneOf(&["1000", "-1", "99999999999999", "x"])],
        &[Word("RETRYCOUNT"), Number],
        &[Word("LASTID"), ID],
    ])],
);

const COMMANDS: &[&[Arg]] = &[
    &[Word("XADD"), Key, NEW_ID, SAME, Value],
    &[Word("XADD"), Key, NEW_ID, SAME, Value],
    &[Word("XADD"), Key, NEW_ID, SAME, Value],
    &[Word("XADD"), Key, NEW_ID, SAME, Value],
    &[Word("XADD"), Key, NEW_ID, FIELD, Value, PAIRS],
    &[Word("XADD"), Key, NEW_ID, FIELD, Value, PAIRS],
    &[Word("XADD"), Key, TRIM, LIMIT, NEW_ID, FIELD, Value],
    &[Word("XADD"), Key, Perhaps(&[Word("NOMKSTREAM")]), TRIM_OPTIONS, LIMIT, NEW_ID, FIELD, Value],
    &[Word("XADD"), Key, Word("nomkstream"), NEW_ID, FIELD, Value],
    &[Word("XLEN"), Key],
    &[Word("XRANGE"), Key, BOUND, BOUND, COUNT],
    &[Word("XREVRANGE"), Key, BOUND, BOUND, COUNT],
    &[Word("XRANGE"), Key, Word("-"), Word("+")],
    &[Word("XREVRANGE"), Key, Word("+"), Word("-")],
    &[Word("XDEL"), Key, ID, Many(3, &[ID])],
    &[Word("XDEL"), Key, ID],
    &[Word("XTRIM"), Key, TRIM, LIMIT],
    &[Word("XTRIM"), Key, TRIM_OPTIONS, LIMIT],
    &[Word("XSETID"), Key, ID],
    &[
        Word("XSETID"),
        Key,
        ID,
        Perhaps(&[Word("ENTRIESADDED"), OneOf(&["0", "3", "20", "-1", "x"])]),
        Perhaps(&[Word("maxdeletedid"), ID]),
        Perhaps(&[Word("foo")]),
    ],
    &[Word("XREAD"), COUNT, Word("STREAMS"), Key, ID],
    &[Word("XREAD"), COUNT, Word("streams"), Key, Key, ID, ID],
    &[
        Word("XREAD"),
        Perhaps(&[Word("NOACK")]),
        COUNT,
        Word("STREAMS"),
        Key,
        OneOf(&["$", ">", "0"]),
    ],
    &[Word("XREAD"), Perhaps(&[Word("GROUP"), GROUP, CONSUMER]), Word("STREAMS"), Key, Key, ID],
    &[
        Word("XREADGROUP"),
        Word("GROUP"),
        GROUP,
        CONSUMER,
        COUNT,
        Perhaps(&[Word("NOACK")]),
        Word("STREAMS"),
        Key,
        OneOf(&[">", ">", ">", "0", "1-1", "$", "3-5", "x"]),
    ],
    &[
        Word("XREADGROUP"),
        Word("group"),
        Word("g"),
        CONSUMER,
        Word("count"),
        OneOf(&["1", "2"]),
        Word("STREAMS"),
        Key,
        Word(">"),
    ],
    &[
        Word("XREADGROUP"),
        Word("GROUP"),
        Word("g"),
        CONSUMER,
        Word("STREAMS"),
        Key,
        Key,
        OneOf(&[">", "0"]),
        OneOf(&[">", "0"]),
    ],
    &[Word("XREADGROUP"), Word("NOACK"), COUNT, Word("STREAMS"), Key, Key, Word(">"), Word(">")],
    &[
        Word("XGROUP"),
        Word("CREATE"),
        Key,
        GROUP,
        ID,
        Perhaps(&[OneOf(&["MKSTREAM", "mkstream", "foo"])]),
    ],
    &[Word("XGROUP"), Word("CREATE"), Key, GROUP, OneOf(&["0", "$"]), Word("MKSTREAM")],
    &[
        Word("XGROUP"),
        Word("CREATE"),
        Key,
        GROUP,
        ID,
        Perhaps(&[Word("MKSTREAM")]),
        Word("ENTRIESREAD"),
        Number,
    ],
    &[Word("XGROUP"), Word("SETID"), Key, GROUP, ID],
    &[
        Word("XGROUP"),
        Word("setid"),
        Key,
        GROUP,
        OneOf(&["0", "$", "-", "+"]),
        Word("entriesread"),
        Number,
    ],
    &[Word("XGROUP"), Word("DESTROY"), Key, GROUP],
    &[Word("XGROUP"), Word("CREATECONSUMER"), Key, GROUP, CONSUMER],
    &[Word("XGROUP"), Word("DELCONSUMER"), Key, GROUP, CONSUMER],
    &[Word("XGROUP"), OneOf(&["foo", "CREATE", "SETID"]), Key],
    &[Word("XACK"), Key, GROUP, ID, Many(3, &[ID])],
    &[Word("XPENDING"), Key, GROUP],
    &[Word("XPENDING"), Key, Word("g"), Word("-"), Word("+"), Word("10"), Perhaps(&[CONSUMER])],
    &[
        Word("XPENDING"),
        Key,
        GROUP,
        Perhaps(&[Word("IDLE"), IDLE]),
        BOUND,
        BOUND,
        OneOf(&["1", "2", "10", "0", "-1", "x"]),
        Perhaps(&[CONSUMER]),
    ],
    &[Word("XCLAIM"), Key, GROUP, CONSUMER, IDLE, ID, Many(3, &[ID]), CLAIM_OPTIONS],
    &[Word("XCLAIM"), Key, Word("g"), CONSUMER, Word("0"), ID, ID, CLAIM_OPTIONS],
    &[Word("XCLAIM"), Key, Word("g"), CONSUMER, Word("0"), ID, Word("FORCE")],
    &[
        Word("XAUTOCLAIM"),
        Key,
        GROUP,
        CONSUMER,
        IDLE,
        BOUND,
        Perhaps(&[
            OneOf(&["COUNT", "count", "foo"]),
            OneOf(&["1", "2", "3", "10", "0", "-1", "x", "9223372036854775807"]),
        ]),
        Perhaps(&[OneOf(&["JUSTID", "foo"])]),
    ],
    &[Word("XINFO"), Word("STREAM"), Key],
    &[Word("XINFO"), Word("STREAM"), Key, Word("FULL"), COUNT],
    &[Word("XINFO"), Word("GROUPS"), Key],
    &[Word("XINFO"), Word("CONSUMERS"), Key, GROUP],
    &[Word("XINFO"), OneOf(&["foo", "STREAM", "GROUPS"]), Key, Perhaps(&[Value])],
    &[Word("SET"), Key, Value],
    &[Word("DEL"), Key],
    &[Word("DEL"), Key],
    &[Word("TYPE"), Key],
    &[Word("GET"), Key],
    &[Word("APPEND"), Key, Value],
    &[Word("RENAME"), Key, Key],
    &[Word("COPY"), Key, Key, Perhaps(&[Word("REPLACE")])],
    &[Word("COPY"), Key, Key, Word("REPLACE")],
    &[Word("EXPIRE"), Key, Word("100000")],
    &[Word("OBJECT"), Word("ENCODING"), Key],
    &[Word("MULTI")],
    &[Word("EXEC")],
    &[Word("EXEC")],
    &[Word("WATCH"), Key],
];
