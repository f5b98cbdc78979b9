//! The scripts that clients loaded, for nodes that do not have them: after a failover, or on a new shard.
//!
//! In: the text of every script that comes with `EVAL` or `SCRIPT LOAD`. Out: the text, by its digest.
//!
//! Shared by all workers: a script is loaded over one connection and called over all others, which the system
//! spreads over the workers as it likes. A lock is taken for a script not seen by the worker before, and for one
//! that a node turned out to lack; never on the plain path.
//!
//! Invariant: the texts and what keeping them costs stay within the limit; what was used longest ago goes first.
//!
//! Not here: nodes; what a script does.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha1::{Digest, Sha1};

/// A script's name: the SHA-1 of its text in lower case hexadecimal digits.
pub(crate) type ScriptDigest = [u8; 40];

/// What a script costs besides its text: digest, table and order, in bytes.
const OVERHEAD_BYTES: usize = 160;

/// Scripts that a worker knows to have handed in (count). Past it, it starts anew and hands them in again.
const SEEN_MAX: usize = 4096;

/// The digest of a script's text.
pub(crate) fn digest_of(script: &[u8]) -> ScriptDigest {
    let mut digest = [0; 40];
    for (digits, byte) in digest.chunks_exact_mut(2).zip(Sha1::digest(script)) {
        digits[0] = HEX[usize::from(byte >> 4)];
        digits[1] = HEX[usize::from(byte & 15)];
    }
    digest
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A digest as a client writes it, in any case of letters; `None` when it can be none.
pub(crate) fn parse_digest(text: &[u8]) -> Option<ScriptDigest> {
    let digest: ScriptDigest = text.try_into().ok()?;
    Some(digest.map(|byte| byte.to_ascii_lowercase()))
}

/// All remembered scripts.
#[derive(Debug)]
pub(crate) struct Scripts {
    bytes_max: usize,
    memory: Mutex<Memory>,
    /// Counts how often all were forgotten.
    generation: AtomicU64,
}

#[derive(Debug, Default)]
struct Memory {
    by_digest: HashMap<ScriptDigest, Remembered>,
    /// Bytes of all, overhead included.
    bytes: usize,
    /// Counts uses, so that the oldest can be told.
    uses: u64,
}

#[derive(Debug)]
struct Remembered {
    text: Arc<[u8]>,
    used: u64,
}

impl Scripts {
    /// Remembers scripts up to this many bytes.
    pub(crate) fn new(bytes_max: usize) -> Scripts {
        Scripts { bytes_max, memory: Mutex::default(), generation: AtomicU64::new(0) }
    }

    /// Remembers a script; true when others had to be forgotten, or it is too large itself.
    fn remember(&self, script: &[u8]) -> bool {
        let cost = script.len() + OVERHEAD_BYTES;
        if cost > self.bytes_max {
            return true;
        }
        let digest = digest_of(script);
        let mut memory = self.lock();
        memory.uses += 1;
        let used = memory.uses;
        if let Some(remembered) = memory.by_digest.get_mut(&digest) {
            remembered.used = used;
            return false;
        }
        memory.by_digest.insert(digest, Remembered { text: script.into(), used });
        memory.bytes += cost;
        let mut is_full = false;
        while memory.bytes > self.bytes_max {
            is_full = true;
            memory.forget_oldest();
        }
        is_full
    }

    /// The text of a script.
    pub(crate) fn recall(&self, digest: &ScriptDigest) -> Option<Arc<[u8]>> {
        let mut memory = self.lock();
        memory.uses += 1;
        let used = memory.uses;
        let remembered = memory.by_digest.get_mut(digest)?;
        remembered.used = used;
        Some(Arc::clone(&remembered.text))
    }

    /// Forgets every script: what `SCRIPT FLUSH` means.
    pub(crate) fn forget_all(&self) {
        let mut memory = self.lock();
        memory.by_digest.clear();
        memory.bytes = 0;
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        // Each step leaves the memory whole, so a thread that died while it held the lock left nothing half done.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// Costs O(scripts); only a memory that is full pays it.
    fn forget_oldest(&mut self) {
        let oldest = self.by_digest.iter().min_by_key(|(_, remembered)| remembered.used);
        let Some(digest) = oldest.map(|(digest, _)| *digest) else {
            self.bytes = 0;
            return;
        };
        if let Some(remembered) = self.by_digest.remove(&digest) {
            self.bytes -= remembered.text.len() + OVERHEAD_BYTES;
        }
    }
}

/// The scripts that one worker has handed in, so that it need not hash and lock for each `EVAL`.
#[derive(Debug, Default)]
pub(crate) struct SeenScripts {
    hasher: RandomState,
    hashes: HashSet<u64>,
    /// How often all had been forgotten when these were handed in.
    generation: u64,
}

impl SeenScripts {
    /// Hands a script in, unless it was seen lately; true when others had to be forgotten for it.
    pub(crate) fn remember(&mut self, scripts: &Scripts, script: &[u8]) -> bool {
        let generation = scripts.generation.load(Ordering::Relaxed);
        if generation != self.generation || self.hashes.len() >= SEEN_MAX {
            self.generation = generation;
            self.hashes.clear();
        }
        self.hashes.insert(self.hasher.hash_one(script)) && scripts.remember(script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_redis() {
        let digest = digest_of(b"return 1");
        assert_eq!(&digest, b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        assert_eq!(parse_digest(&digest.to_ascii_uppercase()), Some(digest));
        assert_eq!(parse_digest(b"abc"), None);
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let scripts = Scripts::new(3 * (OVERHEAD_BYTES + 1));
        for script in [b"a", b"b", b"c"] {
            assert!(!scripts.remember(script));
        }
        assert!(scripts.recall(&digest_of(b"a")).is_some());
        assert!(scripts.remember(b"d"));
        assert!(scripts.recall(&digest_of(b"b")).is_none());
        for script in [b"a", b"c", b"d"] {
            assert_eq!(scripts.recall(&digest_of(script)).as_deref(), Some(&script[..]));
        }
    }

    #[test]
    fn a_script_too_large_for_all_is_not_remembered() {
        let scripts = Scripts::new(OVERHEAD_BYTES + 4);
        assert!(!scripts.remember(b"1234"));
        assert!(scripts.remember(b"12345"));
        assert!(scripts.recall(&digest_of(b"1234")).is_some());
    }

    #[test]
    fn a_seen_script_is_handed_in_again_after_a_flush() {
        let (scripts, mut seen) = (Scripts::new(1000), SeenScripts::default());
        seen.remember(&scripts, b"x");
        scripts.forget_all();
        seen.remember(&scripts, b"x");
        assert!(scripts.recall(&digest_of(b"x")).is_some());
    }
}
