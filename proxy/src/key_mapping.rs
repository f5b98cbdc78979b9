//! The one place between a client's key and the stored key: databases and co-location, there and back.
//!
//! ```text
//! client's request → request → stored keys → plan → … → nodes
//! client's reply   ← reply   ← stored keys ←        … ← nodes
//! ```
//!
//! Everything behind it (`plan`, routes, joins, nodes) sees stored keys only; a session's replies get the client's
//! keys back when they are written to it. Without databases and rules no key changes, and all that this costs is one
//! look at a flag for each command.
//!
//! Invariants: no two pairs of database and client's key have one stored key; from a stored key both are read back.
//! Not here: sockets, sessions, what a command does.

pub(crate) mod colocation;

pub(crate) mod databases;

pub(crate) mod events;

pub(crate) mod reply;

pub(crate) mod request;

use reddoor_protocol::command::glob;
use reddoor_protocol::slot::Slot;

use self::colocation::Colocation;
use self::databases::Databases;
use crate::config::Config;
use crate::config::databases::DatabasesMode;

/// The slot in which a key is stored; it takes the stored key.
#[inline]
pub(crate) fn slot_of(key: &[u8]) -> Slot {
    Slot::of_key(key)
}

/// Which keys are stored under other names, and which those are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    databases: Option<Databases>,
    colocation: Colocation,
}

impl Mapping {
    /// What the settings ask for.
    pub(crate) fn of(config: &Config) -> Mapping {
        let Config { databases, colocate, .. } = config;
        let is_on = databases.mode == DatabasesMode::Prefix;
        Mapping {
            databases: is_on.then(|| Databases::new(&databases.prefix, databases.count)),
            colocation: Colocation::new(colocate.all_rules(), colocate.all_script_args()),
        }
    }

    /// Whether every key is stored as it is.
    pub(crate) fn is_identity(&self) -> bool {
        self.databases.is_none() && self.colocation.is_empty()
    }

    /// How many databases there are behind one keyspace; `None` when it is one.
    pub(crate) fn databases_count(&self) -> Option<u32> {
        self.databases.as_ref().map(Databases::count)
    }

    /// Appends the key under which a client's key of a database is stored.
    pub(crate) fn store(&self, database: u32, key: &[u8], out: &mut Vec<u8>) {
        let marked = self.colocation.mark_of(key).map(|mark| [&mark, key].concat());
        let key = marked.as_deref().unwrap_or(key);
        match &self.databases {
            Some(databases) => databases.store(database, key, out),
            None => out.extend_from_slice(key),
        }
    }

    /// Whether a key is stored under another name than its own.
    pub(crate) fn changes(&self, database: u32, key: &[u8]) -> bool {
        self.databases.as_ref().is_some_and(|databases| databases.changes(database, key))
            || self.colocation.mark_of(key).is_some()
    }

    /// The database and the client's key of a stored key.
    pub(crate) fn client_key<'k>(&self, stored: &'k [u8]) -> (u32, &'k [u8]) {
        let (database, key) = match &self.databases {
            Some(databases) => databases.client_key(stored),
            None => (0, stored),
        };
        (database, self.colocation.client_key(key))
    }

    /// The client's key of a stored key of this database that fits the pattern.
    pub(crate) fn visible<'k>(
        &self,
        database: u32,
        pattern: Option<&[u8]>,
        stored: &'k [u8],
    ) -> Option<&'k [u8]> {
        let (other, key) = self.client_key(stored);
        let fits = pattern.is_none_or(|pattern| glob::is_listed(pattern, key));
        (other == database && fits).then_some(key)
    }

    /// What a node is asked for that is to tell all stored keys of this database that fit a client's pattern; it may
    /// tell others, too.
    pub(crate) fn node_pattern(&self, database: u32, pattern: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match &self.databases {
            Some(databases) => databases.write_pattern(database, &mut out),
            None => out.push(b'*'),
        }
        // A class that does not end, or a backslash, would take in what is put behind it.
        if !pattern.iter().any(|byte| b"[\\".contains(byte)) {
            out.extend_from_slice(pattern);
            // Of a key between braces.
            out.push(b'*');
        }
        // A lone star tells a key without a byte as well, several do not.
        if out.iter().all(|byte| *byte == b'*') {
            out.truncate(1);
        }
        out
    }

    /// What a node is asked for that is to tell the keys of all databases but 0.
    pub(crate) fn pattern_of_others(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(databases) = &self.databases {
            databases.write_pattern_of_others(&mut out);
        }
        out
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::layer::Overrides;

    /// A mapping with these settings.
    pub(crate) fn mapping(settings: &[(&str, &str)]) -> Mapping {
        let mut overrides = Overrides::default();
        overrides.set("cluster.seeds", "a:1");
        settings.iter().for_each(|(key, value)| overrides.set(key, *value));
        Mapping::of(&Config::load(None, [], &overrides).unwrap())
    }

    pub(crate) fn both() -> Mapping {
        mapping(&[("databases.mode", "prefix"), ("colocate.rules", "q:{*}:* a* -> q")])
    }

    #[test]
    fn by_default_nothing_changes() {
        let mapping = Mapping::of(&Config::default());
        assert!(mapping.is_identity());
        for key in ["", "foo", "{~q}a", "~db3:foo"] {
            assert_eq!(mapping.client_key(key.as_bytes()), (0, key.as_bytes()));
            assert!(!mapping.changes(0, key.as_bytes()));
        }
    }

    #[test]
    fn a_rule_holds_in_every_database_and_its_keys_stay_together() {
        let mapping = both();
        let stored = |database, key: &[u8]| {
            let mut out = Vec::new();
            mapping.store(database, key, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(stored(0, b"q:mail:1"), "{~q:mail}q:mail:1");
        assert_eq!(stored(3, b"q:mail:1"), "~db3:{~q:mail}q:mail:1");
        assert_eq!(stored(3, b"foo"), "~db3={foo}");
        let slot = |key: &str| Slot::of_key(key.as_bytes());
        assert_eq!(slot(&stored(3, b"q:mail:1")), slot(&stored(0, b"q:mail:2")));
    }

    proptest! {
        #[test]
        fn nodes_tell_every_key_that_a_client_asks_for(
            database in prop::sample::select(vec![0u32, 3]),
            key in prop::collection::vec(prop::sample::select(vec!["q:", "a", "b", "~db3:", "{", "}"]), 0..5),
            pattern in prop::collection::vec(prop::sample::select(vec!["*", "?", "q:", "a", "[ab]", "\\a"]), 0..5),
        ) {
            let (key, pattern) = (key.concat().into_bytes(), pattern.concat().into_bytes());
            let mapping = both();
            let mut stored = Vec::new();
            mapping.store(database, &key, &mut stored);
            let wanted = glob::is_listed(&pattern, &key);
            let visible = mapping.visible(database, Some(&pattern), &stored);
            prop_assert_eq!(visible, wanted.then_some(&key[..]));
            prop_assert_eq!(mapping.visible(database + 1, None, &stored), None);
            if wanted {
                let asked = mapping.node_pattern(database, &pattern);
                prop_assert!(glob::is_listed(&asked, &stored));
            }
        }
    }
}
