//! Rows about strings.

use crate::command::CommandSpec;
use crate::command::key_spec::OddKeys;
use crate::command::policy::{ReplyPolicy, RequestPolicy};
use crate::command::row::{key, keys_by, keys_to, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("append", 3, "write denyoom fast", "string")
        .keys(&[key(1, "RW insert")])
        .since("2.0.0", "O(1) amortized")
        .about("Adds bytes to the end of a string, which is made if absent"),
    row("decr", 2, "write denyoom fast", "string")
        .keys(&[key(1, "RW access update")])
        .since("1.0.0", "O(1)")
        .about("Lowers the integer in a string by one"),
    row("decrby", 3, "write denyoom fast", "string")
        .keys(&[key(1, "RW access update")])
        .since("1.0.0", "O(1)")
        .about("Lowers the integer in a string by a given amount"),
    row("get", 2, "readonly fast", "string")
        .keys(&[key(1, "RO access")])
        .since("1.0.0", "O(1)")
        .about("Answers the string stored at a key"),
    row("getdel", 2, "write fast", "string")
        .keys(&[key(1, "RW access delete")])
        .since("6.2.0", "O(1)")
        .about("Answers a string and removes its key"),
    row("getex", -2, "write fast", "string")
        .keys(&[key(1, "RW access update").note("The value is read, the expiry changed")])
        .since("6.2.0", "O(1)")
        .about("Answers a string and changes when its key expires"),
    row("getrange", 4, "readonly", "string")
        .keys(&[key(1, "RO access")])
        .since("2.4.0", "O(N)")
        .about("Answers the bytes of a string between two positions"),
    row("getset", 3, "write denyoom fast", "string")
        .keys(&[key(1, "RW access update")])
        .since("1.0.0", "O(1)")
        .deprecated("6.2.0", "SET with GET")
        .about("Answers the old string and stores a new one"),
    row("incr", 2, "write denyoom fast", "string")
        .keys(&[key(1, "RW access update")])
        .since("1.0.0", "O(1)")
        .about("Raises the integer in a string by one"),
    row("incrby", 3, "write denyoom fast", "string")
        .keys(&[key(1, "RW access update")])
        .since("1.0.0", "O(1)")
        .about("Raises the integer in a string by a given amount"),
    row("incrbyfloat", 3, "write denyoom fast", "string")
        .keys(&[key(1, "RW access update")])
        .since("2.6.0", "O(1)")
        .about("Adds a floating point number to the number in a string"),
    row("lcs", -3, "readonly", "string")
        .keys(&[keys_to(1, 1, "RO access")])
        .since("7.0.0", "O(N*M)")
        .about("Finds the longest subsequence that two strings share"),
    row("mget", -2, "readonly fast", "string")
        .keys(&[keys_to(1, -1, "RO access")])
        .routed(RequestPolicy::SplitByKey { step: 1 }, ReplyPolicy::ByKey)
        .tips(&["request_policy:multi_shard"])
        .since("1.0.0", "O(N)")
        .about("Answers the strings of many keys, in order"),
    row("mset", -3, "write denyoom", "string")
        .keys(&[keys_by(1, -1, 2, "OW update")])
        .routed(RequestPolicy::SplitByKey { step: 2 }, ReplyPolicy::AllOk)
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
        .since("1.0.1", "O(N)")
        .about("Stores many strings at once"),
    row("msetnx", -3, "write denyoom", "string")
        .keys(&[keys_by(1, -1, 2, "OW insert")])
        .tips(&["request_policy:multi_shard", "response_policy:agg_min"])
        .since("1.0.1", "O(N)")
        .about("Stores many strings, or none if one of the keys exists"),
    row("psetex", 4, "write denyoom", "string")
        .keys(&[key(1, "OW update")])
        .since("2.6.0", "O(1)")
        .about("Stores a string that expires after some milliseconds"),
    row("set", -3, "write denyoom", "string")
        .keys(&[key(1, "RW access update variable_flags").note("With GET the old value is read")])
        .odd_keys(OddKeys::Set)
        .since("1.0.0", "O(1)")
        .about("Stores a string, with options for conditions, expiry and the old value"),
    row("setex", 4, "write denyoom", "string")
        .keys(&[key(1, "OW update")])
        .since("2.0.0", "O(1)")
        .about("Stores a string that expires after some seconds"),
    row("setnx", 3, "write denyoom fast", "string")
        .keys(&[key(1, "OW insert")])
        .since("1.0.0", "O(1)")
        .about("Stores a string if the key does not exist"),
    row("setrange", 4, "write denyoom", "string")
        .keys(&[key(1, "RW update")])
        .since("2.2.0", "O(1) for a short value")
        .about("Overwrites a part of a string from a position on"),
    row("strlen", 2, "readonly fast", "string")
        .keys(&[key(1, "RO")])
        .since("2.2.0", "O(1)")
        .about("Answers the length of a string in bytes"),
    row("substr", 4, "readonly", "string")
        .keys(&[key(1, "RO access")])
        .since("1.0.0", "O(N)")
        .deprecated("2.0.0", "GETRANGE")
        .about("Old name of GETRANGE"),
];
