//! Histories: clusters with replicas, under writes, to which anything may happen that happens to machines.
//!
//! What is checked at every step:
//! - An epoch is won by one node of a shard.
//! - Two primaries that reach the majority each take writes for one slot together for no longer than news travels:
//!   [`NEWS_MS_MAX`]. After a failover by force beside a primary that is up, which may be cut off from all news in that
//!   moment, the next bound holds.
//! - Two primaries take writes for one slot together, wherever they are, for no longer than [`OVERLAP_MS_MAX`].
//!
//! And at the end, when everything is well again for [`HEALING_TIMEOUTS`]: all nodes agree, one owner for each slot.

use std::collections::BTreeMap;

use super::network::{Network, Weather};
use crate::cluster::core::by_hand::Failover;
use crate::cluster::core::tick::TICK_MS;
use crate::cluster::core::*;
use crate::cluster::member::MemberFlags;

pub(super) const TIMEOUT_MS: u64 = 2_000;

/// For how long an old primary may take writes beside a new one, in milliseconds: one that was given up and has come
/// back takes them while the others may still vote. If it is cut off in that moment, it finds out by pings, which go
/// out when half a node timeout has passed and are waited for for a whole one; and messages may be late.
const OVERLAP_MS_MAX: u64 = TIMEOUT_MS + TIMEOUT_MS / 2 + LATE_MS_MAX;

/// The longest delay of a message, and two ticks, in milliseconds.
const LATE_MS_MAX: u64 = 400 + 2 * TICK_MS;

/// How long the news of an election may be on its way to who is connected, in milliseconds.
const NEWS_MS_MAX: u64 = 1_000;

/// For how long after it was asked for a failover by force may come about, and its news travel, in milliseconds.
const FORCED_MS: u64 = 5_000 + NEWS_MS_MAX;

/// Node timeouts after which all agree when nothing happens any more (count).
pub(super) const HEALING_TIMEOUTS: u64 = 30;

/// The first slot of a shard, by which it is watched.
fn slot_of(shard: usize, shards: usize) -> Slot {
    let number = (shard * Slot::COUNT).div_ceil(shards);
    Slot::new(u16::try_from(number).expect("below 16384")).expect("below 16384")
}

/// A cluster under writes.
pub(super) struct Story {
    pub(super) network: Network,
    pub(super) shards: usize,
    writes_count: u32,
    /// Acknowledged writes: shard and number.
    pub(super) acknowledged: Vec<(usize, u32)>,
    /// Who won which epoch for which shard.
    winners: BTreeMap<(u64, usize), NodeId>,
    was_replica: Vec<bool>,
    /// Since when two nodes have been taking writes for a shard, in milliseconds.
    overlap_since_ms: BTreeMap<usize, u64>,
    /// The same of two that reach the majority each.
    rivals_since_ms: BTreeMap<usize, u64>,
    pub(super) overlap_ms_max: u64,
    pub(super) rivals_ms_max: u64,
    /// When a failover of a shard was last forced: the old primary is not asked then.
    forced_ms: BTreeMap<usize, u64>,
    pub(super) forced_rivals_ms_max: u64,
}

impl Story {
    /// Shards with so many replicas each; the nodes with the smallest numbers are the primaries.
    pub(super) fn new(shards: usize, replicas: usize, seed: u64) -> Story {
        let settings = CoreSettings { node_timeout_ms: TIMEOUT_MS, ..CoreSettings::sample() };
        let mut network = Network::new(shards * (1 + replicas), seed, settings);
        for index in 0..network.nodes.len() {
            network.tell(index, |core, now_ms| {
                if index < shards {
                    let is_mine = |slot: &Slot| slot.index() * shards / Slot::COUNT == index;
                    let slots: Vec<Slot> = Slot::all().filter(is_mine).collect();
                    core.add_slots(now_ms, &slots);
                    core.set_config_epoch(now_ms, 1 + index as u64);
                }
                if index > 0 {
                    let first = super::network::ip_of(0).parse().expect("an address");
                    core.meet(now_ms, first, 6379, 16379);
                }
            });
        }
        let count = network.nodes.len();
        network.run_until("agreement", 30_000, Network::agrees);
        for index in shards..count {
            let primary = network.core(index % shards).myself().id;
            network.tell(index, |core, now_ms| core.replicate(now_ms, primary));
        }
        network.run_until("replicas", 30_000, |network| {
            network.agrees() && network.nodes[shards..].iter().all(|node| node.data.from.is_some())
        });
        Story {
            was_replica: (0..count).map(|index| index >= shards).collect(),
            network,
            shards,
            writes_count: 0,
            acknowledged: Vec::new(),
            winners: BTreeMap::new(),
            overlap_since_ms: BTreeMap::new(),
            rivals_since_ms: BTreeMap::new(),
            overlap_ms_max: 0,
            rivals_ms_max: 0,
            forced_ms: BTreeMap::new(),
            forced_rivals_ms_max: 0,
        }
    }

    pub(super) fn run_ms(&mut self, duration_ms: u64) {
        let end_ms = self.network.now_ms + duration_ms;
        while self.network.now_ms < end_ms {
            self.network.step();
            self.check_winners();
            for shard in 0..self.shards {
                self.write(shard);
            }
        }
    }

    /// Runs until something holds; gives back how long that took, in milliseconds.
    pub(super) fn run_until(
        &mut self,
        what: &str,
        limit_ms: u64,
        is_so: impl Fn(&Story) -> bool,
    ) -> u64 {
        let start_ms = self.network.now_ms;
        while !is_so(self) {
            self.network.give_up_after(start_ms + limit_ms, what);
            self.run_ms(50);
        }
        self.network.now_ms - start_ms
    }

    /// The nodes that take writes for a shard now.
    pub(super) fn takers(&self, shard: usize) -> Vec<usize> {
        let (slot, now_ms) = (slot_of(shard, self.shards), self.network.now_ms);
        let takes = |(index, core): &(usize, &Core)| {
            let node = &self.network.nodes[*index];
            node.still_until_ms <= now_ms
                && node.data.paused_until_ms <= now_ms
                && core.is_ok_at(now_ms)
                && core.owner(slot).is_some_and(Member::is_myself)
        };
        self.network.running().filter(takes).map(|(index, _)| index).collect()
    }

    /// A client writes to every node that takes it.
    fn write(&mut self, shard: usize) {
        let takers = self.takers(shard);
        self.check_takers(shard, &takers);
        for index in takers {
            self.writes_count += 1;
            self.network.nodes[index].data.writes.push(self.writes_count);
            self.acknowledged.push((shard, self.writes_count));
        }
    }

    fn check_takers(&mut self, shard: usize, takers: &[usize]) {
        let now_ms = self.network.now_ms;
        let rivals = takers.iter().filter(|index| self.reaches_majority(**index)).count();
        let overlap_ms = lasting_ms(&mut self.overlap_since_ms, shard, takers.len() > 1, now_ms);
        let rivals_ms = lasting_ms(&mut self.rivals_since_ms, shard, rivals > 1, now_ms);
        self.overlap_ms_max = self.overlap_ms_max.max(overlap_ms);
        let began_ms = now_ms - rivals_ms;
        let is_forced =
            self.forced_ms.get(&shard).is_some_and(|at| began_ms.saturating_sub(*at) < FORCED_MS);
        let (longest_ms, limit_ms) = if is_forced {
            (&mut self.forced_rivals_ms_max, OVERLAP_MS_MAX)
        } else {
            (&mut self.rivals_ms_max, NEWS_MS_MAX)
        };
        *longest_ms = (*longest_ms).max(rivals_ms);
        if overlap_ms > OVERLAP_MS_MAX || rivals_ms > limit_ms {
            let how_long = format!("{overlap_ms} ms, {rivals_ms} ms with a majority each");
            let what = format!("single taker of shard {shard}, but {takers:?} for {how_long},");
            self.network.give_up_after(0, &what);
        }
    }

    /// Whether a node is connected with the majority of the primaries that it knows.
    fn reaches_majority(&self, index: usize) -> bool {
        let network = &self.network;
        let voters: Vec<NodeId> =
            network.core(index).members().filter(|m| m.is_voter()).map(|m| m.id).collect();
        let is_reached = |(other, core): &(usize, &Core)| {
            voters.contains(&core.myself().id)
                && network.nodes[*other].still_until_ms <= network.now_ms
                && !network.is_cut(index, *other)
        };
        network.running().filter(is_reached).count() > voters.len() / 2
    }

    fn check_winners(&mut self) {
        for (index, core) in self.network.running() {
            let is_replica = core.myself().is_replica();
            let has_won =
                std::mem::replace(&mut self.was_replica[index], is_replica) && !is_replica;
            let owns = |shard: &usize| {
                core.owner(slot_of(*shard, self.shards)).is_some_and(Member::is_myself)
            };
            if let Some(shard) = (0..self.shards).find(owns).filter(|_| has_won) {
                let (epoch, id) = (core.myself().config_epoch, core.myself().id);
                let winner = *self.winners.entry((epoch, shard)).or_insert(id);
                assert_eq!(winner, id, "two winners of epoch {epoch} for shard {shard}");
            }
        }
    }

    /// Everything is well again: after a while all agree.
    pub(super) fn heal(&mut self) -> u64 {
        self.network.partition(&[]);
        self.network.weather = Weather { delay_ms_max: 40, ..Weather::default() };
        for index in 0..self.network.nodes.len() {
            self.network.nodes[index].still_until_ms = 0;
            self.network.restart(index);
        }
        self.run_until("agreement", HEALING_TIMEOUTS * TIMEOUT_MS, |story| {
            story.network.agrees() && (0..story.shards).all(|shard| story.takers(shard).len() == 1)
        })
    }

    /// Something happens, for a while.
    pub(super) fn mishap(&mut self) {
        let count = self.network.nodes.len();
        let duration_ms = 100 * (1 + self.network.random.below(80) as u64);
        let victim = self.network.random.below(count);
        match self.network.random.below(8) {
            0 | 1 => {
                let size = 1 + self.network.random.below(count / 2);
                let side = self.network.random.sample(count, size);
                self.network.partition(&side);
            }
            2 => self.network.crash(victim),
            3 => self.network.restart(victim),
            4 => {
                self.network.nodes[victim].still_until_ms = self.network.now_ms + duration_ms;
            }
            5 => {
                let random = &mut self.network.random;
                self.network.weather = Weather {
                    loss: random.below(30),
                    repeats: random.below(100),
                    delay_ms_max: 1 + random.below(400),
                };
            }
            6 => self.fail_over_by_hand(victim),
            _ => self.network.partition(&[]),
        }
        self.run_ms(duration_ms);
    }

    /// The shard of a replica that runs, as it sees it.
    fn shard_of(&self, index: usize) -> Option<usize> {
        let core = self.network.core(index);
        let primary = core.myself().primary;
        let owner = |shard| core.owner(slot_of(shard, self.shards)).map(|member| member.id);
        (0..self.shards).find(|shard| primary.is_some() && owner(*shard) == primary)
    }

    fn fail_over_by_hand(&mut self, index: usize) {
        let is_forced = self.network.random.below(2) == 0;
        let how = if is_forced { Failover::Forced } else { Failover::Agreed };
        let is_replica =
            self.network.nodes[index].core.as_ref().is_some_and(|core| core.myself().is_replica());
        if is_replica && self.network.nodes[index].still_until_ms <= self.network.now_ms {
            self.fail_over(index, how);
        }
    }

    /// Has a replica that runs ask for the place of its primary.
    pub(super) fn fail_over(&mut self, index: usize, how: Failover) {
        if let (Failover::Forced, Some(shard)) = (how, self.shard_of(index)) {
            self.forced_ms.insert(shard, self.network.now_ms);
        }
        self.network.tell(index, |core, now_ms| core.fail_over(now_ms, how));
    }

    /// Whether each shard has a node of it on this side, and the side has the majority of the primaries.
    pub(super) fn is_majority_with_all_shards(&self, side: &[usize]) -> bool {
        let shard_of = |index: usize| {
            let me = self.network.core(index).myself();
            me.primary.unwrap_or(me.id)
        };
        let shards: std::collections::BTreeSet<NodeId> =
            side.iter().map(|index| shard_of(*index)).collect();
        let primaries = side.iter().filter(|index| {
            self.network.core(**index).myself().flags.contains(MemberFlags::PRIMARY)
        });
        shards.len() == self.shards && primaries.count() > self.shards / 2
    }
}

/// For how long something has been so, in milliseconds.
fn lasting_ms(since: &mut BTreeMap<usize, u64>, shard: usize, is_so: bool, now_ms: u64) -> u64 {
    if !is_so {
        since.remove(&shard);
        return 0;
    }
    now_ms - *since.entry(shard).or_insert(now_ms)
}
