//! Manifests of append-only files: what is understood is written in words that are understood the same.

use reddoor_backend::fuzz::kept;

/// See the module.
pub fn check(data: &[u8]) {
    let Some(written) = kept::manifest(data) else { return };
    // Without any part there is nothing to write, and an empty file is none.
    if !written.is_empty() {
        assert_eq!(kept::manifest(written.as_bytes()), Some(written));
    }
}
