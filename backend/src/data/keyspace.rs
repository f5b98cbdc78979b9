//! One database: keys with their values and when they expire.
//!
//! Outside cluster mode all keys lie in one part; in cluster mode each slot is a part of its own, made when its
//! first key comes, so that the keys of a slot can be counted, listed and dropped without looking at others.
//! A key that expires is in its part's second dict too, which is what the expiry cycle walks.
//!
//! Invariants: `volatile` holds exactly the keys whose record says that they expire; `keys_count` and `volatile_count`
//! are the sums over all parts.
//! Not here: clients, replies, who is told of a change, the clock.

mod cycle;

pub(crate) mod load;

mod own;

pub(crate) mod sample;

mod walk;

use reddoor_protocol::slot::Slot;

use crate::data::dict::Dict;
use crate::data::hashing::HashKey;
use crate::data::key::Key;
use crate::data::lazy_free::{self, Freeing};
use crate::data::random::Random;
use crate::data::usage::{Frequencies, PastUse, Usage};
use crate::data::value::Value;

/// One database.
#[derive(Debug)]
pub(crate) struct Keyspace {
    /// One, or one for each slot.
    parts: Vec<Option<Box<Part>>>,
    keys_count: usize,
    volatile_count: usize,
    hash_key: HashKey,
    random: Random,
    /// Keys removed because their time had come (count), ever.
    expired_count: u64,
    /// What happened to keys since somebody last asked.
    journal: Vec<(Fate, Key)>,
    noted: Noted,
    expired: Expired,
    own: own::Own,
    cycle: cycle::Position,
    uses: Uses,
    frees: Frees,
    shares: sample::Shares,
}

/// How uses of keys are noted.
#[derive(Debug, Default)]
struct Uses {
    /// `None` notes when a key was used last.
    frequencies: Option<Frequencies>,
    random: Random,
}

impl Uses {
    #[inline]
    fn note(&mut self, usage: &mut Usage, now_ms: i64) {
        *usage = match self.frequencies {
            None => Usage::at(now_ms),
            Some(frequencies) => usage.count_use(now_ms, frequencies, &mut self.random),
        };
    }

    fn of_new_key(&self, now_ms: i64) -> Usage {
        match self.frequencies {
            None => Usage::at(now_ms),
            Some(_) => Usage::new_frequency(now_ms),
        }
    }
}

/// When values are freed that nobody asked to remove.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Frees {
    /// Those whose time had come.
    pub(crate) expired: Freeing,
    /// Those in whose place others came.
    pub(crate) replaced: Freeing,
}

#[derive(Debug, Default)]
struct Part {
    keys: Dict<Record>,
    /// Expiry times in milliseconds since 1970.
    volatile: Dict<i64>,
}

/// What is kept for one key.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) value: Value,
    pub(crate) usage: Usage,
    /// Whether the key expires. When, its part's second dict knows.
    is_volatile: bool,
}

/// Bytes that a short key takes beside what its value has on the heap: its node in the dict, and one bucket.
pub(crate) const RECORD_BYTES: usize =
    size_of::<Record>() + size_of::<Key>() + 3 * size_of::<u32>();

impl Record {
    /// Whether the key expires some time.
    pub(crate) fn is_volatile(&self) -> bool {
        self.is_volatile
    }
}

/// What may happen to a key beside what is done to its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was not there before.
    Made,
    /// Its time had come.
    Expired,
    /// Its value was a stream, which was removed or replaced by another value.
    StreamLost,
}

/// Whether a key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Missing,
    /// It is there, but its time has come: nobody has looked for it since.
    Expired,
    There,
}

/// Which fates are noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    Nothing,
    /// Only keys that have expired.
    Expired,
    All,
}

/// What becomes of a key whose time has come when somebody looks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    /// It is removed.
    Removed,
    /// It is not found, but stays until its primary says that it goes.
    Hidden,
    /// It is found: what is repeated here was done when its time had not come.
    Found,
}

/// How keys are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// All keys together.
    Whole,
    /// Each slot apart.
    BySlot,
}

impl Keyspace {
    pub(crate) fn new(layout: Layout) -> Keyspace {
        let count = match layout {
            Layout::Whole => 1,
            Layout::BySlot => Slot::COUNT,
        };
        let mut parts = Vec::new();
        parts.resize_with(count, || None);
        Keyspace {
            parts,
            keys_count: 0,
            volatile_count: 0,
            hash_key: HashKey::default(),
            random: Random::default(),
            expired_count: 0,
            journal: Vec::new(),
            noted: Noted::Nothing,
            expired: Expired::Removed,
            own: own::Own::default(),
            cycle: cycle::Position::default(),
            uses: Uses::default(),
            frees: Frees::default(),
            shares: sample::Shares::default(),
        }
    }

    /// How many keys there are; those that have expired unnoticed still count.
    pub(crate) fn len(&self) -> usize {
        self.keys_count
    }

    /// How many of them expire.
    pub(crate) fn volatile_len(&self) -> usize {
        self.volatile_count
    }

    /// Keys removed because their time had come (count), ever.
    pub(crate) fn expired_count(&self) -> u64 {
        self.expired_count
    }

    /// The average of the expiring keys' remaining lives, as the last expiry cycles have seen it, in milliseconds.
    pub(crate) fn average_lifetime_ms(&self) -> i64 {
        if self.volatile_count == 0 { 0 } else { self.cycle.average_lifetime_ms }
    }

    /// The record of a key, if it is there and has not expired; one that has is removed now.
    #[inline]
    pub(crate) fn find(&mut self, key: &[u8], now_ms: i64) -> Option<&mut Record> {
        let (index, at) = self.locate(key, now_ms)?;
        part_of(&mut self.parts, index)?.keys.at_mut(at)
    }

    /// As [`Keyspace::find`], and notes that the key is used.
    #[inline]
    pub(crate) fn find_used(&mut self, key: &[u8], now_ms: i64) -> Option<&mut Record> {
        let (index, at) = self.locate(key, now_ms)?;
        let record = part_of(&mut self.parts, index)?.keys.at_mut(at)?;
        self.uses.note(&mut record.usage, now_ms);
        Some(record)
    }

    /// The part in which a key is found, and its place there.
    #[inline]
    fn locate(&mut self, key: &[u8], now_ms: i64) -> Option<(usize, usize)> {
        let (hash, index) = self.place(key);
        let keys = &self.parts[index].as_deref()?.keys;
        let at = keys.position(hash, key)?;
        let is_volatile = keys.at(at).is_some_and(|(_, record)| record.is_volatile);
        if is_volatile && self.is_lost(hash, index, key, now_ms) {
            return None;
        }
        Some((index, at))
    }

    /// Whether a key that expires is not to be found any more; it may be removed now.
    fn is_lost(&mut self, hash: u32, index: usize, key: &[u8], now_ms: i64) -> bool {
        let time = self.parts[index].as_deref().and_then(|part| part.volatile.find(hash, key));
        if time.is_none_or(|time| *time >= now_ms) {
            return false;
        }
        match self.expired {
            Expired::Removed => {
                self.remove_expired((hash, index), key);
                true
            }
            Expired::Hidden => true,
            Expired::Found => false,
        }
    }

    fn remove_expired(&mut self, (hash, index): (u32, usize), key: &[u8]) {
        if let Some(record) = self.remove_at(hash, index, key) {
            lazy_free::free(record.value, self.frees.expired);
        }
        self.note_expired(key);
    }

    /// As [`Keyspace::find`], to read several records side by side; whether they have expired the caller has seen.
    pub(crate) fn record(&self, key: &[u8]) -> Option<&Record> {
        let (hash, index) = self.place(key);
        self.parts[index].as_deref()?.keys.find(hash, key)
    }

    /// Sets a key to a value; `None` as expiry means that it never expires, whatever held before.
    pub(crate) fn insert(
        &mut self,
        key: &[u8],
        value: Value,
        expires_at_ms: Option<i64>,
        now_ms: i64,
    ) {
        let (hash, index) = self.place(key);
        let part = self.parts[index].get_or_insert_default();
        let was_volatile = match part.keys.find_mut(hash, key) {
            Some(record) => {
                let lost_stream = matches!(record.value, Value::Stream(_));
                lazy_free::free(std::mem::replace(&mut record.value, value), self.frees.replaced);
                self.uses.note(&mut record.usage, now_ms);
                let was_volatile = record.is_volatile;
                let had_expired = was_volatile
                    && self.expired == Expired::Removed
                    && part.volatile.find(hash, key).is_some_and(|time| *time < now_ms);
                if lost_stream {
                    self.note(Fate::StreamLost, key);
                }
                if had_expired {
                    // Nobody had looked for it since its time came.
                    self.note_expired(key);
                    self.note(Fate::Made, key);
                }
                was_volatile
            }
            None => {
                let usage = self.uses.of_new_key(now_ms);
                let record = Record { value, usage, is_volatile: false };
                part.keys.insert_new(hash, Key::from(key), record);
                self.keys_count += 1;
                self.note(Fate::Made, key);
                false
            }
        };
        if was_volatile || expires_at_ms.is_some() {
            self.set_expiry(key, expires_at_ms);
        }
    }

    /// From now on notes so much of what happens to keys.
    pub(crate) fn keep_journal(&mut self, noted: Noted) {
        self.noted = noted;
    }

    /// From now on does this with keys whose time has come.
    pub(crate) fn treat_expired(&mut self, expired: Expired) {
        self.expired = expired;
        if expired == Expired::Removed {
            // All keys go by themselves now.
            self.own = own::Own::default();
        }
    }

    /// From now on notes uses of keys so: how often, or, with `None`, when.
    pub(crate) fn note_uses(&mut self, frequencies: Option<Frequencies>) {
        self.uses.frequencies = frequencies;
    }

    /// Lets a key look as if it had been used so, as far as that is kept.
    pub(crate) fn note_past_use(&mut self, key: &[u8], past: PastUse, now_ms: i64) {
        let (hash, index) = self.place(key);
        if let Some(usage) = past.usage(now_ms, self.uses.frequencies)
            && let Some(part) = self.parts[index].as_deref_mut()
            && let Some(record) = part.keys.find_mut(hash, key)
        {
            record.usage = usage;
        }
    }

    /// From now on frees values then.
    pub(crate) fn free_values(&mut self, frees: Frees) {
        self.frees = frees;
    }

    /// Whether something happened to keys since the journal was last taken.
    #[inline]
    pub(crate) fn has_journal(&self) -> bool {
        !self.journal.is_empty()
    }

    /// What happened to keys since the journal was last taken, in its order.
    pub(crate) fn take_journal(&mut self) -> Vec<(Fate, Key)> {
        std::mem::take(&mut self.journal)
    }

    #[inline]
    fn note(&mut self, fate: Fate, key: &[u8]) {
        let is_noted = match self.noted {
            Noted::Nothing => false,
            Noted::Expired => fate == Fate::Expired,
            Noted::All => true,
        };
        if is_noted {
            self.journal.push((fate, Key::from(key)));
        }
    }

    fn note_expired(&mut self, key: &[u8]) {
        self.expired_count += 1;
        self.note(Fate::Expired, key);
    }

    /// Removes a key; the caller has seen that it had not expired if that matters to it.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Record> {
        let (hash, index) = self.place(key);
        self.remove_at(hash, index, key)
    }

    /// Removes a key in whose place something else comes, or nothing. Whether it was there.
    pub(crate) fn remove_replaced(&mut self, key: &[u8]) -> bool {
        let removed = self.remove(key);
        removed.map(|record| lazy_free::free(record.value, self.frees.replaced)).is_some()
    }

    /// When a key expires, in milliseconds since 1970; `None` for never, and for a key that is not there.
    pub(crate) fn expires_at_ms(&self, key: &[u8]) -> Option<i64> {
        if self.volatile_count == 0 {
            return None;
        }
        let (hash, index) = self.place(key);
        self.parts[index].as_deref()?.volatile.find(hash, key).copied()
    }

    /// Whether a key's time has come, although it is still there.
    pub(crate) fn has_expired(&self, key: &[u8], record: &Record, now_ms: i64) -> bool {
        record.is_volatile
            && self.expired != Expired::Found
            && self.expires_at_ms(key).is_some_and(|time| time < now_ms)
    }

    /// Whether a key is there, without a trace: one that has expired stays.
    pub(crate) fn presence(&self, key: &[u8], now_ms: i64) -> Presence {
        match self.record(key) {
            None => Presence::Missing,
            Some(record) if self.has_expired(key, record, now_ms) => Presence::Expired,
            Some(_) => Presence::There,
        }
    }

    /// Changes when a key expires; `None` means never. Whether the key is there.
    pub(crate) fn set_expiry(&mut self, key: &[u8], expires_at_ms: Option<i64>) -> bool {
        let (hash, index) = self.place(key);
        if self.expired == Expired::Hidden || self.own_volatile_len() > 0 {
            self.note_own(hash, key, expires_at_ms.is_some());
        }
        let Some(part) = self.parts[index].as_deref_mut() else { return false };
        let Some(record) = part.keys.find_mut(hash, key) else { return false };
        record.is_volatile = expires_at_ms.is_some();
        match (part.volatile.find_mut(hash, key), expires_at_ms) {
            (Some(before), Some(time)) => *before = time,
            (Some(_), None) => {
                part.volatile.remove(hash, key);
                self.volatile_count -= 1;
            }
            (None, Some(time)) => {
                part.volatile.insert_new(hash, Key::from(key), time);
                self.volatile_count += 1;
            }
            (None, None) => {}
        }
        true
    }

    /// Removes all keys. Costs O(keys) if they are freed now.
    pub(crate) fn clear(&mut self, freeing: Freeing) {
        let count = self.parts.len();
        let parts = std::mem::take(&mut self.parts);
        if freeing == Freeing::Later && self.keys_count > 0 {
            lazy_free::free_later(parts, self.keys_count);
        }
        self.parts.resize_with(count, || None);
        self.keys_count = 0;
        self.volatile_count = 0;
        self.own = own::Own::default();
    }

    fn remove_at(&mut self, hash: u32, index: usize, key: &[u8]) -> Option<Record> {
        let part = self.parts[index].as_deref_mut()?;
        let record = part.keys.remove(hash, key)?;
        self.keys_count -= 1;
        if let (Noted::All, Value::Stream(_)) = (self.noted, &record.value) {
            self.journal.push((Fate::StreamLost, Key::from(key)));
        }
        if record.is_volatile {
            self.volatile_count -= usize::from(part.volatile.remove(hash, key).is_some());
        }
        if part.keys.len() == 0 && self.parts.len() > 1 {
            self.parts[index] = None;
        }
        Some(record)
    }

    /// A key's hash and the part it lies in.
    #[inline]
    fn place(&self, key: &[u8]) -> (u32, usize) {
        let hash = self.hash_key.hash(key);
        (hash, if self.parts.len() == 1 { 0 } else { Slot::of_key(key).index() })
    }
}

/// Borrows one part alone, so that counters can change beside it.
fn part_of(parts: &mut [Option<Box<Part>>], index: usize) -> Option<&mut Part> {
    parts[index].as_deref_mut()
}

#[cfg(test)]
mod tests;
