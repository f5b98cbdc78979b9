//! Rows about keys of any type.

use crate::command::CommandSpec;
use crate::command::key_spec::OddKeys;
use crate::command::policy::{ReplyPolicy, RequestPolicy};
use crate::command::reply_keys::ReplyKeys;
use crate::command::row::{key, keys_after, keys_to, keys_unknown, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("copy", -3, "write denyoom", "keyspace")
        .keys(&[key(1, "RO access"), key(2, "OW update")])
        .since("6.2.0", "O(N), of a string O(1)")
        .about("Copies a value to another key"),
    row("del", -2, "write", "keyspace")
        .keys(&[keys_to(1, -1, "RM delete")])
        .routed(RequestPolicy::SplitByKey { step: 1 }, ReplyPolicy::Sum)
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .since("1.0.0", "O(N)")
        .about("Removes keys and answers how many there were"),
    row("dump", 2, "readonly", "keyspace")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output"])
        .since("2.6.0", "O(1)+O(N*M)")
        .about("Answers a value in serialized form, for RESTORE"),
    row("exists", -2, "readonly fast", "keyspace")
        .keys(&[keys_to(1, -1, "RO")])
        .routed(RequestPolicy::SplitByKey { step: 1 }, ReplyPolicy::Sum)
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .since("1.0.0", "O(N)")
        .about("Counts which of the given keys exist"),
    row("expire", -3, "write fast", "keyspace")
        .keys(&[key(1, "RW update")])
        .since("1.0.0", "O(1)")
        .about("Lets a key expire after some seconds"),
    row("expireat", -3, "write fast", "keyspace")
        .keys(&[key(1, "RW update")])
        .since("1.2.0", "O(1)")
        .about("Lets a key expire at a Unix time in seconds"),
    row("expiretime", 2, "readonly fast", "keyspace")
        .keys(&[key(1, "RO access")])
        .since("7.0.0", "O(1)")
        .about("Answers the Unix time in seconds at which a key expires"),
    row("keys", 2, "readonly", "keyspace dangerous")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::Concat)
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .tells_keys(ReplyKeys::Each)
        .since("1.0.0", "O(N)")
        .about("Answers all key names that fit a pattern"),
    row("migrate", -6, "write", "keyspace dangerous")
        .keys(&[
            key(3, "RW access delete"),
            keys_after("KEYS", -2, -1, "RW access delete incomplete"),
        ])
        .odd_keys(OddKeys::Migrate)
        .tips(&["nondeterministic_output"])
        .since("2.6.0", "DUMP and DEL here, RESTORE there")
        .about("Moves keys to another server, each of them atomically"),
    row("move", 3, "write fast", "keyspace")
        .keys(&[key(1, "RW access update")])
        .since("1.0.0", "O(1)")
        .about("Moves a key to another database"),
    row("object", -2, "", "")
        .routed(RequestPolicy::Local, ReplyPolicy::Passthrough)
        .since("2.2.3", "by subcommand")
        .about("Container of commands that look inside a value"),
    row("object|encoding", 3, "readonly", "keyspace")
        .keys(&[key(2, "RO")])
        .tips(&["nondeterministic_output"])
        .since("2.2.3", "O(1)")
        .about("Answers how a value is stored internally"),
    row("object|freq", 3, "readonly", "keyspace")
        .keys(&[key(2, "RO")])
        .tips(&["nondeterministic_output"])
        .since("4.0.0", "O(1)")
        .about("Answers the logarithmic access frequency of a value"),
    row("object|help", 2, "loading stale", "keyspace")
        .routed(RequestPolicy::AnyPrimary, ReplyPolicy::Passthrough)
        .since("6.2.0", "O(1)")
        .about("Lists the subcommands of OBJECT"),
    row("object|idletime", 3, "readonly", "keyspace")
        .keys(&[key(2, "RO")])
        .tips(&["nondeterministic_output"])
        .since("2.2.3", "O(1)")
        .about("Answers for how many seconds a value was not used"),
    row("object|refcount", 3, "readonly", "keyspace")
        .keys(&[key(2, "RO")])
        .tips(&["nondeterministic_output"])
        .since("2.2.3", "O(1)")
        .about("Answers how many references a value has"),
    row("persist", 2, "write fast", "keyspace")
        .keys(&[key(1, "RW update")])
        .since("2.2.0", "O(1)")
        .about("Takes the expiry off a key"),
    row("pexpire", -3, "write fast", "keyspace")
        .keys(&[key(1, "RW update")])
        .since("2.6.0", "O(1)")
        .about("Lets a key expire after some milliseconds"),
    row("pexpireat", -3, "write fast", "keyspace")
        .keys(&[key(1, "RW update")])
        .since("2.6.0", "O(1)")
        .about("Lets a key expire at a Unix time in milliseconds"),
    row("pexpiretime", 2, "readonly fast", "keyspace")
        .keys(&[key(1, "RO access")])
        .since("7.0.0", "O(1)")
        .about("Answers the Unix time in milliseconds at which a key expires"),
    row("pttl", 2, "readonly fast", "keyspace")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output"])
        .since("2.6.0", "O(1)")
        .about("Answers the milliseconds that a key has left"),
    row("randomkey", 1, "readonly", "keyspace")
        .routed(RequestPolicy::AllPrimaries, ReplyPolicy::Special)
        .tips(&["request_policy:all_shards", "nondeterministic_output"])
        .tells_keys(ReplyKeys::Whole)
        .since("1.0.0", "O(1)")
        .about("Answers the name of some key"),
    row("rename", 3, "write", "keyspace")
        .keys(&[key(1, "RW access delete"), key(2, "OW update")])
        .since("1.0.0", "O(1)")
        .about("Gives a key a new name, whatever was there"),
    row("renamenx", 3, "write fast", "keyspace")
        .keys(&[key(1, "RW access delete"), key(2, "OW insert")])
        .since("1.0.0", "O(1)")
        .about("Gives a key a new name if that name is free"),
    row("restore", -4, "write denyoom", "keyspace dangerous")
        .keys(&[key(1, "OW update")])
        .since("2.6.0", "O(1)+O(N*M)")
        .about("Makes a key from what DUMP answered"),
    row("scan", -2, "readonly", "keyspace")
        .routed(RequestPolicy::Scan, ReplyPolicy::Special)
        .tips(&["nondeterministic_output", "request_policy:special"])
        .tells_keys(ReplyKeys::Page)
        .since("2.8.0", "O(1), a whole walk O(N)")
        .about("Walks over all key names, a few per call"),
    row("sort", -2, "write denyoom", "set sortedset list dangerous")
        .keys(&[
            key(1, "RO access"),
            keys_unknown("RO access")
                .note("Keys that BY and GET make from elements; nobody can know them beforehand"),
            keys_unknown("OW update")
                .note("The destination of STORE, at any place among the options"),
        ])
        .odd_keys(OddKeys::Sort { store: true })
        .since("1.0.0", "O(N+M*log(M))")
        .about("Sorts a list, set or sorted set, and may store the result"),
    row("sort_ro", -2, "readonly", "set sortedset list dangerous")
        .keys(&[
            key(1, "RO access"),
            keys_unknown("RO access")
                .note("Keys that BY and GET make from elements; nobody can know them beforehand"),
        ])
        .odd_keys(OddKeys::Sort { store: false })
        .since("7.0.0", "O(N+M*log(M))")
        .about("Sorts a list, set or sorted set without storing anything"),
    row("touch", -2, "readonly fast", "keyspace")
        .keys(&[keys_to(1, -1, "RO")])
        .routed(RequestPolicy::SplitByKey { step: 1 }, ReplyPolicy::Sum)
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .since("3.2.1", "O(N)")
        .about("Counts which keys exist and marks them as just used"),
    row("ttl", 2, "readonly fast", "keyspace")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output"])
        .since("1.0.0", "O(1)")
        .about("Answers the seconds that a key has left"),
    row("type", 2, "readonly fast", "keyspace")
        .keys(&[key(1, "RO")])
        .since("1.0.0", "O(1)")
        .about("Answers the type of the value at a key"),
    row("unlink", -2, "write fast", "keyspace")
        .keys(&[keys_to(1, -1, "RM delete")])
        .routed(RequestPolicy::SplitByKey { step: 1 }, ReplyPolicy::Sum)
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .since("4.0.0", "O(1) per key, O(N) in the background")
        .about("Removes keys and frees their memory in the background"),
    row("wait", 3, "noscript", "connection")
        .routed(RequestPolicy::WaitReplicas, ReplyPolicy::Min)
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .since("3.0.0", "O(1)")
        .about("Waits until replicas have taken over this client's writes"),
];
