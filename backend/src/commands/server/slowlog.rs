//! `SLOWLOG`.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::integer_within;
use crate::execute::Call;

pub(super) fn get(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let entries = call.node.slow_log.iter();
    let count = match call.args.get(2) {
        None => 10,
        Some(arg) => {
            let error = "ERR count should be greater than or equal to -1";
            let bounds = -1..=i64::MAX;
            let count = integer_within(arg, bounds, error).map_err(|_| ReplyError::new(error))?;
            // -1 means all of them.
            usize::try_from(count).unwrap_or(usize::MAX)
        }
    };
    let count = count.min(entries.len());
    call.reply.array(count);
    for entry in entries.take(count) {
        let reply = &mut call.reply;
        reply.array(6);
        reply.integer(i64::try_from(entry.id).unwrap_or(i64::MAX));
        reply.integer(entry.at_s);
        reply.integer(i64::try_from(entry.took_us).unwrap_or(i64::MAX));
        reply.array(entry.args.len());
        entry.args.iter().for_each(|arg| reply.bulk(arg));
        reply.bulk(entry.client_addr.as_bytes());
        reply.bulk(&entry.client_name);
    }
    Ok(())
}

pub(super) fn len(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.integer(i64::try_from(call.node.slow_log.iter().len()).unwrap_or(i64::MAX));
    Ok(())
}

pub(super) fn reset(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.node.slow_log.clear();
    call.reply.ok();
    Ok(())
}
