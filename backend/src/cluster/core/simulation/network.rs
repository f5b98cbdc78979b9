//! The world of a simulation: a clock, nodes that crash and stand still, links that lose, delay and repeat.
//!
//! Messages are whole bytes of the bus, and what a node remembers over a crash is the text of its nodes file, so both
//! formats take part. A link keeps its order, as TCP does; between links there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::data::Data;
use crate::cluster::core::links::LinkId;
use crate::cluster::core::tick::TICK_MS;
use crate::cluster::core::*;
use crate::cluster::member::MemberFlags;
use crate::cluster::{message, nodes_conf};

/// After so long what was written is on the disk, in milliseconds.
const SYNC_MS: u64 = 1_000;

/// Time between two looks at the world, in milliseconds.
const STEP_MS: u64 = 10;

/// One end of a connection: which node, and its name for the link.
type End = (usize, LinkId);

/// One node, running or not.
pub(super) struct Node {
    /// `None` while it is down.
    pub(super) core: Option<Core>,
    /// The text of its nodes file.
    file: String,
    /// The one that is on the disk for certain.
    synced_file: String,
    pub(super) data: Data,
    /// It stands still until then, and what is sent to it waits.
    pub(super) still_until_ms: u64,
    /// Its ticks are so much later than a whole multiple, in milliseconds.
    phase_ms: u64,
}

/// What a network does to messages, of a thousand each.
#[derive(Clone, Copy, Default)]
pub(super) struct Weather {
    /// So many break their connection.
    pub(super) loss: usize,
    /// So many come twice.
    pub(super) repeats: usize,
    /// The longest delay, in milliseconds.
    pub(super) delay_ms_max: usize,
}

/// See the module.
pub(super) struct Network {
    pub(super) now_ms: u64,
    pub(super) nodes: Vec<Node>,
    pub(super) random: Random,
    pub(super) weather: Weather,
    settings: CoreSettings,
    /// Both directions of every connection.
    wires: BTreeMap<End, End>,
    /// When the last message of a direction comes: the next one comes no sooner.
    last_ms: BTreeMap<End, u64>,
    /// Bytes under way, by when they come; the number keeps their order.
    under_way: BTreeMap<(u64, u64), (End, Vec<u8>)>,
    sent_count: u64,
    pub(super) sent_bytes: u64,
    /// Pairs that do not reach each other.
    cut: BTreeSet<(usize, usize)>,
}

pub(super) fn ip_of(index: usize) -> String {
    format!("10.0.{}.{}", index / 250, index % 250 + 1)
}

/// The node that [`ip_of`] gives this address.
fn index_of(ip: &str) -> Option<usize> {
    let (high, low) = ip.strip_prefix("10.0.")?.split_once('.')?;
    Some(high.parse::<usize>().ok()? * 250 + low.parse::<usize>().ok()?.checked_sub(1)?)
}

impl Network {
    /// Nodes that know nobody.
    pub(super) fn new(count: usize, seed: u64, settings: CoreSettings) -> Network {
        let now_ms = 1_000_000;
        let mut random = Random::from_seed(seed);
        let nodes = (0..count).map(|_| {
            let core = Core::new(settings.clone(), random.fork(), now_ms);
            let file = nodes_conf::text_of(&core);
            Node {
                synced_file: file.clone(),
                file,
                core: Some(core),
                data: Data::default(),
                still_until_ms: 0,
                phase_ms: random.below(10) as u64 * STEP_MS,
            }
        });
        Network {
            now_ms,
            nodes: nodes.collect(),
            random,
            weather: Weather { delay_ms_max: 40, ..Weather::default() },
            settings,
            wires: BTreeMap::new(),
            last_ms: BTreeMap::new(),
            under_way: BTreeMap::new(),
            sent_count: 0,
            sent_bytes: 0,
            cut: BTreeSet::new(),
        }
    }

    /// As [`Network::new`], of primaries that share the slots and know all others from their nodes files. None runs
    /// yet.
    pub(super) fn acquainted(count: usize, seed: u64, settings: CoreSettings) -> Network {
        let mut network = Network::new(count, seed, settings);
        let mut lines: Vec<Member> =
            network.running().map(|(_, core)| core.myself().clone()).collect();
        for (index, member) in lines.iter_mut().enumerate() {
            member.flags = MemberFlags::PRIMARY | MemberFlags::EXTENSIONS;
            member.ip = ip_of(index);
            member.config_epoch = 1 + index as u64;
            let is_its = |slot: &Slot| slot.index() * count / Slot::COUNT == index;
            Slot::all().filter(is_its).for_each(|slot| member.slots.insert(slot));
        }
        for index in 0..count {
            let mut members = lines.clone();
            members[index].flags |= MemberFlags::MYSELF;
            let remembered = Remembered { members, ..Remembered::default() };
            let random = network.random.fork();
            let core = Core::restore(network.settings.clone(), random, remembered, network.now_ms);
            let node = &mut network.nodes[index];
            node.file = nodes_conf::text_of(&core.expect("its own line"));
            node.core = None;
        }
        network
    }

    /// The core of a node that runs.
    pub(super) fn core(&self, index: usize) -> &Core {
        self.nodes[index].core.as_ref().expect("a node that runs")
    }

    /// Tells a running node's core something, and does what follows.
    pub(super) fn tell(&mut self, index: usize, tell: impl FnOnce(&mut Core, u64)) {
        let (now_ms, state) = (self.now_ms, self.nodes[index].data.state());
        if let Some(core) = &mut self.nodes[index].core {
            core.set_replication(state);
            tell(core, now_ms);
        }
        self.act(index);
    }

    pub(super) fn running(&self) -> impl Iterator<Item = (usize, &Core)> {
        self.nodes.iter().enumerate().filter_map(|(index, node)| Some((index, node.core.as_ref()?)))
    }

    pub(super) fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cut.contains(&(a.min(b), a.max(b)))
    }

    /// Cuts `side` off from the rest, or heals every cut when it is empty.
    pub(super) fn partition(&mut self, side: &[usize]) {
        self.cut.clear();
        for a in side {
            for b in (0..self.nodes.len()).filter(|b| !side.contains(b)) {
                self.cut.insert((*a.min(&b), *a.max(&b)));
            }
        }
    }

    /// A node dies as if its machine had lost power: what was written and not synced may be lost.
    pub(super) fn crash(&mut self, index: usize) {
        if self.random.below(2) == 0 {
            self.nodes[index].file = self.nodes[index].synced_file.clone();
        }
        self.nodes[index].core = None;
        self.nodes[index].data.lose_link();
        let ends: Vec<End> = self.wires.keys().filter(|end| end.0 == index).copied().collect();
        for end in ends {
            self.disconnect(end);
        }
    }

    /// A node that died begins again with what its nodes file has kept.
    pub(super) fn restart(&mut self, index: usize) {
        if self.nodes[index].core.is_some() {
            return;
        }
        let file = self.nodes[index].file.clone();
        let remembered =
            nodes_conf::parse(Path::new("nodes.conf"), file.as_bytes()).expect("its own file");
        let (settings, random) = (self.settings.clone(), self.random.fork());
        let core = Core::restore(settings, random, remembered, self.now_ms).expect("its own line");
        self.nodes[index].core = Some(core);
    }

    pub(super) fn run_ms(&mut self, duration_ms: u64) {
        let end_ms = self.now_ms + duration_ms;
        while self.now_ms < end_ms {
            self.step();
        }
    }

    /// The shortest time in which something happens.
    pub(super) fn step(&mut self) {
        self.now_ms += STEP_MS;
        let now_ms = self.now_ms;
        self.deliver();
        self.copy();
        for index in 0..self.nodes.len() {
            let node = &self.nodes[index];
            let is_running = node.core.is_some() && node.still_until_ms <= now_ms;
            let is_due =
                |period_ms| is_running && (now_ms + node.phase_ms).is_multiple_of(period_ms);
            let (ticks, syncs) = (is_due(TICK_MS), is_due(SYNC_MS));
            if ticks {
                self.tell(index, |core, now_ms| core.handle_tick(now_ms));
            }
            if syncs {
                let Node { file, synced_file, .. } = &mut self.nodes[index];
                synced_file.clone_from(file);
            }
        }
    }

    fn deliver(&mut self) {
        let now_ms = self.now_ms;
        while let Some(entry) = self.under_way.first_entry() {
            if entry.key().0 > now_ms {
                break;
            }
            let (number, (end, bytes)) = (entry.key().1, entry.remove());
            let (index, link) = end;
            // Bytes on a connection that has ended since are lost; so are those across a cut.
            let Some(from) = self.wires.get(&end).copied() else { continue };
            if self.is_cut(index, from.0) {
                continue;
            }
            let still_until_ms = self.nodes[index].still_until_ms;
            if still_until_ms > now_ms {
                self.under_way.insert((still_until_ms, number), (end, bytes));
                continue;
            }
            let message = message::decode::message(&bytes).expect("cores write whole messages");
            self.tell(index, |core, now_ms| core.handle_message(now_ms, link, message));
        }
    }

    /// Every replica copies some of what its primary has.
    fn copy(&mut self) {
        for index in 0..self.nodes.len() {
            let Some(from) = self.nodes[index].data.from else { continue };
            let (now_ms, is_idle) = (self.now_ms, self.random.below(3) == 0);
            let is_still = |node: &Node| node.still_until_ms > now_ms || node.core.is_none();
            if is_idle || is_still(&self.nodes[index]) || is_still(&self.nodes[from]) {
                continue;
            }
            if self.is_cut(index, from) {
                continue;
            }
            let source = std::mem::take(&mut self.nodes[from].data);
            self.nodes[index].data.copy(&source, now_ms, 1 + self.random.below(8));
            self.nodes[from].data = source;
        }
    }

    fn act(&mut self, index: usize) {
        while let Node { core: Some(core), file, synced_file, data, .. } = &mut self.nodes[index]
            && let Some(action) = core.poll_action()
        {
            match action {
                Action::Connect { link, ip, .. } => self.connect(index, link, &ip),
                Action::Send { link, bytes } => self.send((index, link), bytes),
                Action::Disconnect { link } => self.disconnect((index, link)),
                Action::Save { is_promise } => {
                    *file = nodes_conf::text_of(core);
                    if is_promise {
                        synced_file.clone_from(file);
                    }
                }
                Action::PauseWrites { until_ms } => data.paused_until_ms = until_ms,
                Action::ResumeWrites => data.paused_until_ms = 0,
                Action::Lead => data.from = None,
                Action::Follow { ip, .. } => {
                    data.lose_link();
                    data.from = index_of(&ip);
                }
                Action::DropSlotKeys { .. } | Action::Publish { .. } => {}
            }
        }
    }

    fn connect(&mut self, from: usize, link: LinkId, ip: &str) {
        let is_there = |to: &usize| self.nodes.get(*to).is_some_and(|node| node.core.is_some());
        let to = index_of(ip).filter(|to| is_there(to) && !self.is_cut(from, *to));
        let (now_ms, Some(to)) = (self.now_ms, to) else {
            return self.tell(from, |core, _| core.handle_link_down(link));
        };
        let mut accepted = None;
        self.tell(to, |core, _| {
            accepted = core.handle_accept(now_ms, ip_of(from), ip_of(to));
        });
        let Some(accepted) = accepted else { return };
        self.wires.insert((from, link), (to, accepted));
        self.wires.insert((to, accepted), (from, link));
        self.tell(from, |core, _| core.handle_link_up(now_ms, link, ip_of(from)));
    }

    fn send(&mut self, from: End, bytes: Vec<u8>) {
        let Some(to) = self.wires.get(&from).copied() else { return };
        self.sent_bytes += bytes.len() as u64;
        if self.random.below(1000) < self.weather.loss {
            // The bus runs on TCP: what is lost takes its connection along.
            self.disconnect(from);
            return self.tell(from.0, |core, _| core.handle_link_down(from.1));
        }
        let is_repeated = self.random.below(1000) < self.weather.repeats;
        let delay_ms = 1 + self.random.below(self.weather.delay_ms_max) as u64;
        let last_ms = self.last_ms.entry(to).or_default();
        *last_ms = (*last_ms).max(self.now_ms + delay_ms);
        for _ in 0..1 + usize::from(is_repeated) {
            self.sent_count += 1;
            self.under_way.insert((*last_ms, self.sent_count), (to, bytes.clone()));
        }
    }

    fn disconnect(&mut self, end: End) {
        self.last_ms.remove(&end);
        if let Some(other) = self.wires.remove(&end) {
            self.wires.remove(&other);
            self.last_ms.remove(&other);
            self.tell(other.0, |core, _| core.handle_link_down(other.1));
        }
    }

    /// Whether every node runs, knows every other one, and all agree on every slot, role and epoch.
    pub(super) fn agrees(&self) -> bool {
        let mut views = self.running();
        let Some((_, first)) = views.next() else { return false };
        let is_alike = |(a, b): (&Member, &Member)| {
            let has_claim = a.is_primary();
            a.id == b.id
                && a.primary == b.primary
                && a.flags.contains(MemberFlags::PRIMARY) == b.flags.contains(MemberFlags::PRIMARY)
                && (!has_claim || a.config_epoch == b.config_epoch)
                && a.slots == b.slots
        };
        let is_well = |core: &Core| {
            let trouble = MemberFlags::HANDSHAKE | MemberFlags::PFAIL | MemberFlags::FAIL;
            core.is_ok()
                && core.members_count() == self.nodes.len()
                && core.members().all(|member| !member.flags.intersects(trouble))
        };
        self.running().count() == self.nodes.len()
            && is_well(first)
            && views
                .all(|(_, core)| is_well(core) && first.members().zip(core.members()).all(is_alike))
    }

    /// Fails when the time is up, and shows what every node knows.
    pub(super) fn give_up_after(&self, end_ms: u64, what: &str) {
        if self.now_ms < end_ms {
            return;
        }
        let views = self.running().map(|(index, core)| {
            format!("node {index}, {}:\n{}", core.is_ok(), nodes_conf::text_of(core))
        });
        panic!("no {what} in time\n{}", views.collect::<String>());
    }

    /// Runs until something holds; gives back how long that took, in milliseconds.
    pub(super) fn run_until(
        &mut self,
        what: &str,
        limit_ms: u64,
        is_so: impl Fn(&Network) -> bool,
    ) -> u64 {
        let start_ms = self.now_ms;
        while !is_so(self) {
            self.give_up_after(start_ms + limit_ms, what);
            self.run_ms(100);
        }
        self.running().for_each(|(_, core)| core.check_invariants());
        self.now_ms - start_ms
    }
}

impl Core {
    pub(super) fn check_invariants(&self) {
        for slot in Slot::all() {
            let owners = self.members().filter(|member| member.slots.contains(slot)).count();
            assert!(owners <= 1, "slot {slot} has {owners} owners");
            assert_eq!(self.owner(slot).is_some(), owners == 1, "slot {slot}");
        }
        let newest = self.members().map(|member| member.config_epoch).max();
        assert!(newest <= Some(self.current_epoch), "an epoch is ahead of the current one");
        assert!(self.last_vote_epoch <= self.current_epoch, "a vote is ahead of the current epoch");
        assert!(self.myself().is_myself());
        assert!(
            self.members().all(|m| !m.is_replica() || m.slots.is_empty()),
            "a replica with slots"
        );
    }
}
