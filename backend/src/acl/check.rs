//! Whether the rules of a user allow a command with its keys and channels.
//!
//! One selector has to allow all of it. Where none does, the refusal names what came nearest: a channel rather than a
//! key, a key rather than the command, and the last of them.
//!
//! Source: redis `src/acl.c` ACLCheckAllUserCommandPerm, ACLSelectorCheckCmd, ACLSelectorCheckKey.

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::command::glob::{self, Case};
use reddoor_protocol::command::key_spec::KeyAccess;
use reddoor_protocol::command::keys::{Keys, find_keys};
use reddoor_protocol::command::policy::ChannelKind;
use reddoor_protocol::request::Args;

use super::selector::{Access, KeyPattern, Patterns, Selector};
use super::user::Rules;

/// What is not allowed. Ordered by which one is told of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Denial {
    Command,
    /// The key at this argument.
    Key(usize),
    /// The channel at this argument.
    Channel(usize),
}

/// How a name of what is listened to is compared with patterns of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// A channel, which has to fit a pattern.
    Channel(&'a [u8]),
    /// A pattern, which has to be one of them to the letter.
    Pattern(&'a [u8]),
}

/// What keys must allow to be read.
const READS: KeyAccess = KeyAccess::ACCESS;

/// What keys must allow to be written.
const WRITES: KeyAccess = KeyAccess::INSERT.union(KeyAccess::UPDATE).union(KeyAccess::DELETE);

impl Rules {
    /// Whether a command may run.
    ///
    /// # Errors
    /// What is not allowed.
    pub(crate) fn check(&self, spec: &CommandSpec, args: Args<'_>) -> Result<(), Denial> {
        let mut denial = Denial::Command;
        let mut keys = KeysOf { spec, args, found: None };
        for selector in &self.selectors {
            match selector.check(&mut keys) {
                Ok(()) => return Ok(()),
                Err(other) => denial = denial.max(other),
            }
        }
        Err(denial)
    }

    /// Whether a command may run, and read keys of any name at that.
    pub(crate) fn may_read_all_keys(&self, spec: &CommandSpec, args: Args<'_>) -> bool {
        let mut keys = KeysOf { spec, args, found: None };
        let reads_all =
            |pattern: &KeyPattern| pattern.access.contains(Access::READ) && pattern.pattern == b"*";
        self.selectors.iter().any(|selector| {
            let reads_all =
                selector.keys.are_all() || selector.keys.as_slice().iter().any(reads_all);
            reads_all && selector.check(&mut keys).is_ok()
        })
    }

    /// Whether clients that became subscribers by rules `before` need be looked at: not if these allow at least as
    /// many channels.
    pub(crate) fn may_lose_channels(&self, before: &Rules) -> bool {
        if self.selectors.iter().any(|selector| selector.channels.are_all()) {
            return false;
        }
        let is_kept = |pattern| self.channels().any(|own| own == pattern);
        before.selectors.iter().any(|selector| selector.channels.are_all())
            || !before.channels().all(is_kept)
    }

    /// Whether a subscriber may go on listening; all selectors together say so.
    pub(crate) fn may_listen(&self, name: Name<'_>) -> bool {
        self.selectors.iter().any(|selector| selector.channels.allow(name))
    }

    fn channels(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.selectors.iter().flat_map(|selector| selector.channels.as_slice())
    }
}

/// The keys of one request, found when they are first asked for.
struct KeysOf<'a> {
    spec: &'a CommandSpec,
    args: Args<'a>,
    found: Option<Keys>,
}

impl KeysOf<'_> {
    /// Positions of keys, and what happens to them. None where the arguments do not tell: the command will refuse them.
    fn get(&mut self) -> impl Iterator<Item = (usize, KeyAccess)> + use<> {
        let (spec, args) = (self.spec, self.args);
        let found = self.found.get_or_insert_with(|| find_keys(spec, args).unwrap_or_default());
        let keys = found.clone().map(|(index, access)| (index as usize, access));
        keys.filter(|(_, access)| !access.contains(KeyAccess::NOT_KEY))
    }
}

impl Selector {
    fn check(&self, keys: &mut KeysOf<'_>) -> Result<(), Denial> {
        let (spec, args) = (keys.spec, keys.args);
        if !spec.flags.contains(CommandFlags::NO_AUTH)
            && !self.commands.allow(spec.id(), args.get(1))
        {
            return Err(Denial::Command);
        }
        if let Patterns::Some(patterns) = &self.keys
            && spec.has_keys()
        {
            let is_denied = |(index, access): &(usize, KeyAccess)| {
                !allow_key(patterns, args.get(*index).unwrap_or_default(), *access)
            };
            keys.get().find(is_denied).map_or(Ok(()), |(index, _)| Err(Denial::Key(index)))?;
        }
        let Some((kind, mut indexes)) = spec.channel_arguments(args.len()) else { return Ok(()) };
        let is_denied = |index: &usize| {
            let name = args.get(*index).unwrap_or_default();
            !self.channels.allow(match kind {
                ChannelKind::Pattern => Name::Pattern(name),
                ChannelKind::Channel | ChannelKind::Shard => Name::Channel(name),
            })
        };
        indexes.find(is_denied).map_or(Ok(()), |index| Err(Denial::Channel(index)))
    }
}

fn allow_key(patterns: &[KeyPattern], key: &[u8], access: KeyAccess) -> bool {
    let mut needed = Access::empty();
    needed.set(Access::READ, access.intersects(READS));
    needed.set(Access::WRITE, access.intersects(WRITES));
    patterns.iter().any(|known| known.access.contains(needed) && fits(&known.pattern, key))
}

fn fits(pattern: &[u8], name: &[u8]) -> bool {
    glob::is_match(pattern, name, Case::Exact)
}

impl Patterns<Vec<u8>> {
    fn allow(&self, name: Name<'_>) -> bool {
        let Patterns::Some(patterns) = self else { return true };
        patterns.iter().any(|pattern| match name {
            Name::Channel(channel) => fits(pattern, channel),
            Name::Pattern(own) => pattern == own,
        })
    }
}
