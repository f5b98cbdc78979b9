//! Keys to databases.

use crate::data::keyspace::Keyspace;
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
    /// Libraries of functions.
    pub(crate) libraries: Vec<Box<[u8]>>,
    /// Keys that go in together with those behind them.
    run: Vec<KeyItem>,
    /// Keys left out because their time had come, with their databases, until somebody has told of them.
    pub(crate) dropped: Vec<(usize, Vec<u8>)>,
    pub(crate) facts: Facts,
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

impl Filler {
    pub(crate) fn new(now_ms: i64, expired: Expired, duplicates: Duplicates) -> Filler {
        Filler {
            now_ms,
            expired,
            duplicates,
            loaded: 0,
            expired_count: 0,
            empty_count: 0,
            libraries: Vec::new(),
            run: Vec::new(),
            dropped: Vec::new(),
            facts: Facts::default(),
        }
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
            Item::Key(key) => {
                self.run.push(key);
                if self.run.len() == RUN_LEN {
                    return self.end_run(databases);
                }
            }
            Item::EmptyKey => self.empty_count += 1,
            Item::End => return self.end_run(databases),
            Item::Aux { .. } => {}
        }
        Ok(())
    }

    fn end_run(&mut self, databases: &mut [Keyspace]) -> Result<(), FileError> {
        let mut run = std::mem::take(&mut self.run);
        for keys in run.chunk_by(|one, next| one.db == next.db) {
            let database = usize::try_from(keys[0].db).ok().and_then(|index| databases.get(index));
            if let Some(database) = database {
                database.look_ahead(keys.iter().map(|key| &*key.key));
            }
        }
        let taken = run.drain(..).try_for_each(|key| self.take_key(key, databases));
        self.run = run;
        taken
    }

    fn take_key(&mut self, item: KeyItem, databases: &mut [Keyspace]) -> Result<(), FileError> {
        let KeyItem { db, key, value, expires_at_ms, past_use } = item;
        let count = databases.len();
        let index = usize::try_from(db).ok().filter(|index| *index < count);
        let (Some(index), Some(database)) = (index, index.and_then(|at| databases.get_mut(at)))
        else {
            return Err(FileError::Database { number: db, databases: count });
        };
        let has_expired = expires_at_ms.is_some_and(|time| time < self.now_ms);
        if has_expired && self.expired == Expired::Dropped {
            self.expired_count += 1;
            self.dropped.push((index, key));
            return Ok(());
        }
        if self.duplicates == Duplicates::Refused && database.record(&key).is_some() {
            return Err(FileError::Duplicate(index));
        }
        database.insert(&key, value, expires_at_ms, self.now_ms);
        database.note_past_use(&key, past_use, self.now_ms);
        self.loaded += 1;
        Ok(())
    }
}
