//! What can be wrong with the bytes that a peer sent.

use thiserror::Error;

/// A violation of the protocol by the peer.
///
/// `Display` is the text a Redis puts behind `-ERR ` before it closes the connection, to the letter where a
/// Redis would say anything.
/// After any of these the byte stream has no known frame boundary any more: answer, then close.
///
/// Source: redis `src/networking.c` processInlineBuffer, processMultibulkBuffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// A `*` line whose number is not a number, or above the limit of arguments.
    #[error("Protocol error: invalid multibulk length")]
    InvalidMultibulkLength,
    /// A `$` line whose number is not a number, negative, or above the limit of bulk bytes.
    #[error("Protocol error: invalid bulk length")]
    InvalidBulkLength,
    /// More than ten arguments before the client has authenticated.
    #[error("Protocol error: unauthenticated multibulk length")]
    UnauthenticatedMultibulkLength,
    /// A bulk of more than 16 KiB before the client has authenticated.
    #[error("Protocol error: unauthenticated bulk length")]
    UnauthenticatedBulkLength,
    /// An argument that does not begin with `$`; carries the byte found instead.
    #[error("Protocol error: expected '$', got '{}'", char::from(*.0))]
    ExpectedDollar(u8),
    /// A `*` line longer than the inline limit.
    #[error("Protocol error: too big mbulk count string")]
    CountLineTooLong,
    /// A `$` line longer than the inline limit.
    #[error("Protocol error: too big bulk count string")]
    BulkLineTooLong,
    /// An inline request longer than the inline limit.
    #[error("Protocol error: too big inline request")]
    InlineTooLong,
    /// An inline request with quotes that do not close.
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    /// A reply that begins with a byte which is no RESP type.
    #[error("Protocol error: unknown reply type byte 0x{0:02x}")]
    UnknownReplyType(u8),
    /// A reply where no request was waiting for one.
    #[error("Protocol error: reply without a request")]
    UnrequestedReply,
    /// A reply whose length or number line is not what its type asks for.
    #[error("Protocol error: malformed reply line")]
    MalformedReplyLine,
    /// A reply line (simple string, error, number) longer than the limit, in bytes.
    #[error("Protocol error: reply line of more than {max} bytes")]
    ReplyLineTooLong {
        /// The limit in bytes.
        max: usize,
    },
    /// A reply larger than the limit, in bytes.
    #[error("Protocol error: reply of more than {max} bytes")]
    ReplyTooLarge {
        /// The limit in bytes.
        max: usize,
    },
    /// A reply nested deeper than the limit.
    #[error("Protocol error: reply nested deeper than {max} levels")]
    ReplyTooDeep {
        /// The limit in levels.
        max: usize,
    },
}

impl ProtocolError {
    /// Appends the error reply to `out`.
    ///
    /// A byte that the peer sent is given back as that byte, as a Redis does, unless it would break the line.
    pub fn write_reply(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"-ERR ");
        match *self {
            ProtocolError::ExpectedDollar(byte) => {
                out.extend_from_slice(b"Protocol error: expected '$', got '");
                out.push(if matches!(byte, b'\r' | b'\n') { b' ' } else { byte });
                out.push(b'\'');
            }
            _ => out.extend_from_slice(self.to_string().as_bytes()),
        }
        out.extend_from_slice(b"\r\n");
    }
}
