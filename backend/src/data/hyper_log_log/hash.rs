//! Which register an element belongs to, and what it would set it to.

use crate::data::hyper_log_log::{COUNTED_BITS, INDEX_BITS, REGISTERS};

/// The register of an element, and its value: how far the first one stands in the rest of the hash, from 1 to 51.
#[expect(clippy::cast_possible_truncation, reason = "a register's index; at most 51")]
pub(super) fn register_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur_64a(element, SEED);
    let index = (hash & (REGISTERS as u64 - 1)) as usize;
    let rest = hash >> INDEX_BITS | 1 << COUNTED_BITS;
    (index, rest.trailing_zeros() as u8 + 1)
}

const SEED: u64 = 0xadc8_3b19;

/// MurmurHash2 in its variant for 64 bits, little-endian.
///
/// Source: <https://github.com/aappleby/smhasher>, MurmurHash64A, in the public domain.
fn murmur_64a(bytes: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        let mut k = u64::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = (hash ^ k.wrapping_mul(M)).wrapping_mul(M);
    }
    if !tail.is_empty() {
        let mut word = [0; 8];
        word[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(M);
    }
    hash = (hash ^ hash >> R).wrapping_mul(M);
    hash ^ hash >> R
}
