//! What a primary says: however its bytes come, as much is executed and as much is left.

use reddoor_backend::fuzz::link;

use crate::PIECES_BYTES;

/// See the module.
pub fn check(data: &[u8]) {
    let whole = link::heard(data, data.len().max(1));
    assert!(whole.offset + whole.held as u64 <= data.len() as u64);
    for piece in PIECES_BYTES {
        assert_eq!(link::heard(data, piece), whole, "in pieces of {piece}");
    }
}
