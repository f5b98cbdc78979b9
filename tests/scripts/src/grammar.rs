//! Random commands: a few keys, arguments from the edges of what is allowed.

/// What stands in a place of a command.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// The command's name, or a fixed word.
    Word(&'static str),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// All of these, or nothing.
    Perhaps(&'static [Arg]),
    /// One of these groups.
    Either(&'static [&'static [Arg]]),
    /// The group so many times at most, or not at all.
    Many(usize, &'static [Arg]),
    /// One of [`KEYS`].
    Key,
    /// One of these keys.
    KeyOf(&'static [&'static str]),
    /// A value of any kind, text, number or bytes.
    Value,
    /// A whole number, good, bad or extreme.
    Number,
    /// A number that a string may well be as long as, or a list have elements.
    Small,
    /// As [`Arg::Small`], perhaps with the `#` of `BITFIELD`.
    FieldOffset,
    /// A floating-point number, good, bad or extreme.
    Float,
    /// A pattern of keys.
    Pattern,
}

use Arg::{
    Either, FieldOffset, Float, Key, KeyOf, Many, Number, OneOf, Pattern, Perhaps, Small, Value,
    Word,
};

/// The keys of all scripts, behind what they begin with.
pub const KEYS: &[&[u8]] = &[
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

const PATTERNS: &[&str] = &["*", "a*", "[ab]", "?", "{*", "nothing", "*\\*", "[^a]", "*[", "b*y*"];

struct Generator<'a> {
    state: u64,
    /// What every key begins with.
    prefix: &'a [u8],
}

/// Commands of these forms from a seed; the same seed gives the same script. Every key begins with `prefix`: a hash
/// tag puts them all in one slot.
pub fn script(forms: &[&[Arg]], seed: u64, len: usize, prefix: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut generator = Generator { state: seed, prefix };
    (0..len).map(|_| generator.command(forms)).collect()
}

impl Generator<'_> {
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

    fn command(&mut self, forms: &[&[Arg]]) -> Vec<Vec<u8>> {
        let form = self.pick(forms);
        let mut words = Vec::new();
        for arg in form {
            self.arg(*arg, &mut words);
        }
        let is_random = [b"SPOP".as_slice(), b"HRANDFIELD", b"SRANDMEMBER"].contains(&&*words[0]);
        let waits = words[0].starts_with(b"BL") || words[0].starts_with(b"BR");
        if words[0].ends_with(b"SCAN") || is_random || waits {
            // Where a scan stops on its way is each server's own affair, and what is picked without a count, too;
            // another last argument may mean a wait for ever.
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
            OneOf(choices) => self.text(choices, words),
            Perhaps(group) => (0..self.below(2)).for_each(|_| self.group(group, words)),
            Either(groups) => {
                let group = self.pick(groups);
                self.group(group, words);
            }
            Many(max, group) => (0..self.below(max + 1)).for_each(|_| self.group(group, words)),
            Key => {
                let key = self.pick(KEYS);
                words.push([self.prefix, key].concat());
            }
            KeyOf(choices) => {
                let key = self.pick(choices);
                words.push([self.prefix, key.as_bytes()].concat());
            }
            Value => words.push(self.pick(VALUES).to_vec()),
            Number => self.text(NUMBERS, words),
            Small if self.one_in(25) => self.text(LARGE_OFFSETS, words),
            Small if self.one_in(25) => self.text(NUMBERS, words),
            Small => self.text(SMALLS, words),
            Float => self.text(FLOATS, words),
            FieldOffset => {
                self.arg(Small, words);
                if self.one_in(3)
                    && let Some(offset) = words.last_mut()
                {
                    offset.insert(0, b'#');
                }
            }
            Pattern => self.text(PATTERNS, words),
        }
    }

    fn group(&mut self, group: &[Arg], words: &mut Vec<Vec<u8>>) {
        group.iter().for_each(|arg| self.arg(*arg, words));
    }
}
