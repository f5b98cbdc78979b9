//! Rows about hashes.

use crate::command::CommandSpec;
use crate::command::row::{key, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("hdel", -3, "write fast", "hash")
        .keys(&[key(1, "RW delete")])
        .since("2.0.0", "O(N)")
        .about("Removes fields of a hash; the hash goes with its last field"),
    row("hexists", 3, "readonly fast", "hash")
        .keys(&[key(1, "RO")])
        .since("2.0.0", "O(1)")
        .about("Tells whether a hash has a field"),
    row("hget", 3, "readonly fast", "hash")
        .keys(&[key(1, "RO access")])
        .since("2.0.0", "O(1)")
        .about("Answers the value of one field of a hash"),
    row("hgetall", 2, "readonly", "hash")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output_order"])
        .since("2.0.0", "O(N)")
        .about("Answers all fields and values of a hash"),
    row("hincrby", 4, "write denyoom fast", "hash")
        .keys(&[key(1, "RW access update")])
        .since("2.0.0", "O(1)")
        .about("Adds an integer to the integer in a field of a hash"),
    row("hincrbyfloat", 4, "write denyoom fast", "hash")
        .keys(&[key(1, "RW access update")])
        .since("2.6.0", "O(1)")
        .about("Adds a floating point number to the number in a field of a hash"),
    row("hkeys", 2, "readonly", "hash")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output_order"])
        .since("2.0.0", "O(N)")
        .about("Answers the names of all fields of a hash"),
    row("hlen", 2, "readonly fast", "hash")
        .keys(&[key(1, "RO")])
        .since("2.0.0", "O(1)")
        .about("Counts the fields of a hash"),
    row("hmget", -3, "readonly fast", "hash")
        .keys(&[key(1, "RO access")])
        .since("2.0.0", "O(N)")
        .about("Answers the values of several fields of a hash"),
    row("hmset", -4, "write denyoom fast", "hash")
        .keys(&[key(1, "RW update")])
        .since("2.0.0", "O(N)")
        .deprecated("4.0.0", "HSET with several fields")
        .about("Sets several fields of a hash, with an OK as reply"),
    row("hrandfield", -2, "readonly", "hash")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output"])
        .since("6.2.0", "O(N)")
        .about("Answers random fields of a hash"),
    row("hscan", -3, "readonly", "hash")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output"])
        .since("2.8.0", "O(1), a whole walk O(N)")
        .about("Walks over the fields of a hash, a few per call"),
    row("hset", -4, "write denyoom fast", "hash")
        .keys(&[key(1, "RW update")])
        .since("2.0.0", "O(1) per field")
        .about("Sets fields of a hash and counts the new ones"),
    row("hsetnx", 4, "write denyoom fast", "hash")
        .keys(&[key(1, "RW insert")])
        .since("2.0.0", "O(1)")
        .about("Sets a field of a hash if there is none of that name"),
    row("hstrlen", 3, "readonly fast", "hash")
        .keys(&[key(1, "RO")])
        .since("3.2.0", "O(1)")
        .about("Answers the length in bytes of a field's value"),
    row("hvals", 2, "readonly", "hash")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output_order"])
        .since("2.0.0", "O(N)")
        .about("Answers the values of all fields of a hash"),
];
