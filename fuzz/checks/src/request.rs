//! Requests: however a client's bytes arrive, they are the same requests, and end in the same error.

use reddoor_protocol::encode::encode_request;
use reddoor_protocol::error::ProtocolError;
use reddoor_protocol::request::{Limits, RequestDecoder};

use crate::PIECES_BYTES;

/// So small that inputs of a few hundred bytes reach them.
const LIMITS: Limits =
    Limits { bulk_bytes_max: 64, args_max: 16, inline_bytes_max: 48, unauthenticated: false };

/// One client's requests, and what was wrong behind them.
type Outcome = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

/// See the module.
pub fn check(data: &[u8]) {
    for unauthenticated in [false, true] {
        let limits = Limits { unauthenticated, ..LIMITS };
        let whole = decode(data, data.len().max(1), &limits);
        for piece in PIECES_BYTES {
            assert_eq!(decode(data, piece, &limits), whole, "in pieces of {piece}");
        }
        check_written_again(&whole.0, &limits);
    }
}

/// Decodes what arrives in pieces of so many bytes.
fn decode(data: &[u8], piece: usize, limits: &Limits) -> Outcome {
    let mut decoder = RequestDecoder::default();
    let mut requests = Vec::new();
    let mut start = 0;
    let ends = (piece..data.len()).step_by(piece).chain([data.len()]);
    for end in ends {
        loop {
            let buf = &data[start..end];
            match decoder.decode(buf, limits) {
                Err(error) => return (requests, Some(error)),
                Ok(None) => break,
                Ok(Some(len)) => {
                    assert!((1..=buf.len()).contains(&len), "{len} of {} bytes", buf.len());
                    requests.push(decoder.args(buf).iter().map(<[u8]>::to_vec).collect());
                    start += len;
                }
            }
        }
        assert!(decoder.bytes_wanted() <= limits.bulk_bytes_max + 2 + end - start);
    }
    (requests, None)
}

/// What was decoded and is written again is the same once more.
fn check_written_again(requests: &[Vec<Vec<u8>>], limits: &Limits) {
    for request in requests.iter().filter(|request| !request.is_empty()) {
        let mut bytes = Vec::new();
        encode_request(&mut bytes, request.iter().map(Vec::as_slice));
        // An inline request may hold more arguments than are taken by their number.
        let limits = Limits { args_max: usize::MAX, unauthenticated: false, ..*limits };
        assert_eq!(decode(&bytes, bytes.len(), &limits), (vec![request.clone()], None));
    }
}
