//! Keys to which clients of a replica gave a time: their primary knows nothing of them, and will never say that they go.
//!
//! Invariant: what a primary says of a key is what holds of it, so one of which it tells anything is none of these.

use crate::data::dict::Dict;
use crate::data::key::Key;
use crate::data::keyspace::{Expired, Keyspace};
use crate::data::lazy_free;

/// Such keys, and where the next look at them begins.
#[derive(Debug, Default)]
pub(super) struct Own {
    keys: Dict<()>,
    cursor: u64,
}

/// Buckets that one look visits (count): some microseconds of work.
const BUCKETS_PER_SWEEP: usize = 400;

impl Own {
    fn forget(&mut self, hash: u32, key: &[u8]) {
        self.keys.remove(hash, key);
    }
}

impl Keyspace {
    /// How many of the keys that expire go without a word of the primary (count).
    pub(crate) fn own_volatile_len(&self) -> usize {
        self.own.keys.len()
    }

    /// A key's time was changed, by a client or by the primary.
    pub(super) fn note_own(&mut self, hash: u32, key: &[u8], is_volatile: bool) {
        if self.expired != Expired::Hidden || !is_volatile {
            self.own.forget(hash, key);
        } else if self.own.keys.find(hash, key).is_none() {
            self.own.keys.insert_new(hash, Key::from(key), ());
        }
    }

    /// Removes some of those whose time has come.
    pub(crate) fn sweep_own(&mut self, now_ms: i64) -> Vec<Key> {
        let mut seen: Vec<Key> = Vec::new();
        for _ in 0..BUCKETS_PER_SWEEP {
            self.own.cursor = self.own.keys.scan(self.own.cursor, |key, ()| seen.push(key.clone()));
            if self.own.cursor == 0 {
                break;
            }
        }
        seen.retain(|key| {
            let (hash, index) = self.place(key);
            let time = self.expires_at_ms(key);
            let has_expired = time.is_some_and(|time| time < now_ms);
            if has_expired && let Some(record) = self.remove_at(hash, index, key) {
                lazy_free::free(record.value, self.frees.expired);
                self.expired_count += 1;
            }
            if time.is_none() || has_expired {
                self.own.forget(hash, key);
            }
            has_expired
        });
        seen
    }
}
