//! `CLUSTER` and its company.
//!
//! A handler checks what it was asked for, tells the core, and wakes the bus, which does what follows.
//!
//! Source: redis `src/cluster.c` clusterCommand.

mod members;

mod slots;

mod view;

use std::borrow::Cow;
use std::cell::RefMut;
use std::rc::Rc;

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::NodeId;

use crate::cluster::Cluster;
use crate::commands::argument::integer;
use crate::execute::{Call, Handler};

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("cluster|addslots", slots::addslots),
    ("cluster|addslotsrange", slots::addslotsrange),
    ("cluster|bumpepoch", members::bumpepoch),
    ("cluster|count-failure-reports", members::count_failure_reports),
    ("cluster|countkeysinslot", slots::countkeysinslot),
    ("cluster|delslots", slots::delslots),
    ("cluster|delslotsrange", slots::delslotsrange),
    ("cluster|failover", members::failover),
    ("cluster|flushslots", slots::flushslots),
    ("cluster|forget", members::forget),
    ("cluster|getkeysinslot", slots::getkeysinslot),
    ("cluster|help", help),
    ("cluster|info", view::info),
    ("cluster|keyslot", keyslot),
    ("cluster|links", view::links),
    ("cluster|meet", members::meet),
    ("cluster|myid", view::myid),
    ("cluster|nodes", view::nodes),
    ("cluster|replicas", view::replicas),
    ("cluster|replicate", members::replicate),
    ("cluster|reset", members::reset),
    ("cluster|saveconfig", saveconfig),
    ("cluster|set-config-epoch", members::set_config_epoch),
    ("cluster|setslot", slots::setslot),
    ("cluster|shards", view::shards),
    ("cluster|slaves", view::replicas),
    ("cluster|slots", view::slots),
    ("asking", asking),
    ("readonly", readonly),
    ("readwrite", readwrite),
];

/// Runs `f` on the cluster of this node.
///
/// # Errors
/// The node is not in cluster mode, or `f` gives an error.
fn with_cluster<T>(
    call: &mut Call<'_>,
    f: impl FnOnce(&mut Call<'_>, RefMut<'_, Cluster>) -> Result<T, ReplyError>,
) -> Result<T, ReplyError> {
    let Some(cluster) = call.node.cluster.as_ref().map(Rc::clone) else {
        return Err(ReplyError::CLUSTER_DISABLED);
    };
    f(call, cluster.borrow_mut())
}

/// As [`with_cluster`], for a change: the bus is woken and the answer is `OK`.
fn change(
    call: &mut Call<'_>,
    f: impl FnOnce(&mut Call<'_>, &mut Cluster) -> Result<(), ReplyError>,
) -> Result<(), ReplyError> {
    with_cluster(call, |call, mut cluster| {
        f(call, &mut cluster)?;
        cluster.wake();
        call.reply.ok();
        Ok(())
    })
}

fn help(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, _| super::help(call))
}

fn keyslot(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, _| {
        call.reply.integer(i64::from(Slot::of_key(call.arg(2)).number()));
        Ok(())
    })
}

fn saveconfig(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, mut cluster| {
        cluster.save_now().map_err(|error| {
            ReplyError::new(format!("ERR error saving the cluster node config: {error}"))
        })?;
        call.reply.ok();
        Ok(())
    })
}

fn asking(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, _| {
        call.client.is_asking = true;
        call.reply.ok();
        Ok(())
    })
}

fn readonly(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, _| {
        call.client.is_readonly = true;
        call.reply.ok();
        Ok(())
    })
}

fn readwrite(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, _| {
        call.client.is_readonly = false;
        call.reply.ok();
        Ok(())
    })
}

/// The time of the call as the core counts it, in milliseconds since 1970.
fn now_ms(call: &Call<'_>) -> u64 {
    u64::try_from(call.now_ms).unwrap_or(0)
}

/// A slot's number as an argument.
fn slot(arg: &[u8]) -> Result<Slot, ReplyError> {
    const BAD_SLOT: ReplyError = ReplyError::from_static("ERR Invalid or out of range slot");
    let number = integer(arg).map_err(|_| BAD_SLOT)?;
    u16::try_from(number).ok().and_then(Slot::new).ok_or(BAD_SLOT)
}

/// The name of a member as an argument; `unknown` is what is said before the name if there is none.
fn member_id(cluster: &Cluster, arg: &[u8], unknown: &str) -> Result<NodeId, ReplyError> {
    let id = NodeId::parse(arg).filter(|id| cluster.core.member(id).is_some());
    id.ok_or_else(|| ReplyError::new(format!("ERR {unknown} {}", quoted(arg))))
}

/// An argument as it is repeated in an error: as far as a zero byte, where a Redis ends it.
fn quoted(arg: &[u8]) -> Cow<'_, str> {
    let end = arg.iter().position(|byte| *byte == 0).unwrap_or(arg.len());
    String::from_utf8_lossy(&arg[..end])
}
