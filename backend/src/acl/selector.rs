//! One set of rules: which commands, on which keys, over which channels.
//!
//! Source: redis `src/acl.c` ACLSetSelector.

use bitflags::bitflags;
use reddoor_protocol::command::flags::AclCategories;
use reddoor_protocol::command::lookup_full;

use super::commands::CommandRules;
use super::rule::{RuleError, has_spaces, is, text_of_c};

bitflags! {
    /// What may be done with keys.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Access: u8 {
        const READ = 1 << 0;
        const WRITE = 1 << 1;
    }
}

/// Keys whose names fit a pattern, and what may be done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyPattern {
    pub(super) access: Access,
    pub(super) pattern: Vec<u8>,
}

/// What a rule names by patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Patterns<T> {
    All,
    /// In the order in which they were added; none allows nothing.
    Some(Vec<T>),
}

impl<T> Patterns<T> {
    pub(super) const NONE: Patterns<T> = Patterns::Some(Vec::new());

    pub(super) fn are_all(&self) -> bool {
        matches!(self, Patterns::All)
    }

    /// Those there are, where not all is allowed.
    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Patterns::All => &[],
            Patterns::Some(patterns) => patterns,
        }
    }
}

/// The channels of users and selectors that nothing was said of yet: `acl-pubsub-default`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstChannels {
    All,
    None,
}

/// A set of rules. A user has one or more, and may do what any one of them allows as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selector {
    pub(super) commands: CommandRules,
    pub(super) keys: Patterns<KeyPattern>,
    pub(super) channels: Patterns<Vec<u8>>,
}

impl Selector {
    /// A selector that allows nothing but what is said of channels.
    pub(super) fn new(channels: FirstChannels) -> Selector {
        Selector {
            commands: CommandRules::default(),
            keys: Patterns::NONE,
            channels: match channels {
                FirstChannels::All => Patterns::All,
                FirstChannels::None => Patterns::NONE,
            },
        }
    }

    /// Whether it allows everything.
    pub(super) fn is_unrestricted(&self) -> bool {
        self.keys.are_all() && self.channels.are_all() && self.commands.allow_all()
    }

    /// Follows one rule.
    ///
    /// # Errors
    /// It is no rule, or none that fits those before it; nothing has changed.
    pub(super) fn apply(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        match rule {
            rule if is(rule, "allkeys") || is(rule, "~*") => self.keys = Patterns::All,
            rule if is(rule, "resetkeys") => self.keys = Patterns::NONE,
            rule if is(rule, "allchannels") || is(rule, "&*") => self.channels = Patterns::All,
            rule if is(rule, "resetchannels") => self.channels = Patterns::NONE,
            rule if is(rule, "allcommands") || is(rule, "+@all") => self.commands.set_all(true),
            rule if is(rule, "nocommands") || is(rule, "-@all") => self.commands.set_all(false),
            [b'~' | b'%', ..] if self.keys.are_all() => return Err(RuleError::KeysAreAll),
            [b'~', pattern @ ..] => self.add_keys(pattern, Access::all())?,
            [b'%', rest @ ..] => {
                let (access, pattern) = access_of(rest)?;
                self.add_keys(pattern, access)?;
            }
            [b'&', pattern @ ..] => self.add_channels(pattern)?,
            [sign @ (b'+' | b'-'), b'@', name @ ..] => {
                let category = AclCategories::by_name(text_of_c(name));
                self.commands.set_category(category.ok_or(RuleError::UnknownName)?, *sign == b'+');
            }
            [b'+', name @ ..] => self.allow_command(text_of_c(name))?,
            [b'-', name @ ..] => {
                let row = lookup_full(text_of_c(name)).ok_or(RuleError::UnknownName)?;
                self.commands.set_command(row, false);
            }
            _ => return Err(RuleError::Syntax),
        }
        Ok(())
    }

    fn add_keys(&mut self, pattern: &[u8], access: Access) -> Result<(), RuleError> {
        let Patterns::Some(known) = &mut self.keys else { return Err(RuleError::KeysAreAll) };
        if has_spaces(pattern) {
            return Err(RuleError::Syntax);
        }
        match known.iter_mut().find(|known| known.pattern == pattern) {
            Some(known) => known.access |= access,
            None => known.push(KeyPattern { access, pattern: pattern.to_vec() }),
        }
        Ok(())
    }

    fn add_channels(&mut self, pattern: &[u8]) -> Result<(), RuleError> {
        let Patterns::Some(known) = &mut self.channels else {
            return Err(RuleError::ChannelsAreAll);
        };
        if has_spaces(pattern) {
            return Err(RuleError::Syntax);
        }
        if !known.iter().any(|known| known == pattern) {
            known.push(pattern.to_vec());
        }
        Ok(())
    }

    /// `command`, `command|subcommand`, or a command that has none with its first argument.
    fn allow_command(&mut self, name: &[u8]) -> Result<(), RuleError> {
        let Some(bar) = memchr::memrchr(b'|', name) else {
            let row = lookup_full(name).ok_or(RuleError::UnknownName)?;
            self.commands.set_command(row, true);
            return Ok(());
        };
        let (command, arg) = (&name[..bar], &name[bar + 1..]);
        let row = lookup_full(command).ok_or(RuleError::UnknownName)?;
        if row.is_subcommand() {
            return Err(RuleError::FirstArgOfSubcommand);
        }
        if arg.is_empty() {
            return Err(RuleError::Syntax);
        }
        if row.is_container() {
            let row = lookup_full(name).ok_or(RuleError::UnknownName)?;
            self.commands.set_command(row, true);
        } else {
            self.commands.add_first_arg(row, arg);
        }
        Ok(())
    }
}

/// What may be done with the keys of `RW~pattern`, and the pattern. To say nothing of what may be done is a mistake; a
/// redis-server 7.0 takes it, and ends when somebody looks at the user.
fn access_of(rule: &[u8]) -> Result<(Access, &[u8]), RuleError> {
    let mut access = Access::empty();
    let mut rest = rule;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let one = match byte.to_ascii_uppercase() {
            b'R' => Access::READ,
            b'W' => Access::WRITE,
            b'~' => break,
            _ => return Err(RuleError::Syntax),
        };
        if access.contains(one) {
            return Err(RuleError::Syntax);
        }
        access |= one;
    }
    if access.is_empty() { Err(RuleError::Syntax) } else { Ok((access, rest)) }
}
