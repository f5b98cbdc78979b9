//! `MEMORY`.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is};
use crate::data::keyspace::RECORD_BYTES;
use crate::execute::Call;

pub(super) fn usage(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let mut index = 3;
    while index < call.args.len() {
        // All parts of a value are counted, however many samples are asked for.
        if !is(call.arg(index), "SAMPLES")
            || index + 1 >= call.args.len()
            || integer(call.arg(index + 1))? < 0
        {
            return Err(ReplyError::SYNTAX);
        }
        index += 2;
    }
    let key = call.arg(2);
    match call.node.peek(call.at(), key) {
        Some(record) => {
            let bytes = RECORD_BYTES + key.len() + record.value.heap_bytes();
            call.reply.integer(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
        None => call.reply.null(),
    }
    Ok(())
}

pub(super) fn doctor(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.verbatim("txt", b"This node makes no diagnosis of its memory; see INFO memory.\n");
    Ok(())
}

pub(super) fn purge(call: &mut Call<'_>) -> Result<(), ReplyError> {
    // The allocator gives memory back by itself.
    call.reply.ok();
    Ok(())
}

pub(super) fn malloc_stats(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.verbatim("txt", b"Stats not supported for the current allocator");
    Ok(())
}
