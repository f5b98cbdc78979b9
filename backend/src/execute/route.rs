//! Whether this node serves the slot of a request's keys.
//!
//! Source: redis `src/cluster.c` getNodeByQuery.

use std::rc::Rc;

use reddoor_protocol::command::key_spec::KeyAccess;
use reddoor_protocol::command::keys::key_indexes;
use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;
use reddoor_protocol::slot::Slot;

use crate::client::Client;
use crate::node::{At, Node};

/// What the cluster must know of a request to judge it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteQuery {
    /// The slot of its first key.
    pub(crate) slot: Slot,
    /// How the others lie to it.
    pub(crate) keys: Keys,
    /// Whether its keys are shard channels, which are nowhere as keys are.
    pub(crate) is_shard_channel: bool,
    /// Whether it may change data.
    pub(crate) is_write: bool,
    /// Whether `ASKING` stood before it, or the command needs no such leave.
    pub(crate) is_asking: bool,
    /// Whether the client has sent `READONLY`.
    pub(crate) is_readonly: bool,
    /// Whether it is `MIGRATE`, which moves what is here.
    pub(crate) is_migrate: bool,
    /// When it came, in milliseconds since 1970.
    pub(crate) now_ms: u64,
}

/// How the keys of a request lie to its first one. The same key more than once is one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Keys {
    /// There is no other.
    #[default]
    One,
    /// Others are in its slot.
    SeveralInSlot,
    /// Others are in other slots.
    InSeveralSlots,
}

/// Which of a request's keys this node holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presence {
    /// Keys that are here (count).
    pub(crate) existing: usize,
    /// Keys that are not (count).
    pub(crate) missing: usize,
}

const EXEC: CommandId = CommandId::of("exec");
const MIGRATE: CommandId = CommandId::of("migrate");

/// Asks the cluster whether this node may run the request, which may write or not. For one key of a slot of this node's,
/// while all is well, that is one look.
///
/// # Errors
/// `CROSSSLOT`, `MOVED`, `ASK`, `TRYAGAIN` or `CLUSTERDOWN`.
pub(crate) fn check(
    node: &mut Node,
    client: &mut Client,
    (spec, is_write): (&'static CommandSpec, bool),
    args: Args<'_>,
    now_ms: i64,
) -> Result<(), ReplyError> {
    if let Some(key) = spec.single_key_index().and_then(|index| args.get(index))
        && let Some(cluster) = &node.cluster
        && cluster.borrow().serves_at_rest(Slot::of_key(key), unsigned_ms(now_ms))
    {
        return Ok(());
    }
    check_all(node, client, (spec, is_write), args, now_ms)
}

/// As [`check`], whatever the request and the state of the cluster.
fn check_all(
    node: &mut Node,
    client: &mut Client,
    (spec, is_write): (&'static CommandSpec, bool),
    args: Args<'_>,
    now_ms: i64,
) -> Result<(), ReplyError> {
    let is_exec = spec.id() == EXEC;
    let queued: Vec<(&CommandSpec, Vec<&[u8]>)> = match &client.transaction {
        Some(transaction) if is_exec => {
            let queue = transaction.queue.iter();
            queue.map(|q| (q.spec, q.args.iter().map(AsRef::as_ref).collect())).collect()
        }
        _ => Vec::new(),
    };
    let mut found = Found::default();
    if !is_exec && spec.has_keys() {
        found.add(spec, args);
    }
    queued.iter().for_each(|(spec, args)| found.add(spec, Args::from_slices(args)));
    let Some((_, slot)) = found.first else { return Ok(()) };
    let query = RouteQuery {
        slot,
        keys: found.keys,
        is_shard_channel: found.is_shard_channel && !is_exec,
        is_write,
        is_asking: client.is_asking || found.needs_no_asking,
        is_readonly: client.is_readonly,
        is_migrate: spec.id() == MIGRATE,
        now_ms: unsigned_ms(now_ms),
    };
    let Some(cluster) = node.cluster.as_ref().map(Rc::clone) else { return Ok(()) };
    let presence = || {
        let mut presence = Presence::default();
        if !is_exec {
            count_present(node, spec, args, &mut presence);
        }
        for (spec, args) in &queued {
            count_present(node, spec, Args::from_slices(args), &mut presence);
        }
        presence
    };
    cluster.borrow().route(&query, presence)
}

fn unsigned_ms(now_ms: i64) -> u64 {
    u64::try_from(now_ms).unwrap_or(0)
}

/// The slot of a request's first key, if it has keys.
pub(crate) fn slot_of(spec: &CommandSpec, args: Args<'_>) -> Option<Slot> {
    let mut found = Found::default();
    if spec.has_keys() {
        found.add(spec, args);
    }
    found.first.map(|(_, slot)| slot)
}

/// What was found out about the keys of one request, or of all queued ones.
#[derive(Default)]
struct Found<'a> {
    /// The first key and its slot.
    first: Option<(&'a [u8], Slot)>,
    keys: Keys,
    is_shard_channel: bool,
    needs_no_asking: bool,
}

/// Whether what picks the slot of a command is the name of a shard channel.
fn has_shard_channels(spec: &CommandSpec) -> bool {
    spec.keys.iter().any(|keys| keys.access.contains(KeyAccess::NOT_KEY))
}

impl<'a> Found<'a> {
    #[inline]
    fn add(&mut self, spec: &CommandSpec, args: Args<'a>) {
        use reddoor_protocol::command::flags::CommandFlags;
        self.is_shard_channel |= has_shard_channels(spec);
        self.needs_no_asking |= spec.flags.contains(CommandFlags::ASKING);
        // One key at a fixed place needs no list of positions.
        if let Some(index) = spec.single_key_index() {
            return self.add_key(args.get(index).unwrap_or_default());
        }
        let mut indexes = Vec::new();
        if key_indexes(spec, args, &mut indexes).is_err() {
            // The command itself will say what is wrong with its arguments.
            return;
        }
        indexes.iter().for_each(|i| self.add_key(args.get(*i as usize).unwrap_or_default()));
    }

    #[inline]
    fn add_key(&mut self, key: &'a [u8]) {
        let Some((first, slot)) = self.first else {
            self.first = Some((key, Slot::of_key(key)));
            return;
        };
        if key != first && self.keys != Keys::InSeveralSlots {
            let is_in_slot = Slot::of_key(key) == slot;
            self.keys = if is_in_slot { Keys::SeveralInSlot } else { Keys::InSeveralSlots };
        }
    }
}

fn count_present(node: &mut Node, spec: &CommandSpec, args: Args<'_>, presence: &mut Presence) {
    let mut indexes = Vec::new();
    let at = At { db: 0, now_ms: crate::clock::unix_ms() };
    if !has_shard_channels(spec) && key_indexes(spec, args, &mut indexes).is_ok() {
        for index in indexes {
            match node.peek(at, args.get(index as usize).unwrap_or_default()) {
                Some(_) => presence.existing += 1,
                None => presence.missing += 1,
            }
        }
    }
}
