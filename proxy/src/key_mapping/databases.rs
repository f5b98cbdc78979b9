//! Databases in one keyspace: the name under which a key of a database is stored.
//!
//! ```text
//! database  client's key   stored key
//! 0         foo            foo               as it is, so that what was there before is found
//! 3         {user}:1       ~db3:{user}:1     its own hash tag goes on to choose the slot
//! 3         foo            ~db3={foo}        becomes the hash tag: one slot in all databases
//! 3         a}b            ~db3:a}b          cannot be one: a slot of its own in each database
//! 0         ~db3:x         ~db0={~db3:x}     would be taken for a key of database 3
//! ```
//!
//! Invariants: no two pairs of database and key have one stored key; from a stored key both are read back; keys that
//! share a hash tag share it in every database; but for keys that hold a `}` outside of a hash tag, a key lies in the
//! same slot in all databases.

use reddoor_protocol::slot::hash_tag;

/// Stands between the number and a key as it came.
const PLAIN: u8 = b':';

/// Stands between the number and a key between braces.
const BRACED: u8 = b'=';

/// How many digits a database's number may have.
const DIGITS_MAX: usize = 9;

/// Databases told apart by what stands before a key.
#[derive(Clone, Debug)]
pub(crate) struct Databases {
    prefix: Box<[u8]>,
    count: u32,
}

impl Databases {
    /// So many databases, told apart by this and their number. Invariant: the prefix is not empty, has no braces, and
    /// no digit at its end.
    pub(crate) fn new(prefix: &str, count: u32) -> Databases {
        Databases { prefix: prefix.as_bytes().into(), count }
    }

    /// How many there are (count).
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Appends the stored key.
    pub(crate) fn store(&self, database: u32, key: &[u8], out: &mut Vec<u8>) {
        if !self.changes(database, key) {
            return out.extend_from_slice(key);
        }
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(itoa::Buffer::new().format(database).as_bytes());
        let is_whole = hash_tag(key).len() == key.len();
        if is_whole && !key.is_empty() && !key.contains(&b'}') {
            out.extend_from_slice(&[BRACED, b'{']);
            out.extend_from_slice(key);
            out.push(b'}');
        } else {
            out.push(PLAIN);
            out.extend_from_slice(key);
        }
    }

    /// Whether a key of this database is stored under another name than its own.
    pub(crate) fn changes(&self, database: u32, key: &[u8]) -> bool {
        database != 0 || self.parse(key).is_some()
    }

    /// The database and the client's key of a stored key.
    pub(crate) fn client_key<'k>(&self, stored: &'k [u8]) -> (u32, &'k [u8]) {
        self.parse(stored).unwrap_or((0, stored))
    }

    /// What a node's own patterns can say of the stored keys of a database; of database 0, nothing.
    pub(crate) fn write_pattern(&self, database: u32, out: &mut Vec<u8>) {
        if database != 0 {
            out.extend_from_slice(&self.prefix);
            out.extend_from_slice(itoa::Buffer::new().format(database).as_bytes());
            out.extend_from_slice(b"[:=]");
        }
        out.push(b'*');
    }

    /// As [`Databases::write_pattern`], of the keys of all databases but 0, and of a few of that.
    pub(crate) fn write_pattern_of_others(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(b"[0-9]*[:=]*");
    }

    /// Takes apart what is written like a stored key with a number.
    fn parse<'k>(&self, stored: &'k [u8]) -> Option<(u32, &'k [u8])> {
        let rest = stored.strip_prefix(&*self.prefix)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_canonical = (1..=DIGITS_MAX).contains(&digits) && (digits == 1 || rest[0] != b'0');
        if !is_canonical {
            return None;
        }
        let number = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
        let key = match rest[digits..].split_first()? {
            (&PLAIN, key) => key,
            (&BRACED, braced) => {
                let key = braced.strip_prefix(b"{")?.strip_suffix(b"}")?;
                (!key.is_empty() && !key.contains(&b'}')).then_some(key)?
            }
            _ => return None,
        };
        Some((number, key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use reddoor_protocol::slot::Slot;

    use super::*;

    fn databases() -> Databases {
        Databases::new("~db", 16)
    }

    fn stored(database: u32, key: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        databases().store(database, key, &mut out);
        out
    }

    #[test]
    fn the_table_of_the_module_holds() {
        for (database, key, expect) in [
            (0, "foo", "foo"),
            (3, "{user}:1", "~db3:{user}:1"),
            (3, "foo", "~db3={foo}"),
            (3, "a}b", "~db3:a}b"),
            (3, "a{b", "~db3={a{b}"),
            (3, "", "~db3:"),
            (0, "~db3:x", "~db0={~db3:x}"),
            (0, "~db03:x", "~db03:x"),
            (0, "~db3={}", "~db3={}"),
            (12, "~db3:{x}", "~db12:~db3:{x}"),
        ] {
            let found = String::from_utf8(stored(database, key.as_bytes())).unwrap();
            assert_eq!(found, expect, "{database} {key}");
        }
    }

    /// Keys that collide where anything could: made of the pieces of which stored keys are made.
    fn keys() -> impl Strategy<Value = Vec<u8>> {
        let piece =
            prop::sample::select(vec!["~db", "0", "3", "12", ":", "=", "{", "}", "a", "{t}"]);
        prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read_back(
            pairs in prop::collection::vec((prop::sample::select(vec![0u32, 3, 12]), keys()), 1..40)
        ) {
            let mut owners: HashMap<Vec<u8>, (u32, Vec<u8>)> = HashMap::new();
            for (database, key) in pairs {
                let stored = stored(database, &key);
                prop_assert_eq!(databases().client_key(&stored), (database, &key[..]));
                let owner = owners.entry(stored).or_insert((database, key.clone()));
                prop_assert_eq!(&*owner, &(database, key));
            }
        }

        #[test]
        fn a_key_has_one_slot_in_all_databases(key in keys()) {
            let slot = Slot::of_key(&key);
            if hash_tag(&key).len() != key.len() || !key.is_empty() && !key.contains(&b'}') {
                prop_assert_eq!(Slot::of_key(&stored(3, &key)), slot);
                prop_assert_eq!(Slot::of_key(&stored(0, &key)), slot);
            }
        }
    }
}
