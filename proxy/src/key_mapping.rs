//! The one place between a client's key and the stored key. Today they are the same.

use reddoor_protocol::slot::Slot;

/// The slot in which a client's key is stored.
#[inline]
pub(crate) fn slot_of(key: &[u8]) -> Slot {
    Slot::of_key(key)
}
