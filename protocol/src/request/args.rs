//! The arguments of one request: borrowed, wherever they lie, or in a buffer of their own.

use std::ops::Index;

/// Where one argument lies in its buffer, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ArgRange {
    pub(super) start: u32,
    pub(super) len: u32,
}

/// Arguments of a request that is made here, in one buffer that can be used again.
#[derive(Debug, Default)]
pub struct ArgsBuf {
    buf: Vec<u8>,
    ranges: Vec<ArgRange>,
}

/// An [`ArgsBuf`] would be larger than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgsTooLarge;

impl ArgsBuf {
    /// Adds an argument.
    ///
    /// # Errors
    /// There is no room for it: nothing was added.
    pub fn push(&mut self, arg: &[u8]) -> Result<(), ArgsTooLarge> {
        let start = u32::try_from(self.buf.len()).map_err(|_| ArgsTooLarge)?;
        let len = u32::try_from(arg.len()).map_err(|_| ArgsTooLarge)?;
        self.buf.extend_from_slice(arg);
        self.ranges.push(ArgRange { start, len });
        Ok(())
    }

    /// A copy of arguments that lie elsewhere.
    ///
    /// # Errors
    /// There is no room for them.
    pub fn copy_of<'a>(
        args: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    ) -> Result<ArgsBuf, ArgsTooLarge> {
        let bytes = args.clone().map(<[u8]>::len).sum();
        let (buf, ranges) = (Vec::with_capacity(bytes), Vec::with_capacity(args.len()));
        let mut copy = ArgsBuf { buf, ranges };
        for arg in args {
            copy.push(arg)?;
        }
        Ok(copy)
    }

    /// Forgets all arguments and keeps the memory, unless that is much.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.ranges.clear();
        self.buf.shrink_to(ArgsBuf::BYTES_KEPT);
        self.ranges.shrink_to(ArgsBuf::ARGS_KEPT);
    }

    /// Memory that stays for the next request, in bytes and in arguments.
    const BYTES_KEPT: usize = 64 * 1024;
    const ARGS_KEPT: usize = 4 * 1024;

    /// The arguments.
    pub fn args(&self) -> Args<'_> {
        Args::in_ranges(&self.buf, &self.ranges)
    }
}

/// The arguments of one request, borrowed. The first is the command's name.
#[derive(Clone, Copy)]
pub struct Args<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Ranges { buf: &'a [u8], ranges: &'a [ArgRange] },
    Slices(&'a [&'a [u8]]),
}

impl<'a> Args<'a> {
    /// Arguments that lie in these places of a buffer.
    #[inline]
    pub(super) fn in_ranges(buf: &'a [u8], ranges: &'a [ArgRange]) -> Args<'a> {
        Args(Source::Ranges { buf, ranges })
    }

    /// Arguments that lie in several places, for callers that make requests themselves.
    pub fn from_slices(args: &'a [&'a [u8]]) -> Args<'a> {
        Args(Source::Slices(args))
    }

    /// How many there are (count).
    #[inline]
    pub fn len(&self) -> usize {
        match self.0 {
            Source::Ranges { ranges, .. } => ranges.len(),
            Source::Slices(args) => args.len(),
        }
    }

    /// Whether there are none: the request is to be skipped.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The argument at `index`, if there are so many.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        match self.0 {
            Source::Ranges { buf, ranges } => {
                let range = ranges.get(index)?;
                let start = range.start as usize;
                buf.get(start..start + range.len as usize)
            }
            Source::Slices(args) => args.get(index).copied(),
        }
    }

    /// Bytes of a request of these arguments.
    pub fn encoded_len(&self) -> usize {
        let with_header = |len: usize, number: usize| len + number.max(1).ilog10() as usize + 4;
        self.iter().fold(with_header(0, self.len()), |len, arg| {
            with_header(len, arg.len()) + arg.len() + 2
        })
    }

    /// All arguments in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let args = *self;
        (0..self.len()).map(move |index| args.get(index).unwrap_or_default())
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    /// # Panics
    /// When there are not so many arguments: check `len`, or the command's arity, first.
    fn index(&self, index: usize) -> &[u8] {
        self.get(index).expect("the caller has checked how many arguments there are")
    }
}

impl std::fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|arg| arg.escape_ascii().to_string())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::encode_request;

    #[test]
    fn the_length_is_that_of_the_request() {
        let long = [b'x'; 1000];
        for words in [&[b"a" as &[u8]; 10][..], &[b"", &long], &[b"client", b"list"]] {
            let mut request = Vec::new();
            encode_request(&mut request, words.iter().copied());
            assert_eq!(Args::from_slices(words).encoded_len(), request.len());
        }
    }
}
