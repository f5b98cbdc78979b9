//! A peer that means harm, or whose memory is damaged: it sends whatever it likes.
//!
//! The bus has no secret, as that of a Redis has none: who reaches its port and knows a member's name speaks for that
//! member. What is kept from it all the same: a crash, slots without a newer epoch, memory without bound.

#![expect(clippy::cast_possible_truncation, reason = "any bits of a random number will do")]

use reddoor_protocol::slot::Slot;

use super::for_seeds;
use super::histories::Story;
use crate::cluster::core::links::LinkId;
use crate::cluster::core::*;
use crate::cluster::member::{MemberFlags, SlotSet};
use crate::cluster::message::{Body, Gossip, Message, Sender, decode, encode};

/// Messages that each hostile peer sends (count).
const MESSAGES: usize = 3_000;

/// Who the peer says it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guise {
    Stranger,
    Member,
}

struct Peer {
    random: Random,
    /// Those of the cluster, the node that is spoken to last.
    members: Vec<NodeId>,
    guise: Guise,
}

impl Peer {
    fn of(story: &Story, seed: u64, guise: Guise) -> Peer {
        let core = story.network.core(0);
        let mut members: Vec<NodeId> = core.members().map(|member| member.id).collect();
        members.sort_by_key(|id| *id == core.myself().id);
        Peer { random: Random::from_seed(seed), members, guise }
    }

    fn id(&mut self) -> NodeId {
        let words = [self.random.next(), self.random.next(), self.random.next()];
        let text: String = words.iter().map(|word| format!("{word:016x}")).collect();
        NodeId::parse(&text.as_bytes()[..NodeId::LEN]).expect("40 hexadecimal digits")
    }

    fn any_id(&mut self) -> NodeId {
        let member = self.members[self.random.below(self.members.len())];
        if self.random.below(2) == 0 { member } else { self.id() }
    }

    fn flags(&mut self) -> MemberFlags {
        MemberFlags::from_bits_truncate(
            u16::try_from(self.random.below(1 << 16)).unwrap_or_default(),
        )
    }

    fn slots(&mut self) -> SlotSet {
        let mut slots = SlotSet::new();
        let step = 1 + self.random.below(100);
        Slot::all().step_by(step).for_each(|slot| slots.insert(slot));
        slots
    }

    /// An epoch that no honest node could have: behind every claim that is known, or ahead of the sender's own.
    fn epochs(&mut self) -> (u64, u64) {
        if self.random.below(2) == 0 { (self.random.below(100) as u64, u64::MAX) } else { (0, 0) }
    }

    fn sender(&mut self) -> Sender {
        let (current_epoch, config_epoch) = self.epochs();
        let id = match self.guise {
            Guise::Stranger => self.id(),
            Guise::Member => self.members[0],
        };
        Sender {
            id,
            ip: if self.random.below(2) == 0 { String::new() } else { "10.9.9.9".to_owned() },
            port: self.random.next() as u16,
            bus_port: self.random.next() as u16,
            flags: self.flags(),
            current_epoch,
            config_epoch,
            repl_offset: self.random.next(),
            slots: self.slots(),
            primary: None,
            sees_ok: self.random.below(2) == 0,
            reads_extensions: true,
            is_paused: self.random.below(2) == 0,
            is_forced: self.random.below(2) == 0,
        }
    }

    fn body(&mut self) -> Body {
        match self.random.below(6) {
            0 => Body::Update {
                config_epoch: [0, u64::MAX][self.random.below(2)],
                id: self.any_id(),
                slots: self.slots(),
            },
            1 => Body::Bare { kind: Kind::ALL[5 + self.random.below(4)] },
            2 => Body::Publish { is_sharded: true, channel: vec![1; 100], message: vec![2; 1000] },
            number => {
                let kind = [Kind::Ping, Kind::Pong, Kind::Meet][number % 3];
                let gossip = (0..self.random.below(20)).map(|_| self.gossip()).collect();
                Body::Ping { kind, gossip, hostname: Some("x.example".to_owned()) }
            }
        }
    }

    fn gossip(&mut self) -> Gossip {
        Gossip {
            id: self.any_id(),
            ping_sent_s: self.random.next() as u32,
            pong_received_s: self.random.next() as u32,
            ip: "10.8.8.8".to_owned(),
            port: self.random.next() as u16,
            bus_port: self.random.next() as u16,
            flags: self.flags(),
        }
    }

    /// A message, some of its bytes damaged.
    fn bytes(&mut self) -> Vec<u8> {
        let mut bytes = encode::message(&Message { sender: self.sender(), body: self.body() });
        for _ in 0..self.random.below(8) * self.random.below(2) {
            // What stands before the sender's name says who speaks and how new the claim is: that is chosen above.
            let at = 40 + self.random.below(bytes.len() - 40);
            bytes[at] = self.random.next() as u8;
        }
        bytes
    }
}

/// A cluster of three shards, in which node 0 is spoken to.
fn attack(seed: u64, guise: Guise, mut check: impl FnMut(&Story)) -> Story {
    let mut story = Story::new(3, 1, seed);
    let mut peer = Peer::of(&story, seed, guise);
    for _ in 0..MESSAGES {
        let mut link = None;
        story.network.tell(0, |core, now_ms| {
            link = core.handle_accept(now_ms, "10.9.9.9".to_owned(), "10.0.0.1".to_owned());
        });
        let Some(link) = link else { break };
        if let Ok(message) = decode::message(&peer.bytes()) {
            story.network.tell(0, |core, now_ms| core.handle_message(now_ms, link, message));
        }
        if peer.random.below(4) != 0 {
            story.network.tell(0, |core, _| core.handle_link_down(link));
        }
        check(&story);
    }
    story
}

fn owners(core: &Core) -> Vec<Option<NodeId>> {
    Slot::all().step_by(97).map(|slot| core.owner(slot).map(|member| member.id)).collect()
}

#[test]
fn a_stranger_changes_nothing_but_who_may_be_met() {
    for_seeds(|seed| {
        let before = std::cell::RefCell::new(None);
        let story = attack(seed, Guise::Stranger, |story| {
            let core = story.network.core(0);
            let now = (owners(core), core.current_epoch());
            assert_eq!(*before.borrow_mut().get_or_insert(now.clone()), now);
        });
        assert!(story.network.core(0).members_count() <= MEMBERS_MAX);
    });
}

#[test]
fn who_speaks_for_a_member_takes_no_slot_without_an_epoch() {
    for_seeds(|seed| {
        let before = std::cell::RefCell::new(None);
        let story = attack(seed, Guise::Member, |story| {
            let now = owners(story.network.core(0));
            assert_eq!(*before.borrow_mut().get_or_insert(now.clone()), now);
        });
        story.network.core(0).check_invariants();
    });
}

#[test]
fn endless_gossip_ends_at_the_limit_of_members() {
    let mut story = Story::new(3, 0, 1);
    let mut peer = Peer::of(&story, 1, Guise::Member);
    let link = LinkId(1 << 40);
    for _ in 0..MEMBERS_MAX / 100 {
        let mut sender = peer.sender();
        (sender.current_epoch, sender.config_epoch) = (9, 0);
        let flags = MemberFlags::PRIMARY;
        let gossip = (0..200).map(|_| Gossip { id: peer.id(), flags, ..peer.gossip() }).collect();
        let body = Body::Ping { kind: Kind::Ping, gossip, hostname: None };
        story.network.tell(0, |core, now_ms| {
            let accepted = core.handle_accept(now_ms, "10.9.9.9".to_owned(), String::new());
            core.handle_message(now_ms, accepted.unwrap_or(link), Message { sender, body });
        });
    }
    let core = story.network.core(0);
    assert_eq!(core.members_count(), MEMBERS_MAX);
    assert!(core.refused_count() > 0);
}

#[test]
fn the_greatest_epoch_of_all_breaks_nothing() {
    let mut story = Story::new(3, 1, 1);
    let mut peer = Peer::of(&story, 1, Guise::Member);
    let mut sender = peer.sender();
    (sender.current_epoch, sender.config_epoch) = (u64::MAX, 0);
    let body = Body::Bare { kind: Kind::AuthRequest };
    story.network.tell(0, |core, now_ms| {
        let link = core.handle_accept(now_ms, String::new(), String::new()).expect("room");
        core.handle_message(now_ms, link, Message { sender, body });
        core.bump_epoch();
    });
    story.network.crash(1);
    story.run_ms(20_000);
    assert_eq!(story.network.core(0).current_epoch(), u64::MAX);
}

#[test]
fn too_many_links_are_refused() {
    let mut core = Core::new(CoreSettings::sample(), Random::from_seed(1), 1);
    let taken =
        (0..INBOUND_MAX + 10).filter_map(|_| core.handle_accept(1, String::new(), String::new()));
    assert_eq!(taken.count(), INBOUND_MAX);
}
