//! Passwords as they are kept: by their digest alone.
//!
//! Spec: <https://valkey.io/topics/acl/#how-passwords-are-stored-internally>

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The SHA-256 of a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password([u8; DIGEST_BYTES]);

const DIGEST_BYTES: usize = 32;

impl Password {
    /// What is kept of a password.
    pub(super) fn of(text: &[u8]) -> Password {
        Password(Sha256::digest(text).into())
    }

    /// A digest in 64 hexadecimal digits, letters small.
    pub(super) fn of_hex(text: &[u8]) -> Option<Password> {
        let mut digest = [0; DIGEST_BYTES];
        if text.len() != 2 * DIGEST_BYTES {
            return None;
        }
        for (byte, digits) in digest.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(digits[0])? << 4 | digit(digits[1])?;
        }
        Some(Password(digest))
    }

    /// Whether both are of the same password. Takes the same time wherever they differ.
    pub(super) fn fits(&self, other: &Password) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// The digest in hexadecimal digits.
    pub(crate) fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Nothing of a password belongs into a log.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_standard() {
        // Spec: FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Password::of(b"abc").to_hex(), abc);
        assert_eq!(Password::of_hex(abc.as_bytes()), Some(Password::of(b"abc")));
    }

    #[test]
    fn other_spellings_of_a_digest_are_none() {
        let good = Password::of(b"x").to_hex();
        for bad in [&good[1..], &good.to_ascii_uppercase(), &format!("{good}0"), &"g".repeat(64)] {
            assert_eq!(Password::of_hex(bad.as_bytes()), None, "{bad}");
        }
    }
}
