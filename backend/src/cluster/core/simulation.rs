//! Many cores on a virtual clock and a lossy network: one seed is one run, and a failed run prints its seed.
//!
//! `SIM_SEED=n cargo test -p reddoor-backend simulation` runs one seed again.

use std::collections::{BTreeMap, BTreeSet};

use super::links::LinkId;
use super::tick::TICK_MS;
use super::*;
use crate::cluster::message;

const TIMEOUT_MS: u64 = 2_000;

/// One end of a connection: which core, and its name for the link.
type End = (usize, LinkId);

struct Network {
    now_ms: u64,
    cores: Vec<Core>,
    /// Both directions of every connection.
    wires: BTreeMap<End, End>,
    /// Bytes under way: when they come, to whom.
    under_way: Vec<(u64, End, Vec<u8>)>,
    random: Random,
    /// Pairs that do not reach each other.
    cut: BTreeSet<(usize, usize)>,
    /// Of a thousand messages so many break their connection.
    loss_per_mille: usize,
}

fn ip_of(index: usize) -> String {
    format!("10.0.0.{}", index + 1)
}

impl Network {
    fn new(count: usize, seed: u64) -> Network {
        let now_ms = 1_000_000;
        let cores = (0..count)
            .map(|index| {
                Core::new(
                    CoreSettings::sample(),
                    Random::from_seed(seed * 1000 + index as u64),
                    now_ms,
                )
            })
            .collect();
        Network {
            now_ms,
            cores,
            wires: BTreeMap::new(),
            under_way: Vec::new(),
            random: Random::from_seed(seed),
            cut: BTreeSet::new(),
            loss_per_mille: 0,
        }
    }

    /// A network whose slots are dealt out evenly and whose nodes all meet the first one.
    fn cluster(count: usize, seed: u64) -> Network {
        let mut network = Network::new(count, seed);
        let now_ms = network.now_ms;
        for index in 0..count {
            let slots: Vec<Slot> =
                Slot::all().filter(|slot| slot.index() * count / Slot::COUNT == index).collect();
            network.cores[index].add_slots(now_ms, &slots);
            if index > 0 {
                network.cores[index].meet(now_ms, ip_of(0).parse().unwrap(), 6379, 16379);
            }
        }
        network
    }

    fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cut.contains(&(a.min(b), a.max(b)))
    }

    /// Cuts `side` off from the rest, or heals every cut when it is empty.
    fn partition(&mut self, side: &[usize]) {
        self.cut.clear();
        for a in side {
            for b in (0..self.cores.len()).filter(|b| !side.contains(b)) {
                self.cut.insert((*a.min(&b), *a.max(&b)));
            }
        }
    }

    fn run_ms(&mut self, duration_ms: u64) {
        let end_ms = self.now_ms + duration_ms;
        while self.now_ms < end_ms {
            self.now_ms += 10;
            self.deliver();
            if self.now_ms.is_multiple_of(TICK_MS) {
                for index in 0..self.cores.len() {
                    self.cores[index].handle_tick(self.now_ms);
                    self.act(index);
                }
            }
        }
    }

    fn deliver(&mut self) {
        let now_ms = self.now_ms;
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.under_way)
            .into_iter()
            .partition(|(at_ms, ..)| *at_ms <= now_ms);
        self.under_way = later;
        for (_, (index, link), bytes) in due {
            // Bytes on a connection that has ended since are lost; so are those across a cut.
            let Some(from) = self.wires.get(&(index, link)).copied() else { continue };
            if self.is_cut(index, from.0) {
                continue;
            }
            let message = message::decode::message(&bytes).expect("cores write whole messages");
            self.cores[index].handle_message(now_ms, link, message);
            self.act(index);
        }
    }

    fn act(&mut self, index: usize) {
        while let Some(action) = self.cores[index].poll_action() {
            match action {
                Action::Connect { link, ip, .. } => self.connect(index, link, &ip),
                Action::Send { link, bytes } => self.send((index, link), bytes),
                Action::Disconnect { link } => self.disconnect((index, link)),
                Action::DropSlotKeys { .. }
                | Action::Publish { .. }
                | Action::Save
                | Action::Follow { .. }
                | Action::Lead
                | Action::PauseWrites { .. }
                | Action::ResumeWrites => {}
            }
        }
    }

    fn connect(&mut self, from: usize, link: LinkId, ip: &str) {
        let to = (0..self.cores.len()).find(|index| ip_of(*index) == ip);
        let Some(to) = to.filter(|to| !self.is_cut(from, *to)) else {
            self.cores[from].handle_link_down(link);
            return;
        };
        let accepted = self.cores[to].handle_accept(self.now_ms, ip_of(from), ip_of(to));
        self.wires.insert((from, link), (to, accepted));
        self.wires.insert((to, accepted), (from, link));
        self.cores[from].handle_link_up(self.now_ms, link, ip_of(from));
    }

    fn send(&mut self, from: End, bytes: Vec<u8>) {
        let Some(to) = self.wires.get(&from).copied() else { return };
        if self.random.below(1000) < self.loss_per_mille {
            // The bus runs on TCP: what is lost takes its connection along.
            self.disconnect(from);
            self.cores[from.0].handle_link_down(from.1);
            return;
        }
        let delay_ms = 1 + self.random.below(40) as u64;
        self.under_way.push((self.now_ms + delay_ms, to, bytes));
    }

    fn disconnect(&mut self, end: End) {
        if let Some(other) = self.wires.remove(&end) {
            self.wires.remove(&other);
            self.cores[other.0].handle_link_down(other.1);
        }
    }

    /// Whether every core knows every other one and all agree on every slot and epoch.
    fn agrees(&self) -> bool {
        let claims = |core: &Core| -> Vec<(NodeId, u64, Vec<_>)> {
            let nodes = core.topology().nodes.into_iter();
            nodes.map(|node| (node.id, node.config_epoch, node.slots)).collect()
        };
        let first = claims(&self.cores[0]);
        first.len() == self.cores.len()
            && self.cores.iter().all(|core| claims(core) == first && core.is_ok())
    }

    fn run_until(&mut self, what: &str, limit_ms: u64, is_so: impl Fn(&Network) -> bool) {
        let end_ms = self.now_ms + limit_ms;
        while !is_so(self) {
            assert!(self.now_ms < end_ms, "{what}: not within {limit_ms} ms");
            self.run_ms(100);
        }
        self.cores.iter().for_each(Core::check_invariants);
    }
}

impl Core {
    fn check_invariants(&self) {
        for slot in Slot::all() {
            let owners = self.members().filter(|member| member.slots.contains(slot)).count();
            assert!(owners <= 1, "slot {slot} has {owners} owners");
            assert_eq!(self.owner(slot).is_some(), owners == 1, "slot {slot}");
        }
        let newest = self.members().map(|member| member.config_epoch).max();
        assert!(newest <= Some(self.current_epoch), "an epoch is ahead of the current one");
        assert!(self.myself().is_myself());
    }
}

/// Runs a scenario with several seeds, or with the one in `SIM_SEED`.
fn for_seeds(scenario: impl Fn(u64)) {
    if let Ok(seed) = std::env::var("SIM_SEED") {
        return scenario(seed.parse().expect("SIM_SEED is a number"));
    }
    for seed in 1..=4 {
        println!("SIM_SEED={seed}");
        scenario(seed);
    }
}

#[test]
fn nodes_that_meet_one_meet_all_and_agree() {
    for_seeds(|seed| {
        let mut network = Network::cluster(6, seed);
        network.run_until("agreement", 30_000, Network::agrees);
    });
}

#[test]
fn nodes_agree_though_connections_break() {
    for_seeds(|seed| {
        let mut network = Network::cluster(5, seed);
        network.loss_per_mille = 20;
        network.run_ms(10_000);
        network.loss_per_mille = 0;
        network.run_until("agreement", 60_000, Network::agrees);
    });
}

#[test]
fn epochs_that_collide_part() {
    for_seeds(|seed| {
        let mut network = Network::cluster(4, seed);
        for core in &mut network.cores {
            core.set_config_epoch(network.now_ms, 3);
        }
        network.run_until("agreement", 60_000, |network| {
            let epochs: BTreeSet<u64> =
                network.cores.iter().map(|core| core.myself().config_epoch).collect();
            epochs.len() == network.cores.len() && network.agrees()
        });
    });
}

#[test]
fn a_minority_knows_that_it_is_one() {
    for_seeds(|seed| {
        let mut network = Network::cluster(5, seed);
        network.run_until("agreement", 30_000, Network::agrees);
        network.partition(&[0, 1]);
        network.run_until("the majority gives the others up", 20_000, |network| {
            let lost: Vec<NodeId> = (0..2).map(|index| network.cores[index].myself().id).collect();
            (2..5).all(|index| {
                let core = &network.cores[index];
                lost.iter().all(|id| core.member(id).is_some_and(Member::is_failed))
            })
        });
        assert!((0..2).all(|index| !network.cores[index].is_ok()), "the minority serves nothing");
        let gave_up = |core: &Core| core.members().any(Member::is_failed);
        assert!(!gave_up(&network.cores[0]), "a minority gives nobody up");
        network.partition(&[]);
        network.run_until("healing", 60_000, Network::agrees);
    });
}

#[test]
fn a_slot_that_moved_while_a_node_was_away_stays_moved() {
    for_seeds(|seed| {
        let mut network = Network::cluster(4, seed);
        network.run_until("agreement", 30_000, Network::agrees);
        network.partition(&[0]);
        network.run_ms(TIMEOUT_MS * 4);
        let slot = Slot::new(0).unwrap();
        let (now_ms, new_owner) = (network.now_ms, network.cores[1].myself().id);
        let old_owner = network.cores[0].myself().id;
        network.cores[1].set_importing(slot, old_owner);
        network.cores[1].set_slot_owner(now_ms, slot, &new_owner, true);
        network.partition(&[]);
        network.run_until("agreement on the new owner", 60_000, |network| {
            let owner = |core: &Core| core.owner(slot).map(|member| member.id);
            network.cores.iter().all(|core| owner(core) == Some(new_owner)) && network.agrees()
        });
    });
}

#[test]
fn a_forgotten_node_does_not_come_back() {
    for_seeds(|seed| {
        let mut network = Network::cluster(3, seed);
        network.run_until("agreement", 30_000, Network::agrees);
        let gone = network.cores[2].myself().id;
        network.partition(&[2]);
        for index in 0..2 {
            let now_ms = network.now_ms;
            network.cores[index].forget(now_ms, &gone);
        }
        network.run_ms(30_000);
        assert!((0..2).all(|index| network.cores[index].member(&gone).is_none()));
    });
}
