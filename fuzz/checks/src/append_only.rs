//! Commands of an append-only file: what is cut off at its end is nothing that counted, and the data can be written as
//! commands that make as many keys.

use reddoor_backend::fuzz::kept;

/// See the module.
pub fn check(data: &[u8]) {
    let Some((read, left)) = kept::append_only_part(data) else { return };
    let left = usize::try_from(left).expect("no longer than the input");
    let (again, rest) = kept::append_only_part(&data[..left]).expect("what is left is sound");
    assert_eq!((again.keys, rest), (read.keys, left as u64));
    let (rewritten, _) = kept::append_only_part(&read.bytes).expect("what was written is sound");
    assert_eq!(rewritten.keys, read.keys);
}
