//! Who is a member, and the epochs.

use std::net::IpAddr;

use reddoor_protocol::reply_error::ReplyError;

use super::{change, member_id, now_ms, quoted, with_cluster};
use crate::cluster::core::admin::{Bumped, ResetKind};
use crate::cluster::core::by_hand::Failover;
use crate::commands::argument::wrong_subcommand;
use crate::commands::argument::{integer, is};
use crate::execute::Call;

/// What the bus port is above the client port when it is not told.
const BUS_PORT_OFFSET: i64 = 10_000;

pub(super) fn meet(call: &mut Call<'_>) -> Result<(), ReplyError> {
    change(call, |call, cluster| {
        if call.args.len() > 5 {
            return Err(wrong_subcommand(call));
        }
        let port = port(call.arg(3), "base")?;
        let bus_port = match call.args.get(4) {
            Some(arg) => self::port(arg, "bus")?,
            None => port.saturating_add(BUS_PORT_OFFSET),
        };
        let ip = std::str::from_utf8(call.arg(2)).ok().and_then(|text| text.parse::<IpAddr>().ok());
        let valid = |port: i64| u16::try_from(port).ok().filter(|port| *port != 0);
        let (Some(ip), Some(port), Some(bus_port)) = (ip, valid(port), valid(bus_port)) else {
            return Err(ReplyError::new(format!(
                "ERR Invalid node address specified: {}:{}",
                quoted(call.arg(2)),
                quoted(call.arg(3))
            )));
        };
        // A meeting under way is as good as a new one.
        let _ = cluster.core.meet(now_ms(call), ip, port, bus_port);
        Ok(())
    })
}

fn port(arg: &[u8], which: &str) -> Result<i64, ReplyError> {
    integer(arg).map_err(|_| {
        ReplyError::new(format!("ERR Invalid TCP {which} port specified: {}", quoted(arg)))
    })
}

pub(super) fn forget(call: &mut Call<'_>) -> Result<(), ReplyError> {
    change(call, |call, cluster| {
        let id = member_id(cluster, call.arg(2), "Unknown node")?;
        let me = cluster.core.myself();
        if id == me.id {
            return Err(ReplyError::new("ERR I tried hard but I can't forget myself..."));
        }
        if me.primary == Some(id) {
            return Err(ReplyError::new("ERR Can't forget my master!"));
        }
        cluster.core.forget(now_ms(call), &id);
        Ok(())
    })
}

pub(super) fn replicate(call: &mut Call<'_>) -> Result<(), ReplyError> {
    change(call, |call, cluster| {
        let id = member_id(cluster, call.arg(2), "Unknown node")?;
        let me = cluster.core.myself();
        if id == me.id {
            return Err(ReplyError::new("ERR Can't replicate myself"));
        }
        if cluster.core.member(&id).is_some_and(|member| member.is_replica()) {
            return Err(ReplyError::new("ERR I can only replicate a master, not a replica."));
        }
        if me.is_primary() && (!me.slots.is_empty() || call.node.databases[0].len() > 0) {
            return Err(ReplyError::new(
                "ERR To set a master the node must be empty and without assigned slots.",
            ));
        }
        cluster.core.replicate(now_ms(call), id);
        Ok(())
    })
}

pub(super) fn failover(call: &mut Call<'_>) -> Result<(), ReplyError> {
    change(call, |call, cluster| {
        let how = match call.args.get(2) {
            _ if call.args.len() > 3 => return Err(wrong_subcommand(call)),
            None => Failover::Agreed,
            Some(option) if is(option, "FORCE") => Failover::Forced,
            Some(option) if is(option, "TAKEOVER") => Failover::Takeover,
            Some(_) => return Err(ReplyError::SYNTAX),
        };
        let core = &mut cluster.core;
        if core.myself().is_primary() {
            return Err(ReplyError::new("ERR You should send CLUSTER FAILOVER to a replica"));
        }
        let primary = core.myself().primary.and_then(|id| core.member(&id));
        let Some(primary) = primary else {
            return Err(ReplyError::new("ERR I'm a replica but my master is unknown to me"));
        };
        let is_reachable = !primary.is_failed() && core.is_linked(&primary.id);
        if how == Failover::Agreed && !is_reachable {
            return Err(ReplyError::new(
                "ERR Master is down or failed, please use CLUSTER FAILOVER FORCE",
            ));
        }
        core.fail_over(now_ms(call), how);
        Ok(())
    })
}

pub(super) fn reset(call: &mut Call<'_>) -> Result<(), ReplyError> {
    change(call, |call, cluster| {
        let kind = match call.args.get(2) {
            _ if call.args.len() > 3 => return Err(wrong_subcommand(call)),
            None => ResetKind::Soft,
            Some(kind) if is(kind, "SOFT") => ResetKind::Soft,
            Some(kind) if is(kind, "HARD") => ResetKind::Hard,
            Some(_) => return Err(ReplyError::SYNTAX),
        };
        if cluster.core.myself().is_primary() && call.node.databases[0].len() > 0 {
            return Err(ReplyError::new(
                "ERR CLUSTER RESET can't be called with master nodes containing keys",
            ));
        }
        if cluster.core.myself().is_replica() {
            // What it holds is its primary's, and nothing more of that may come until the bus has done what follows.
            call.node.stop_replicating();
            call.node.clear_databases();
        }
        cluster.core.reset(now_ms(call), kind);
        Ok(())
    })
}

pub(super) fn set_config_epoch(call: &mut Call<'_>) -> Result<(), ReplyError> {
    change(call, |call, cluster| {
        let epoch = integer(call.arg(2))?;
        let epoch = u64::try_from(epoch)
            .map_err(|_| ReplyError::new(format!("ERR Invalid config epoch specified: {epoch}")))?;
        if cluster.core.members_count() > 1 {
            return Err(ReplyError::new(
                "ERR The user can assign a config epoch only when the node does not know any other node.",
            ));
        }
        if cluster.core.myself().config_epoch != 0 {
            return Err(ReplyError::new("ERR Node config epoch is already non-zero"));
        }
        cluster.core.set_config_epoch(now_ms(call), epoch);
        Ok(())
    })
}

pub(super) fn bumpepoch(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, mut cluster| {
        let text = match cluster.core.bump_epoch() {
            Bumped::Bumped(epoch) => format!("BUMPED {epoch}"),
            Bumped::Still(epoch) => format!("STILL {epoch}"),
        };
        cluster.wake();
        call.reply.simple(&text);
        Ok(())
    })
}

pub(super) fn count_failure_reports(call: &mut Call<'_>) -> Result<(), ReplyError> {
    with_cluster(call, |call, cluster| {
        let id = member_id(&cluster, call.arg(2), "Unknown node")?;
        let count = cluster.core.failure_reports_count(now_ms(call), &id);
        call.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
        Ok(())
    })
}
