//! A door to what a node hears of its primary: the answer to `PSYNC`, how a copy begins, and the stream.

use crate::replication::upstream::heard;

/// What came of what was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What the primary answered, and how its copy would begin.
    pub lines: [String; 2],
    /// Bytes of the stream that were executed (count).
    pub offset: u64,
    /// Bytes that are no whole request or transaction (count).
    pub held: usize,
    /// Keys that are there now (count).
    pub keys: u64,
}

/// Takes the first line for an answer, the second for the beginning of a copy, and the rest for the stream, which comes
/// in pieces of so many bytes.
#[must_use]
pub fn heard(bytes: &[u8], piece: usize) -> Heard {
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let lines = [line(), line()];
    let lines = [heard::answer(lines[0].trim_end()), heard::copy(lines[1].trim_end())];
    let mut node = super::kept::node();
    let (offset, held) = heard::stream(&mut node, parts.next().unwrap_or_default(), piece);
    let keys = node.databases.iter().map(|database| database.len() as u64).sum();
    Heard { lines, offset, held, keys }
}
