//! Where the subcommands of `DEBUG` belong in a cluster: a word without a row of its own says so.

use crate::request::Args;

/// Where a subcommand of `DEBUG` belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebugPlace {
    /// To the owner of the key behind it.
    Key,
    /// To any node: it tells of nothing that lies there.
    AnyNode,
    /// To all primaries: a replica has its data from its primary, and may lack the file that is read. A redis-server
    /// that does ends.
    EveryPrimary,
    /// To all nodes: it does something to a node, or tells of it.
    EveryNode,
    /// Nowhere: it makes or changes keys without regard to whose they are.
    Nowhere,
}

/// The words that do not belong to all nodes.
const PLACES: &[(&str, DebugPlace)] = &[
    ("digest-value", DebugPlace::Key),
    ("error", DebugPlace::AnyNode),
    ("help", DebugPlace::AnyNode),
    ("htstats-key", DebugPlace::Key),
    ("listpack", DebugPlace::Key),
    ("loadaof", DebugPlace::EveryPrimary),
    ("object", DebugPlace::Key),
    ("populate", DebugPlace::Nowhere),
    ("protocol", DebugPlace::AnyNode),
    ("quicklist", DebugPlace::Key),
    ("replicate", DebugPlace::Nowhere),
    ("sdslen", DebugPlace::Key),
    ("stringmatch-len", DebugPlace::AnyNode),
    ("structsize", DebugPlace::AnyNode),
    ("ziplist", DebugPlace::Key),
];

/// Where this `DEBUG` belongs; to all nodes if nothing else is known of its word.
pub fn place_of(args: Args<'_>) -> DebugPlace {
    let word = args.get(1).unwrap_or_default();
    let known = PLACES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
    match known {
        // Without its key it is refused, by whomever.
        Some((_, DebugPlace::Key)) if args.len() < 3 => DebugPlace::AnyNode,
        Some((_, place)) => *place,
        None => DebugPlace::EveryNode,
    }
}

/// Whether this `DEBUG` may be part of a transaction though it goes to all nodes otherwise: what it does to a node, it
/// does while that runs the transaction.
pub fn may_be_queued(args: Args<'_>) -> bool {
    args.get(1).is_some_and(|word| word.eq_ignore_ascii_case(b"sleep"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Limits, RequestDecoder};

    #[test]
    fn a_subcommand_goes_where_its_key_lies_or_to_all() {
        let mut decoder = RequestDecoder::default();
        for (line, place) in [
            ("DEBUG OBJECT k\r\n", DebugPlace::Key),
            ("debug object\r\n", DebugPlace::AnyNode),
            ("debug Protocol string\r\n", DebugPlace::AnyNode),
            ("debug sleep 0\r\n", DebugPlace::EveryNode),
            ("DEBUG LOADAOF\r\n", DebugPlace::EveryPrimary),
            ("debug populate 10\r\n", DebugPlace::Nowhere),
        ] {
            decoder.decode(line.as_bytes(), &Limits::default()).unwrap().unwrap();
            assert_eq!(place_of(decoder.args(line.as_bytes())), place, "{line}");
        }
    }
}
