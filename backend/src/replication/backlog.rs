//! The last bytes of the stream of changes, read by replicas at their own pace.
//!
//! Bytes lie in blocks in the order of their offsets; blocks that nobody needs any more go at the front. A replica that
//! is online reads from its place, so that one copy of the stream serves all of them.
//!
//! Invariant: blocks are not empty and follow each other without a gap.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use crate::memory::chunk_bytes;

/// Bytes of a block, about: a sixteenth of what is kept, within these bounds.
const BLOCK_BYTES: RangeInclusive<usize> = 1024..=64 * 1024;

/// Places for so many blocks are kept without a need (count).
const BLOCKS_MIN: usize = 16;

/// The stream from some offset on.
#[derive(Debug)]
pub(super) struct Backlog {
    blocks: VecDeque<Block>,
    /// Where the first kept byte lies: bytes of the stream before it (count).
    start: u64,
    /// Where the next byte will lie.
    end: u64,
    /// What the bytes of the blocks take of the heap, in use or not. Invariant: the sum over all blocks.
    taken: usize,
    /// From how many bytes on a block takes no more.
    block_bytes: usize,
}

#[derive(Debug)]
struct Block {
    start: u64,
    bytes: Vec<u8>,
}

impl Block {
    /// What its bytes take of the heap.
    fn taken_bytes(&self) -> usize {
        if self.bytes.capacity() == 0 { 0 } else { chunk_bytes(self.bytes.capacity()) }
    }
}

impl Backlog {
    /// Keeps what comes behind an offset.
    pub(super) fn new(offset: u64) -> Backlog {
        Backlog {
            blocks: VecDeque::new(),
            start: offset,
            end: offset,
            taken: 0,
            block_bytes: *BLOCK_BYTES.end(),
        }
    }

    /// The offset of the first byte that is kept; the end if none is.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Bytes kept (count).
    pub(super) fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Memory that they take (bytes): with small blocks, what holds them together is much of it.
    pub(super) fn taken_bytes(&self) -> usize {
        self.taken + self.blocks.capacity() * size_of::<Block>()
    }

    /// From now on makes blocks that suit so many bytes to be kept.
    #[inline]
    pub(super) fn suit(&mut self, kept_bytes: usize) {
        self.block_bytes = (kept_bytes / 16).clamp(*BLOCK_BYTES.start(), *BLOCK_BYTES.end());
    }

    /// Adds what `write` writes. How many bytes that was.
    pub(super) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let is_full = self.blocks.back().is_none_or(|block| block.bytes.len() >= self.block_bytes);
        if is_full {
            self.begin_block();
        }
        let Some(block) = self.blocks.back_mut() else { return 0 };
        let taken_before = block.taken_bytes();
        write(&mut block.bytes);
        self.taken += block.taken_bytes() - taken_before;
        let end = block.start + block.bytes.len() as u64;
        let count = end - self.end;
        self.end = end;
        if block.bytes.is_empty() {
            self.taken -= block.taken_bytes();
            self.blocks.pop_back();
        } else if block.bytes.len() > 2 * self.block_bytes {
            self.divide_last();
        }
        count
    }

    /// Begins a block; the one before it takes no more than it holds from now on.
    fn begin_block(&mut self) {
        if let Some(full) = self.blocks.back_mut() {
            let taken_before = full.taken_bytes();
            full.bytes.shrink_to_fit();
            self.taken -= taken_before - full.taken_bytes();
        }
        self.blocks.push_back(Block { start: self.end, bytes: Vec::new() });
    }

    /// Makes several blocks of the last one, so that they can go one by one.
    fn divide_last(&mut self) {
        let Some(last) = self.blocks.pop_back() else { return };
        self.taken -= last.taken_bytes();
        let mut start = last.start;
        for portion in last.bytes.chunks(self.block_bytes) {
            let block = Block { start, bytes: portion.to_vec() };
            self.taken += block.taken_bytes();
            self.blocks.push_back(block);
            start += portion.len() as u64;
        }
    }

    /// Has the stream lie further on by so many bytes: what came before it has become known.
    pub(super) fn shift(&mut self, by: u64) {
        self.start += by;
        self.end += by;
        self.blocks.iter_mut().for_each(|block| block.start += by);
    }

    /// Forgets whole blocks before an offset, as long as so many bytes remain.
    pub(super) fn trim(&mut self, needed_from: u64, kept_bytes: u64) {
        let limit = needed_from.min(self.end.saturating_sub(kept_bytes));
        while let Some(block) = self.blocks.front()
            && block.start + block.bytes.len() as u64 <= limit
        {
            self.start = block.start + block.bytes.len() as u64;
            self.taken -= block.taken_bytes();
            self.blocks.pop_front();
        }
        if self.blocks.capacity() / 4 > self.blocks.len().max(BLOCKS_MIN) {
            self.blocks.shrink_to(2 * self.blocks.len());
        }
    }

    /// Bytes from an offset on, as many as lie together; `None` if they are not kept any more.
    pub(super) fn read(&self, offset: u64) -> Option<&[u8]> {
        if offset < self.start || offset > self.end {
            return None;
        }
        let index = self.blocks.partition_point(|block| block.start <= offset);
        let Some(block) = index.checked_sub(1).and_then(|index| self.blocks.get(index)) else {
            return Some(&[]);
        };
        let from = usize::try_from(offset - block.start).ok()?;
        block.bytes.get(from..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(backlog: &mut Backlog, bytes: &[u8]) {
        assert_eq!(backlog.append(|out| out.extend_from_slice(bytes)), bytes.len() as u64);
    }

    #[test]
    fn what_was_appended_is_read_at_its_offset() {
        let mut backlog = Backlog::new(7);
        assert_eq!(
            (backlog.read(7), backlog.read(6), backlog.read(8)),
            (Some(&b""[..]), None, None)
        );
        append(&mut backlog, b"abc");
        append(&mut backlog, b"");
        append(&mut backlog, b"de");
        assert_eq!(backlog.read(8), Some(&b"bcde"[..]));
        assert_eq!((backlog.read(12), backlog.end()), (Some(&b""[..]), 12));
        backlog.shift(100);
        assert_eq!((backlog.read(108), backlog.read(8)), (Some(&b"bcde"[..]), None));
        assert_eq!((backlog.start(), backlog.end()), (107, 112));
    }

    #[test]
    fn what_is_too_long_for_a_block_goes_in_portions() {
        let mut backlog = Backlog::new(0);
        backlog.suit(16 * 1024);
        append(&mut backlog, &vec![b'x'; 60 * 1024]);
        backlog.trim(u64::MAX, 16 * 1024);
        assert!((16 * 1024..=17 * 1024).contains(&backlog.len()), "{}", backlog.len());
        let first = backlog.read(backlog.start()).map(<[u8]>::len);
        assert_eq!((first, backlog.end()), (Some(1024), 60 * 1024));
    }

    #[test]
    fn blocks_go_whole_and_not_before_they_may() {
        let mut backlog = Backlog::new(0);
        let full = *BLOCK_BYTES.end();
        (0..4).for_each(|_| append(&mut backlog, &vec![b'x'; full]));
        let block = full as u64;
        backlog.trim(u64::MAX, 2 * block + 1);
        assert_eq!((backlog.start(), backlog.len()), (block, 3 * block));
        backlog.trim(2 * block - 1, 0);
        assert_eq!(backlog.start(), block);
        backlog.trim(2 * block, 0);
        assert_eq!((backlog.start(), backlog.read(block)), (2 * block, None));
        backlog.trim(u64::MAX, 0);
        assert_eq!((backlog.start(), backlog.read(4 * block)), (4 * block, Some(&b""[..])));
        assert_eq!(backlog.taken, 0);
        append(&mut backlog, b"z");
        assert_eq!(backlog.read(4 * block), Some(&b"z"[..]));
        // A block that is full has no slack.
        (0..3).for_each(|_| append(&mut backlog, &vec![b'x'; full - 1]));
        append(&mut backlog, b"z");
        assert!(backlog.taken_bytes() < 3 * full + 1024, "{}", backlog.taken_bytes());
    }

    #[test]
    fn what_it_takes_is_what_it_says() {
        let mut backlog = Backlog::new(0);
        backlog.suit(10 * 1024);
        (0..20_000).for_each(|_| append(&mut backlog, &[b'x'; 500]));
        let taken = backlog.taken_bytes();
        assert!(taken > 20_000 * 500 + 6_000 * size_of::<Block>(), "{taken}");
        backlog.trim(u64::MAX, 10 * 1024);
        assert!(backlog.taken_bytes() < 16 * 1024, "{}", backlog.taken_bytes());
    }
}
