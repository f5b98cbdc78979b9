//! Rows about sets.

use crate::command::CommandSpec;
use crate::command::row::{key, keys_counted, keys_to, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("sadd", -3, "write denyoom fast", "set")
        .keys(&[key(1, "RW insert")])
        .since("1.0.0", "O(1) per member")
        .about("Adds members to a set, which is made if absent"),
    row("scard", 2, "readonly fast", "set")
        .keys(&[key(1, "RO")])
        .since("1.0.0", "O(1)")
        .about("Counts the members of a set"),
    row("sdiff", -2, "readonly", "set")
        .keys(&[keys_to(1, -1, "RO access")])
        .tips(&["nondeterministic_output_order"])
        .since("1.0.0", "O(N)")
        .about("Answers the members of the first set that no other set has"),
    row("sdiffstore", -3, "write denyoom", "set")
        .keys(&[key(1, "OW update"), keys_to(2, -1, "RO access")])
        .since("1.0.0", "O(N)")
        .about("Stores the members of the first set that no other set has"),
    row("sinter", -2, "readonly", "set")
        .keys(&[keys_to(1, -1, "RO access")])
        .tips(&["nondeterministic_output_order"])
        .since("1.0.0", "O(N*M)")
        .about("Answers the members that all sets have"),
    row("sintercard", -3, "readonly", "set")
        .keys(&[keys_counted(1, "RO access")])
        .since("7.0.0", "O(N*M)")
        .about("Counts the members that all sets have"),
    row("sinterstore", -3, "write denyoom", "set")
        .keys(&[key(1, "RW update"), keys_to(2, -1, "RO access")])
        .since("1.0.0", "O(N*M)")
        .about("Stores the members that all sets have"),
    row("sismember", 3, "readonly fast", "set")
        .keys(&[key(1, "RO")])
        .since("1.0.0", "O(1)")
        .about("Tells whether a set has a member"),
    row("smembers", 2, "readonly", "set")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output_order"])
        .since("1.0.0", "O(N)")
        .about("Answers all members of a set"),
    row("smismember", -3, "readonly fast", "set")
        .keys(&[key(1, "RO access")])
        .since("6.2.0", "O(N)")
        .about("Tells for each of several members whether a set has it"),
    row("smove", 4, "write fast", "set")
        .keys(&[key(1, "RW access delete"), key(2, "RW insert")])
        .since("1.0.0", "O(1)")
        .about("Moves a member from one set to another"),
    row("spop", -2, "write fast", "set")
        .keys(&[key(1, "RW access delete")])
        .tips(&["nondeterministic_output"])
        .since("1.0.0", "O(1), with a count O(N)")
        .about("Takes random members out of a set"),
    row("srandmember", -2, "readonly", "set")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output"])
        .since("1.0.0", "O(1), with a count O(N)")
        .about("Answers random members of a set"),
    row("srem", -3, "write fast", "set")
        .keys(&[key(1, "RW delete")])
        .since("1.0.0", "O(N)")
        .about("Removes members of a set; the set goes with its last member"),
    row("sscan", -3, "readonly", "set")
        .keys(&[key(1, "RO access")])
        .tips(&["nondeterministic_output"])
        .since("2.8.0", "O(1), a whole walk O(N)")
        .about("Walks over the members of a set, a few per call"),
    row("sunion", -2, "readonly", "set")
        .keys(&[keys_to(1, -1, "RO access")])
        .tips(&["nondeterministic_output_order"])
        .since("1.0.0", "O(N)")
        .about("Answers the members that any of the sets has"),
    row("sunionstore", -3, "write denyoom", "set")
        .keys(&[key(1, "OW update"), keys_to(2, -1, "RO access")])
        .since("1.0.0", "O(N)")
        .about("Stores the members that any of the sets has"),
];
