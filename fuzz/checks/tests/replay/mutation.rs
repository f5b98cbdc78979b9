//! Mutated forms of seeds from a number; the same number gives the same forms.

/// Changes that one form has at most (count).
const CHANGES_MAX: u64 = 6;

/// Bytes beyond which a form does not grow.
const BYTES_MAX: usize = 4096;

/// What protocols are made of, and numbers at their edges.
const TOKENS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"*",
    b"$",
    b"*-1\r\n",
    b"$-1\r\n",
    b"*0\r\n",
    b"*2\r\n$3\r\nGET\r\n$1\r\n",
    b"%1\r\n",
    b"|1\r\n",
    b"\"",
    b"'",
    b"\\x",
    b"{a}",
    b"0",
    b"-1",
    b"00",
    b"2147483648",
    b"4294967296",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"\x00",
    b"\x00\x00\x00\x00",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
];

/// Takes seeds and changes them.
pub(crate) struct Mutator<'a> {
    state: u64,
    seeds: &'a [Vec<u8>],
}

impl<'a> Mutator<'a> {
    /// One that begins at this number.
    pub(crate) fn new(number: u64, seeds: &'a [Vec<u8>]) -> Mutator<'a> {
        Mutator { state: number, seeds }
    }

    /// The next form.
    pub(crate) fn mutated(&mut self) -> Vec<u8> {
        let mut bytes = self.pick(self.seeds).clone();
        for _ in 0..=self.below(CHANGES_MAX) {
            self.change(&mut bytes);
            bytes.truncate(BYTES_MAX);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let (at, end) = self.range(bytes.len());
        match self.below(9) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.extend_from_within(at..end),
            3 => {
                let repeated = bytes[at..end].repeat(self.index(40));
                bytes.splice(at..at, repeated);
            }
            4 => {
                let other = self.pick(self.seeds);
                let (from, to) = self.range(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            5 | 6 => {
                let token = self.pick(TOKENS);
                let end = if self.below(2) == 0 { at } else { end.min(at + token.len()) };
                bytes.splice(at..end, token.iter().copied());
            }
            7 => bytes.insert(at, self.byte()),
            _ => {
                let byte = self.byte();
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
        }
    }

    /// The bounds of some of `len` bytes: mostly few.
    fn range(&mut self, len: usize) -> (usize, usize) {
        let at = self.index(len + 1);
        let most = if self.below(4) == 0 { len - at } else { (len - at).min(8) };
        (at, at + self.index(most + 1))
    }

    fn pick<T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).expect("it is below a usize")
    }

    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Source: Sebastiano Vigna's SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
