//! A file that is read by a thread of its own, ahead of whoever takes it in, and summed up on the way.
//!
//! In: a file. Out: its bytes in pieces, each with the sum of everything before it.
//! The system copies the bytes and the sum takes a look at each of them, neither of which needs anything of the node:
//! beside it both cost no time.
//!
//! Invariant: no more than [`PIECES_AHEAD`] pieces wait, and the memory of one that was taken in is read into again.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::data::rdb::file::{Checksum, Sum};
use crate::memory;

/// Bytes of a piece: it stays in the cache of the core that has read it until another takes it in.
const PIECE_BYTES: u64 = 256 * 1024;

/// Pieces that wait at most (count).
const PIECES_AHEAD: usize = 4;

/// Bytes of the file that follow each other.
pub(super) struct Piece {
    /// None at the end of the file.
    pub(super) bytes: Vec<u8>,
    /// Of everything before them; `None` if it is not wanted.
    pub(super) sum: Option<Sum>,
}

/// A file being read. The thread ends with it.
pub(super) struct Ahead {
    pieces: Receiver<io::Result<Piece>>,
    spent: SyncSender<Vec<u8>>,
}

impl Ahead {
    /// Begins to read.
    ///
    /// # Errors
    /// There can be no thread.
    pub(super) fn begin(file: File, checksum: Checksum) -> io::Result<Ahead> {
        let (full, pieces) = sync_channel(PIECES_AHEAD);
        let (spent, empty) = sync_channel(PIECES_AHEAD);
        let thread = thread::Builder::new().name("read_ahead".to_owned());
        thread.spawn(move || {
            read(&file, checksum.begin(), &full, &empty);
            memory::settle();
        })?;
        Ok(Ahead { pieces, spent })
    }

    /// The next piece; waits for it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Piece> {
        self.pieces.recv().unwrap_or_else(|_| Err(io::Error::other("nothing comes behind the end")))
    }

    /// Gives back the memory of a piece.
    pub(super) fn give_back(&mut self, bytes: Vec<u8>) {
        // If nobody reads any more it is freed here.
        let _ = self.spent.try_send(bytes);
    }
}

/// Reads until the end, an error, or nobody wants more.
fn read(
    mut file: &File,
    mut sum: Option<Sum>,
    full: &SyncSender<io::Result<Piece>>,
    empty: &Receiver<Vec<u8>>,
) {
    loop {
        let mut bytes = empty.try_recv().unwrap_or_default();
        bytes.clear();
        let read = file.by_ref().take(PIECE_BYTES).read_to_end(&mut bytes);
        let before = sum.clone();
        if let Some(sum) = &mut sum {
            sum.update(&bytes);
        }
        let is_last = !matches!(read, Ok(1..));
        let piece = read.map(|_| Piece { bytes, sum: before });
        if full.send(piece).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn pieces_are_the_file_with_the_sums_of_what_is_before_them() {
        let mut file = tempfile::tempfile().unwrap();
        let len = usize::try_from(PIECE_BYTES).unwrap() * (2 * PIECES_AHEAD) + 100;
        let bytes: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
        file.write_all(&bytes).unwrap();
        io::Seek::rewind(&mut file).unwrap();
        let mut ahead = Ahead::begin(file, Checksum::On).unwrap();
        let (mut read, mut sum) = (Vec::new(), Checksum::On.begin().unwrap());
        loop {
            let piece = ahead.next().unwrap();
            assert_eq!(piece.sum.unwrap().finalize(), sum.clone().finalize());
            if piece.bytes.is_empty() {
                break;
            }
            sum.update(&piece.bytes);
            read.extend_from_slice(&piece.bytes);
            ahead.give_back(piece.bytes);
        }
        assert!(read == bytes);
        assert!(ahead.next().is_err());
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut ahead = Ahead::begin(File::open(dir.path()).unwrap(), Checksum::Off).unwrap();
        assert_eq!(ahead.next().err().map(|error| error.kind()), Some(io::ErrorKind::IsADirectory));
    }
}
