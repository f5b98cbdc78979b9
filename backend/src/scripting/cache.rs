//! Scripts by digest.
//!
//! Invariant: `bytes` is the sum of the sources' lengths; `order` names every script that `EVAL` brought, the oldest
//! first; `last` is one of `scripts`.

use std::collections::{HashMap, VecDeque};
use std::ffi::c_int;
use std::rc::Rc;

use sha1::{Digest as _, Sha1};

use crate::scripting::flags::ScriptFlags;
use crate::scripting::job::Digest;

/// Sources that are kept (bytes). A program that writes a new script for each call would fill the memory otherwise.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a script costs beside its source, and what Lua makes of it (bytes, roughly).
const OVERHEAD_BYTES: usize = 1024;

/// One script.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) source: Rc<[u8]>,
    pub(crate) flags: ScriptFlags,
    /// Where Lua keeps its function.
    pub(crate) number: c_int,
}

/// All scripts.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    scripts: HashMap<Digest, Script>,
    order: VecDeque<Digest>,
    /// Numbers below the highest that no script has.
    free: Vec<c_int>,
    bytes: usize,
    /// The one that was last looked for by its source: most callers run one again and again, and to compare sources
    /// takes less than to make a digest.
    last: Option<(Digest, Script)>,
    pub(crate) evicted: u64,
}

/// The digest of a source.
pub(crate) fn digest_of(source: &[u8]) -> Digest {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digest = [0; 40];
    for (pair, byte) in digest.chunks_exact_mut(2).zip(Sha1::digest(source)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    digest
}

/// A digest as clients write it, in any case.
pub(crate) fn digest_in(arg: &[u8]) -> Option<Digest> {
    let mut digest: Digest = arg.try_into().ok()?;
    digest.make_ascii_lowercase();
    Some(digest)
}

impl Cache {
    pub(crate) fn find(&self, digest: &Digest) -> Option<&Script> {
        self.scripts.get(digest)
    }

    /// The digest of a source, and the flags and the number of the script that has it.
    pub(crate) fn find_source(&mut self, source: &[u8]) -> (Digest, Option<(ScriptFlags, c_int)>) {
        if let Some((digest, last)) = &self.last
            && *last.source == *source
        {
            return (*digest, Some((last.flags, last.number)));
        }
        let digest = digest_of(source);
        let found = self.scripts.get(&digest);
        if let Some(script) = found {
            self.last = Some((digest, script.clone()));
        }
        (digest, found.map(|script| (script.flags, script.number)))
    }

    pub(crate) fn len(&self) -> usize {
        self.scripts.len()
    }

    /// Memory of the sources (bytes).
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number that the next script gets: from 1 on, and none twice at a time.
    pub(super) fn next_number(&self) -> c_int {
        let highest = self.scripts.len() + self.free.len();
        self.free
            .last()
            .copied()
            .unwrap_or_else(|| c_int::try_from(highest + 1).unwrap_or(c_int::MAX))
    }

    /// Adds a script, which has the [`Cache::next_number`]; the numbers of those that must make room for it are given
    /// back.
    pub(super) fn insert(&mut self, digest: Digest, script: Script) -> Vec<c_int> {
        self.free.pop();
        self.bytes += script.source.len() + OVERHEAD_BYTES;
        self.scripts.insert(digest, script);
        self.order.push_back(digest);
        let mut evicted = Vec::new();
        while self.bytes > BYTES_MAX && self.order.len() > 1 {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(script) = self.scripts.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(script.source.len() + OVERHEAD_BYTES);
                self.evicted += 1;
                self.last = None;
                evicted.push(script.number);
            }
        }
        self.free.extend(&evicted);
        evicted
    }

    /// Forgets all; their numbers.
    pub(super) fn clear(&mut self) -> Vec<c_int> {
        self.bytes = 0;
        self.last = None;
        self.order.clear();
        self.free.clear();
        self.scripts.drain().map(|(_, script)| script.number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_scripts_make_room() {
        let mut cache = Cache::default();
        let source: Rc<[u8]> = vec![b' '; BYTES_MAX / 4].into();
        let digests: Vec<Digest> = (0..5_u8).map(|number| digest_of(&[number])).collect();
        for digest in &digests {
            let flags = ScriptFlags::SAYS_NOTHING;
            let number = cache.next_number();
            cache.insert(*digest, Script { source: Rc::clone(&source), flags, number });
        }
        assert_eq!((cache.len(), cache.evicted), (3, 2));
        let mut numbers: Vec<c_int> = cache.scripts.values().map(|script| script.number).collect();
        numbers.push(cache.next_number());
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 4, "each has a number of its own: {numbers:?}");
        assert!(cache.find(&digests[0]).is_none() && cache.find(&digests[4]).is_some());
        assert_eq!(cache.clear().len(), 3);
        assert_eq!(cache.bytes(), 0);
    }

    #[test]
    fn the_script_looked_for_last_is_forgotten_with_the_others() {
        let mut cache = Cache::default();
        let (first, second) = (&b"return 1"[..], &b"return 2"[..]);
        for source in [first, second] {
            let (digest, found) = cache.find_source(source);
            assert_eq!((digest, found), (digest_of(source), None));
            let (flags, number) = (ScriptFlags::SAYS_NOTHING, cache.next_number());
            cache.insert(digest, Script { source: source.into(), flags, number });
        }
        for (source, number) in [(first, 1), (first, 1), (second, 2), (first, 1)] {
            let found = Some((ScriptFlags::SAYS_NOTHING, number));
            assert_eq!(cache.find_source(source), (digest_of(source), found));
        }
        cache.clear();
        assert_eq!(cache.find_source(first), (digest_of(first), None));
    }
}
