//! Files of all data: however the bytes come, the same is read, or refused; what is read and written is read again.

use reddoor_backend::fuzz::kept;

use crate::PIECES_BYTES;

/// See the module.
pub fn check(data: &[u8]) {
    let whole = kept::data_file(data, data.len().max(1));
    for piece in PIECES_BYTES {
        assert_eq!(kept::data_file(data, piece), whole, "in pieces of {piece}");
    }
    let Ok(read) = whole else { return };
    let again = kept::data_file(&read.bytes, read.bytes.len()).expect("what was written is read");
    // Tables may lie in another order; all else is as it will be.
    assert_eq!((again.keys, again.bytes.len()), (read.keys, read.bytes.len()));
}
