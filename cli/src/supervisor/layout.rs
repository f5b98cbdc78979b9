//! Which nodes a cluster has, which ports they listen on and which slots they begin with. Pure.
//!
//! Invariants: primaries come first, then the replicas of the first shard, of the second, and so on; every
//! primary has at least one slot; all slots have an owner. A cluster keeps its layout's order for life, because
//! ports are remembered in it.

use std::ops::RangeInclusive;

use reddoor_protocol::slot::Slot;

use crate::exit::Mistake;

/// A port and the bus port above it: Redis Cluster nodes talk to each other on their port + 10000.
pub(crate) const BUS_PORT_OFFSET: u16 = 10_000;
/// The largest port that leaves room for its bus port.
pub(crate) const NODE_PORT_MAX: u16 = u16::MAX - BUS_PORT_OFFSET;
/// Where node ports begin unless the operator says otherwise.
pub(crate) const NODE_PORT_BASE: u16 = 7000;
/// Shards of a cluster on one machine (count). More than cores helps nobody; this leaves room for experiments.
pub(crate) const SHARDS_MAX: u16 = 100;
/// Replicas of one primary (count).
pub(crate) const REPLICAS_MAX: u16 = 5;

/// How many shards, and how many replicas each of them has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// 1 to [`SHARDS_MAX`].
    pub(crate) shards: u16,
    /// 0 to [`REPLICAS_MAX`].
    pub(crate) replicas: u16,
}

impl Default for Shape {
    fn default() -> Self {
        // Three primaries are the fewest that can elect; one replica each lets any one node be lost.
        Shape { shards: 3, replicas: 1 }
    }
}

impl Shape {
    /// How many nodes that makes.
    pub(crate) fn nodes_count(self) -> usize {
        usize::from(self.shards) * (1 + usize::from(self.replicas))
    }

    /// What the node at this place is for.
    pub(crate) fn purpose(self, index: usize) -> Purpose {
        let shards = usize::from(self.shards);
        match index.checked_sub(shards) {
            None => Purpose::Primary { slots: slots_of(index, shards) },
            Some(replica) => Purpose::Replica { of: replica / usize::from(self.replicas.max(1)) },
        }
    }
}

/// What a node is for when its cluster begins. Failovers may change roles later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Owns these slots.
    Primary {
        /// Not empty.
        slots: RangeInclusive<u16>,
    },
    /// Stands by for a primary.
    Replica {
        /// The primary's place in the layout.
        of: usize,
    },
}

/// A whole cluster: its shape and, in the order of [`Shape::purpose`], its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Shards and replicas.
    pub(crate) shape: Shape,
    /// Invariant: as many as the shape has nodes, all different, none above [`NODE_PORT_MAX`].
    pub(crate) ports: Vec<u16>,
}

/// The slots of one primary of many: in order and as even as can be, the same as other tools for clusters deal
/// them out (5461, 5462 and 5461 for three).
fn slots_of(index: usize, shards: usize) -> RangeInclusive<u16> {
    let bound = |index: usize| {
        // index * COUNT / shards, rounded to the nearest.
        let slot = (2 * index * Slot::COUNT + shards) / (2 * shards);
        u16::try_from(slot).expect("at most 16384")
    };
    bound(index)..=bound(index + 1) - 1
}

/// Chooses ports for `count` new nodes.
///
/// With a base the nodes take exactly the ports from there on, and each one that is not free is a mistake.
/// Without one they begin at [`NODE_PORT_BASE`] and pass over ports that are not free, so that two clusters on
/// one machine need no flags. `is_free` is asked for ports and bus ports.
///
/// # Errors
/// One mistake for every port that is taken, or one when the port numbers run out.
pub(crate) fn choose_ports(
    base: Option<u16>,
    count: usize,
    is_free: impl Fn(u16) -> bool,
) -> Result<Vec<u16>, Vec<Mistake>> {
    let candidates = base.unwrap_or(NODE_PORT_BASE)..=NODE_PORT_MAX;
    let ports: Vec<u16> = match base {
        Some(_) => candidates.take(count).collect(),
        // Bus ports of early nodes may not become client ports of late ones: that takes 10000 nodes.
        None => candidates
            .filter(|&port| is_free(port) && is_free(port + BUS_PORT_OFFSET))
            .take(count)
            .collect(),
    };
    if ports.len() < count {
        let mistake = format!(
            "no {count} free node ports from {} to {NODE_PORT_MAX} (each needs port + {BUS_PORT_OFFSET} too)",
            base.unwrap_or(NODE_PORT_BASE)
        );
        return Err(vec![Mistake::Obstacle(mistake)]);
    }
    match base {
        Some(_) => require_free(&ports, "choose another --node-port-base", is_free).map(|()| ports),
        None => Ok(ports),
    }
}

/// Checks that every port and its bus port are free; `hint` ends the line for one that is not.
///
/// # Errors
/// One mistake for every port that is taken.
pub(crate) fn require_free(
    ports: &[u16],
    hint: &str,
    is_free: impl Fn(u16) -> bool,
) -> Result<(), Vec<Mistake>> {
    let both = ports
        .iter()
        .flat_map(|&port| [(port, "node port"), (port + BUS_PORT_OFFSET, "cluster bus port")]);
    let mistakes: Vec<Mistake> = both
        .filter(|&(port, _)| !is_free(port))
        .map(|(port, what)| {
            Mistake::Obstacle(format!("{what} {port} is taken by another process; {hint}"))
        })
        .collect();
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_split_evenly_and_completely() {
        assert_eq!([0, 1, 2].map(|i| slots_of(i, 3)), [0..=5460, 5461..=10922, 10923..=16383]);
        for shards in 1..=usize::from(SHARDS_MAX) {
            let ranges: Vec<_> = (0..shards).map(|index| slots_of(index, shards)).collect();
            assert_eq!(*ranges[0].start(), 0);
            assert_eq!(*ranges[shards - 1].end(), 16383);
            assert!(ranges.windows(2).all(|pair| pair[0].end() + 1 == *pair[1].start()));
            let counts = ranges.iter().map(ExactSizeIterator::len);
            let (least, most) = (counts.clone().min().unwrap(), counts.max().unwrap());
            assert!(most - least <= 1, "{shards} shards");
        }
    }

    #[test]
    fn replicas_follow_their_primaries_in_order() {
        let shape = Shape { shards: 2, replicas: 2 };
        let of: Vec<Option<usize>> = (0..shape.nodes_count())
            .map(|index| match shape.purpose(index) {
                Purpose::Primary { .. } => None,
                Purpose::Replica { of } => Some(of),
            })
            .collect();
        assert_eq!(of, [None, None, Some(0), Some(0), Some(1), Some(1)]);
    }

    #[test]
    fn without_a_base_taken_ports_are_passed_over() {
        let taken = [7000, 17002];
        let ports = choose_ports(None, 3, |port| !taken.contains(&port)).unwrap();
        assert_eq!(ports, [7001, 7003, 7004]);
    }

    #[test]
    fn with_a_base_every_taken_port_is_named() {
        let taken = [8001, 18002];
        let mistakes = choose_ports(Some(8000), 3, |port| !taken.contains(&port)).unwrap_err();
        let lines: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("node port 8001 is taken"));
        assert!(lines[1].starts_with("cluster bus port 18002 is taken"));
    }

    #[test]
    fn ports_that_run_out_are_one_mistake() {
        assert_eq!(choose_ports(Some(NODE_PORT_MAX), 2, |_| true).unwrap_err().len(), 1);
        assert_eq!(choose_ports(None, 1, |_| false).unwrap_err().len(), 1);
        assert_eq!(choose_ports(Some(NODE_PORT_MAX), 1, |_| true).unwrap(), [NODE_PORT_MAX]);
    }
}
