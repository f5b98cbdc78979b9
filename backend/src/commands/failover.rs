//! `FAILOVER`, and the leave that its target is asked for.
//!
//! Source: redis `src/replication.c` failoverCommand, syncCommand.

use std::time::{Duration, Instant};

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is};
use crate::execute::{Call, Handler};
use crate::node::Node;
use crate::replication::failover::{Failover, Stage};

pub(super) const HANDLERS: &[(&str, Handler)] = &[("failover", failover)];

const IN_CLUSTER: ReplyError = ReplyError::from_static(
    "ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.",
);

fn failover(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.node.cluster.is_some() {
        return Err(IN_CLUSTER);
    }
    if call.args.len() == 2 && is(call.arg(1), "ABORT") {
        if call.node.replication.failover.is_none() {
            return Err(ReplyError::from_static("ERR No failover in progress."));
        }
        call.node.abort_failover("Failover manually aborted");
        call.reply.ok();
        return Ok(());
    }
    let wish = Wish::read(call)?;
    check_state(call.node)?;
    if wish.is_forced && (wish.timeout_ms == 0 || wish.target.is_none()) {
        return Err(ReplyError::from_static(
            "ERR FAILOVER with force option requires both a timeout and target HOST and IP.",
        ));
    }
    let target = match &wish.target {
        None => None,
        Some((host, port)) => Some(online_replica(call.node, host, *port)?),
    };
    let timeout = Duration::from_millis(wish.timeout_ms);
    let until = Instant::now().checked_add(timeout).filter(|_| !timeout.is_zero());
    let (stage, is_forced) = (Stage::WaitingForSync, wish.is_forced);
    tracing::info!("FAILOVER requested.");
    call.node.begin_failover(Failover { stage, target, until, is_forced });
    call.reply.ok();
    Ok(())
}

/// What a client asks for.
#[derive(Default)]
struct Wish {
    target: Option<(String, i64)>,
    is_forced: bool,
    /// 0 for none.
    timeout_ms: u64,
}

impl Wish {
    fn read(call: &Call<'_>) -> Result<Wish, ReplyError> {
        let mut wish = Wish::default();
        let mut at = 1;
        while at < call.args.len() {
            let (option, left) = (call.arg(at), call.args.len() - at - 1);
            if is(option, "TIMEOUT") && left >= 1 && wish.timeout_ms == 0 {
                wish.timeout_ms = u64::try_from(integer(call.arg(at + 1))?)
                    .ok()
                    .filter(|timeout_ms| *timeout_ms > 0)
                    .ok_or(ReplyError::new("ERR FAILOVER timeout must be greater than 0"))?;
                at += 2;
            } else if is(option, "TO") && left >= 2 && wish.target.is_none() {
                let port = integer(call.arg(at + 2))?;
                wish.target = Some((String::from_utf8_lossy(call.arg(at + 1)).into_owned(), port));
                at += 3;
            } else if is(option, "FORCE") && !wish.is_forced {
                wish.is_forced = true;
                at += 1;
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(wish)
    }
}

/// Whether this node can hand over to anybody.
fn check_state(node: &Node) -> Result<(), ReplyError> {
    let replication = &node.replication;
    let refusal = if replication.failover.is_some() {
        "ERR FAILOVER already in progress."
    } else if replication.upstream.is_some() {
        "ERR FAILOVER is not valid when server is a replica."
    } else if replication.replicas.is_empty() {
        "ERR FAILOVER requires connected replicas."
    } else {
        return Ok(());
    };
    Err(ReplyError::from_static(refusal))
}

/// The replica at an address, which must be there and have been sent its copy.
fn online_replica(node: &mut Node, host: &str, port: i64) -> Result<(String, u16), ReplyError> {
    let mut found = None;
    node.each_replica(|client, replica| {
        let is_meant =
            i64::from(replica.port) == port && replica.ip_seen(client).eq_ignore_ascii_case(host);
        if is_meant && found.is_none() {
            found = Some((replica.port, replica.has_copy()));
        }
    });
    match found {
        None => Err(ReplyError::from_static("ERR FAILOVER target HOST and PORT is not a replica.")),
        Some((_, false)) => {
            Err(ReplyError::from_static("ERR FAILOVER target replica is not online."))
        }
        Some((port, true)) => Ok((host.to_owned(), port)),
    }
}

/// `PSYNC <history> <offset> FAILOVER`: this node's primary asks it to lead.
pub(super) fn take_over(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let id = call.arg(1);
    tracing::warn!("Failover request received for replid {}.", id.escape_ascii());
    if call.node.cluster.is_some() {
        return Err(IN_CLUSTER);
    }
    if call.node.replication.upstream.is_none() {
        return Err(ReplyError::from_static("ERR PSYNC FAILOVER can't be sent to a master."));
    }
    if !id.eq_ignore_ascii_case(call.node.replication.id.as_bytes()) {
        return Err(ReplyError::from_static("ERR PSYNC FAILOVER replid must match my replid."));
    }
    call.node.stop_replicating();
    tracing::info!("MASTER MODE enabled (failover request from '{}')", call.client.addr);
    Ok(())
}
