//! Who can answer a read of a shard, and who of them does. Pure: no socket, no clock of its own.
//!
//! In: what was found of replicas ([`Survey`]). Out: the node that is asked.
//! Invariant: a replica is chosen only for a shard whose primary it was measured by.

use std::time::Duration;

use crate::config::reads::ReadFrom;
use crate::errand::NodeIndex;
use crate::replicas::{Survey, SurveyedNode, SurveyedShard};

/// Round trips that are as good as the least one: this much longer, and a quarter of it.
const NEAR_SLACK: Duration = Duration::from_micros(200);

/// The shards that have replicas which can be read.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    /// By the place of the primary.
    shards: Vec<Option<Shard>>,
}

#[derive(Debug)]
struct Shard {
    replicas: Vec<Reader>,
    /// Whether the primary is as near as the nearest.
    is_primary_near: bool,
    /// Counts choices, so that they go round.
    turn: usize,
}

/// A replica that can be read.
#[derive(Clone, Copy, Debug)]
struct Reader {
    node: NodeIndex,
    /// The moment as of which it is complete, in microseconds of the worker's clock.
    complete_us: u64,
    /// Whether it stands where the front door does.
    is_in_zone: bool,
    /// Whether it is as near as the nearest, the primary included.
    is_near: bool,
}

/// What is asked of whoever answers a read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The policy.
    pub(crate) from: ReadFrom,
    /// A replica has to be complete as of a moment after this one, in microseconds of the worker's clock.
    pub(crate) after_us: u64,
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// This replica.
    Replica(NodeIndex),
    /// The primary, as the policy likes it.
    Primary,
    /// No replica can, though the policy would like one to.
    NoReplica,
}

impl Readers {
    /// What was found, in the numbers of a worker. `index_of` finds a node, `micros_of` a moment of its clock.
    pub(crate) fn new(
        survey: &Survey,
        zone: Option<&str>,
        index_of: impl Fn(&SurveyedNode) -> Option<NodeIndex>,
        micros_of: impl Fn(std::time::Instant) -> u64,
    ) -> Readers {
        let mut readers = Readers::default();
        for shard in &survey.shards {
            let Some(primary) = index_of(&shard.primary) else { continue };
            let near = Near::of(shard, zone);
            let replicas = shard.replicas.iter().filter_map(|replica| {
                Some(Reader {
                    node: index_of(&replica.node)?,
                    complete_us: micros_of(replica.complete_as_of),
                    is_in_zone: near.is_in_zone(&replica.node),
                    is_near: near.is_near(&replica.node),
                })
            });
            let place = usize::from(primary.0);
            if readers.shards.len() <= place {
                readers.shards.resize_with(place + 1, || None);
            }
            readers.shards[place] = Some(Shard {
                replicas: replicas.collect(),
                is_primary_near: near.is_near(&shard.primary),
                turn: 0,
            });
        }
        readers
    }

    /// Goes on where others left off: whose turn it is next.
    pub(crate) fn keep_turns(&mut self, before: &Readers) {
        for (shard, before) in self.shards.iter_mut().zip(&before.shards) {
            if let (Some(shard), Some(before)) = (shard, before) {
                shard.turn = before.turn;
            }
        }
    }

    /// Who answers a read of this primary's shard. `can` says of a replica, and the moment as of which it is complete,
    /// whether it can be asked at all; it is not called for one that is too far behind.
    pub(crate) fn choose(
        &mut self,
        primary: NodeIndex,
        wanted: Wanted,
        can: impl Fn(NodeIndex, u64) -> bool,
    ) -> Chosen {
        let Some(Some(shard)) = self.shards.get_mut(usize::from(primary.0)) else {
            return Chosen::NoReplica;
        };
        let is_fit = |reader: &Reader| {
            reader.complete_us > wanted.after_us && can(reader.node, reader.complete_us)
        };
        shard.turn = shard.turn.wrapping_add(1);
        let shard = &*shard;
        let among = |wants: &dyn Fn(&Reader) -> bool, with_primary: bool| {
            let fit = || shard.replicas.iter().filter(|reader| wants(reader) && is_fit(reader));
            let count = fit().count() + usize::from(with_primary);
            let place = shard.turn.checked_rem(count)?;
            Some(fit().nth(place).map_or(Chosen::Primary, |reader| Chosen::Replica(reader.node)))
        };
        let chosen = match wanted.from {
            ReadFrom::Primary => Some(Chosen::Primary),
            ReadFrom::Any => among(&|_| true, true),
            ReadFrom::PreferReplica | ReadFrom::Replica => {
                among(&|reader| reader.is_in_zone, false).or_else(|| among(&|_| true, false))
            }
            ReadFrom::Nearest => among(&|reader| reader.is_near, shard.is_primary_near)
                .or_else(|| among(&|_| true, true)),
        };
        chosen.unwrap_or(Chosen::NoReplica)
    }

    /// Another node than the one that was asked, for a read that takes long.
    pub(crate) fn choose_other(
        &mut self,
        primary: NodeIndex,
        asked: NodeIndex,
        wanted: Wanted,
        can: impl Fn(NodeIndex, u64) -> bool,
    ) -> Option<NodeIndex> {
        let replica = Wanted { from: ReadFrom::PreferReplica, ..wanted };
        let can_other = |node, complete_us| node != asked && can(node, complete_us);
        match self.choose(primary, replica, can_other) {
            Chosen::Replica(node) => Some(node),
            _ => (asked != primary && wanted.from != ReadFrom::Replica).then_some(primary),
        }
    }
}

/// What nearness is measured by in one shard.
struct Near<'a> {
    zone: Option<&'a str>,
    /// Whether any node of the shard stands in the zone.
    has_zone: bool,
    least: Option<Duration>,
}

impl<'a> Near<'a> {
    fn of(shard: &SurveyedShard, zone: Option<&'a str>) -> Near<'a> {
        let replicas = shard.replicas.iter().map(|replica| &replica.node);
        let nodes = || replicas.clone().chain([&shard.primary]);
        let has_zone = zone.is_some() && nodes().any(|node| node.zone.as_deref() == zone);
        Near { zone, has_zone, least: nodes().filter_map(|node| node.round_trip).min() }
    }

    fn is_in_zone(&self, node: &SurveyedNode) -> bool {
        self.zone.is_some() && node.zone.as_deref() == self.zone
    }

    /// Nodes of the own zone are near; where there is none, those that answer about as fast as the fastest.
    fn is_near(&self, node: &SurveyedNode) -> bool {
        if self.has_zone {
            return self.is_in_zone(node);
        }
        match (node.round_trip, self.least) {
            (Some(took), Some(least)) => took <= least + least / 4 + NEAR_SLACK,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::cluster_map::NodeAddr;
    use crate::replicas::SurveyedReplica;

    /// A shard of a primary at port 0 and replicas at ports 1 and on, with zones and round trips in microseconds;
    /// the replicas are complete as of so many microseconds.
    fn readers(nodes: &[(&str, u64)], complete_us: &[u64], own_zone: Option<&str>) -> Readers {
        let start = Instant::now();
        let node = |(port, (zone, micros)): (u16, &(&str, u64))| SurveyedNode {
            addr: NodeAddr::new("h", port),
            round_trip: Some(Duration::from_micros(*micros)),
            zone: Some((*zone).to_owned()),
        };
        let mut nodes = (0..).zip(nodes).map(node);
        let primary = nodes.next().unwrap();
        let replicas = nodes.zip(complete_us).map(|(node, micros)| SurveyedReplica {
            node,
            complete_as_of: start + Duration::from_micros(*micros),
        });
        let survey =
            Survey { shards: vec![SurveyedShard { primary, replicas: replicas.collect() }] };
        let index_of = |node: &SurveyedNode| {
            let port = node.addr.as_str().rsplit_once(':')?.1;
            Some(NodeIndex(port.parse().ok()?))
        };
        let micros_of = |moment: Instant| {
            u64::try_from(moment.saturating_duration_since(start).as_micros()).unwrap()
        };
        Readers::new(&survey, own_zone, index_of, micros_of)
    }

    /// Who is chosen in twelve turns: each node's port once, the primary's as 0.
    fn chosen(readers: &mut Readers, from: ReadFrom, after_us: u64) -> Vec<u16> {
        let choose = |_| match readers.choose(NodeIndex(0), Wanted { from, after_us }, |_, _| true)
        {
            Chosen::Replica(node) => node.0,
            Chosen::Primary => 0,
            Chosen::NoReplica => 99,
        };
        let mut all: Vec<u16> = (0..12).map(choose).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    #[test]
    fn each_policy_has_its_own_nodes() {
        let nodes = [("a", 100), ("a", 100), ("b", 150), ("b", 9000)];
        let mut known = readers(&nodes, &[50, 50, 50], None);
        assert_eq!(chosen(&mut known, ReadFrom::Primary, 0), [0]);
        assert_eq!(chosen(&mut known, ReadFrom::PreferReplica, 0), [1, 2, 3]);
        assert_eq!(chosen(&mut known, ReadFrom::Replica, 0), [1, 2, 3]);
        assert_eq!(chosen(&mut known, ReadFrom::Any, 0), [0, 1, 2, 3]);
        assert_eq!(chosen(&mut known, ReadFrom::Nearest, 0), [0, 1, 2]);
    }

    #[test]
    fn the_own_zone_comes_first() {
        let nodes = [("a", 100), ("a", 100), ("b", 900), ("b", 9000)];
        let mut known = readers(&nodes, &[50, 50, 50], Some("b"));
        assert_eq!(chosen(&mut known, ReadFrom::PreferReplica, 0), [2, 3]);
        assert_eq!(chosen(&mut known, ReadFrom::Nearest, 0), [2, 3]);
        assert_eq!(chosen(&mut known, ReadFrom::Any, 0), [0, 1, 2, 3]);
        // Nobody stands there: the time decides.
        let mut known = readers(&nodes, &[50, 50, 50], Some("c"));
        assert_eq!(chosen(&mut known, ReadFrom::PreferReplica, 0), [1, 2, 3]);
        assert_eq!(chosen(&mut known, ReadFrom::Nearest, 0), [0, 1]);
        // Those that stand there are too far behind.
        let mut known = readers(&nodes, &[50, 10, 10], Some("b"));
        assert_eq!(chosen(&mut known, ReadFrom::PreferReplica, 10), [1]);
        assert_eq!(chosen(&mut known, ReadFrom::Nearest, 10), [0, 1]);
    }

    #[test]
    fn a_replica_that_is_behind_is_not_chosen() {
        let nodes = [("a", 100), ("a", 100), ("a", 100)];
        let mut known = readers(&nodes, &[50, 60], None);
        assert_eq!(chosen(&mut known, ReadFrom::PreferReplica, 49), [1, 2]);
        assert_eq!(chosen(&mut known, ReadFrom::PreferReplica, 50), [2]);
        assert_eq!(chosen(&mut known, ReadFrom::Replica, 60), [99]);
        assert_eq!(chosen(&mut known, ReadFrom::Any, 60), [0]);
        assert_eq!(chosen(&mut known, ReadFrom::Any, u64::MAX), [0]);
        let wanted = Wanted { from: ReadFrom::PreferReplica, after_us: 0 };
        assert_eq!(known.choose(NodeIndex(7), wanted, |_, _| true), Chosen::NoReplica);
        assert_eq!(known.choose(NodeIndex(0), wanted, |_, _| false), Chosen::NoReplica);
    }

    #[test]
    fn a_slow_read_is_sent_to_another_node() {
        let nodes = [("a", 100), ("a", 100), ("a", 100)];
        let mut known = readers(&nodes, &[50, 60], None);
        let mut other = |from, asked, after_us| {
            let wanted = Wanted { from, after_us };
            known.choose_other(NodeIndex(0), NodeIndex(asked), wanted, |_, _| true).map(|n| n.0)
        };
        assert_eq!(other(ReadFrom::PreferReplica, 1, 0), Some(2));
        assert_eq!(other(ReadFrom::PreferReplica, 2, 55), Some(0));
        assert_eq!(other(ReadFrom::Replica, 2, 55), None);
        assert_eq!(other(ReadFrom::Any, 0, 55), Some(2));
        assert_eq!(other(ReadFrom::Any, 0, 60), None);
    }
}
