//! Rows about streams.

use crate::command::CommandSpec;
use crate::command::key_spec::OddKeys;
use crate::command::policy::{ReplyPolicy, RequestPolicy};
use crate::command::reply_keys::ReplyKeys;
use crate::command::row::{key, keys_after, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("xack", -4, "write fast", "stream")
        .keys(&[key(1, "RW update")])
        .since("5.0.0", "O(1) per entry")
        .about("Marks messages as done for a consumer group"),
    row("xadd", -5, "write denyoom fast", "stream")
        .keys(&[key(1, "RW update").note("Trimming takes entries away")])
        .tips(&["nondeterministic_output"])
        .since("5.0.0", "O(1), trimming O(N)")
        .about("Appends an entry to a stream, which is made if absent, and may trim it"),
    row("xautoclaim", -6, "write fast", "stream")
        .keys(&[key(1, "RW delete")])
        .tips(&["nondeterministic_output"])
        .tells_keys(ReplyKeys::ErrorText)
        .since("6.2.0", "O(1)")
        .about("Takes over messages that have been pending for long, in ID order"),
    row("xclaim", -6, "write fast", "stream")
        .keys(&[key(1, "RW update")])
        .tips(&["nondeterministic_output"])
        .tells_keys(ReplyKeys::ErrorText)
        .since("5.0.0", "O(log N)")
        .about("Takes over pending messages for another consumer"),
    row("xdel", -3, "write fast", "stream")
        .keys(&[key(1, "RW delete")])
        .since("5.0.0", "O(1) per entry")
        .about("Removes entries from a stream by ID"),
    row("xgroup", -2, "", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("5.0.0", "by subcommand")
        .about("Container of commands that manage consumer groups"),
    row("xgroup|create", -5, "write denyoom", "stream")
        .keys(&[key(2, "RW insert")])
        .tells_keys(ReplyKeys::ErrorText)
        .since("5.0.0", "O(1)")
        .about("Makes a consumer group"),
    row("xgroup|createconsumer", 5, "write denyoom", "stream")
        .keys(&[key(2, "RW insert")])
        .tells_keys(ReplyKeys::ErrorText)
        .since("6.2.0", "O(1)")
        .about("Makes a consumer in a group"),
    row("xgroup|delconsumer", 5, "write", "stream")
        .keys(&[key(2, "RW delete")])
        .tells_keys(ReplyKeys::ErrorText)
        .since("5.0.0", "O(1)")
        .about("Removes a consumer from a group"),
    row("xgroup|destroy", 4, "write", "stream")
        .keys(&[key(2, "RW delete")])
        .tells_keys(ReplyKeys::ErrorText)
        .since("5.0.0", "O(N)")
        .about("Removes a consumer group"),
    row("xgroup|help", 2, "loading stale", "stream")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("5.0.0", "O(1)")
        .about("Lists the subcommands of XGROUP"),
    row("xgroup|setid", -5, "write", "stream")
        .keys(&[key(2, "RW update")])
        .tells_keys(ReplyKeys::ErrorText)
        .since("5.0.0", "O(1)")
        .about("Sets the last delivered ID of a consumer group"),
    row("xinfo", -2, "", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("5.0.0", "by subcommand")
        .about("Container of commands that look inside a stream"),
    row("xinfo|consumers", 4, "readonly", "stream")
        .keys(&[key(2, "RO access")])
        .tips(&["nondeterministic_output"])
        .tells_keys(ReplyKeys::ErrorText)
        .since("5.0.0", "O(1)")
        .about("Describes the consumers of a group"),
    row("xinfo|groups", 3, "readonly", "stream")
        .keys(&[key(2, "RO access")])
        .since("5.0.0", "O(1)")
        .about("Describes the consumer groups of a stream"),
    row("xinfo|help", 2, "loading stale", "stream")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("5.0.0", "O(1)")
        .about("Lists the subcommands of XINFO"),
    row("xinfo|stream", -3, "readonly", "stream")
        .keys(&[key(2, "RO access")])
        .since("5.0.0", "O(1)")
        .about("Describes a stream"),
    row("xlen", 2, "readonly fast", "stream")
        .keys(&[key(1, "RO")])
        .since("5.0.0", "O(1)")
        .about("Counts the entries of a stream"),
    row("xpending", -3, "readonly", "stream")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output"])
        .tells_keys(ReplyKeys::ErrorText)
        .since("5.0.0", "O(N)")
        .about("Describes the messages a group has been given and not acknowledged"),
    row("xrange", -4, "readonly", "stream")
        .keys(&[key(1, "RO access")])
        .since("5.0.0", "O(N)")
        .about("Answers the entries between two IDs, oldest first"),
    row("xread", -4, "readonly blocking", "stream")
        .keys(&[keys_after("STREAMS", 1, -1, "RO access").first_half()])
        .odd_keys(OddKeys::Streams)
        .routed(RequestPolicy::BlockingIf { option: "BLOCK" }, ReplyPolicy::Passthrough)
        .tells_keys(ReplyKeys::Pairs)
        .since("5.0.0", "O(N) per stream")
        .about("Answers entries newer than given IDs from several streams, and may wait"),
    row("xreadgroup", -7, "write blocking", "stream")
        .keys(&[keys_after("STREAMS", 4, -1, "RO access").first_half()])
        .odd_keys(OddKeys::Streams)
        .routed(RequestPolicy::BlockingIf { option: "BLOCK" }, ReplyPolicy::Passthrough)
        .tells_keys(ReplyKeys::Pairs)
        .since("5.0.0", "O(M) per stream")
        .about("Reads as a consumer of a group from several streams, and may wait"),
    row("xrevrange", -4, "readonly", "stream")
        .keys(&[key(1, "RO access")])
        .since("5.0.0", "O(N)")
        .about("Answers the entries between two IDs, newest first"),
    row("xsetid", -3, "write denyoom fast", "stream")
        .keys(&[key(1, "RW update")])
        .since("5.0.0", "O(1)")
        .about("Sets the last ID of a stream; used when data is copied"),
    row("xtrim", -4, "write", "stream")
        .keys(&[key(1, "RW delete")])
        .tips(&["nondeterministic_output"])
        .since("5.0.0", "O(N)")
        .about("Removes the oldest entries of a stream"),
];
