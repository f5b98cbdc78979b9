//! How rows are written: a small builder that runs while the crate is compiled.
//!
//! What follows from other facts is derived here and not written in any row: the ACL categories that flags
//! bring with them, `movablekeys`, and the first/last/step positions of old clients.

use crate::command::flags::{AclCategories, CommandFlags};
use crate::command::key_spec::{BeginSearch, FindKeys, KeyAccess, KeySpec, OddKeys};
use crate::command::keys::KeyFinder;
use crate::command::policy::{ReplyPolicy, RequestPolicy};
use crate::command::reply_keys::ReplyKeys;
use crate::command::{CommandGroup, CommandId, CommandSpec, Deprecation, KeyRange, Subcommands};

/// A row: name in lower case (`container|subcommand`), arity, and the words of its flags and its ACL categories.
///
/// Routed by its keys, unless [`CommandSpec::routed`] says otherwise.
pub(super) const fn row(
    name: &'static str,
    arity: i16,
    flags: &str,
    categories: &str,
) -> CommandSpec {
    let flags = CommandFlags::of_words(flags);
    CommandSpec {
        name,
        arity,
        flags,
        acl: AclCategories::of_words(categories).with_implied(flags),
        keys: &[],
        legacy: KeyRange::NONE,
        odd_keys: OddKeys::None,
        tips: &[],
        request: RequestPolicy::OneSlot,
        reply: ReplyPolicy::Passthrough,
        reply_keys: ReplyKeys::None,
        summary: "",
        since: "",
        group: CommandGroup::Generic,
        complexity: None,
        deprecated: None,
        is_internal: false,
        id: CommandId(0),
        subcommands: Subcommands::NONE,
        finder: KeyFinder::None,
    }
}

impl CommandSpec {
    /// Where its keys lie.
    pub(super) const fn keys(mut self, keys: &'static [KeySpec]) -> CommandSpec {
        self.keys = keys;
        self.legacy = legacy_range(keys);
        if !all_ranges(keys) {
            self.flags = self.flags.union(CommandFlags::MOVABLEKEYS);
        }
        self.finder = KeyFinder::of(keys);
        self
    }

    /// What [`CommandSpec::keys`] cannot say about its keys.
    pub(super) const fn odd_keys(mut self, odd: OddKeys) -> CommandSpec {
        self.odd_keys = odd;
        self
    }

    /// How the front door treats it.
    pub(super) const fn routed(
        mut self,
        request: RequestPolicy,
        reply: ReplyPolicy,
    ) -> CommandSpec {
        self.request = request;
        self.reply = reply;
        self
    }

    /// Where keys stand in its reply.
    pub(super) const fn tells_keys(mut self, keys: ReplyKeys) -> CommandSpec {
        self.reply_keys = keys;
        self
    }

    /// What a Redis tells smart clients about it.
    pub(super) const fn tips(mut self, tips: &'static [&'static str]) -> CommandSpec {
        self.tips = tips;
        self
    }

    /// The first version that had it, and what it costs (empty: not said).
    pub(super) const fn since(
        mut self,
        version: &'static str,
        complexity: &'static str,
    ) -> CommandSpec {
        self.since = version;
        self.complexity = if complexity.is_empty() { None } else { Some(complexity) };
        self
    }

    /// Kept for old clients since `version`; `replaced_by` serves new ones.
    pub(super) const fn deprecated(
        mut self,
        version: &'static str,
        replaced_by: &'static str,
    ) -> CommandSpec {
        self.deprecated = Some(Deprecation { since: version, replaced_by });
        self
    }

    /// Meant for nodes and their tests, not for applications.
    pub(super) const fn internal(mut self) -> CommandSpec {
        self.is_internal = true;
        self
    }

    /// One sentence about it.
    pub(super) const fn about(mut self, summary: &'static str) -> CommandSpec {
        self.summary = summary;
        self
    }
}

/// One key at the argument `index` (0 is the command's name).
pub(super) const fn key(index: u16, access: &str) -> KeySpec {
    keys_to(index, 0, access)
}

/// Keys from `index` to `last`: from `index` on if not negative, else from the end, -1 being the last argument.
pub(super) const fn keys_to(index: u16, last: i16, access: &str) -> KeySpec {
    keys_by(index, last, 1, access)
}

/// As [`keys_to`], a key at every `step`th argument.
pub(super) const fn keys_by(index: u16, last: i16, step: u16, access: &str) -> KeySpec {
    spec(BeginSearch::Index(index), FindKeys::Range { last, step, limit: 0 }, access)
}

/// A number of keys at `index`, and the keys behind it.
pub(super) const fn keys_counted(index: u16, access: &str) -> KeySpec {
    let find = FindKeys::Counted { count: 0, first: 1, step: 1 };
    spec(BeginSearch::Index(index), find, access)
}

/// Keys behind `word`, which is looked for from the argument `from` (negative: backwards, from that far off
/// the end). `last` as in [`keys_to`].
pub(super) const fn keys_after(word: &'static str, from: i16, last: i16, access: &str) -> KeySpec {
    let find = FindKeys::Range { last, step: 1, limit: 0 };
    spec(BeginSearch::Keyword { word, from }, find, access)
}

/// Keys that no position rule describes.
pub(super) const fn keys_unknown(access: &str) -> KeySpec {
    spec(BeginSearch::Unknown, FindKeys::Unknown, access)
}

const fn spec(begin: BeginSearch, find: FindKeys, access: &str) -> KeySpec {
    KeySpec { access: KeyAccess::of_words(access), begin, find, note: "" }
}

impl KeySpec {
    /// A remark for readers of `COMMAND`.
    pub(super) const fn note(mut self, note: &'static str) -> KeySpec {
        self.note = note;
        self
    }

    /// Only the first half of the arguments in reach are keys: each has a partner behind them all.
    pub(super) const fn first_half(mut self) -> KeySpec {
        if let FindKeys::Range { last, step, .. } = self.find {
            self.find = FindKeys::Range { last, step, limit: 2 };
        }
        self
    }
}

/// Whether first/last/step tell all keys.
const fn all_ranges(keys: &[KeySpec]) -> bool {
    let mut at = 0;
    while at < keys.len() {
        if !matches!(
            (keys[at].begin, keys[at].find),
            (BeginSearch::Index(_), FindKeys::Range { .. })
        ) {
            return false;
        }
        at += 1;
    }
    true
}

/// The one range that covers those key specs which begin at a fixed argument and follow one another.
///
/// Source: redis `src/server.c` populateCommandLegacyRangeSpec.
const fn legacy_range(keys: &[KeySpec]) -> KeyRange {
    let mut all = KeyRange::NONE;
    let mut at = 0;
    while at < keys.len() {
        if let (BeginSearch::Index(first), FindKeys::Range { last, step, .. }) =
            (keys[at].begin, keys[at].find)
        {
            let first = first as i16;
            let last = if last >= 0 { first + last } else { last };
            let follows = all.last >= 0 && first == all.last + 1;
            if all.first == 0 {
                all = KeyRange { first, last, step: step as i16 };
            } else if follows {
                all.last = last;
            }
        }
        at += 1;
    }
    all
}
