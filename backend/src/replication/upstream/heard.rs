//! What comes of a primary's words, without a link: for `fuzz`, which has bytes and no primary.

use super::Upstream;
use super::apply::Stream;
use super::handshake::Answer;
use super::load::End;
use crate::node::Node;

/// What an answer to `PSYNC` says.
pub(crate) fn answer(line: &str) -> String {
    format!("{:?}", Answer::read(line))
}

/// How the copy ends that begins with this line.
pub(crate) fn copy(line: &str) -> String {
    format!("{:?}", End::read(line.to_owned()))
}

/// Executes a stream that comes in pieces of so many bytes, up to where it makes no sense. How many bytes were executed,
/// and how many are left that are no whole request or transaction.
pub(crate) fn stream(node: &mut Node, bytes: &[u8], piece: usize) -> (u64, usize) {
    node.replication.upstream = Some(Upstream::new("primary".to_owned(), 1, true));
    node.replication.keep_backlog();
    let mut stream = Stream::new(node);
    let mut received = Vec::new();
    for piece in bytes.chunks(piece) {
        received.extend_from_slice(piece);
        loop {
            if stream.apply(node, &mut received).is_err() {
                return (node.replication.offset, 0);
            }
            if !stream.has_more {
                break;
            }
        }
    }
    (node.replication.offset, received.len())
}
