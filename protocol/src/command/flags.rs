//! Command flags and ACL categories, named as `COMMAND` prints them.
//!
//! Rows write them as words (`"write denyoom fast"`); an unknown word does not compile.
//! Invariant: bits stand in the order in which a Redis prints the names, so that a loop over the bits is the reply.
//!
//! Spec: <https://valkey.io/commands/command/#flags>, <https://valkey.io/topics/acl/#command-categories>

use bitflags::bitflags;

bitflags! {
    /// What a command does and where it may run.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct CommandFlags: u32 {
        /// May change data.
        const WRITE = 1 << 0;
        /// Reads data and changes none.
        const READONLY = 1 << 1;
        /// May make the data larger: refused at the memory limit.
        const DENYOOM = 1 << 2;
        /// For operators.
        const ADMIN = 1 << 3;
        /// Belongs to publish and subscribe.
        const PUBSUB = 1 << 4;
        /// Not from scripts.
        const NOSCRIPT = 1 << 5;
        /// May keep the client waiting.
        const BLOCKING = 1 << 6;
        /// Allowed while the data is being loaded.
        const LOADING = 1 << 7;
        /// Allowed on a replica whose data is stale.
        const STALE = 1 << 8;
        /// Not shown to `MONITOR`.
        const SKIP_MONITOR = 1 << 9;
        /// Not kept in the slow log.
        const SKIP_SLOWLOG = 1 << 10;
        /// Runs on an importing slot without `ASKING` before it.
        const ASKING = 1 << 11;
        /// Constant or logarithmic time.
        const FAST = 1 << 12;
        /// Allowed before the client has authenticated.
        const NO_AUTH = 1 << 13;
        /// Its keys are optional.
        const NO_MANDATORY_KEYS = 1 << 14;
        /// Not while a replica loads its data aside.
        const NO_ASYNC_LOADING = 1 << 15;
        /// Not inside a transaction.
        const NO_MULTI = 1 << 16;
        /// The first, last and step positions do not tell all its keys.
        const MOVABLEKEYS = 1 << 17;
        /// Allowed while a script keeps the node busy.
        const ALLOW_BUSY = 1 << 18;
    }
}

bitflags! {
    /// The groups by which access rules grant and refuse commands.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct AclCategories: u32 {
        /// Looks at or changes keys of any type.
        const KEYSPACE = 1 << 0;
        /// Reads values.
        const READ = 1 << 1;
        /// Writes values.
        const WRITE = 1 << 2;
        /// Works on sets.
        const SET = 1 << 3;
        /// Works on sorted sets.
        const SORTEDSET = 1 << 4;
        /// Works on lists.
        const LIST = 1 << 5;
        /// Works on hashes.
        const HASH = 1 << 6;
        /// Works on strings.
        const STRING = 1 << 7;
        /// Works on strings as bits.
        const BITMAP = 1 << 8;
        /// Works on HyperLogLogs.
        const HYPERLOGLOG = 1 << 9;
        /// Works on positions on the earth.
        const GEO = 1 << 10;
        /// Works on streams.
        const STREAM = 1 << 11;
        /// Publish and subscribe.
        const PUBSUB = 1 << 12;
        /// For operators.
        const ADMIN = 1 << 13;
        /// Constant or logarithmic time.
        const FAST = 1 << 14;
        /// Every command that is not fast.
        const SLOW = 1 << 15;
        /// May keep the client waiting.
        const BLOCKING = 1 << 16;
        /// Wants care: costly, or destroys much.
        const DANGEROUS = 1 << 17;
        /// The connection itself.
        const CONNECTION = 1 << 18;
        /// `MULTI` and its company.
        const TRANSACTION = 1 << 19;
        /// Scripts and functions.
        const SCRIPTING = 1 << 20;
    }
}

/// Names of [`CommandFlags`] on the wire, by bit.
const COMMAND_FLAG_NAMES: [&str; 19] = [
    "write",
    "readonly",
    "denyoom",
    "admin",
    "pubsub",
    "noscript",
    "blocking",
    "loading",
    "stale",
    "skip_monitor",
    "skip_slowlog",
    "asking",
    "fast",
    "no_auth",
    "no_mandatory_keys",
    "no_async_loading",
    "no_multi",
    "movablekeys",
    "allow_busy",
];

/// Names of [`AclCategories`] on the wire, by bit, without their `@`.
const ACL_CATEGORY_NAMES: [&str; 21] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

impl CommandFlags {
    /// The flags of a row, from their names separated by single spaces.
    pub(super) const fn of_words(words: &str) -> CommandFlags {
        CommandFlags::from_bits_retain(bits_of_words(words, &COMMAND_FLAG_NAMES))
    }

    /// The names as `COMMAND` prints them, in its order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        names_of_bits(self.bits(), &COMMAND_FLAG_NAMES)
    }

    /// [`CommandFlags::contains`] for rows.
    pub(super) const fn has(self, flag: CommandFlags) -> bool {
        self.bits() & flag.bits() != 0
    }
}

impl AclCategories {
    /// The categories of a row, from their names separated by single spaces.
    pub(super) const fn of_words(words: &str) -> AclCategories {
        AclCategories::from_bits_retain(bits_of_words(words, &ACL_CATEGORY_NAMES))
    }

    /// The names without their `@`, in the order in which `COMMAND` prints them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        names_of_bits(self.bits(), &ACL_CATEGORY_NAMES)
    }

    /// The category of this name (any case, no `@`), if a Redis has it.
    pub fn by_name(name: &[u8]) -> Option<AclCategories> {
        let bit = ACL_CATEGORY_NAMES
            .iter()
            .position(|known| known.as_bytes().eq_ignore_ascii_case(name))?;
        Some(AclCategories::from_bits_retain(1 << bit))
    }

    /// These and what the flags of the command bring with them.
    ///
    /// Source: redis `src/server.c` setImplicitACLCategories.
    pub(super) const fn with_implied(self, flags: CommandFlags) -> AclCategories {
        let mut all = self;
        if flags.has(CommandFlags::WRITE) {
            all = all.union(AclCategories::WRITE);
        }
        // A script that only reads is no read of a key by itself.
        let scripting = self.bits() & AclCategories::SCRIPTING.bits() != 0;
        if flags.has(CommandFlags::READONLY) && !scripting {
            all = all.union(AclCategories::READ);
        }
        if flags.has(CommandFlags::ADMIN) {
            all = all.union(AclCategories::ADMIN).union(AclCategories::DANGEROUS);
        }
        if flags.has(CommandFlags::PUBSUB) {
            all = all.union(AclCategories::PUBSUB);
        }
        if flags.has(CommandFlags::BLOCKING) {
            all = all.union(AclCategories::BLOCKING);
        }
        let fast = flags.has(CommandFlags::FAST);
        all.union(if fast { AclCategories::FAST } else { AclCategories::SLOW })
    }
}

/// The bits that the words in `words` stand for: bit `i` is `names[i]`.
///
/// # Panics
/// While the table is compiled, on a word that is not in `names`.
pub(super) const fn bits_of_words(words: &str, names: &[&str]) -> u32 {
    let words = words.as_bytes();
    let (mut bits, mut start) = (0, 0);
    while start < words.len() {
        let mut end = start;
        while end < words.len() && words[end] != b' ' {
            end += 1;
        }
        let mut bit = 0;
        while !is_word_at(words, start, end, names[bit].as_bytes()) {
            bit += 1;
            assert!(bit < names.len(), "no such word");
        }
        bits |= 1 << bit;
        start = end + 1;
    }
    bits
}

const fn is_word_at(words: &[u8], start: usize, end: usize, name: &[u8]) -> bool {
    if end - start != name.len() {
        return false;
    }
    let mut at = 0;
    while at < name.len() && words[start + at] == name[at] {
        at += 1;
    }
    at == name.len()
}

/// The names of the bits that are set, lowest first.
pub(super) fn names_of_bits(
    bits: u32,
    names: &'static [&'static str],
) -> impl Iterator<Item = &'static str> {
    names.iter().enumerate().filter(move |(bit, _)| bits >> bit & 1 == 1).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_has_its_name() {
        let lower = |name: &str| name.to_ascii_lowercase();
        let flags: Vec<_> = CommandFlags::all().iter_names().map(|(name, _)| lower(name)).collect();
        assert_eq!(flags, COMMAND_FLAG_NAMES);
        let categories: Vec<_> =
            AclCategories::all().iter_names().map(|(name, _)| lower(name)).collect();
        assert_eq!(categories, ACL_CATEGORY_NAMES);
    }

    #[test]
    fn words_and_names_are_opposites() {
        let words = "write denyoom fast";
        assert_eq!(CommandFlags::of_words(words).names().collect::<Vec<_>>().join(" "), words);
        assert!(CommandFlags::of_words("").is_empty());
    }

    #[test]
    fn categories_are_found_by_name_in_any_case() {
        assert_eq!(AclCategories::by_name(b"SortedSet"), Some(AclCategories::SORTEDSET));
        assert_eq!(AclCategories::by_name(b"@set"), None);
    }
}
