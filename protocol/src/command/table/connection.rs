//! Rows about the connection itself.

use crate::command::CommandSpec;
use crate::command::policy::{ReplyPolicy, RequestPolicy};
use crate::command::row::row;

pub(super) const ROWS: &[CommandSpec] = &[
    row("auth", -2, "noscript loading stale fast no_auth allow_busy", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("1.0.0", "O(N)")
        .about("Proves who the client is"),
    row("client", -2, "", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.4.0", "by subcommand")
        .about("Container of commands about client connections"),
    row("client|caching", 3, "noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("6.0.0", "O(1)")
        .about("Tells whether the next command's keys are tracked"),
    row("client|getname", 2, "noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.6.9", "O(1)")
        .about("Answers the name of this connection"),
    row("client|getredir", 2, "noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("6.0.0", "O(1)")
        .about("Answers the client that gets this one's invalidations"),
    row("client|help", 2, "loading stale", "connection")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("5.0.0", "O(1)")
        .about("Lists the subcommands of CLIENT"),
    row("client|id", 2, "noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("5.0.0", "O(1)")
        .about("Answers the number of this connection"),
    row("client|info", 2, "noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output"])
        .since("6.2.0", "O(1)")
        .about("Describes this connection"),
    row("client|kill", -3, "admin noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.4.0", "O(N)")
        .about("Closes connections"),
    row("client|list", -2, "admin noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output"])
        .since("2.4.0", "O(N)")
        .about("Describes all connections"),
    row("client|no-evict", 3, "admin noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("7.0.0", "O(1)")
        .about("Keeps this connection when memory for clients is short"),
    row("client|pause", -3, "admin noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.9.50", "O(1)")
        .about("Holds back all clients for a while"),
    row("client|reply", 3, "noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("3.2.0", "O(1)")
        .about("Turns replies off and on"),
    row("client|setname", 3, "noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.6.9", "O(1)")
        .about("Names this connection"),
    row("client|tracking", -3, "noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("6.0.0", "O(1)")
        .about("Turns on messages for client-side caches"),
    row("client|trackinginfo", 2, "noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("6.2.0", "O(1)")
        .about("Describes what is tracked for this connection"),
    row("client|unblock", -3, "admin noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("5.0.0", "O(log N)")
        .about("Ends the waiting of another client"),
    row("client|unpause", 2, "admin noscript loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("6.2.0", "O(N)")
        .about("Lets all clients go on"),
    row("echo", 2, "loading stale fast", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("1.0.0", "O(1)")
        .about("Answers what it was given"),
    row("hello", -1, "noscript loading stale fast no_auth allow_busy", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("6.0.0", "O(1)")
        .about("Chooses the protocol version, and may authenticate and name the client"),
    row("ping", -1, "fast", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .since("1.0.0", "O(1)")
        .about("Answers PONG, or what it was given"),
    row("quit", -1, "noscript loading stale fast no_auth allow_busy", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("1.0.0", "O(1)")
        .about("Closes the connection"),
    row("reset", 1, "noscript loading stale fast no_auth allow_busy", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("6.2.0", "O(1)")
        .about("Puts the connection back into its first state"),
    row("select", 2, "loading stale fast", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("1.0.0", "O(1)")
        .about("Chooses the database"),
];
