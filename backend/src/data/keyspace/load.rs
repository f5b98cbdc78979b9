//! Many keys at once, as files have them: most are new, and how many come is known before.
//!
//! What a key costs then is waiting for memory: where its bucket is and who is there already. So the places of a run
//! of keys are found first, without one waiting for the other, and each key is hashed once.

use crate::data::key::Key;
use crate::data::keyspace::{Fate, Keyspace, Record};
use crate::data::usage::PastUse;
use crate::data::value::Value;

/// Where a key lies, in the database that was asked and as long as its layout stays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    hash: u32,
    part: usize,
}

/// A key as a file tells of it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) value: Value,
    /// In milliseconds since 1970; `None` for never.
    pub(crate) expires_at_ms: Option<i64>,
    pub(crate) past_use: PastUse,
}

impl Keyspace {
    /// Makes ready for so many more keys, of which so many expire. Costs up to four bytes for each, so the caller bounds
    /// both. Where each slot is a part of its own nobody knows in which they will lie.
    pub(crate) fn expect(&mut self, keys: usize, volatile: usize) {
        if let [part] = self.parts.as_mut_slice() {
            let part = part.get_or_insert_default();
            part.keys.expect(part.keys.len() + keys);
            part.volatile.expect(part.volatile.len() + volatile);
        }
    }

    /// Gives up what was made ready and not needed.
    pub(crate) fn expect_no_more(&mut self) {
        for part in self.parts.iter_mut().flatten() {
            part.keys.expect_no_more();
            part.volatile.expect_no_more();
        }
    }

    /// Finds the places of a run of keys that are about to be inserted, and has what is there at hand. Where each slot
    /// is a part of its own nothing is, for keys of one run lie in many small parts.
    pub(crate) fn find_places<'a>(
        &self,
        keys: impl Iterator<Item = &'a [u8]>,
        places: &mut Vec<Place>,
    ) {
        places.extend(keys.map(|key| {
            let (hash, part) = self.place(key);
            Place { hash, part }
        }));
        if let [Some(part)] = self.parts.as_slice() {
            part.keys.look_ahead(places.iter().map(|place| place.hash));
        }
    }

    /// Inserts a key at its place unless it is there already. Whether it was not.
    pub(crate) fn insert_at(&mut self, place: Place, entry: Entry, now_ms: i64) -> bool {
        let Entry { key, value, expires_at_ms, past_use } = entry;
        let usage = past_use.usage(now_ms, self.uses.frequencies);
        let usage = usage.unwrap_or_else(|| self.uses.of_new_key(now_ms));
        let record = Record { value, usage, is_volatile: expires_at_ms.is_some() };
        let part = self.parts[place.part].as_deref();
        if part.is_some_and(|part| part.keys.position(place.hash, &key).is_some()) {
            return false;
        }
        self.note(Fate::Made, &key);
        self.keys_count += 1;
        let part = self.parts[place.part].get_or_insert_default();
        if let Some(time) = expires_at_ms {
            part.volatile.insert_new(place.hash, key.clone(), time);
            self.volatile_count += 1;
        }
        part.keys.insert_new(place.hash, key, record);
        true
    }

    /// Inserts a key, in the place of one that may be there.
    pub(crate) fn replace(&mut self, entry: Entry, now_ms: i64) {
        self.insert(&entry.key, entry.value, entry.expires_at_ms, now_ms);
        self.note_past_use(&entry.key, entry.past_use, now_ms);
    }
}
