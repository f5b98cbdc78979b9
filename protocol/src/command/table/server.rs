//! Rows about the server as a whole.

use crate::command::CommandSpec;
use crate::command::policy::{ReplyPolicy, RequestPolicy};
use crate::command::row::{key, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("bgrewriteaof", 1, "admin noscript no_async_loading", "")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::AllOk)
        .since("1.0.0", "O(1)")
        .about("Rewrites the append-only file in the background"),
    row("bgsave", -1, "admin noscript no_async_loading", "")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::AllOk)
        .since("1.0.0", "O(1)")
        .about("Saves the data in the background"),
    row("config", -2, "", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.0.0", "by subcommand")
        .about("Container of commands about the configuration"),
    row("config|get", -3, "admin noscript loading stale", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.0.0", "O(N)")
        .about("Answers settings whose names fit patterns"),
    row("config|help", 2, "loading stale", "")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("5.0.0", "O(1)")
        .about("Lists the subcommands of CONFIG"),
    row("config|resetstat", 2, "admin noscript loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::AllOk)
        .since("2.0.0", "O(1)")
        .about("Sets counters of INFO back to zero"),
    row("config|rewrite", 2, "admin noscript loading stale", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("2.8.0", "O(1)")
        .about("Writes the settings back to the configuration file"),
    row("config|set", -4, "admin noscript loading stale", "")
        .routed(RequestPolicy::Settings, ReplyPolicy::AllOk)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .since("2.0.0", "O(N)")
        .about("Changes settings"),
    row("dbsize", 1, "readonly fast", "keyspace")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::Sum)
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"])
        .since("1.0.0", "O(1)")
        .about("Counts the keys of the database"),
    row("debug", -2, "admin noscript loading stale", "")
        .routed(RequestPolicy::Debug, ReplyPolicy::AllOkTexts)
        .since("1.0.0", "by subcommand")
        .internal()
        .about("Container of commands for people who work on the server"),
    row("failover", -1, "admin noscript stale", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("6.2.0", "O(1)")
        .about("Makes a replica take over from this node"),
    row("flushall", -1, "write", "keyspace dangerous")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::AllOk)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .since("1.0.0", "O(N)")
        .about("Removes all keys of all databases"),
    row("flushdb", -1, "write", "keyspace dangerous")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::AllOk)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .since("1.0.0", "O(N)")
        .about("Removes all keys of the database"),
    row("info", -1, "loading stale", "dangerous")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .since("1.0.0", "O(1)")
        .about("Describes the server in sections"),
    row("lastsave", 1, "loading stale fast", "admin dangerous")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::Min)
        .tips(&["nondeterministic_output"])
        .since("1.0.0", "O(1)")
        .about("Answers the Unix time of the last save"),
    row("lolwut", -1, "readonly fast", "")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("5.0.0", "")
        .about("Draws something and tells the version"),
    row("monitor", 1, "admin noscript loading stale", "")
        .routed(RequestPolicy::Monitor, ReplyPolicy::Passthrough)
        .since("1.0.0", "")
        .about("Shows everything that the server executes"),
    row("psync", -3, "admin noscript no_async_loading no_multi", "")
        .routed(RequestPolicy::NodeLink, ReplyPolicy::Passthrough)
        .since("2.8.0", "")
        .about("Goes on with replication from an offset"),
    row("replconf", -1, "admin noscript loading stale allow_busy", "")
        .routed(RequestPolicy::NodeLink, ReplyPolicy::Passthrough)
        .since("3.0.0", "O(1)")
        .internal()
        .about("Tells a primary what its replica can do and where it is"),
    row("replicaof", 3, "admin noscript stale no_async_loading", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("5.0.0", "O(1)")
        .about("Makes the node a replica of another, or a primary"),
    row("restore-asking", -4, "write denyoom asking", "keyspace dangerous")
        .keys(&[key(1, "OW update")])
        .routed(RequestPolicy::NodeLink, ReplyPolicy::Passthrough)
        .since("3.0.0", "O(1)+O(N*M)")
        .internal()
        .about("RESTORE on a slot that is on its way, between nodes"),
    row("role", 1, "noscript loading stale fast", "admin dangerous")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.8.12", "O(1)")
        .about("Answers the node's part in replication"),
    row("save", 1, "admin noscript no_async_loading no_multi", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("1.0.0", "O(N)")
        .about("Saves the data and keeps all clients waiting meanwhile"),
    row("shutdown", -1, "admin noscript loading stale no_multi allow_busy", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("1.0.0", "O(N), without saving O(1)")
        .about("Stops the server, saving the data first if it is so configured"),
    row("slaveof", 3, "admin noscript stale no_async_loading", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("1.0.0", "O(1)")
        .deprecated("5.0.0", "REPLICAOF")
        .about("Old name of REPLICAOF"),
    row("swapdb", 3, "write fast", "keyspace dangerous")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("4.0.0", "O(N)")
        .about("Exchanges two databases"),
    row("sync", 1, "admin noscript no_async_loading no_multi", "")
        .routed(RequestPolicy::NodeLink, ReplyPolicy::Passthrough)
        .since("1.0.0", "")
        .about("Begins replication with a full copy"),
    row("time", 1, "loading stale fast", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output"])
        .since("2.6.0", "O(1)")
        .about("Answers the server's clock"),
];
