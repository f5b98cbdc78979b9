//! Who owns which slot, by hand; and which keys lie in a slot.

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::slot::Slot;

use super::{change, member_id, now_ms, slot, with_cluster};
use crate::cluster::Cluster;
use crate::cluster::member::SlotSet;
use crate::commands::argument::{integer, is};
use crate::execute::Call;

/// What is to happen to slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deal {
    Add,
    Remove,
}

pub(super) fn addslots(call: &mut Call<'_>) -> Result<(), ReplyError> {
    deal(call, Deal::Add, listed)
}

pub(super) fn delslots(call: &mut Call<'_>) -> Result<(), ReplyError> {
    deal(call, Deal::Remove, listed)
}

pub(super) fn addslotsrange(call: &mut Call<'_>) -> Result<(), ReplyError> {
    deal(call, Deal::Add, in_ranges)
}

pub(super) fn delslotsrange(call: &mut Call<'_>) -> Result<(), ReplyError> {
    deal(call, Deal::Remove, in_ranges)
}

/// Gives slots to this node or takes them from whoever has them: all that were asked for, or none.
fn deal(
    call: &mut Call<'_>,
    deal: Deal,
    asked: impl Fn(&Call<'_>, &mut dyn FnMut(Slot) -> Result<(), ReplyError>) -> Result<(), ReplyError>,
) -> Result<(), ReplyError> {
    change(call, |call, cluster| {
        let (mut slots, mut seen) = (Vec::new(), SlotSet::new());
        asked(call, &mut |slot| {
            let has_owner = cluster.core.owner(slot).is_some();
            let problem = match deal {
                Deal::Add if has_owner => Some("is already busy"),
                Deal::Remove if !has_owner => Some("is already unassigned"),
                _ if seen.contains(slot) => Some("specified multiple times"),
                _ => None,
            };
            if let Some(problem) = problem {
                return Err(ReplyError::new(format!("ERR Slot {slot} {problem}")));
            }
            seen.insert(slot);
            slots.push(slot);
            Ok(())
        })?;
        let now_ms = now_ms(call);
        match deal {
            Deal::Add => cluster.core.add_slots(now_ms, &slots),
            Deal::Remove => cluster.core.remove_slots(now_ms, &slots),
        }
        Ok(())
    })
}

/// Every argument is a slot. One that is none is found before any slot that cannot be dealt.
fn listed(
    call: &Call<'_>,
    visit: &mut dyn FnMut(Slot) -> Result<(), ReplyError>,
) -> Result<(), ReplyError> {
    let args = || call.args.iter().skip(2);
    args().try_for_each(|arg| slot(arg).map(|_| ()))?;
    args().try_for_each(|arg| visit(slot(arg)?))
}

/// Every two arguments are the first and the last slot of a range. The slots of a range are visited before the next
/// range is read, so that the first mistake is the one that is told.
fn in_ranges(
    call: &Call<'_>,
    visit: &mut dyn FnMut(Slot) -> Result<(), ReplyError>,
) -> Result<(), ReplyError> {
    if !call.args.len().is_multiple_of(2) {
        return Err(ReplyError::wrong_arity(call.spec.name));
    }
    for index in (2..call.args.len()).step_by(2) {
        let (first, last) = (slot(call.arg(index))?, slot(call.arg(index + 1))?);
        if first > last {
            return Err(ReplyError::new(format!(
                "ERR start slot number {first} is greater than end slot number {last}"
            )));
        }
        let count = last.index() - first.index() + 1;
        Slot::all().skip(first.index()).take(count).try_for_each(&mut *visit)?;
    }
    Ok(())
}

pub(super) fn flushslots(call: &mut Call<'_>) -> Result<(), ReplyError> {
    change(call, |call, cluster| {
        if call.node.databases[0].len() > 0 {
            return Err(ReplyError::new("ERR DB must be empty to perform CLUSTER FLUSHSLOTS."));
        }
        let slots: Vec<Slot> = cluster.core.myself().slots.iter().collect();
        cluster.core.remove_slots(now_ms(call), &slots);
        Ok(())
    })
}

pub(super) fn setslot(call: &mut Call<'_>) -> Result<(), ReplyError> {
    change(call, |call, cluster| {
        if !cluster.core.myself().is_primary() {
            return Err(ReplyError::new("ERR Please use SETSLOT only with masters."));
        }
        let slot = slot(call.arg(2))?;
        let (action, node) = (call.arg(3), call.args.get(4));
        match (node, call.args.len()) {
            (Some(node), 5) if is(action, "MIGRATING") => set_migrating(cluster, slot, node),
            (Some(node), 5) if is(action, "IMPORTING") => set_importing(cluster, slot, node),
            (None, 4) if is(action, "STABLE") => {
                cluster.core.set_stable(slot);
                Ok(())
            }
            (Some(node), 5) if is(action, "NODE") => set_owner(call, cluster, slot, node),
            _ => Err(ReplyError::new(
                "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP",
            )),
        }
    })
}

fn set_migrating(cluster: &mut Cluster, slot: Slot, node: &[u8]) -> Result<(), ReplyError> {
    if !is_mine(cluster, slot) {
        return Err(ReplyError::new(format!("ERR I'm not the owner of hash slot {slot}")));
    }
    let to = member_id(cluster, node, "I don't know about node")?;
    require_primary(cluster, node)?;
    cluster.core.set_migrating(slot, to);
    Ok(())
}

fn set_importing(cluster: &mut Cluster, slot: Slot, node: &[u8]) -> Result<(), ReplyError> {
    if is_mine(cluster, slot) {
        return Err(ReplyError::new(format!("ERR I'm already the owner of hash slot {slot}")));
    }
    let from = member_id(cluster, node, "I don't know about node")?;
    require_primary(cluster, node)?;
    cluster.core.set_importing(slot, from);
    Ok(())
}

fn set_owner(
    call: &Call<'_>,
    cluster: &mut Cluster,
    slot: Slot,
    node: &[u8],
) -> Result<(), ReplyError> {
    let owner = member_id(cluster, node, "Unknown node")?;
    require_primary(cluster, node)?;
    let is_empty = call.node.databases[0].count_in_slot(slot) == 0;
    let goes_away = is_mine(cluster, slot) && owner != cluster.core.myself().id;
    if goes_away && !is_empty {
        return Err(ReplyError::new(format!(
            "ERR Can't assign hashslot {slot} to a different node while I still hold keys for this hash slot."
        )));
    }
    cluster.core.set_slot_owner(now_ms(call), slot, &owner, is_empty);
    Ok(())
}

fn is_mine(cluster: &Cluster, slot: Slot) -> bool {
    cluster.core.owner(slot).is_some_and(|owner| owner.is_myself())
}

fn require_primary(cluster: &Cluster, node: &[u8]) -> Result<(), ReplyError> {
    let id = member_id(cluster, node, "Unknown node")?;
    if cluster.core.member(&id).is_some_and(|member| !member.is_replica()) {
        return Ok(());
    }
    Err(ReplyError::new("ERR Target node is not a master"))
}

pub(super) fn countkeysinslot(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, _| {
        let number = integer(call.arg(2))?;
        let slot = u16::try_from(number).ok().and_then(Slot::new);
        let slot = slot.ok_or(ReplyError::new("ERR Invalid slot"))?;
        let count = call.node.databases[0].count_in_slot(slot);
        call.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
        Ok(())
    })
}

pub(super) fn getkeysinslot(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, _| {
        let (number, count) = (integer(call.arg(2))?, integer(call.arg(3))?);
        let slot = u16::try_from(number).ok().and_then(Slot::new);
        let (Some(slot), Ok(count)) = (slot, usize::try_from(count)) else {
            return Err(ReplyError::new("ERR Invalid slot or number of keys"));
        };
        let keys = call.node.databases[0].keys_in_slot(slot, count);
        call.reply.array(keys.len());
        keys.iter().for_each(|key| call.reply.bulk(key));
        Ok(())
    })
}
