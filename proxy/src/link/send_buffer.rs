//! The requests of one node connection, kept until they are answered.
//!
//! ```text
//! bytes   |answered..|sent, not answered....|not sent........|
//!                    ^start                 ^sent
//! ```
//!
//! Keeping what was sent means that a request can follow a redirect, or be sent again after its connection died,
//! without a copy of its own.
//!
//! Invariant: `start <= sent <= bytes.len()`.

/// Answered bytes that may lie about before the rest is moved down.
const DEAD_BYTES_MIN: usize = 32 * 1024;

/// Bytes of buffer that an idle link keeps.
const KEPT_BYTES: usize = 64 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct SendBuffer {
    bytes: Vec<u8>,
    start: usize,
    sent: usize,
    /// Bytes sent since it was made.
    sent_in_all: u64,
}

impl SendBuffer {
    /// Bytes of all requests without an answer.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Bytes that it takes, those answered that still lie about with them.
    pub(crate) fn held_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Appends a request; `write` does, and its length is given back.
    #[inline]
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        let before = self.bytes.len();
        write(&mut self.bytes);
        self.bytes.len() - before
    }

    /// What is still to be sent.
    pub(crate) fn unsent(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Takes note that the first `count` bytes of [`SendBuffer::unsent`] are sent.
    pub(crate) fn mark_sent(&mut self, count: usize) {
        self.sent += count;
        self.sent_in_all += count as u64;
        debug_assert!(self.sent <= self.bytes.len(), "no more is sent than there was");
    }

    /// Bytes sent since it was made.
    pub(crate) fn sent_in_all(&self) -> u64 {
        self.sent_in_all
    }

    /// Bytes of requests without an answer that are sent.
    pub(crate) fn sent_len(&self) -> usize {
        self.sent - self.start
    }

    /// The first request without an answer, of which the caller knows the length.
    pub(crate) fn front(&self, len: usize) -> &[u8] {
        &self.bytes[self.start..self.start + len]
    }

    /// A request without an answer, so many bytes behind the first one's beginning.
    pub(crate) fn at(&self, offset: usize, len: usize) -> &[u8] {
        &self.bytes[self.start + offset..self.start + offset + len]
    }

    /// Whether every byte of the first request was sent, so that its node may have run it.
    pub(crate) fn is_front_sent(&self, len: usize) -> bool {
        self.start + len <= self.sent
    }

    /// Whether any byte of the first request was sent.
    pub(crate) fn is_front_begun(&self) -> bool {
        self.start < self.sent
    }

    /// The last request, of which the caller knows the length, if none of its bytes was sent.
    pub(crate) fn unbegun_back(&self, len: usize) -> Option<&[u8]> {
        let from = self.bytes.len() - len;
        (from >= self.sent).then(|| &self.bytes[from..])
    }

    /// Forgets the last request, of which nothing was sent.
    pub(crate) fn take_back(&mut self, len: usize) {
        self.bytes.truncate(self.bytes.len() - len);
        debug_assert!(self.sent <= self.bytes.len(), "what was sent is not taken back");
    }

    /// Forgets the first request, which is answered or given up.
    #[inline]
    pub(crate) fn release(&mut self, len: usize) {
        self.start += len;
        if self.start >= self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT_BYTES);
            self.start = 0;
            self.sent = 0;
        } else if self.start >= DEAD_BYTES_MIN && self.start >= self.bytes.len() / 2 {
            // At least as many bytes died as are moved, so this is O(1) for each byte appended.
            self.bytes.drain(..self.start);
            self.sent = self.sent.saturating_sub(self.start);
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn requests_come_back_as_they_went_in(
            steps in prop::collection::vec((1usize..30_000, 0usize..40_000, any::<bool>()), 1..60)
        ) {
            let mut buffer = SendBuffer::default();
            let mut model: VecDeque<(u8, usize)> = VecDeque::new();
            for ((len, send, answer), fill) in steps.into_iter().zip(0u8..) {
                prop_assert_eq!(buffer.append(|out| out.resize(out.len() + len, fill)), len);
                model.push_back((fill, len));
                let count = send.min(buffer.unsent().len());
                buffer.mark_sent(count);
                let (fill, len) = model[0];
                if answer && buffer.is_front_sent(len) {
                    prop_assert!(buffer.front(len).iter().all(|byte| *byte == fill));
                    buffer.release(len);
                    model.pop_front();
                }
                prop_assert_eq!(buffer.len(), model.iter().map(|(_, len)| len).sum::<usize>());
            }
        }
    }
}
