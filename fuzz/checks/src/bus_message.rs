//! Messages of the cluster bus: whatever is understood is written in bytes that are understood the same.

use reddoor_backend::fuzz;

/// Bytes in which a message tells its own length.
const LEN: std::ops::Range<usize> = 4..8;

/// Takes a message whose length is put right first.
pub fn check(data: &[u8]) {
    let mut message = data.to_vec();
    let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
    if let Some(place) = message.get_mut(LEN) {
        place.copy_from_slice(&len.to_be_bytes());
    }
    let Some(written) = fuzz::bus_message(&message) else { return };
    assert_eq!(fuzz::bus_message(&written), Some(written));
}
