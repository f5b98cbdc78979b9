//! `DEBUG` subcommands that have the node do something otherwise, until they are told to stop.

use std::time::Duration;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::integer;
use crate::execute::Call;
use crate::propagate::Reach;

/// What `DEBUG` has switched on. Nothing is, by default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Switches {
    /// The node does nothing by itself.
    pub(crate) is_cron_paused: bool,
    /// Scripts may use commands that their rows forbid them.
    pub(crate) allows_all_in_scripts: bool,
    /// Payloads of `RESTORE` are taken whatever their checksum says.
    pub(crate) skips_checksums: bool,
    /// Waited before each write to the append-only file.
    pub(crate) append_delay: Duration,
}

pub(super) fn set_active_expire(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.node.is_expiring = is_on(call);
    call.reply.ok();
    Ok(())
}

pub(super) fn pause_cron(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.node.switches.is_cron_paused = is_on(call);
    call.reply.ok();
    Ok(())
}

pub(super) fn allow_in_scripts(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.node.switches.allows_all_in_scripts = is_on(call);
    call.reply.ok();
    Ok(())
}

pub(super) fn skip_checksums(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.node.switches.skips_checksums = is_on(call);
    call.reply.ok();
    Ok(())
}

pub(super) fn delay_appends(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let us = u64::try_from(integer(call.arg(2)).unwrap_or(0)).unwrap_or(0);
    call.node.switches.append_delay = Duration::from_micros(us);
    call.reply.ok();
    Ok(())
}

pub(super) fn change_replication_id(call: &mut Call<'_>) -> Result<(), ReplyError> {
    tracing::info!("Changing replication IDs after receiving DEBUG change-repl-id");
    call.node.replication.renew_id(&mut call.node.random);
    call.reply.ok();
    Ok(())
}

/// `DEBUG REPLICATE command …`: replicas do what this node does not.
pub(super) fn replicate(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let words: Vec<&[u8]> = call.args.iter().skip(2).collect();
    call.node.effects.add_for(call.client.db, &words, Reach::Replicas);
    call.reply.ok();
    Ok(())
}

/// As C's `atoi`: whatever does not begin with a number other than zero is off.
fn is_on(call: &Call<'_>) -> bool {
    integer(call.arg(2)).is_ok_and(|number| number != 0)
}
