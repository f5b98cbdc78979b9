//! The hash of keys, fields and members, keyed at random so that clients cannot make them collide.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// The key of a table's hashes. A copy gives the same hashes.
#[derive(Clone, Debug, Default)]
pub(crate) struct HashKey(RandomState);

impl HashKey {
    #[inline]
    pub(crate) fn hash(&self, bytes: &[u8]) -> u32 {
        let mut hasher = self.0.build_hasher();
        hasher.write(bytes);
        #[expect(clippy::cast_possible_truncation, reason = "the low bits of a hash are as good")]
        let hash = hasher.finish() as u32;
        hash
    }
}
