//! Whether this node serves the slot of a request's keys.
//!
//! Source: redis `src/cluster.c` getNodeByQuery.

use std::rc::Rc;

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
    /// The slot of all its keys.
    pub(crate) slot: Slot,
    /// Whether it may change data.
    pub(crate) is_write: bool,
    /// Whether `ASKING` stood before it, or the command needs no such leave.
    pub(crate) is_asking: bool,
    /// Whether the client has sent `READONLY`.
    pub(crate) is_readonly: bool,
    /// How many keys it has (count).
    pub(crate) keys_count: usize,
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

/// Asks the cluster whether this node may run the request.
///
/// # Errors
/// `CROSSSLOT`, `MOVED`, `ASK`, `TRYAGAIN` or `CLUSTERDOWN`.
pub(super) fn check(
    node: &mut Node,
    client: &mut Client,
    spec: &'static CommandSpec,
    args: Args<'_>,
) -> Result<(), ReplyError> {
    let mut found = Found::default();
    if spec.id() == EXEC {
        let Some(transaction) = &client.transaction else { return Ok(()) };
        for queued in &transaction.queue {
            let slices: Vec<&[u8]> = queued.args.iter().map(AsRef::as_ref).collect();
            found.add(queued.spec, Args::from_slices(&slices))?;
        }
    } else if spec.has_keys() {
        found.add(spec, args)?;
    }
    let Some(slot) = found.slot else { return Ok(()) };
    let query = RouteQuery {
        slot,
        is_write: found.is_write,
        is_asking: client.is_asking || found.needs_no_asking,
        is_readonly: client.is_readonly,
        keys_count: found.keys_count,
    };
    let Some(cluster) = node.cluster.as_ref().map(Rc::clone) else { return Ok(()) };
    let queue = client.transaction.as_ref().filter(|_| spec.id() == EXEC);
    let presence = || match queue {
        None => count_present(node, spec, args),
        Some(transaction) => transaction.queue.iter().fold(Presence::default(), |sum, queued| {
            let slices: Vec<&[u8]> = queued.args.iter().map(AsRef::as_ref).collect();
            let here = count_present(node, queued.spec, Args::from_slices(&slices));
            Presence { existing: sum.existing + here.existing, missing: sum.missing + here.missing }
        }),
    };
    cluster.borrow().route(&query, presence)
}

/// What was found out about the keys of one request, or of all queued ones.
#[derive(Default)]
struct Found {
    slot: Option<Slot>,
    keys_count: usize,
    is_write: bool,
    needs_no_asking: bool,
}

impl Found {
    #[inline]
    fn add(&mut self, spec: &'static CommandSpec, args: Args<'_>) -> Result<(), ReplyError> {
        use reddoor_protocol::command::flags::CommandFlags;
        self.is_write |= spec.is_write();
        self.needs_no_asking |= spec.flags.contains(CommandFlags::ASKING);
        // One key at a fixed place needs no list of positions.
        if let Some(index) = spec.single_key_index() {
            return self.add_key(args.get(index).unwrap_or_default());
        }
        let mut indexes = Vec::new();
        if key_indexes(spec, args, &mut indexes).is_err() {
            // The command itself will say what is wrong with its arguments.
            return Ok(());
        }
        indexes.iter().try_for_each(|i| self.add_key(args.get(*i as usize).unwrap_or_default()))
    }

    #[inline]
    fn add_key(&mut self, key: &[u8]) -> Result<(), ReplyError> {
        let slot = Slot::of_key(key);
        self.keys_count += 1;
        match self.slot.replace(slot) {
            Some(other) if other != slot => Err(ReplyError::CROSS_SLOT),
            _ => Ok(()),
        }
    }
}

fn count_present(node: &mut Node, spec: &CommandSpec, args: Args<'_>) -> Presence {
    let mut indexes = Vec::new();
    let at = At { db: 0, now_ms: crate::clock::unix_ms() };
    let mut presence = Presence::default();
    if key_indexes(spec, args, &mut indexes).is_ok() {
        for index in indexes {
            match node.peek(at, args.get(index as usize).unwrap_or_default()) {
                Some(_) => presence.existing += 1,
                None => presence.missing += 1,
            }
        }
    }
    presence
}
