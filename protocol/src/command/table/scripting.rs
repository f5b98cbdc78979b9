//! Rows about scripts and functions.

use crate::command::CommandSpec;
use crate::command::policy::{ReplyPolicy, RequestPolicy, ScriptArg};
use crate::command::row::{keys_counted, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("eval", -3, "noscript stale skip_monitor no_mandatory_keys", "scripting")
        .keys(&[keys_counted(2, "RW access update")
            .note("What the script does with its keys is not known")])
        .routed(RequestPolicy::Script(ScriptArg::Source), ReplyPolicy::Passthrough)
        .since("2.6.0", "by the script")
        .about("Runs a Lua script"),
    row("eval_ro", -3, "readonly noscript stale skip_monitor no_mandatory_keys", "scripting")
        .keys(&[keys_counted(2, "RO access").note("What the script reads is not known")])
        .routed(RequestPolicy::Script(ScriptArg::Source), ReplyPolicy::Passthrough)
        .since("7.0.0", "by the script")
        .about("Runs a Lua script that may not write"),
    row("evalsha", -3, "noscript stale skip_monitor no_mandatory_keys", "scripting")
        .keys(&[keys_counted(2, "RW access update")])
        .routed(
            RequestPolicy::Script(ScriptArg::Digest { by_source: "EVAL" }),
            ReplyPolicy::Passthrough,
        )
        .since("2.6.0", "by the script")
        .about("Runs a loaded Lua script by its digest"),
    row("evalsha_ro", -3, "readonly noscript stale skip_monitor no_mandatory_keys", "scripting")
        .keys(&[keys_counted(2, "RO access")])
        .routed(
            RequestPolicy::Script(ScriptArg::Digest { by_source: "EVAL_RO" }),
            ReplyPolicy::Passthrough,
        )
        .since("7.0.0", "by the script")
        .about("Runs a loaded Lua script, which may not write, by its digest"),
    row("fcall", -3, "noscript stale skip_monitor no_mandatory_keys", "scripting")
        .keys(&[keys_counted(2, "RW access update")
            .note("What the function does with its keys is not known")])
        .routed(RequestPolicy::Script(ScriptArg::Function), ReplyPolicy::Passthrough)
        .since("7.0.0", "by the function")
        .about("Calls a function of a loaded library"),
    row("fcall_ro", -3, "readonly noscript stale skip_monitor no_mandatory_keys", "scripting")
        .keys(&[keys_counted(2, "RO access").note("What the function reads is not known")])
        .routed(RequestPolicy::Script(ScriptArg::Function), ReplyPolicy::Passthrough)
        .since("7.0.0", "by the function")
        .about("Calls a function that does not write"),
    row("function", -2, "", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("7.0.0", "by subcommand")
        .about("Container of commands that manage function libraries"),
    row("function|delete", 3, "write noscript", "scripting")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::AllOk)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .since("7.0.0", "O(1)")
        .about("Removes a library and its functions"),
    row("function|dump", 2, "noscript", "scripting")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("7.0.0", "O(N)")
        .about("Answers all libraries in serialized form"),
    row("function|flush", -2, "write noscript", "scripting")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::AllOk)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .since("7.0.0", "O(N)")
        .about("Removes all libraries"),
    row("function|help", 2, "loading stale", "scripting")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("7.0.0", "O(1)")
        .about("Lists the subcommands of FUNCTION"),
    row("function|kill", 2, "noscript allow_busy", "scripting")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::OneOk)
        .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
        .since("7.0.0", "O(1)")
        .about("Stops the function that runs now, if it has not written"),
    row("function|list", -2, "noscript", "scripting")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .tips(&["nondeterministic_output_order"])
        .since("7.0.0", "O(N)")
        .about("Describes the libraries and their functions"),
    row("function|load", -3, "write denyoom noscript", "scripting")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::AllOk)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .since("7.0.0", "O(1)")
        .about("Makes a library from its source"),
    row("function|restore", -3, "write denyoom noscript", "scripting")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::AllOk)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .since("7.0.0", "O(N)")
        .about("Makes libraries from what FUNCTION DUMP answered"),
    row("function|stats", 2, "noscript allow_busy", "scripting")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::Running)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .since("7.0.0", "O(1)")
        .about("Describes the running function and the engines"),
    row("script", -2, "", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.6.0", "by subcommand")
        .about("Container of commands that manage Lua scripts"),
    row("script|debug", 3, "noscript", "scripting")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("3.2.0", "O(1)")
        .about("Sets how the next scripts of this client are debugged"),
    row("script|exists", -3, "noscript", "scripting")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::LogicalAnd)
        .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"])
        .since("2.6.0", "O(N)")
        .about("Tells for each of several digests whether its script is loaded"),
    row("script|flush", -2, "noscript", "scripting")
        .routed(RequestPolicy::AllNodes, ReplyPolicy::AllOk)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .since("2.6.0", "O(N)")
        .about("Forgets all loaded scripts"),
    row("script|help", 2, "loading stale", "scripting")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("5.0.0", "O(1)")
        .about("Lists the subcommands of SCRIPT"),
    row("script|kill", 2, "noscript allow_busy", "scripting")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::OneOk)
        .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
        .since("2.6.0", "O(1)")
        .about("Stops the script that runs now, if it has not written"),
    row("script|load", 3, "noscript stale", "scripting")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::AllOk)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .since("2.6.0", "O(N)")
        .about("Loads a script without running it and answers its digest"),
];
