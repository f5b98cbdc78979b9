//! May this node run a request, and if not, where does the client have to go?
//!
//! In: the slot of the request's keys and what is known of the client. Out: leave, or one of the errors that
//! cluster clients follow. The order of the questions is the one a Redis has, because clients see which one answers:
//! 1. Has the slot of the first key an owner?
//! 2. Are the other keys in that slot, too?
//! 3. Is the cluster well?
//! 4. Is the slot on its way, and does the request move keys?
//! 5. Is the slot on its way out, and are all keys still here?
//! 6. Is it on its way in, and has the client been sent by the old owner?
//! 7. May a replica answer?
//! 8. Is this node the owner?
//!
//! Spec: <https://valkey.io/topics/cluster-spec/#redirection-and-resharding>.
//! Source: redis `src/cluster.c` getNodeByQuery, clusterRedirectClient.

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::replies::Endpoint;

use super::core::Core;
use super::member::Member;
use crate::execute::{Keys, Presence, RouteQuery};

/// What the settings have to say about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteSettings {
    /// Whether keys may be read while the cluster is down.
    pub(crate) allows_reads_when_down: bool,
    /// Whether shard channels are served while the cluster is down.
    pub(crate) allows_pubsub_when_down: bool,
    /// Which name of a node clients are sent to.
    pub(crate) endpoint: Endpoint,
}

const UNBOUND: ReplyError = ReplyError::from_static("CLUSTERDOWN Hash slot not served");
const DOWN: ReplyError = ReplyError::from_static("CLUSTERDOWN The cluster is down");
const DOWN_FOR_WRITES: ReplyError =
    ReplyError::from_static("CLUSTERDOWN The cluster is down and only accepts read commands");
const TRY_AGAIN: ReplyError =
    ReplyError::from_static("TRYAGAIN Multiple keys request during rehashing of slot");

/// Whether this node may run a request. `presence` is asked only while the slot is on its way somewhere.
///
/// # Errors
/// `CROSSSLOT`, `MOVED`, `ASK`, `TRYAGAIN` or `CLUSTERDOWN`.
#[inline]
pub(crate) fn route(
    core: &Core,
    settings: &RouteSettings,
    query: &RouteQuery,
    presence: impl FnOnce() -> Presence,
) -> Result<(), ReplyError> {
    let Some(owner) = core.owner(query.slot) else { return Err(UNBOUND) };
    if query.keys == Keys::InSeveralSlots {
        return Err(ReplyError::CROSS_SLOT);
    }
    if !core.is_ok_at(query.now_ms) {
        leave_while_down(settings, query)?;
    }
    let (target, source) = (target_of(core, query.slot, owner), core.importing_from(query.slot));
    if query.is_migrate && (target.is_some() || source.is_some()) {
        return Ok(());
    }
    if let Some(target) = target {
        return leave_while_migrating(settings, query, target, presence());
    }
    if source.is_some() && query.is_asking {
        return leave_while_importing(query, presence());
    }
    if owner.is_myself() || may_read_as_replica(core.myself(), query, owner) {
        return Ok(());
    }
    Err(redirect("MOVED", query.slot, owner, settings.endpoint))
}

/// Whether a client may go on waiting for keys of a slot: what it waits for will not come where nobody may write.
///
/// # Errors
/// `CLUSTERDOWN` or `MOVED`.
///
/// Source: redis `src/cluster.c` clusterRedirectBlockedClientIfNeeded.
pub(crate) fn may_wait(
    core: &Core,
    settings: &RouteSettings,
    slot: Slot,
) -> Result<(), ReplyError> {
    if !core.is_ok() {
        return Err(DOWN);
    }
    match core.owner(slot) {
        _ if core.importing_from(slot).is_some() => Ok(()),
        None => Err(UNBOUND),
        Some(owner) if owner.is_myself() => Ok(()),
        Some(owner) => Err(redirect("MOVED", slot, owner, settings.endpoint)),
    }
}

fn leave_while_down(settings: &RouteSettings, query: &RouteQuery) -> Result<(), ReplyError> {
    if query.is_shard_channel {
        return if settings.allows_pubsub_when_down { Ok(()) } else { Err(DOWN) };
    }
    match (settings.allows_reads_when_down, query.is_write) {
        (false, _) => Err(DOWN),
        (true, true) => Err(DOWN_FOR_WRITES),
        (true, false) => Ok(()),
    }
}

/// The node that a slot of this node is on its way to.
fn target_of<'a>(core: &'a Core, slot: Slot, owner: &Member) -> Option<&'a Member> {
    let target = core.migrating_to(slot).filter(|_| owner.is_myself())?;
    core.member(&target)
}

/// A key that is not here any more may be at the target; if others are still here, neither node has them all.
fn leave_while_migrating(
    settings: &RouteSettings,
    query: &RouteQuery,
    target: &Member,
    presence: Presence,
) -> Result<(), ReplyError> {
    match presence {
        Presence { missing: 0, .. } => Ok(()),
        Presence { existing: 0, .. } => Err(redirect("ASK", query.slot, target, settings.endpoint)),
        Presence { .. } => Err(TRY_AGAIN),
    }
}

/// A single key that is not here has not come yet or does not exist: the old owner has sent the client, so this
/// node answers for it. Of several keys those that are missing may still be there.
fn leave_while_importing(query: &RouteQuery, presence: Presence) -> Result<(), ReplyError> {
    let may_be_apart = query.keys != Keys::One && presence.missing > 0;
    if may_be_apart { Err(TRY_AGAIN) } else { Ok(()) }
}

fn may_read_as_replica(myself: &Member, query: &RouteQuery, owner: &Member) -> bool {
    let is_allowed = query.is_shard_channel || query.is_readonly && !query.is_write;
    is_allowed && myself.primary == Some(owner.id)
}

fn redirect(word: &str, slot: Slot, to: &Member, endpoint: Endpoint) -> ReplyError {
    let host = match endpoint {
        Endpoint::Ip => to.ip.as_str(),
        Endpoint::Hostname if to.hostname.is_empty() => "?",
        Endpoint::Hostname => to.hostname.as_str(),
        // Nothing: clients go on with the address they know.
        Endpoint::Unknown => "",
    };
    ReplyError::new(format!("{word} {slot} {host}:{}", to.port))
}

#[cfg(test)]
mod tests;
