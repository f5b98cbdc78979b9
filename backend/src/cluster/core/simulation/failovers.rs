//! What histories have to show of failovers.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::histories::{Story, TIMEOUT_MS};
use super::{for_many_seeds, histories_count};
use crate::cluster::core::by_hand::Failover;
use crate::cluster::member::Member;

/// Node timeouts within which a side with the majority and a node of every shard serves all slots again (count).
///
/// One and a half until the lost primaries are suspected, one until the majority has told each other, one for the
/// second that an election waits at the most and its votes; and twice four for two that went wrong because several
/// shards had asked for votes in one epoch.
const RECOVERY_TIMEOUTS: u64 = 12;

/// Collects measurements of all histories; tells the middle, the last per cent and the worst.
#[derive(Default)]
struct Measured(Mutex<Vec<u64>>);

impl Measured {
    fn add(&self, ms: u64) {
        self.0.lock().expect("no test panics while it holds this").push(ms);
    }

    fn tell(&self, what: &str) {
        let mut all = self.0.lock().expect("no test panics while it holds this");
        all.sort_unstable();
        let at = |percent: usize| all.get((all.len().saturating_sub(1)) * percent / 100);
        let in_timeouts = |percent| *at(percent).unwrap_or(&0) as f64 / TIMEOUT_MS as f64;
        let [middle, late, worst] = [50, 99, 100].map(in_timeouts);
        let count = all.len();
        println!("{what}: {middle:.2} node timeouts, 99 %: {late:.2}, worst {worst:.2} of {count}");
    }
}

#[test]
fn whatever_happens_no_slot_has_two_masters_for_long_and_all_agree_in_the_end() {
    let [overlap, rivals, forced, healing] = [(); 4].map(|()| Measured::default());
    for_many_seeds(histories_count(120), |seed| {
        let (shards, replicas) = [(3, 1), (3, 2), (5, 1), (4, 1)][index_of(seed) % 4];
        let mut story = Story::new(shards, replicas, seed);
        for _ in 0..6 {
            story.mishap();
        }
        healing.add(story.heal());
        overlap.add(story.overlap_ms_max);
        rivals.add(story.rivals_ms_max);
        forced.add(story.forced_rivals_ms_max);
    });
    overlap.tell("old and new primary together");
    rivals.tell("both of them with a majority");
    forced.tell("the same after a failover that was forced");
    healing.tell("agreement after all is well");
}

#[test]
fn a_side_with_the_majority_and_a_node_of_each_shard_recovers() {
    let recovery = Measured::default();
    for_many_seeds(histories_count(80), |seed| {
        let (shards, replicas) = [(3, 1), (3, 2), (5, 1), (5, 2)][index_of(seed) % 4];
        let mut story = Story::new(shards, replicas, seed);
        story.network.weather.loss = index_of(seed) % 3;
        story.run_ms(1_000 + seed % 2_000);
        let count = story.network.nodes.len();
        let side: Vec<usize> = loop {
            let size = count / 2 + story.network.random.below(count / 2);
            let side = story.network.random.sample(count, size);
            if story.is_majority_with_all_shards(&side) {
                break side;
            }
        };
        story.network.partition(&side);
        let limit_ms = RECOVERY_TIMEOUTS * TIMEOUT_MS;
        recovery.add(story.run_until("recovery", limit_ms, |story| {
            let is_served = |shard| story.takers(shard).iter().any(|taker| side.contains(taker));
            (0..story.shards).all(is_served)
        }));
        story.heal();
    });
    recovery.tell("all slots served after a partition");
}

#[test]
fn no_acknowledged_write_is_lost_in_a_failover_by_hand() {
    for_many_seeds(histories_count(30), |seed| {
        let mut story = Story::new(3, 1 + index_of(seed) % 2, seed);
        story.network.weather.delay_ms_max = 1 + index_of(seed) * 7 % 200;
        for _ in 0..4 {
            // Nobody votes for a replica of the same primary twice within two node timeouts.
            story.run_ms(2 * TIMEOUT_MS + seed * 37 % 500);
            let replicas: Vec<usize> = story
                .network
                .running()
                .filter(|(_, core)| core.myself().is_replica())
                .map(|(index, _)| index)
                .collect();
            let candidate = replicas[story.network.random.below(replicas.len())];
            story.network.tell(candidate, |core, now_ms| core.fail_over(now_ms, Failover::Agreed));
            story.run_until("the replica to lead", 5_000, |story| {
                story.network.core(candidate).myself().is_primary()
            });
        }
        story.heal();
        let kept: BTreeSet<u32> = (0..3)
            .flat_map(|shard| story.takers(shard))
            .flat_map(|taker| story.network.nodes[taker].data.writes.clone())
            .collect();
        let lost = story.acknowledged.iter().filter(|(_, write)| !kept.contains(write)).count();
        assert_eq!(lost, 0, "of {} acknowledged writes", story.acknowledged.len());
    });
}

/// Its primary went down before it could hand over, so it is elected as after any failure, but it goes first.
#[test]
fn who_is_asked_by_hand_goes_first_when_its_primary_is_down() {
    for_many_seeds(histories_count(10), |seed| {
        let mut story = Story::new(3, 2, seed);
        let primary = story.network.core(0).myself().id;
        story.network.crash(0);
        story.network.tell(3, |core, now_ms| core.fail_over(now_ms, Failover::Agreed));
        story.run_until("the failure to be known", 5_000, |story| {
            story.network.core(3).member(&primary).is_some_and(Member::is_failed)
        });
        story.run_until("the replica to lead", 450, |story| {
            story.network.core(3).myself().is_primary()
        });
    });
}

#[test]
fn the_replica_that_has_copied_most_takes_over() {
    for_many_seeds(histories_count(40), |seed| {
        let mut story = Story::new(3, 2, seed);
        story.run_ms(3_000);
        // Node 3 and node 6 are the replicas of node 0; one of them falls behind.
        let (behind, ahead) = if seed % 2 == 0 { (3, 6) } else { (6, 3) };
        story.network.nodes[behind].data.from = None;
        story.run_ms(1_000 + TIMEOUT_MS / 2);
        story.network.crash(0);
        story.run_until("a new primary", 10 * TIMEOUT_MS, |story| !story.takers(0).is_empty());
        assert_eq!(story.takers(0), [ahead]);
    });
}

#[test]
fn a_replica_whose_copy_is_too_old_does_not_take_over() {
    for_many_seeds(histories_count(10), |seed| {
        let mut story = Story::new(3, 1, seed);
        story.network.nodes[3].data.from = None;
        // Ten node timeouts by the validity factor, one to find out, and the ten seconds between two pings.
        story.run_ms(11 * TIMEOUT_MS + 10_000 + 1_000);
        story.network.crash(0);
        story.run_ms(10 * TIMEOUT_MS);
        assert!(story.takers(0).is_empty() && story.network.core(3).myself().is_replica());
    });
}

#[test]
fn a_replica_moves_to_a_primary_that_has_lost_its_own() {
    for_many_seeds(histories_count(20), |seed| {
        let mut story = Story::new(3, 2, seed);
        story.network.crash(3);
        story.network.crash(6);
        let orphan = story.network.core(0).myself().id;
        story.run_until("a replica to move", 20 * TIMEOUT_MS, |story| {
            story.network.running().any(|(_, core)| core.myself().primary == Some(orphan))
        });
        story.run_ms(10 * TIMEOUT_MS);
        let moved =
            story.network.running().filter(|(_, core)| core.myself().primary == Some(orphan));
        assert_eq!(moved.count(), 1, "one is enough, and the donor keeps one");
    });
}

/// A seed as a number to choose by.
fn index_of(seed: u64) -> usize {
    usize::try_from(seed % 1_000_000).unwrap_or_default()
}
