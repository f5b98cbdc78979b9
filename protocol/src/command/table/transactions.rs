//! Rows about transactions.

use crate::command::CommandSpec;
use crate::command::policy::{ReplyPolicy, RequestPolicy, TransactionStep};
use crate::command::row::{keys_to, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("discard", 1, "noscript loading stale fast allow_busy", "transaction")
        .routed(RequestPolicy::Transaction(TransactionStep::Discard), ReplyPolicy::Passthrough)
        .since("2.0.0", "O(N)")
        .about("Drops a transaction and what was queued for it"),
    row("exec", 1, "noscript loading stale skip_slowlog", "transaction")
        .routed(RequestPolicy::Transaction(TransactionStep::Exec), ReplyPolicy::Passthrough)
        .since("1.2.0", "by the commands queued")
        .about("Runs what was queued since MULTI"),
    row("multi", 1, "noscript loading stale fast allow_busy", "transaction")
        .routed(RequestPolicy::Transaction(TransactionStep::Multi), ReplyPolicy::Passthrough)
        .since("1.2.0", "O(1)")
        .about("Opens a transaction: commands are queued from here on"),
    row("unwatch", 1, "noscript loading stale fast allow_busy", "transaction")
        .routed(RequestPolicy::Transaction(TransactionStep::Unwatch), ReplyPolicy::Passthrough)
        .since("2.2.0", "O(1)")
        .about("Stops guarding the keys of WATCH"),
    row("watch", -2, "noscript loading stale fast allow_busy", "transaction")
        .keys(&[keys_to(1, -1, "RO")])
        .routed(RequestPolicy::Transaction(TransactionStep::Watch), ReplyPolicy::Passthrough)
        .since("2.2.0", "O(1) per key")
        .about("Guards keys: the next transaction runs only if they stay as they are"),
];
