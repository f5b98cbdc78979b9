//! LZF, the compression of long strings: runs of bytes, and references to runs that stood before.
//!
//! | control byte | then | means |
//! |---|---|---|
//! | `000lllll` | l + 1 bytes | these bytes as they are |
//! | `lllooooo` | 1 byte | l + 2 bytes (l from 1 to 6) from o + 1 back, the high bits of o here, the low ones there |
//! | `111ooooo` | 2 bytes | the same, the first byte being l - 7 |
//!
//! The choices while compressing are those of a Redis, so that both dump a value as the same bytes: one candidate
//! for each hash of three bytes, the longest match with it, and only the last two positions of a match remembered.
//!
//! Source: redis `src/lzf_c.c`, `src/lzf_d.c`.

/// Longest run of bytes as they are.
const LITERALS_MAX: usize = 1 << 5;

/// Farthest reference back, in bytes.
const DISTANCE_MAX: usize = 1 << 13;

/// Longest reference, in bytes.
const MATCH_MAX: usize = (1 << 8) + (1 << 3);

/// Shortest reference, in bytes.
const MATCH_MIN: usize = 3;

const HASH_BITS: u32 = 16;

/// Most bytes that one input byte of compressed data can become: three bytes give the longest reference.
const EXPANSION_MAX: usize = MATCH_MAX / 3 + 1;

/// Where three bytes of a hash stood last. Kept from one string to the next, so that it need not be cleared.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Empty until it is needed. Counted from the first byte of all strings so far, and from 1.
    last: Vec<u32>,
    /// Bytes of the strings before this one.
    before: u32,
}

impl Places {
    /// Begins with a string of so many bytes. Whether that is not too many.
    fn begin(&mut self, len: usize) -> bool {
        let end =
            u32::try_from(len).ok().and_then(|len| self.before.checked_add(len)?.checked_add(1));
        if self.last.is_empty() || end.is_none() {
            *self = Places { last: vec![0; 1 << HASH_BITS], before: 0 };
        }
        u32::try_from(len).is_ok_and(|len| len < u32::MAX)
    }

    /// Notes a place of a hash. The one before, or 0, a place that is never referred to.
    fn replace(&mut self, hash: u32, at: usize) -> usize {
        let slot = &mut self.last[(hash & ((1 << HASH_BITS) - 1)) as usize];
        // It was checked in the beginning that all places fit.
        let at = u32::try_from(at).unwrap_or(0);
        let last = std::mem::replace(slot, self.before + at + 1);
        last.checked_sub(self.before + 1).unwrap_or(0) as usize
    }
}

/// Compresses into at most `max` bytes; `None` if it takes more.
pub(super) fn compress(input: &[u8], max: usize, places: &mut Places) -> Option<Vec<u8>> {
    if !places.begin(input.len()) {
        return None;
    }
    let out = Vec::with_capacity(max);
    let mut compressor = Compressor { input, places, out, literals: 0, max };
    // The place of the control byte of the first run.
    compressor.out.push(0);
    let is_done = compressor.run().is_some();
    let out = compressor.out;
    // The sum was checked in the beginning.
    places.before += u32::try_from(input.len()).unwrap_or(0);
    is_done.then_some(out)
}

/// Decompresses what must become exactly `len` bytes; `None` if it does not.
///
/// Memory is taken as the input earns it: no more than [`EXPANSION_MAX`] times its size, whatever `len` says.
pub(super) fn decompress(input: &[u8], len: usize) -> Option<Vec<u8>> {
    if len / EXPANSION_MAX > input.len() {
        return None;
    }
    let mut out = Vec::with_capacity(len.min(4 * input.len()));
    let mut rest = input;
    while let Some((control, after)) = rest.split_first() {
        let control = usize::from(*control);
        if control < LITERALS_MAX {
            let (run, after) = after.split_at_checked(control + 1)?;
            out.extend_from_slice(run);
            rest = after;
        } else {
            rest = copy_back(control, after, &mut out)?;
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

/// Follows one reference. The input behind it.
fn copy_back<'a>(control: usize, mut rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut next = || {
        let (byte, after) = rest.split_first()?;
        rest = after;
        Some(usize::from(*byte))
    };
    let mut count = (control >> 5) + 2;
    if control >> 5 == 7 {
        count += next()?;
    }
    let distance = ((control & 0x1f) << 8 | next()?) + 1;
    let from = out.len().checked_sub(distance)?;
    // What is copied may be what this very copy has written.
    for at in from..from + count {
        out.push(out[at]);
    }
    Some(rest)
}

struct Compressor<'a> {
    input: &'a [u8],
    places: &'a mut Places,
    out: Vec<u8>,
    /// Bytes of the run being written. Its control byte stands before them.
    literals: usize,
    max: usize,
}

impl Compressor<'_> {
    fn run(&mut self) -> Option<()> {
        let len = self.input.len();
        let mut at = 0;
        while at + 2 < len {
            let candidate = self.remember(at);
            at = match self.match_len(candidate, at) {
                Some(count) => {
                    self.refer(at - candidate - 1, count)?;
                    self.remember_end_of_match(at + count)
                }
                None => {
                    if self.out.len() >= self.max {
                        return None;
                    }
                    self.literal(at);
                    at + 1
                }
            };
        }
        // No more than the control bytes of two runs can be missing now.
        if self.out.len() + 3 > self.max {
            return None;
        }
        (at..len).for_each(|at| self.literal(at));
        self.end_run();
        Some(())
    }

    /// Notes where three bytes stand. Where such ones stood before.
    fn remember(&mut self, at: usize) -> usize {
        let [a, b, c] = [0, 1, 2].map(|offset| u32::from(self.input[at + offset]));
        let three = a << 16 | b << 8 | c;
        let hash = (three >> (24 - HASH_BITS)).wrapping_sub(three.wrapping_mul(5));
        self.places.replace(hash, at)
    }

    /// The two positions before the end of a match are remembered. Where to go on.
    fn remember_end_of_match(&mut self, end: usize) -> usize {
        if end + 2 < self.input.len() {
            self.remember(end - 2);
            self.remember(end - 1);
        }
        end
    }

    /// How many bytes at two places are equal, if they are enough to refer to.
    fn match_len(&self, candidate: usize, at: usize) -> Option<usize> {
        let (before, here) = (&self.input[candidate..], &self.input[at..]);
        let is_match = candidate > 0
            && at - candidate <= DISTANCE_MAX
            && before[..MATCH_MIN] == here[..MATCH_MIN];
        if !is_match {
            return None;
        }
        // A reference leaves the last two bytes; a Redis heeds that only at some lengths, for the sake of speed.
        let max = match here.len() - 2 {
            0..=16 => (here.len() - 2).max(MATCH_MIN),
            17..=19 => 19,
            len => len.min(MATCH_MAX),
        };
        let pairs = before[..max].iter().zip(&here[..max]);
        Some(pairs.take_while(|(a, b)| a == b).count())
    }

    fn refer(&mut self, distance: usize, count: usize) -> Option<()> {
        let end = self.out.len() - usize::from(self.literals == 0);
        if end + 4 >= self.max {
            return None;
        }
        self.end_run();
        let (high, low) = (byte(distance >> 8), byte(distance & 0xff));
        let len = count - 2;
        if len < 7 {
            self.out.push(high | byte(len << 5));
        } else {
            self.out.extend_from_slice(&[high | 7 << 5, byte(len - 7)]);
        }
        // The control byte of the run to come follows.
        self.out.extend_from_slice(&[low, 0]);
        Some(())
    }

    fn literal(&mut self, at: usize) {
        self.out.push(self.input[at]);
        self.literals += 1;
        if self.literals == LITERALS_MAX {
            self.end_run();
            self.out.push(0);
        }
    }

    /// Writes the control byte of the run, or takes it back if the run is empty.
    fn end_run(&mut self) {
        let control = self.out.len() - self.literals - 1;
        match self.literals.checked_sub(1) {
            Some(control_byte) => self.out[control] = byte(control_byte),
            None => self.out.truncate(control),
        }
        self.literals = 0;
    }
}

/// A number that fits a byte.
fn byte(number: usize) -> u8 {
    debug_assert!(number <= 0xff);
    u8::try_from(number).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Vec<u8>> {
        // Few letters and repeated words, so that there is something to refer to.
        let letters = prop::collection::vec(0..4u8, 0..600);
        let words = prop::collection::vec(
            prop::sample::select(vec![
                "hello ",
                "world, ",
                "a",
                "the quick brown fox ",
                "\0\0\0\0",
            ]),
            0..200,
        );
        prop_oneof![letters, words.prop_map(|words| words.concat().into_bytes())]
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(text in text()) {
            let (mut places, max) = (Places::default(), text.len().saturating_sub(4));
            let compressed = compress(&text, max, &mut places);
            // What came before does not matter.
            prop_assert_eq!(&compress(&text, max, &mut places), &compressed);
            if let Some(compressed) = compressed {
                prop_assert!(compressed.len() <= max);
                prop_assert_eq!(decompress(&compressed, text.len()), Some(text));
            }
        }

        #[test]
        fn any_bytes_decompress_to_the_stated_length_or_not_at_all(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            len in prop_oneof![0..2000usize, Just(usize::MAX), Just(1 << 40)],
        ) {
            if let Some(text) = decompress(&bytes, len) {
                prop_assert_eq!(text.len(), len);
            }
        }
    }

    #[test]
    fn references_may_overlap_what_they_write() {
        assert_eq!(decompress(b"\x00a\xe0\x05\x00", 15), Some(vec![b'a'; 15]));
        assert_eq!(decompress(b"\x00a\xe0\x05\x01", 15), None);
    }
}
