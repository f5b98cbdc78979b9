//! Lists, with nodes of three elements, so that few of them make many nodes.

use super::Family;
use crate::grammar::Arg::{self, Either, Key, Many, Number, OneOf, Perhaps, Small, Value, Word};

pub(crate) const FAMILY: Family =
    Family { name: "lists", settings: &[("list-max-listpack-size", "3")], commands: COMMANDS };

/// Few different elements, so that equal ones meet.
const ELEMENT: Arg = OneOf(&[
    "a",
    "b",
    "c",
    "0",
    "1",
    "-1",
    "007",
    "4096",
    "-70000",
    "9223372036854775807",
    "9223372036854775808",
    "",
    "this element is longer than the sixty-three bytes that a short head can tell",
    "\0\r\n",
]);

const MORE: Arg = Many(5, &[ELEMENT]);
const END: Arg = OneOf(&["LEFT", "RIGHT", "left", "Right", "LEFT", "RIGHT", "up", ""]);
const INDEX: Arg = OneOf(&[
    "0", "1", "2", "3", "4", "5", "7", "-1", "-2", "-3", "-4", "-5", "-7", "12", "-12", "100",
]);
const POSITION: Arg = Either(&[&[INDEX], &[INDEX], &[INDEX], &[Small], &[Number]]);
const COUNT: Arg = OneOf(&["0", "1", "1", "2", "3", "4", "-1", "-2", "-3", "100", "x", ""]);
const NUMKEYS: Arg = OneOf(&["1", "2", "2", "3", "0", "-1", "x", "99"]);

/// Short enough to be waited for.
const TIMEOUT: Arg = OneOf(&["0.001", "0.002", "1e-3", "-1", "x", "", "inf", "1e100"]);

const LPOS_OPTIONS: Arg = Many(
    3,
    &[Either(&[
        &[Word("RANK"), POSITION],
        &[OneOf(&["COUNT", "count"]), COUNT],
        &[OneOf(&["MAXLEN", "maxlen"]), POSITION],
        &[OneOf(&["RANK", "COUNT", "MAXLEN", "foo"]), Number],
    ])],
);

const COMMANDS: &[&[Arg]] = &[
    &[Word("LPUSH"), Key, ELEMENT, MORE],
    &[Word("LPUSH"), Key, ELEMENT, MORE],
    &[Word("RPUSH"), Key, ELEMENT, MORE],
    &[Word("RPUSH"), Key, ELEMENT, MORE],
    &[Word("RPUSH"), Key, ELEMENT, MORE, MORE, MORE],
    &[Word("RPUSH"), Key, Value, Value, Value],
    &[Word("LPUSHX"), Key, ELEMENT, MORE],
    &[Word("RPUSHX"), Key, ELEMENT, MORE],
    &[Word("LPOP"), Key],
    &[Word("RPOP"), Key],
    &[Word("LPOP"), Key, COUNT],
    &[Word("RPOP"), Key, COUNT],
    &[Word("LPOP"), Key, Number],
    &[Word("LLEN"), Key],
    &[Word("LINDEX"), Key, POSITION],
    &[Word("LINDEX"), Key, POSITION],
    &[Word("LSET"), Key, POSITION, ELEMENT],
    &[Word("LSET"), Key, POSITION, ELEMENT],
    &[Word("LRANGE"), Key, POSITION, POSITION],
    &[Word("LRANGE"), Key, POSITION, POSITION],
    &[Word("LTRIM"), Key, POSITION, POSITION],
    &[Word("LTRIM"), Key, OneOf(&["0", "1", "-5"]), OneOf(&["-1", "-2", "5"])],
    &[Word("LREM"), Key, COUNT, ELEMENT],
    &[Word("LREM"), Key, Number, ELEMENT],
    &[Word("LINSERT"), Key, OneOf(&["BEFORE", "after", "x"]), ELEMENT, ELEMENT],
    &[Word("LINSERT"), Key, OneOf(&["BEFORE", "AFTER"]), ELEMENT, ELEMENT],
    &[Word("LINSERT"), Key, OneOf(&["BEFORE", "AFTER"]), ELEMENT, ELEMENT],
    &[Word("LPOS"), Key, ELEMENT],
    &[Word("LPOS"), Key, ELEMENT, LPOS_OPTIONS],
    &[Word("LPOS"), Key, ELEMENT, LPOS_OPTIONS],
    &[Word("LMOVE"), Key, Key, END, END],
    &[Word("LMOVE"), Key, Key, OneOf(&["LEFT", "RIGHT"]), OneOf(&["LEFT", "RIGHT"])],
    &[Word("RPOPLPUSH"), Key, Key],
    &[Word("LMPOP"), NUMKEYS, Key, Key, END, Perhaps(&[Word("COUNT"), COUNT])],
    &[Word("LMPOP"), Word("2"), Key, Key, END],
    &[Word("LMPOP"), Word("1"), Key, END, Perhaps(&[OneOf(&["count", "x"]), COUNT])],
    &[Word("LMPOP"), Word("1"), Key, END, Word("COUNT"), COUNT, Perhaps(&[Word("COUNT"), COUNT])],
    &[OneOf(&["BLPOP", "BRPOP"]), Key, Many(2, &[Key]), TIMEOUT],
    &[Word("BLMOVE"), Key, Key, END, END, TIMEOUT],
    &[Word("BRPOPLPUSH"), Key, Key, TIMEOUT],
    &[Word("BLMPOP"), TIMEOUT, Word("2"), Key, Key, END, Perhaps(&[Word("COUNT"), COUNT])],
    &[Word("SET"), Key, Value],
    &[Word("GET"), Key],
    &[Word("APPEND"), Key, Value],
    &[Word("DEL"), Key],
    &[Word("DEL"), Key, Key],
    &[Word("RENAME"), Key, Key],
    &[Word("COPY"), Key, Key, Perhaps(&[Word("REPLACE")])],
    &[Word("PEXPIREAT"), Key, Word("4102444800000")],
    &[Word("PEXPIRETIME"), Key],
    &[Word("EXPIRE"), Key, Word("-1")],
    &[Word("TYPE"), Key],
    &[Word("EXISTS"), Key, Key],
    &[Word("OBJECT"), Word("ENCODING"), Key],
    // Longer elements lie outside listpacks then.
    &[Word("DEBUG"), Word("QUICKLIST-PACKED-THRESHOLD"), OneOf(&["0", "5b", "20", "1gb"])],
    &[Word("WATCH"), Key],
    &[Word("MULTI")],
    &[Word("EXEC")],
    &[Word("EXEC")],
];
