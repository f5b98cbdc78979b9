//! `LATENCY`: this node samples no latency events, and says so.

use reddoor_protocol::reply_error::ReplyError;

use crate::execute::Call;

pub(super) fn latest(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.array(0);
    Ok(())
}

pub(super) fn history(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.array(0);
    Ok(())
}

pub(super) fn reset(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.integer(0);
    Ok(())
}

pub(super) fn doctor(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.verbatim("txt", b"No latency events are sampled on this node.\n");
    Ok(())
}

pub(super) fn histogram(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.map(0);
    Ok(())
}
