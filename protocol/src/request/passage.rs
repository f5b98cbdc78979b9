//! The rest of a request that is handed on as it comes: measured, not kept.
//!
//! ```text
//! *3\r\n $3\r\nSET\r\n $1\r\nk\r\n $9\r\n012        parsed, then 3 of 11 bytes passed
//!                                 345678\r\n *1…   8 more, and the request is over
//! ```
//!
//! In: a decoder in the middle of a request ([`RequestDecoder::parsed`]). Out: how many bytes of what comes belong to
//! the request. Invariant: the same bytes give the same end however they are split over calls.

use super::{Args, Limits, RequestDecoder, State, bulk_line};
use crate::error::ProtocolError;

/// What is known of a request that has not arrived whole.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<'a> {
    /// The arguments that are there whole.
    pub args: Args<'a>,
    /// How many there will be (count).
    pub args_count: usize,
    /// Bytes of the argument that comes next, once that is known; some of them may be there.
    pub next_bytes: Option<usize>,
    /// Bytes that have been parsed: to the end of the last whole argument, or of the line before the next one.
    pub parsed_bytes: usize,
    /// What follows them.
    pub passage: Passage,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Arguments that are not over (count).
    missing: usize,
    /// Bytes of the first of them that are still to come, its line end with them; 0: its length is not known yet.
    left_bytes: usize,
}

impl RequestDecoder {
    /// What is known of the request under way at the start of `buf`; `None` when there is none.
    pub fn parsed<'a>(&'a self, buf: &'a [u8]) -> Option<Parsed<'a>> {
        let (missing, parsed_bytes, next_bytes) = match self.state {
            State::Multibulk { missing, pos } => (missing, pos, None),
            State::Bulk { missing, pos, len } => (missing, pos, Some(len)),
            State::Start | State::StartAfterInline => return None,
        };
        let left_bytes = next_bytes.map_or(0, |len| len + 2);
        Some(Parsed {
            args: Args::in_ranges(buf, &self.args),
            args_count: self.args.len() + missing,
            next_bytes,
            parsed_bytes,
            passage: Passage { missing, left_bytes },
        })
    }
}

impl Passage {
    /// Takes what comes: how many of the bytes belong to the request, and whether it is over with them.
    ///
    /// What is not taken of a request that is not over is a part of a line, to be given again with what follows.
    ///
    /// # Errors
    /// The peer broke the protocol.
    pub fn pass(&mut self, bytes: &[u8], limits: &Limits) -> Result<(usize, bool), ProtocolError> {
        let mut taken = 0;
        while self.missing > 0 {
            if self.left_bytes == 0 {
                let Some((len, payload)) = bulk_line(bytes, taken, limits)? else {
                    return Ok((taken, false));
                };
                taken = payload;
                self.left_bytes = len + 2;
            }
            let count = self.left_bytes.min(bytes.len() - taken);
            taken += count;
            self.left_bytes -= count;
            if self.left_bytes > 0 {
                return Ok((taken, false));
            }
            self.missing -= 1;
        }
        Ok((taken, true))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_request_ends_where_it_ends_however_it_is_cut(
            args in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8),
            head in 1usize..200,
            step in 1usize..50,
        ) {
            let mut request = format!("*{}\r\n", args.len()).into_bytes();
            for arg in &args {
                request.extend(format!("${}\r\n", arg.len()).bytes());
                request.extend_from_slice(arg);
                request.extend_from_slice(b"\r\n");
            }
            let len = request.len();
            request.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
            let limits = Limits::default();
            let head = head.min(len - 1);
            let mut decoder = RequestDecoder::default();
            prop_assert_eq!(decoder.decode(&request[..head], &limits), Ok(None));
            let Some(parsed) = decoder.parsed(&request[..head]) else {
                prop_assert!(head < 4);
                return Ok(());
            };
            prop_assert_eq!(parsed.args_count, args.len());
            let (mut passage, mut at, mut end) = (parsed.passage, parsed.parsed_bytes, head);
            loop {
                let (taken, is_end) = passage.pass(&request[at..end], &limits).unwrap();
                at += taken;
                prop_assert!(at <= end);
                if is_end {
                    break;
                }
                prop_assert!(end < request.len());
                end = (end + step).min(request.len());
            }
            prop_assert_eq!(at, len);
        }
    }

    #[test]
    fn a_length_that_is_none_is_told() {
        let mut passage = Passage { missing: 2, left_bytes: 3 };
        assert_eq!(passage.pass(b"a\r\n", &Limits::default()), Ok((3, false)));
        assert_eq!(
            passage.pass(b"$x\r\n", &Limits::default()),
            Err(ProtocolError::InvalidBulkLength)
        );
    }
}
