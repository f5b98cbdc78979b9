//! Every command and subcommand of Redis 7.0 as one row.
//!
//! A row says what a command is called, how many arguments it takes, what it may do, where its keys lie, how
//! the front door treats it and how the replies of parts are joined. The front door's plan, the node's
//! checks, `COMMAND` and its company, ACL categories and the tables in the documents all read these rows; a
//! command's name stands nowhere else.
//!
//! | module | what it holds |
//! |---|---|
//! | [`flags`] | flags and ACL categories |
//! | [`key_spec`] | where keys lie and what happens to them, as data |
//! | [`keys`] | which arguments of a request are keys |
//! | [`reply_keys`] | where keys stand in replies |
//! | `channels` | which arguments of a request are channels |
//! | [`cross_slot`] | how a command over several slots can be done |
//! | [`wait`] | how long a request may wait at a node |
//! | [`debug`] | where a subcommand of `DEBUG` belongs |
//! | [`policy`] | how the front door routes a request and joins replies |
//! | `row`, `table` | how rows are written, and the rows |
//! | [`resolve`](mod@resolve) | from the arguments of a request to its row, or to the right refusal |
//! | [`describe`] | the rows as `COMMAND` tells them |
//! | [`glob`] | patterns as `KEYS` and `COMMAND LIST` match them |
//!
//! Invariant: names are unique and in lower case; the rows agree with what redis-server 7.0 answers to
//! `COMMAND`, and a test asks one.
//! Not here: what commands do.

pub mod flags;

pub mod policy;

pub mod cross_slot;

pub mod wait;

pub mod debug;

pub mod key_spec;

pub mod keys;

pub mod reply_keys;

mod channels;

mod row;

mod table;

pub mod resolve;

pub mod describe;

pub mod glob;

use std::fmt;

use crate::command::flags::{AclCategories, CommandFlags};
use crate::command::key_spec::{KeySpec, OddKeys};
use crate::command::keys::KeyFinder;
use crate::command::policy::{ReplyPolicy, RequestPolicy};
use crate::command::reply_keys::ReplyKeys;
use crate::request::Args;

/// One command or subcommand. All rows are static; two are the same if their [`CommandSpec::id`] is.
#[derive(Clone, Copy, Debug)]
pub struct CommandSpec {
    /// In lower case; a subcommand's is `container|subcommand`.
    pub name: &'static str,
    /// Number of arguments (count), the command's name and a subcommand's both included; if negative, the least.
    pub arity: i16,
    /// What it does and where it may run.
    pub flags: CommandFlags,
    /// Its groups in access rules.
    pub acl: AclCategories,
    /// Where its keys lie; [`keys::find_keys`] reads them.
    pub keys: &'static [KeySpec],
    /// Where its keys lie as far as first, last and step can tell.
    pub legacy: KeyRange,
    /// What a Redis tells smart clients about it.
    pub tips: &'static [&'static str],
    /// Where the front door sends it.
    pub request: RequestPolicy,
    /// How the front door joins the replies of its parts.
    pub reply: ReplyPolicy,
    /// Where keys stand in its reply.
    pub reply_keys: ReplyKeys,
    /// One sentence without a full stop.
    pub summary: &'static str,
    /// The first Redis version that had it.
    pub since: &'static str,
    /// The family it belongs to.
    pub group: CommandGroup,
    /// What it costs in the letters of its manual page; a Redis says nothing for a few.
    pub complexity: Option<&'static str>,
    /// Set if new programs should not use it.
    pub deprecated: Option<Deprecation>,
    /// Whether it is meant for nodes and their tests, not for applications.
    pub is_internal: bool,
    odd_keys: OddKeys,
    finder: KeyFinder,
    id: CommandId,
    subcommands: Subcommands,
}

/// First, last and step as old clients know them. All zero: no keys, or none at fixed arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key's argument.
    pub first: i16,
    /// The last key's argument; if negative, counted from the end, -1 being the last argument.
    pub last: i16,
    /// Arguments from one key to the next.
    pub step: i16,
}

impl KeyRange {
    const NONE: KeyRange = KeyRange { first: 0, last: 0, step: 0 };
}

/// Since when a command should not be used in new programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deprecation {
    /// The Redis version.
    pub since: &'static str,
    /// What to use instead.
    pub replaced_by: &'static str,
}

/// A family of commands, as `COMMAND DOCS` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CommandGroup {
    Bitmap,
    Cluster,
    Connection,
    Generic,
    Geo,
    Hash,
    HyperLogLog,
    List,
    PubSub,
    Scripting,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

impl CommandGroup {
    /// The name on the wire, such as `sorted-set`.
    pub fn name(self) -> &'static str {
        match self {
            CommandGroup::Bitmap => "bitmap",
            CommandGroup::Cluster => "cluster",
            CommandGroup::Connection => "connection",
            CommandGroup::Generic => "generic",
            CommandGroup::Geo => "geo",
            CommandGroup::Hash => "hash",
            CommandGroup::HyperLogLog => "hyperloglog",
            CommandGroup::List => "list",
            CommandGroup::PubSub => "pubsub",
            CommandGroup::Scripting => "scripting",
            CommandGroup::Server => "server",
            CommandGroup::Set => "set",
            CommandGroup::SortedSet => "sorted-set",
            CommandGroup::Stream => "stream",
            CommandGroup::String => "string",
            CommandGroup::Transactions => "transactions",
        }
    }
}

/// The number of a row: dense, from 0, for arrays with one element per command or subcommand.
///
/// Not stable between versions of this crate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(u16);

impl CommandId {
    /// How many rows there are (count), subcommands included.
    pub const COUNT: usize = table::ROWS_COUNT;

    /// The number of the row with this name, for constants: `const GET: CommandId = CommandId::of("get");`
    ///
    /// # Panics
    /// When no row has this name in this spelling; in a constant, that does not compile.
    pub const fn of(name: &str) -> CommandId {
        table::id_of(name)
    }

    /// From 0 to [`CommandId::COUNT`] - 1.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandId({})", spec(*self).name)
    }
}

/// Where a container's subcommands stand in the table.
#[derive(Clone, Copy, Debug)]
struct Subcommands {
    first: u16,
    count: u16,
}

impl Subcommands {
    const NONE: Subcommands = Subcommands { first: 0, count: 0 };
}

impl CommandSpec {
    /// Its number.
    #[inline]
    pub const fn id(&self) -> CommandId {
        self.id
    }

    /// The rows of its subcommands, sorted by name; empty unless it is a container.
    pub fn subcommands(&self) -> &'static [CommandSpec] {
        let first = usize::from(self.subcommands.first);
        &table::ROWS[first..first + usize::from(self.subcommands.count)]
    }

    /// Whether its first argument names a subcommand.
    #[inline]
    pub fn is_container(&self) -> bool {
        self.subcommands.count > 0
    }

    /// Whether it is a subcommand.
    pub fn is_subcommand(&self) -> bool {
        self.name.contains('|')
    }

    /// The name without that of its container.
    pub fn short_name(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(_, short)| short)
    }

    /// Whether it may be called with this many arguments, its name included.
    #[inline]
    pub fn accepts(&self, args_count: usize) -> bool {
        let arity = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { args_count >= arity } else { args_count == arity }
    }

    /// Whether it can change data, so that running it twice may matter.
    #[inline]
    pub fn is_write(&self) -> bool {
        self.flags.contains(CommandFlags::WRITE)
    }

    /// Whether it reads data and changes none.
    #[inline]
    pub fn is_readonly(&self) -> bool {
        self.flags.contains(CommandFlags::READONLY)
    }
}

/// The row of this command, not of a subcommand, in any case of letters. O(1).
#[inline]
pub fn lookup(name: &[u8]) -> Option<&'static CommandSpec> {
    table::lookup(name)
}

/// The row of this command or, written `container|subcommand`, of a subcommand; in any case of letters.
pub fn lookup_full(name: &[u8]) -> Option<&'static CommandSpec> {
    match name.iter().position(|byte| *byte == b'|') {
        None => lookup(name),
        Some(bar) => resolve::find_subcommand(lookup(&name[..bar])?, &name[bar + 1..]),
    }
}

/// The row with this number.
#[inline]
pub fn spec(id: CommandId) -> &'static CommandSpec {
    &table::ROWS[id.index()]
}

/// All rows in the order of their numbers; subcommands follow their container.
pub const fn all() -> &'static [CommandSpec] {
    &table::ROWS
}

/// The row of a request: the subcommand's where the command is a container.
///
/// # Errors
/// What is wrong, with the words a Redis has for it; the connection stays usable.
#[inline]
pub fn resolve(args: Args<'_>) -> Result<&'static CommandSpec, resolve::ResolveError> {
    resolve::resolve(args)
}
