//! Replies: however a node's bytes arrive, they are measured alike, and what is measured can be looked into.

use reddoor_protocol::error::ProtocolError;
use reddoor_protocol::frame::{ReplyLimits, ReplyScanner};
use reddoor_protocol::value;

use crate::PIECES_BYTES;

/// So small that inputs of a few hundred bytes reach them.
const LIMITS: ReplyLimits = ReplyLimits { reply_bytes_max: 256, line_bytes_max: 48, depth_max: 5 };

/// The lengths of replies in bytes, and what was wrong behind them.
type Outcome = (Vec<usize>, Option<ProtocolError>);

/// See the module.
pub fn check(data: &[u8]) {
    let whole = measure(data, data.len().max(1));
    for piece in PIECES_BYTES {
        assert_eq!(measure(data, piece), whole, "in pieces of {piece}");
    }
    let mut start = 0;
    for len in whole.0 {
        check_value(&data[start..start + len]);
        start += len;
    }
}

/// Measures what arrives in pieces of so many bytes.
fn measure(data: &[u8], piece: usize) -> Outcome {
    let mut scanner = ReplyScanner::default();
    let mut lens = Vec::new();
    let mut start = 0;
    let ends = (piece..data.len()).step_by(piece).chain([data.len()]);
    for end in ends {
        loop {
            let buf = &data[start..end];
            match scanner.scan(buf, &LIMITS) {
                Err(error) => return (lens, Some(error)),
                Ok(None) => break,
                Ok(Some(len)) => {
                    assert!((1..=buf.len()).contains(&len), "{len} of {} bytes", buf.len());
                    lens.push(len);
                    start += len;
                }
            }
        }
    }
    (lens, None)
}

/// A whole reply has a value, unless a line says what cannot be; no part of it has one.
fn check_value(reply: &[u8]) {
    match value::parse(reply, &LIMITS) {
        Ok(Some((_, len))) => assert_eq!(len, reply.len()),
        Ok(None) => panic!("measured and yet incomplete"),
        Err(error) => assert_eq!(error, ProtocolError::MalformedReplyLine),
    }
    for end in 0..reply.len() {
        assert_eq!(value::parse(&reply[..end], &LIMITS), Ok(None), "of {end} bytes");
    }
}
