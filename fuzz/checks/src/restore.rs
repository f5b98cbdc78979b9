//! Payloads of `RESTORE`: whatever is restored is dumped in bytes that restore to the same.

use reddoor_backend::fuzz;

/// Takes the bytes of a value, to which version and checksum are added.
pub fn check(data: &[u8]) {
    let Some(dump) = fuzz::restore(&fuzz::payload_of(data)) else { return };
    let again = fuzz::restore(&dump).expect("what was dumped is restored");
    // What was read may have been of an older form, or lain in another order; what was written is as it will be.
    assert_eq!(fuzz::restore(&again), Some(again));
}
