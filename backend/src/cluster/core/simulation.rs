//! Many cores on a virtual clock and a lossy network: one seed is one run, and a failed run prints its seed.
//!
//! `SIM_SEED=n cargo test -p reddoor-backend simulation` runs one seed again. `SIM_HISTORIES=n` has the tests of
//! histories run so many instead of those that a build can wait for. `SIM_NODES=n` has `crowd` measure so many nodes.

mod network;

mod data;

mod histories;

mod failovers;

mod promises;

mod hostile;

mod crowd;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use self::network::{Network, ip_of};
use super::*;

const TIMEOUT_MS: u64 = 2_000;

/// A network whose slots are dealt out evenly and whose nodes all meet the first one.
fn cluster(count: usize, seed: u64) -> Network {
    let mut network = Network::new(count, seed, CoreSettings::sample());
    for index in 0..count {
        network.tell(index, |core, now_ms| {
            let is_mine = |slot: &Slot| slot.index() * count / Slot::COUNT == index;
            let slots: Vec<Slot> = Slot::all().filter(is_mine).collect();
            core.add_slots(now_ms, &slots);
            if index > 0 {
                core.meet(now_ms, ip_of(0).parse().unwrap(), 6379, 16379);
            }
        });
    }
    network
}

/// Runs a scenario with several seeds, or with the one in `SIM_SEED`.
fn for_seeds(scenario: impl Fn(u64) + Sync) {
    for_many_seeds(4, scenario);
}

/// As [`for_seeds`], with `count` seeds, on all processors.
fn for_many_seeds(count: u64, scenario: impl Fn(u64) + Sync) {
    if let Some(seed) = asked_for("SIM_SEED") {
        return scenario(seed);
    }
    let next = AtomicU64::new(1);
    let run = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > count {
                return;
            }
            let failed = catch_unwind(AssertUnwindSafe(|| scenario(seed))).is_err();
            assert!(!failed, "failed with SIM_SEED={seed}");
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(run);
        }
    });
}

/// How many histories a test runs: what the environment says, or so many as a build can wait for.
fn histories_count(default: u64) -> u64 {
    asked_for("SIM_HISTORIES").unwrap_or(default)
}

/// A number that the environment sets.
fn asked_for(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

#[test]
fn nodes_that_meet_one_meet_all_and_agree() {
    for_seeds(|seed| {
        let mut network = cluster(6, seed);
        network.run_until("agreement", 30_000, Network::agrees);
    });
}

#[test]
fn nodes_agree_though_connections_break() {
    for_seeds(|seed| {
        let mut network = cluster(5, seed);
        network.weather.loss = 20;
        network.run_ms(10_000);
        network.weather.loss = 0;
        network.run_until("agreement", 60_000, Network::agrees);
    });
}

/// Clients are told where a slot is as soon as this is known, some of them by host name.
#[test]
fn who_knows_the_slots_of_a_node_knows_its_host_name() {
    for_seeds(|seed| {
        let mut network = cluster(6, seed);
        for index in 0..6 {
            network.tell(index, |core, _| core.settings.hostname = "host.test".to_owned());
        }
        let names_all = |core: &Core| {
            let others = core.members().filter(|m| !m.is_myself() && !m.slots.is_empty());
            others.into_iter().all(|member| member.hostname == "host.test")
        };
        network.run_until("agreement", 30_000, |network| {
            assert!(network.running().all(|(_, core)| names_all(core)), "a slot without a name");
            network.agrees()
        });
    });
}

#[test]
fn epochs_that_collide_part() {
    for_seeds(|seed| {
        let mut network = cluster(4, seed);
        for index in 0..4 {
            network.tell(index, |core, now_ms| core.set_config_epoch(now_ms, 3));
        }
        network.run_until("agreement", 60_000, |network| {
            let epochs: BTreeSet<u64> =
                network.running().map(|(_, core)| core.myself().config_epoch).collect();
            epochs.len() == 4 && network.agrees()
        });
    });
}

#[test]
fn a_minority_knows_that_it_is_one() {
    for_seeds(|seed| {
        let mut network = cluster(5, seed);
        network.run_until("agreement", 30_000, Network::agrees);
        network.partition(&[0, 1]);
        network.run_until("the majority gives the others up", 20_000, |network| {
            let lost: Vec<NodeId> = (0..2).map(|index| network.core(index).myself().id).collect();
            (2..5).all(|index| {
                let core = network.core(index);
                lost.iter().all(|id| core.member(id).is_some_and(Member::is_failed))
            })
        });
        assert!((0..2).all(|index| !network.core(index).is_ok()), "the minority serves nothing");
        let gave_up = |core: &Core| core.members().any(Member::is_failed);
        assert!(!gave_up(network.core(0)), "a minority gives nobody up");
        network.partition(&[]);
        network.run_until("healing", 60_000, Network::agrees);
    });
}

#[test]
fn a_slot_that_moved_while_a_node_was_away_stays_moved() {
    for_seeds(|seed| {
        let mut network = cluster(4, seed);
        network.run_until("agreement", 30_000, Network::agrees);
        network.partition(&[0]);
        network.run_ms(TIMEOUT_MS * 4);
        let slot = Slot::new(0).unwrap();
        let (old_owner, new_owner) = (network.core(0).myself().id, network.core(1).myself().id);
        network.tell(1, |core, now_ms| {
            core.set_importing(slot, old_owner);
            core.set_slot_owner(now_ms, slot, &new_owner, true);
        });
        network.partition(&[]);
        network.run_until("agreement on the new owner", 60_000, |network| {
            let owner = |core: &Core| core.owner(slot).map(|member| member.id);
            network.running().all(|(_, core)| owner(core) == Some(new_owner)) && network.agrees()
        });
    });
}

#[test]
fn a_forgotten_node_does_not_come_back() {
    for_seeds(|seed| {
        let mut network = cluster(3, seed);
        network.run_until("agreement", 30_000, Network::agrees);
        let gone = network.core(2).myself().id;
        network.partition(&[2]);
        for index in 0..2 {
            network.tell(index, |core, now_ms| core.forget(now_ms, &gone));
        }
        network.run_ms(30_000);
        assert!((0..2).all(|index| network.core(index).member(&gone).is_none()));
    });
}
