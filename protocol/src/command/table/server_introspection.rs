//! Rows about looking into the server.

use crate::command::CommandSpec;
use crate::command::policy::{ReplyPolicy, RequestPolicy};
use crate::command::row::{key, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("command", -1, "loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output_order"])
        .since("2.8.13", "O(N)")
        .about("Describes all commands"),
    row("command|count", 2, "loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.8.13", "O(1)")
        .about("Counts the commands"),
    row("command|docs", -2, "loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output_order"])
        .since("7.0.0", "O(N)")
        .about("Answers the documents of commands"),
    row("command|getkeys", -4, "loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.8.13", "O(N)")
        .about("Finds the keys in a whole command"),
    row("command|getkeysandflags", -4, "loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("7.0.0", "O(N)")
        .about("Finds the keys in a whole command and what happens to them"),
    row("command|help", 2, "loading stale", "connection")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("5.0.0", "O(1)")
        .about("Lists the subcommands of COMMAND"),
    row("command|info", -2, "loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output_order"])
        .since("2.8.13", "O(N)")
        .about("Describes some commands"),
    row("command|list", -2, "loading stale", "connection")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output_order"])
        .since("7.0.0", "O(N)")
        .about("Answers names of commands"),
    row("latency", -2, "", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.8.13", "by subcommand")
        .about("Container of commands about delays inside the server"),
    row("latency|doctor", 2, "admin noscript loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::Texts)
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .since("2.8.13", "O(1)")
        .about("Explains the delays for people"),
    row("latency|graph", 3, "admin noscript loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::Texts)
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .since("2.8.13", "O(1)")
        .about("Draws the delays of an event"),
    row("latency|help", 2, "loading stale", "")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("2.8.13", "O(1)")
        .about("Lists the subcommands of LATENCY"),
    row("latency|histogram", -2, "admin noscript loading stale", "")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::SumFields)
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .since("7.0.0", "O(N)")
        .about("Answers how long commands took, as distributions"),
    row("latency|history", 3, "admin noscript loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::History)
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .since("2.8.13", "O(1)")
        .about("Answers the delays of an event over time"),
    row("latency|latest", 2, "admin noscript loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::LatestByName)
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .since("2.8.13", "O(1)")
        .about("Answers the last delay of every event"),
    row("latency|reset", -2, "admin noscript loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::Sum)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .since("2.8.13", "O(1)")
        .about("Forgets the delays of events"),
    row("memory", -2, "", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("4.0.0", "by subcommand")
        .about("Container of commands about memory"),
    row("memory|doctor", 2, "", "")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::Texts)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .since("4.0.0", "O(1)")
        .about("Explains memory use for people"),
    row("memory|help", 2, "loading stale", "")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("4.0.0", "O(1)")
        .about("Lists the subcommands of MEMORY"),
    row("memory|malloc-stats", 2, "", "")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::Texts)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .since("4.0.0", "by memory allocated")
        .about("Answers what the allocator says of itself"),
    row("memory|purge", 2, "", "")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::AllOk)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .since("4.0.0", "by memory allocated")
        .about("Asks the allocator to give memory back"),
    row("memory|stats", 2, "", "")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::SumFields)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .since("4.0.0", "O(1)")
        .about("Answers figures about memory use"),
    row("memory|usage", -3, "readonly", "")
        .keys(&[key(2, "RO")])
        .since("4.0.0", "O(N)")
        .about("Estimates the bytes a key and its value take"),
    row("module", -2, "", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("4.0.0", "by subcommand")
        .about("Container of commands about modules"),
    row("module|help", 2, "loading stale", "")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("5.0.0", "O(1)")
        .about("Lists the subcommands of MODULE"),
    row("module|list", 2, "admin noscript", "")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output_order"])
        .since("4.0.0", "O(N)")
        .about("Answers the loaded modules"),
    row("module|load", -3, "admin noscript no_async_loading", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("4.0.0", "O(1)")
        .about("Loads a module"),
    row("module|loadex", -3, "admin noscript no_async_loading", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("7.0.0", "O(1)")
        .about("Loads a module with settings"),
    row("module|unload", 3, "admin noscript no_async_loading", "")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("4.0.0", "O(1)")
        .about("Unloads a module"),
    row("slowlog", -2, "", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.2.12", "by subcommand")
        .about("Container of commands about slow commands"),
    row("slowlog|get", -2, "admin loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::NewestFirst)
        .tips(&["request_policy:all_nodes", "nondeterministic_output"])
        .since("2.2.12", "O(N)")
        .about("Answers the latest slow commands"),
    row("slowlog|help", 2, "loading stale", "")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("6.2.0", "O(1)")
        .about("Lists the subcommands of SLOWLOG"),
    row("slowlog|len", 2, "admin loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::Sum)
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"])
        .since("2.2.12", "O(1)")
        .about("Counts the entries of the slow log"),
    row("slowlog|reset", 2, "admin loading stale", "")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::AllOk)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .since("2.2.12", "O(N)")
        .about("Empties the slow log"),
];
