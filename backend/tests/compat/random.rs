//! Random scripts: a few keys, many commands, arguments from the edges of what is allowed.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

/// The seed of this run.
pub(crate) fn seed() -> u64 {
    let given = env::var("COMPAT_SEED").ok().and_then(|seed| seed.parse().ok());
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.subsec_nanos());
    given.unwrap_or_else(|| u64::from(clock()))
}

/// What stands in a place of a command.
#[derive(Clone, Copy)]
enum Arg {
    /// The command's name, or a fixed word.
    Word(&'static str),
    Key,
    Value,
    /// A whole number, good, bad or extreme.
    Number,
    /// A number that a string may well be as long as.
    Small,
    Float,
    /// An expiry far enough away not to come true meanwhile, or none at all.
    Seconds,
    Milliseconds,
    UnixSeconds,
    UnixMilliseconds,
    /// One of these, or nothing.
    Maybe(&'static [&'static str]),
    Bit,
    Field,
    Pattern,
    Database,
    /// Zero to three more pairs of key and value.
    Pairs,
    /// Zero to three more keys.
    Keys,
    /// Zero to three random options of `SET`.
    SetOptions,
    LcsOptions,
    FieldOperations,
}

use Arg::{
    Bit, Database, Field, FieldOperations, Float, Key, Keys, LcsOptions, Maybe, Milliseconds,
    Number, Pairs, Pattern, Seconds, SetOptions, Small, UnixMilliseconds, UnixSeconds, Value, Word,
};

const EXPIRE_OPTIONS: Arg = Maybe(&["NX", "XX", "GT", "lt", "foo"]);
const RANGE_UNIT: Arg = Maybe(&["BYTE", "BIT", "bit", "x"]);

const COMMANDS: &[&[Arg]] = &[
    &[Word("SET"), Key, Value],
    &[Word("SET"), Key, Value],
    &[Word("SET"), Key, Value, SetOptions],
    &[Word("SET"), Key, Value, SetOptions],
    &[Word("GET"), Key],
    &[Word("GET"), Key],
    &[Word("SETNX"), Key, Value],
    &[Word("SETEX"), Key, Seconds, Value],
    &[Word("PSETEX"), Key, Milliseconds, Value],
    &[Word("GETSET"), Key, Value],
    &[Word("GETDEL"), Key],
    &[Word("GETEX"), Key],
    &[Word("GETEX"), Key, Maybe(&["PERSIST", "EX", "foo"])],
    &[Word("GETEX"), Key, Word("EX"), Seconds],
    &[Word("GETEX"), Key, SetOptions],
    &[Word("GETEX"), Key, Word("PX"), Milliseconds],
    &[Word("GETEX"), Key, Word("EXAT"), UnixSeconds],
    &[Word("GETEX"), Key, Word("PXAT"), UnixMilliseconds, Maybe(&["PERSIST"])],
    &[Word("MGET"), Key, Keys],
    &[Word("MSET"), Key, Value, Pairs],
    &[Word("MSETNX"), Key, Value, Pairs],
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
    &[Word("LCS"), Key, Key, LcsOptions],
    &[Word("SETBIT"), Key, Small, Bit],
    &[Word("GETBIT"), Key, Small],
    &[Word("BITCOUNT"), Key],
    &[Word("BITCOUNT"), Key, Small, Small, RANGE_UNIT],
    &[Word("BITCOUNT"), Key, Small],
    &[Word("BITPOS"), Key, Bit],
    &[Word("BITPOS"), Key, Bit, Small],
    &[Word("BITPOS"), Key, Bit, Small, Small, RANGE_UNIT],
    &[Word("BITOP"), Maybe(&["AND", "or", "XOR"]), Key, Key, Keys],
    &[Word("BITOP"), Word("NOT"), Key, Key],
    &[Word("BITOP"), Word("NOT"), Key, Key, Keys],
    &[Word("BITFIELD"), Key, FieldOperations],
    &[Word("BITFIELD"), Key, FieldOperations],
    &[Word("BITFIELD_RO"), Key, Word("GET"), Field, Small],
    &[Word("BITFIELD_RO"), Key, FieldOperations],
    &[Word("DEL"), Key, Keys],
    &[Word("UNLINK"), Key],
    &[Word("EXISTS"), Key, Keys],
    &[Word("TOUCH"), Key, Keys],
    &[Word("TYPE"), Key],
    &[Word("RENAME"), Key, Key],
    &[Word("RENAMENX"), Key, Key],
    &[Word("COPY"), Key, Key, Maybe(&["REPLACE", "foo"])],
    &[Word("COPY"), Key, Key, Word("DB"), Database, Maybe(&["REPLACE"])],
    &[Word("MOVE"), Key, Database],
    // Later and sooner are compared only between times that are the same for both servers.
    &[Word("EXPIRE"), Key, Seconds, Maybe(&["NX", "XX", "foo"])],
    &[Word("PEXPIRE"), Key, Milliseconds, Maybe(&["nx", "xx"])],
    &[Word("EXPIREAT"), Key, UnixSeconds, EXPIRE_OPTIONS, EXPIRE_OPTIONS],
    &[Word("PEXPIREAT"), Key, UnixMilliseconds, EXPIRE_OPTIONS],
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
    &[Word("SELECT"), Database],
    &[Word("SELECT"), Word("0")],
    &[Word("SELECT"), Word("0")],
    &[Word("SWAPDB"), Database, Database],
    &[Word("ECHO"), Value],
    &[Word("PING"), Maybe(&["hi"])],
    &[Word("MULTI")],
    &[Word("EXEC")],
    &[Word("EXEC")],
    &[Word("DISCARD")],
    &[Word("WATCH"), Key, Keys],
    &[Word("UNWATCH")],
    &[Word("NOSUCH"), Value],
    &[Word("GET")],
    &[Word("CLIENT"), Word("nosuch")],
];

const KEYS: &[&[u8]] = &[
    b"a",
    b"b",
    b"counter",
    b"{tag}x",
    b"binary\x00\xff\r\n",
    b"",
    b"a key that is longer than what is kept in place",
];

const VALUES: &[&[u8]] = &[
    b"",
    b"0",
    b"1",
    b"-1",
    b"10",
    b"9999",
    b"10000",
    b"007",
    b"-0",
    b" 1",
    b"3.0e3",
    b"1.5",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"hello",
    b"hello world, hello",
    b"\x00\x01\xfe\xff",
    b"exactly fifteen",
    b"exactly sixteen!",
    b"this text has exactly forty-four bytes in it",
    b"this text has exactly forty-five bytes in it.",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"nan",
    b"inf",
];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "5",
    "100",
    "-100",
    "1024",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "abc",
    "",
    "1.0",
    " 1",
    "1 ",
    "+1",
    "01",
    "0x10",
    "1e3",
    "4611686018427387904",
    "-4611686018427387905",
];

const SMALLS: &[&str] = &[
    "0", "1", "-1", "2", "3", "-3", "7", "8", "15", "16", "17", "44", "-44", "63", "100", "400",
    "-1000",
];

/// Around the largest string of 1 MiB, in bytes and in bits, and far beyond.
const LARGE_OFFSETS: &[&str] = &[
    "1048575",
    "1048576",
    "1048577",
    "8388607",
    "8388608",
    "4294967296",
    "536870912",
    "9223372036854775807",
    "x",
];

const FLOATS: &[&str] = &[
    "0.1",
    "0.2",
    "-0.3",
    "1",
    "-1",
    "3.0e3",
    "1e-5",
    "1e17",
    "5e-18",
    "1e300",
    "-1e300",
    "1e4000",
    "-1e4000",
    "1e5000",
    "1e-5000",
    "inf",
    "-inf",
    "nan",
    "abc",
    "",
    "1 ",
    "0x1p4",
    "0x1.8p1",
    ".5",
    "5.",
    "1e",
    "1e+2",
    "123456789.123456789",
    "0.3333333333333333333333333",
    "1797693134862315708145274237317043567980705675258449",
    "infinity",
    "+7",
    "--1",
];

const SECONDS: &[&str] = &[
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
];

const UNIX_SECONDS: &[&str] =
    &["0", "1", "-1", "4102444800", "4102444801", "9223372036854775", "9223372036854776", "x"];

const UNIX_MILLISECONDS: &[&str] = &[
    "0",
    "1",
    "-1",
    "4102444800000",
    "4102444800500",
    "4102444800499",
    "9223372036854775807",
    "x",
];

const MILLISECONDS: &[&str] =
    &["0", "-1", "1000000", "1000500", "9223372036854775807", "-9223372036854775808", "x"];

const FIELDS: &[&str] = &[
    "u1", "i1", "u8", "i8", "u4", "i5", "u63", "i64", "u13", "i16", "u64", "i65", "u0", "x8", "",
    "u",
];

const PATTERNS: &[&str] = &["*", "a*", "[ab]", "?", "{*", "nothing", "*\\*", "[^a]", "*[", "b*y*"];

struct Generator {
    state: u64,
}

/// Commands from a seed; the same seed gives the same script.
pub(crate) fn script(seed: u64, len: usize) -> Vec<Vec<Vec<u8>>> {
    let mut generator = Generator { state: seed };
    (0..len).map(|_| generator.command()).collect()
}

impl Generator {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn command(&mut self) -> Vec<Vec<u8>> {
        let form = self.pick(COMMANDS);
        let mut words = Vec::new();
        for arg in form {
            self.arg(*arg, &mut words);
        }
        if words[0] == b"SCAN" {
            // Where a scan stops on its way is each server's own affair.
            return words;
        }
        // Now and then an argument is missing, or is one too many.
        if self.one_in(60) && words.len() > 1 {
            words.pop();
        }
        if self.one_in(60) {
            self.arg(Value, &mut words);
        }
        words
    }

    fn text(&mut self, choices: &[&str], words: &mut Vec<Vec<u8>>) {
        words.push(self.pick(choices).as_bytes().to_vec());
    }

    fn arg(&mut self, arg: Arg, words: &mut Vec<Vec<u8>>) {
        match arg {
            Word(word) => words.push(word.as_bytes().to_vec()),
            Key => words.push(self.pick(KEYS).to_vec()),
            Value => words.push(self.pick(VALUES).to_vec()),
            Number => self.text(NUMBERS, words),
            Small if self.one_in(25) => self.text(LARGE_OFFSETS, words),
            Small if self.one_in(25) => self.text(NUMBERS, words),
            Small => self.text(SMALLS, words),
            Float => self.text(FLOATS, words),
            Seconds => self.text(SECONDS, words),
            Milliseconds => self.text(MILLISECONDS, words),
            UnixSeconds => self.text(UNIX_SECONDS, words),
            UnixMilliseconds => self.text(UNIX_MILLISECONDS, words),
            Maybe(choices) => {
                if self.below(3) > 0 {
                    self.text(choices, words);
                }
            }
            Bit => self.text(&["0", "1", "1", "0", "2", "x", "-1"], words),
            Field => self.text(FIELDS, words),
            Pattern => self.text(PATTERNS, words),
            Database => {
                self.text(&["0", "0", "1", "9", "15", "16", "-1", "x", "99999999999"], words)
            }
            Pairs => (0..self.below(4)).for_each(|_| {
                self.arg(Key, words);
                self.arg(Value, words);
            }),
            Keys => (0..self.below(4)).for_each(|_| self.arg(Key, words)),
            SetOptions => (0..self.below(4)).for_each(|_| self.set_option(words)),
            LcsOptions => (0..self.below(4)).for_each(|_| {
                self.text(&["IDX", "LEN", "WITHMATCHLEN", "MINMATCHLEN", "x"], words);
                if words.last().is_some_and(|word| word == b"MINMATCHLEN") {
                    self.text(SMALLS, words);
                }
            }),
            FieldOperations => (0..self.below(4)).for_each(|_| self.field_operation(words)),
        }
    }

    fn set_option(&mut self, words: &mut Vec<Vec<u8>>) {
        let option =
            self.pick(&["NX", "XX", "GET", "KEEPTTL", "EX", "px", "EXAT", "PXAT", "foo", "get"]);
        words.push(option.as_bytes().to_vec());
        match option {
            "EX" => self.arg(Seconds, words),
            "px" => self.arg(Milliseconds, words),
            "EXAT" => self.arg(UnixSeconds, words),
            "PXAT" => self.arg(UnixMilliseconds, words),
            _ => {}
        }
    }

    fn field_operation(&mut self, words: &mut Vec<Vec<u8>>) {
        let operation =
            self.pick(&["GET", "SET", "incrby", "OVERFLOW", "foo", "SET", "GET", "INCRBY"]);
        words.push(operation.as_bytes().to_vec());
        if operation == "OVERFLOW" {
            return self.text(&["WRAP", "sat", "FAIL", "x"], words);
        }
        self.arg(Field, words);
        self.arg(Small, words);
        if self.one_in(3)
            && let Some(offset) = words.last_mut()
        {
            offset.insert(0, b'#');
        }
        if operation != "GET" {
            self.arg(Number, words);
        }
    }
}
