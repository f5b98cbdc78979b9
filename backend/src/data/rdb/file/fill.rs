//! Keys to databases.

use crate::data::key::Key;
use crate::data::keyspace::Keyspace;
use crate::data::keyspace::load::{Entry, Place};
use crate::data::pace::Pace;
use crate::data::rdb::file::FileError;
use crate::data::rdb::file::decode::{Item, KeyItem};

/// What becomes of keys whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    /// They are left out: a primary reads its own file.
    Dropped,
    /// They are kept until somebody says that they are gone: the primary, or the commands behind the file.
    Kept,
}

/// What becomes of a key that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duplicates {
    Refused,
    Replaced,
}

/// Puts the keys of a file into databases, and counts them.
#[derive(Debug)]
pub(crate) struct Filler {
    /// Milliseconds since 1970.
    pub(crate) now_ms: i64,
    pub(crate) expired: Expired,
    pub(crate) duplicates: Duplicates,
    /// Keys taken in (count).
    pub(crate) loaded: u64,
    /// Keys left out because their time had come (count).
    pub(crate) expired_count: u64,
    /// Keys left out because their collection had no elements (count).
    pub(crate) empty_count: u64,
    /// The first of those.
    pub(crate) empty_keys: Vec<Key>,
    /// Libraries of functions.
    pub(crate) libraries: Vec<Box<[u8]>>,
    /// Keys that go in together with those behind them, all of them in the same database.
    run: Vec<Entry>,
    /// Its number.
    run_db: u64,
    /// Where they lie; kept for its memory.
    places: Vec<Place>,
    /// Keys left out because their time had come, with their databases, until somebody has told of them.
    pub(crate) dropped: Vec<(usize, Key)>,
    /// How many keys may be made ready for because the file states that they come (count).
    trusted: u64,
    pub(crate) facts: Facts,
    pace: Pace,
    /// Keys that have come (count).
    seen: u64,
}

/// What a file tells of itself: names and values.
#[derive(Debug, Default)]
pub(crate) struct Facts(Vec<(Vec<u8>, Vec<u8>)>);

impl Facts {
    /// The value of the first fact of this name.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        let found = self.0.iter().find(|(found, _)| found == name.as_bytes());
        found.map(|(_, value)| value.as_slice())
    }
}

impl FromIterator<(Vec<u8>, Vec<u8>)> for Facts {
    fn from_iter<T: IntoIterator<Item = (Vec<u8>, Vec<u8>)>>(facts: T) -> Facts {
        Facts(facts.into_iter().take(FACTS_MAX).collect())
    }
}

/// Facts of one file that are kept (count); no Redis writes a tenth of it.
const FACTS_MAX: usize = 256;

/// Keys that go in together (count): from some dozens on, no more is gained.
const RUN_LEN: usize = 64;

/// A key takes at least so many bytes of a file: its kind, an empty name and an empty string.
const KEY_BYTES_MIN: u64 = 3;

/// How many keys without elements are told by name (count).
const EMPTY_KEYS_TOLD: usize = 10;

impl Filler {
    pub(crate) fn new(now_ms: i64, expired: Expired, duplicates: Duplicates) -> Filler {
        Filler {
            now_ms,
            expired,
            duplicates,
            loaded: 0,
            expired_count: 0,
            empty_count: 0,
            empty_keys: Vec::new(),
            libraries: Vec::new(),
            run: Vec::new(),
            run_db: 0,
            places: Vec::new(),
            dropped: Vec::new(),
            trusted: 0,
            facts: Facts::default(),
            pace: Pace::Full,
            seen: 0,
        }
    }

    /// From now on goes at this pace.
    pub(crate) fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// As it is, but slower.
    pub(crate) fn at_pace(self, pace: Pace) -> Filler {
        Filler { pace, ..self }
    }

    /// As it is for a file of which so many bytes are there: databases are made ready for the keys that it states, up
    /// to what so many bytes can hold. Without that, they grow as keys come.
    pub(crate) fn trusting(self, bytes: u64) -> Filler {
        Filler { trusted: bytes / KEY_BYTES_MIN, ..self }
    }

    /// Takes one item in; keys are in the databases once [`Item::End`] is.
    ///
    /// # Errors
    /// There is no such database, or a key is there already.
    pub(crate) fn take(&mut self, item: Item, databases: &mut [Keyspace]) -> Result<(), FileError> {
        match item {
            Item::Aux { name, value } if self.facts.0.len() < FACTS_MAX => {
                self.facts.0.push((name, value));
            }
            Item::Library(library) => self.libraries.push(library),
            Item::Sizes { db, keys, volatile } => {
                let (keys, volatile) = (self.trust(keys), self.trust(volatile));
                if let Some((_, database)) = database_of(db, databases) {
                    database.expect(keys, volatile);
                }
            }
            Item::Key(KeyItem { db, entry }) => {
                if self.run.len() == RUN_LEN || self.run_db != db {
                    self.end_run(databases)?;
                    self.run_db = db;
                }
                self.run.push(entry);
                self.seen += 1;
                self.pace.wait(self.seen);
            }
            Item::EmptyKey(key) => {
                self.empty_count += 1;
                if self.empty_keys.len() < EMPTY_KEYS_TOLD {
                    self.empty_keys.push(key);
                }
            }
            Item::End => {
                self.end_run(databases)?;
                databases.iter_mut().for_each(Keyspace::expect_no_more);
            }
            Item::Aux { .. } => {}
        }
        Ok(())
    }

    /// As much of a stated count as is trusted.
    fn trust(&mut self, stated: u64) -> usize {
        let count = stated.min(self.trusted);
        self.trusted -= count;
        usize::try_from(count).unwrap_or(0)
    }

    fn end_run(&mut self, databases: &mut [Keyspace]) -> Result<(), FileError> {
        if self.run.is_empty() {
            return Ok(());
        }
        let count = databases.len();
        let Some((index, database)) = database_of(self.run_db, databases) else {
            return Err(FileError::Database { number: self.run_db, databases: count });
        };
        let (mut run, mut places) =
            (std::mem::take(&mut self.run), std::mem::take(&mut self.places));
        places.clear();
        database.find_places(run.iter().map(|entry| &*entry.key), &mut places);
        let mut each = run.drain(..).zip(&places);
        let taken = each.try_for_each(|(entry, at)| self.take_key(entry, *at, index, database));
        drop(each);
        (self.run, self.places) = (run, places);
        taken
    }

    fn take_key(
        &mut self,
        entry: Entry,
        place: Place,
        index: usize,
        database: &mut Keyspace,
    ) -> Result<(), FileError> {
        let has_expired = entry.expires_at_ms.is_some_and(|time| time < self.now_ms);
        if has_expired && self.expired == Expired::Dropped {
            self.expired_count += 1;
            self.dropped.push((index, entry.key));
            return Ok(());
        }
        if self.duplicates == Duplicates::Replaced {
            database.replace(entry, self.now_ms);
        } else if !database.insert_at(place, entry, self.now_ms) {
            return Err(FileError::Duplicate(index));
        }
        self.loaded += 1;
        Ok(())
    }
}

/// A database by the number that a file gives it, with the same number.
fn database_of(number: u64, databases: &mut [Keyspace]) -> Option<(usize, &mut Keyspace)> {
    let index = usize::try_from(number).ok()?;
    Some((index, databases.get_mut(index)?))
}
