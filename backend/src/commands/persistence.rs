//! Snapshots and rewrites on demand.
//!
//! Source: redis `src/rdb.c` saveCommand, bgsaveCommand, `src/aof.c` bgrewriteaofCommand.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::is;
use crate::execute::{Call, Handler, Origin};
use crate::persistence::child::Work;

pub(super) const HANDLERS: &[(&str, Handler)] =
    &[("save", save), ("bgsave", bgsave), ("bgrewriteaof", bgrewriteaof), ("lastsave", lastsave)];

/// What a Redis answers when something went wrong that only its log tells.
const FAILED: ReplyError = ReplyError::from_static("ERR");

const SAVING: ReplyError = ReplyError::from_static("ERR Background save already in progress");

fn is_saving(call: &Call<'_>) -> bool {
    let child = call.node.persistence.child.as_ref();
    child.is_some_and(|child| matches!(child.work, Work::Snapshot { .. }))
}

fn save(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if is_saving(call) {
        return Err(SAVING);
    }
    call.node.save_now().map_err(|_| FAILED)?;
    call.reply.ok();
    Ok(())
}

fn bgsave(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let may_wait = match call.args.get(1) {
        None => false,
        Some(option) if call.args.len() == 2 && is(option, "SCHEDULE") => true,
        Some(_) => return Err(ReplyError::SYNTAX),
    };
    if is_saving(call) {
        return Err(SAVING);
    }
    let is_queued = call.origin == Origin::Transaction;
    if call.node.persistence.child.is_some() || is_queued {
        if !may_wait && !is_queued {
            return Err(ReplyError::from_static(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in \
                 order to schedule a BGSAVE whenever possible.",
            ));
        }
        call.node.persistence.is_save_scheduled = true;
        call.reply.simple("Background saving scheduled");
        return Ok(());
    }
    call.node.save_in_child().map_err(|_| FAILED)?;
    call.reply.simple("Background saving started");
    Ok(())
}

fn bgrewriteaof(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let child = call.node.persistence.child.as_ref().map(|child| child.work);
    if child == Some(Work::Rewrite) {
        return Err(ReplyError::from_static(
            "ERR Background append only file rewriting already in progress",
        ));
    }
    if child.is_some() || call.origin == Origin::Transaction {
        let aof = &mut call.node.persistence.aof;
        aof.is_rewrite_scheduled = true;
        // Somebody wants it: the pauses after failures begin anew.
        aof.failures_count = 0;
        call.reply.simple("Background append only file rewriting scheduled");
        return Ok(());
    }
    call.node.rewrite_in_child().map_err(|_| {
        ReplyError::from_static(
            "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.",
        )
    })?;
    call.reply.simple("Background append only file rewriting started");
    Ok(())
}

fn lastsave(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.integer(call.node.persistence.saved_at_s);
    Ok(())
}
