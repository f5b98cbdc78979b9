//! What has to be looked at beside a command itself, in one word: nothing of it in the plain case.
//!
//! A *plain* command reads or changes keys and nothing else of the node or its client. All that could refuse it, delay
//! it or want to hear of it (a transaction, a pause, a replica's role, monitors, …) is one flag here. They are found
//! once, when a turn begins, and anew after each command that is not plain: nothing else runs meanwhile, so nothing
//! else can change them. `execute` runs a command the short way if no flag is set that concerns it
//! ([`Attention::concerning`]); otherwise it makes every check.
//!
//! A feature that checks commands, or hears of them, needs three lines: a flag, what sets it ([`Attention::of`]), and
//! its check beside the others in `execute`. It costs a plain command nothing then. A flag that a plain command can
//! set (memory that runs out) has to say "may be needed" for the whole turn. One that concerns few plain commands is
//! left out for the others in [`concerning`].
//!
//! Invariant: a flag that is not set need not be; one that is set may be needless. Debug builds check the former at
//! each command that goes the short way.

use bitflags::bitflags;
use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::command::{self, CommandGroup, CommandId, CommandSpec};

use super::PING;
use crate::client::{Client, Replies};
use crate::node::Node;

bitflags! {
    /// See the module.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Attention: u32 {
        /// Always set: concerns what is not plain.
        const ALWAYS = 1 << 0;
        /// The client has not authenticated.
        const UNAUTHENTICATED = 1 << 1;
        /// It is inside a transaction.
        const TRANSACTION = 1 << 2;
        /// It listens to channels, or to everything.
        const LISTENER = 1 << 3;
        /// `ASKING` was its last command.
        const ASKING = 1 << 4;
        /// It does not want all replies.
        const MUTED = 1 << 5;
        /// Somebody hears of keys that change or expire: replicas, the append-only file, those who watch, wait or track.
        const CHANGES_HEARD = 1 << 6;
        /// Somebody may hear of keyspace events.
        const EVENTS_HEARD = 1 << 7;
        /// Somebody hears of commands.
        const MONITORED = 1 << 8;
        /// Messages wait for the end of a command.
        const MESSAGES = 1 << 9;
        /// The data is not all read yet.
        const LOADING = 1 << 10;
        /// The data is an old copy, and nothing of it is to be told.
        const STALE = 1 << 11;
        /// A script lies still.
        const BUSY = 1 << 12;
        /// A pause may be in force.
        const PAUSED = 1 << 13;
        /// What is written may not be kept: concerns writes.
        const UNSAFE_TO_WRITE = 1 << 14;
        /// Its user may not do everything.
        const RESTRICTED = 1 << 15;
        /// Memory has a limit, which may be reached in the middle of a turn.
        const MEMORY_LIMITED = 1 << 16;
    }
}

impl Attention {
    /// What is to be looked at now.
    pub(crate) fn of(node: &Node, client: &Client) -> Attention {
        let settings = node.config.settings();
        let mut found = Attention::ALWAYS;
        found.set(Attention::UNAUTHENTICATED, client.is_locked_out(&node.acl));
        found.set(Attention::RESTRICTED, !client.login.user.is_unrestricted());
        found.set(Attention::TRANSACTION, client.transaction.is_some());
        let only_listens = client.is_monitor || client.is_replica();
        found.set(Attention::LISTENER, client.subscriptions.are_any() || only_listens);
        found.set(Attention::ASKING, client.is_asking);
        found.set(Attention::MUTED, client.replies != Replies::On);
        found.set(Attention::CHANGES_HEARD, node.are_changes_heard());
        found.set(Attention::EVENTS_HEARD, !settings.events.is_empty());
        found.set(Attention::MONITORED, !node.monitors.is_idle());
        found.set(Attention::MESSAGES, node.pubsub.has_absent());
        found.set(Attention::LOADING, node.persistence.loading.is_some());
        found.set(Attention::STALE, node.is_stale());
        found.set(Attention::BUSY, node.scripting.is_busy());
        found.set(Attention::PAUSED, node.may_be_paused());
        found.set(Attention::MEMORY_LIMITED, node.eviction.is_limited);
        found.set(
            Attention::UNSAFE_TO_WRITE,
            node.may_refuse_writes() || node.persistence.is_failing(&settings.disk),
        );
        found
    }

    /// The flags that a command has to be looked at for, should one of them be set.
    #[inline]
    pub(super) fn concerning(spec: &CommandSpec) -> Attention {
        CONCERNING[spec.id().index()]
    }
}

/// Whether a command does nothing that could set a flag; see the module.
pub(super) fn is_plain(spec: &CommandSpec) -> bool {
    !Attention::concerning(spec).contains(Attention::ALWAYS)
}

/// Flags of commands that change the node or their connection, or whose treatment is their own.
const NOT_PLAIN: CommandFlags = CommandFlags::ADMIN
    .union(CommandFlags::PUBSUB)
    .union(CommandFlags::NOSCRIPT)
    .union(CommandFlags::BLOCKING)
    .union(CommandFlags::ASKING)
    .union(CommandFlags::NO_AUTH)
    .union(CommandFlags::NO_MULTI);

const fn concerning(spec: &CommandSpec) -> Attention {
    let is_of_data = spec.flags.intersects(CommandFlags::READONLY.union(CommandFlags::WRITE))
        && !spec.flags.intersects(NOT_PLAIN)
        && !matches!(spec.group, CommandGroup::Server);
    let is_ping = spec.id().index() == PING.index();
    if !is_of_data && !is_ping {
        return Attention::all();
    }
    let concerning = Attention::all().difference(Attention::ALWAYS);
    // A node that cannot keep what is written says so to whoever asks whether it is well.
    if spec.flags.contains(CommandFlags::WRITE) || is_ping {
        concerning
    } else {
        concerning.difference(Attention::UNSAFE_TO_WRITE)
    }
}

/// Indexed by [`CommandId::index`].
static CONCERNING: [Attention; CommandId::COUNT] = {
    let mut table = [Attention::all(); CommandId::COUNT];
    let mut index = 0;
    while index < CommandId::COUNT {
        table[index] = concerning(&command::all()[index]);
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn is_plain_named(name: &str) -> bool {
        is_plain(command::lookup_full(name.as_bytes()).unwrap())
    }

    #[test]
    fn commands_that_change_the_node_or_the_connection_are_not_plain() {
        for name in ["get", "set", "mget", "incr", "pfadd", "xadd", "object|encoding", "ping"] {
            assert!(is_plain_named(name), "{name}");
        }
        let others = "multi exec watch auth hello reset asking subscribe publish monitor blpop xread \
            wait eval fcall_ro client|pause client|reply client|tracking config|set replicaof \
            cluster|setslot flushall save debug";
        for name in others.split_whitespace() {
            assert!(!is_plain_named(name), "{name}");
        }
    }

    #[test]
    fn what_may_not_be_kept_concerns_writes_alone() {
        let concerns = |name: &str| {
            let spec = command::lookup(name.as_bytes()).unwrap();
            Attention::concerning(spec).contains(Attention::UNSAFE_TO_WRITE)
        };
        assert!(concerns("set") && concerns("ping") && !concerns("get"));
    }
}
