//! Rows about strings seen as bits.

use crate::command::CommandSpec;
use crate::command::key_spec::OddKeys;
use crate::command::row::{key, keys_to, row};

pub(super) const ROWS: &[CommandSpec] = &[
    row("bitcount", -2, "readonly", "bitmap")
        .keys(&[key(1, "RO access")])
        .since("2.6.0", "O(N)")
        .about("Counts the bits that are set in a string or a range of it"),
    row("bitfield", -2, "write denyoom", "bitmap")
        .keys(&[key(1, "RW access update variable_flags").note("Operations may read or write")])
        .odd_keys(OddKeys::BitField)
        .since("3.2.0", "O(1) per operation")
        .about("Reads and changes integers of any width inside a string"),
    row("bitfield_ro", -2, "readonly fast", "bitmap")
        .keys(&[key(1, "RO access")])
        .since("6.0.0", "O(1) per operation")
        .about("Reads integers of any width inside a string"),
    row("bitop", -4, "write denyoom", "bitmap")
        .keys(&[key(2, "OW update"), keys_to(3, -1, "RO access")])
        .since("2.6.0", "O(N)")
        .about("Combines strings bit by bit and stores the result"),
    row("bitpos", -3, "readonly", "bitmap")
        .keys(&[key(1, "RO access")])
        .since("2.8.7", "O(N)")
        .about("Finds the first bit that is set, or clear"),
    row("getbit", 3, "readonly fast", "bitmap")
        .keys(&[key(1, "RO access")])
        .since("2.2.0", "O(1)")
        .about("Answers one bit of a string"),
    row("setbit", 4, "write denyoom", "bitmap")
        .keys(&[key(1, "RW access update")])
        .since("2.2.0", "O(1)")
        .about("Sets or clears one bit of a string and answers its old value"),
];
