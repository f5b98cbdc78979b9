//! Where the keys of a command lie and what happens to them, as data.
//!
//! [`keys`](crate::command::keys) reads these rules against the arguments of a request.
//!
//! Spec: <https://valkey.io/topics/key-specs/>

use bitflags::bitflags;

use crate::command::flags::{bits_of_words, names_of_bits};

bitflags! {
    /// What a command does with a key.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct KeyAccess: u32 {
        /// Reads the value (or only facts about it).
        const RO = 1 << 0;
        /// Reads and changes the value.
        const RW = 1 << 1;
        /// Overwrites the value unread.
        const OW = 1 << 2;
        /// Removes the key.
        const RM = 1 << 3;
        /// The reply or another key tells what the value was.
        const ACCESS = 1 << 4;
        /// Adds to the value.
        const INSERT = 1 << 5;
        /// Changes what is there.
        const UPDATE = 1 << 6;
        /// Takes something away.
        const DELETE = 1 << 7;
        /// No key but a shard channel: it picks a slot as a key does.
        const NOT_KEY = 1 << 8;
        /// The spec does not find every key.
        const INCOMPLETE = 1 << 9;
        /// The access depends on other arguments.
        const VARIABLE_FLAGS = 1 << 10;
    }
}

/// Names of [`KeyAccess`] on the wire, by bit.
const KEY_ACCESS_NAMES: [&str; 11] = [
    "RO",
    "RW",
    "OW",
    "RM",
    "access",
    "insert",
    "update",
    "delete",
    "not_key",
    "incomplete",
    "variable_flags",
];

impl KeyAccess {
    pub(super) const fn of_words(words: &str) -> KeyAccess {
        KeyAccess::from_bits_retain(bits_of_words(words, &KEY_ACCESS_NAMES))
    }

    /// The names as `COMMAND` prints them, in its order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        names_of_bits(self.bits(), &KEY_ACCESS_NAMES)
    }
}

/// A rule that finds some keys of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// What happens to these keys.
    pub access: KeyAccess,
    /// Where to begin.
    pub begin: BeginSearch,
    /// What is a key from there on.
    pub find: FindKeys,
    /// A remark for readers, often empty.
    pub note: &'static str,
}

/// Where a [`KeySpec`] begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeginSearch {
    /// At this argument; 0 is the command's name.
    Index(u16),
    /// Behind the first argument that equals `word` in any case, looked for from `from` on; if negative,
    /// backwards, from that far off the end.
    Keyword {
        /// The word in upper case.
        word: &'static str,
        /// The argument to begin at.
        from: i16,
    },
    /// No rule tells.
    Unknown,
}

/// What is a key, counted from where the search began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindKeys {
    /// Every `step`th argument up to `last`: counted from the beginning if not negative, else from the end,
    /// -1 being the last argument. With a `limit` above 1 only that part of the arguments in reach counts:
    /// 2 is one half.
    Range {
        /// The last argument that may be a key.
        last: i16,
        /// Arguments from one key to the next.
        step: u16,
        /// The divisor, or 0.
        limit: u16,
    },
    /// An argument gives the number of keys.
    Counted {
        /// Where the number stands.
        count: u16,
        /// Where the first key stands.
        first: u16,
        /// Arguments from one key to the next.
        step: u16,
    },
    /// No rule tells.
    Unknown,
}

/// Commands whose keys, or what happens to them, the specs do not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OddKeys {
    /// The specs tell everything, or there are no keys.
    None,
    /// The first argument, and the last `STORE` destination if `store`.
    Sort { store: bool },
    /// One key, or many behind `KEYS`.
    Migrate,
    /// A destination that may stand alone. A Redis then names no key at all, so that a cluster's node runs
    /// `PFMERGE` on a slot that it does not own; here the destination is a key always.
    Destination,
    /// `STREAMS` at an odd place.
    Streams,
    /// The key, and the last destination of `STORE` and `STOREDIST`; the specs tell of the first of each.
    LastStore,
    /// `SET`: reads the old value with `GET`.
    Set,
    /// `BITFIELD`: only reads if all operations are `GET`.
    BitField,
}
