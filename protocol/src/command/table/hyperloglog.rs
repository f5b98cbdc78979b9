//! Rows about HyperLogLogs.

use crate::command::CommandSpec;
use crate::command::key_spec::OddKeys;
use crate::command::policy::{ReplyPolicy, RequestPolicy};
use crate::command::row::{key, keys_to, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("pfadd", -2, "write denyoom fast", "hyperloglog")
        .keys(&[key(1, "RW insert")])
        .since("2.8.9", "O(1) per element")
        .about("Adds elements to a HyperLogLog"),
    row("pfcount", -2, "readonly", "hyperloglog")
        .keys(&[
            keys_to(1, -1, "RW access").note("The cached estimate inside the value may be renewed")
        ])
        .since("2.8.9", "O(1), of several keys O(N)")
        .about("Estimates how many different elements one or more HyperLogLogs have seen"),
    row("pfdebug", 3, "write denyoom admin", "hyperloglog")
        .keys(&[key(2, "RW access")])
        .since("2.8.9", "not said")
        .internal()
        .about("Looks inside a HyperLogLog, for tests"),
    row("pfmerge", -2, "write denyoom", "hyperloglog")
        .keys(&[key(1, "RW access insert"), keys_to(2, -1, "RO access")])
        .odd_keys(OddKeys::Destination)
        .since("2.8.9", "O(N)")
        .about("Merges HyperLogLogs into one"),
    row("pfselftest", 1, "admin", "hyperloglog")
        .routed(RequestPolicy::Admin, ReplyPolicy::AllOk)
        .since("2.8.9", "not said")
        .internal()
        .about("Tests the HyperLogLog code"),
];
