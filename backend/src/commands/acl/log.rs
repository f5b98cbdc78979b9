//! `ACL LOG`.

use reddoor_protocol::reply_error::ReplyError;

use crate::acl::Entry;
use crate::clock;
use crate::commands::argument::{integer, is, wrong_subcommand};
use crate::execute::Call;

/// Entries that are told if nothing is said (count).
const COUNT: usize = 10;

pub(super) fn log(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let count = match (call.args.len(), call.arg(2)) {
        (2, _) => COUNT,
        (3, reset) if is(reset, "RESET") => {
            call.node.acl.log.clear();
            call.reply.ok();
            return Ok(());
        }
        (3, count) => usize::try_from(integer(count)?.max(0)).unwrap_or(usize::MAX),
        _ => return Err(wrong_subcommand(call)),
    };
    let (now_ms, log) = (clock::unix_ms(), &call.node.acl.log);
    let entries: Vec<&Entry> = log.iter().take(count).collect();
    call.reply.array(entries.len());
    for entry in entries {
        call.reply.map(7);
        call.reply.bulk(b"count");
        call.reply.integer(i64::try_from(entry.count).unwrap_or(i64::MAX));
        for (name, text) in [
            ("reason", entry.reason.name().as_bytes()),
            ("context", entry.context.name().as_bytes()),
            ("object", &entry.object),
            ("username", &entry.user),
        ] {
            call.reply.bulk(name.as_bytes());
            call.reply.bulk(text);
        }
        call.reply.bulk(b"age-seconds");
        #[expect(clippy::cast_precision_loss, reason = "milliseconds within a double's 53 bits")]
        call.reply.double((now_ms - entry.at_ms) as f64 / 1000.0);
        call.reply.bulk(b"client-info");
        call.reply.bulk(&entry.client);
    }
    Ok(())
}
