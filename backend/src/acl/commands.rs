//! Which commands a selector allows: one bit for each row of the command table.
//!
//! Rules change bits as they come; they are not remembered. What is told of a selector is found from its bits: a few
//! categories that fit best, and then single commands for what is left, in the order of the table.
//!
//! Source: redis `src/acl.c` ACLSetSelector, ACLDescribeSelectorCommandRules.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use reddoor_protocol::command::flags::AclCategories;
use reddoor_protocol::command::{CommandId, CommandSpec, all, spec};

/// Commands and subcommands, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CommandSet([u64; CommandId::COUNT.div_ceil(64)]);

impl CommandSet {
    const NONE: CommandSet = CommandSet([0; CommandId::COUNT.div_ceil(64)]);
    const ALL: CommandSet = CommandSet([u64::MAX; CommandId::COUNT.div_ceil(64)]);

    #[inline]
    fn contains(&self, id: CommandId) -> bool {
        self.0[id.index() / 64] >> (id.index() % 64) & 1 == 1
    }

    fn set(&mut self, id: CommandId, is_in: bool) {
        let (word, bit) = (&mut self.0[id.index() / 64], 1 << (id.index() % 64));
        if is_in { *word |= bit } else { *word &= !bit }
    }

    /// How many of these another set has, and how many it has not.
    fn split_by(&self, other: &CommandSet) -> (u32, u32) {
        self.0.iter().zip(other.0).fold((0, 0), |(common, own), (word, other)| {
            (common + (word & other).count_ones(), own + (word & !other).count_ones())
        })
    }

    /// Sets a command and all its subcommands.
    fn set_whole(&mut self, row: &CommandSpec, is_in: bool) {
        self.set(row.id(), is_in);
        row.subcommands().iter().for_each(|sub| self.set(sub.id(), is_in));
    }

    /// Sets the commands of a category; with a container come all its subcommands.
    fn set_category(&mut self, category: AclCategories, is_in: bool) {
        of_category(category).for_each(|row| self.set_whole(row, is_in));
    }
}

/// The commands and subcommands of a category, in the order of the table.
pub(crate) fn of_category(category: AclCategories) -> impl Iterator<Item = &'static CommandSpec> {
    all().iter().filter(move |row| row.acl.contains(category))
}

/// The commands that a selector allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandRules {
    allowed: CommandSet,
    /// Commands that are not known yet would be allowed: what is told begins with `+@all`.
    allows_unknown: bool,
    /// Commands that are not allowed, but are with one of these first arguments.
    first_args: BTreeMap<CommandId, Vec<Vec<u8>>>,
}

/// No command.
impl Default for CommandRules {
    fn default() -> CommandRules {
        CommandRules {
            allowed: CommandSet::NONE,
            allows_unknown: false,
            first_args: BTreeMap::new(),
        }
    }
}

impl CommandRules {
    pub(super) fn set_all(&mut self, is_allowed: bool) {
        self.allowed = if is_allowed { CommandSet::ALL } else { CommandSet::NONE };
        self.allows_unknown = is_allowed;
        self.first_args.clear();
    }

    pub(super) fn set_command(&mut self, row: &CommandSpec, is_allowed: bool) {
        self.allowed.set_whole(row, is_allowed);
        self.first_args.remove(&row.id());
    }

    pub(super) fn set_category(&mut self, category: AclCategories, is_allowed: bool) {
        self.allowed.set_category(category, is_allowed);
        self.first_args.retain(|id, _| !spec(*id).acl.contains(category));
    }

    /// Allows a command if this is its first argument, in any case of letters.
    pub(super) fn add_first_arg(&mut self, row: &CommandSpec, arg: &[u8]) {
        let known = self.first_args.entry(row.id()).or_default();
        if !known.iter().any(|other| other.eq_ignore_ascii_case(arg)) {
            known.push(arg.to_vec());
        }
    }

    /// Whether every command is allowed.
    pub(super) fn allow_all(&self) -> bool {
        all().iter().all(|row| self.allowed.contains(row.id()))
    }

    /// Whether a command is allowed, with this first argument if it has one.
    #[inline]
    pub(super) fn allow(&self, id: CommandId, first_arg: Option<&[u8]>) -> bool {
        self.allowed.contains(id) || self.allow_by_first_arg(id, first_arg)
    }

    fn allow_by_first_arg(&self, id: CommandId, first_arg: Option<&[u8]>) -> bool {
        let Some((known, arg)) = self.first_args.get(&id).zip(first_arg) else { return false };
        known.iter().any(|other| other.eq_ignore_ascii_case(arg))
    }

    /// Rules that make these from nothing, separated by spaces.
    pub(super) fn describe(&self) -> Vec<u8> {
        let adds = !self.allows_unknown;
        let sign = |is_allowed| if is_allowed { '+' } else { '-' };
        let mut text = format!("{}@all", sign(!adds)).into_bytes();
        // What the text says so far, and what it has still to say.
        let mut told = if adds { CommandSet::NONE } else { CommandSet::ALL };
        let mut left = self.allowed;
        let mut categories = AclCategories::all();
        while let Some(Category { bit, name, .. }) = best_fit(&left, categories, adds) {
            told.set_category(*bit, adds);
            left.set_category(*bit, !adds);
            categories.remove(*bit);
            text.extend_from_slice(format!(" {}@{name}", sign(adds)).as_bytes());
        }
        for row in all() {
            let is_allowed = self.allowed.contains(row.id());
            if is_allowed != told.contains(row.id()) {
                told.set_whole(row, is_allowed);
                text.extend_from_slice(format!(" {}{}", sign(is_allowed), row.name).as_bytes());
            }
            let first_args = self.first_args.get(&row.id()).filter(|_| !is_allowed);
            for arg in first_args.into_iter().flatten() {
                text.extend_from_slice(format!(" +{}|", row.name).as_bytes());
                text.extend_from_slice(arg);
            }
        }
        text
    }
}

/// A category with its commands.
struct Category {
    bit: AclCategories,
    name: &'static str,
    members: CommandSet,
}

static CATEGORIES: LazyLock<Vec<Category>> = LazyLock::new(|| {
    let category = |name: &'static str| {
        let bit = AclCategories::by_name(name.as_bytes())?;
        let mut members = CommandSet::NONE;
        of_category(bit).for_each(|row| members.set(row.id(), true));
        Some(Category { bit, name, members })
    };
    AclCategories::all().names().filter_map(category).collect()
});

/// The category by which most can be told at once: of those in which more commands are to be told than not, the one
/// with the fewest that are not, and with the most that are.
fn best_fit(left: &CommandSet, open: AclCategories, adds: bool) -> Option<&'static Category> {
    let fits = CATEGORIES.iter().filter(|category| open.contains(category.bit)).map(|category| {
        let (allowed, others) = category.members.split_by(left);
        let (wanted, unwanted) = if adds { (allowed, others) } else { (others, allowed) };
        (category, wanted, unwanted)
    });
    let fits = fits.filter(|(_, wanted, unwanted)| wanted > unwanted);
    fits.min_by_key(|(_, wanted, unwanted)| (*unwanted, Reverse(*wanted))).map(|(best, ..)| best)
}
