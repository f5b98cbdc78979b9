//! What nodes tell each other of third nodes.
//!
//! Every ping, pong and meet carries some members chosen at random, a tenth of all and at least three, and every
//! member that the sender suspects: so a suspicion reaches the majority within a few pings.
//!
//! Source: redis `src/cluster.c` clusterSendPing, clusterProcessGossipSection.

use reddoor_protocol::topology::NodeId;

use super::Core;
use super::links::LinkId;
use crate::cluster::member::{Member, MemberFlags};
use crate::cluster::message::{Body, Gossip, Kind};

/// The fewest members told of at random (count).
const GOSSIP_MIN: usize = 3;

/// How far ahead of this node's clock a pong may be said to have come, in milliseconds.
const CLOCK_SKEW_MAX_MS: u64 = 500;

impl Core {
    /// Sends a ping, pong or meet with gossip.
    pub(super) fn send_ping(&mut self, now_ms: u64, link: LinkId, kind: Kind) {
        // What is not sent is not waited for.
        if self.is_silent_on(link) {
            return;
        }
        let peer = self.links.get(link).and_then(|entry| entry.peer);
        let is_own = self.links.get(link).is_some_and(|entry| !entry.is_inbound);
        if kind != Kind::Pong
            && is_own
            && let Some(member) = peer.and_then(|peer| self.table.get_mut(&peer))
        {
            member.ping_sent_ms = now_ms;
        }
        // A node that is new to this one may know its slots from the answer alone, so it gets the name with them.
        let member = peer.and_then(|peer| self.table.get(&peer));
        let reads_extensions = self.links.get(link).is_some_and(|entry| entry.reads_extensions)
            || member.is_some_and(|member| member.flags.contains(MemberFlags::EXTENSIONS));
        let hostname = Some(self.settings.hostname.clone())
            .filter(|hostname| reads_extensions && !hostname.is_empty());
        let gossip = self.choose_gossip(peer);
        self.send(link, Body::Ping { kind, gossip, hostname });
    }

    /// Tells a publication to every node that can be reached, or to those of this node's shard.
    pub(crate) fn publish(&mut self, is_sharded: bool, channel: &[u8], text: &[u8]) {
        let shard = self.myself().primary.unwrap_or(self.myself);
        for id in self.table.ids() {
            let is_meant = self.table.get(&id).is_some_and(|member| {
                let is_in_shard = member.id == shard || member.primary == Some(shard);
                !member.is_myself() && !member.is_in_handshake() && (is_in_shard || !is_sharded)
            });
            if is_meant && let Some(link) = self.links.own_up(&id) {
                let (channel, message) = (channel.to_vec(), text.to_vec());
                self.send(link, Body::Publish { is_sharded, channel, message });
            }
        }
    }

    /// Tells every node that can be reached what this one owns, without waiting for the next ping.
    pub(super) fn tell_everybody_of_myself(&mut self, now_ms: u64) {
        for id in self.table.ids() {
            let is_met = self.table.get(&id).is_some_and(|member| !member.is_in_handshake());
            if is_met && let Some(link) = self.links.own_up(&id) {
                self.send_ping(now_ms, link, Kind::Pong);
            }
        }
    }

    /// Members to tell `peer` of: those suspected, and some at random.
    fn choose_gossip(&mut self, peer: Option<NodeId>) -> Vec<Gossip> {
        let is_third = |member: &&Member| !member.is_myself() && Some(member.id) != peer;
        let unknown = MemberFlags::HANDSHAKE | MemberFlags::NOADDR;
        let is_known = |member: &&Member| !member.flags.intersects(unknown);
        let (mut told, mut others) = (Vec::new(), Vec::new());
        for member in self.table.iter().filter(is_third).filter(is_known) {
            if member.flags.contains(MemberFlags::PFAIL) {
                told.push(gossip_of(member));
            } else if !member.slots.is_empty() || self.links.own_up(&member.id).is_some() {
                others.push(member);
            }
        }
        let wanted = GOSSIP_MIN.max(self.table.len() / 10).min(others.len());
        for index in 0..wanted {
            let pick = index + self.random.below(others.len() - index);
            others.swap(index, pick);
        }
        told.extend(others[..wanted].iter().map(|member| gossip_of(member)));
        told
    }

    /// Weighs what a sender tells of others. `sender` is `None` when its name is not proven: then nothing is
    /// believed, but that is no reason to close the link.
    pub(super) fn hear_gossip(&mut self, now_ms: u64, sender: Option<NodeId>, gossip: &[Gossip]) {
        let Some(sender) = sender else { return };
        let is_voter = self.table.get(&sender).is_some_and(Member::is_voter);
        let me = self.myself;
        for entry in gossip.iter().filter(|entry| entry.id != me) {
            if self.table.get(&entry.id).is_none() {
                self.hear_of_stranger(now_ms, entry);
                continue;
            }
            if is_voter {
                self.weigh_report(now_ms, &sender, entry);
            }
            self.hear_of_member(now_ms, entry);
        }
    }

    /// A node that a known one knows becomes a member, unless an operator had it forgotten.
    fn hear_of_stranger(&mut self, now_ms: u64, entry: &Gossip) {
        let is_usable = !entry.flags.intersects(MemberFlags::NOADDR | MemberFlags::HANDSHAKE)
            && !entry.ip.is_empty()
            && entry.port != 0;
        let is_forgotten = self.forgotten.get(&entry.id).is_some_and(|until| *until > now_ms);
        if !is_usable || is_forgotten || !self.has_room() {
            return;
        }
        let flags = entry.flags & (MemberFlags::PRIMARY | MemberFlags::REPLICA);
        let addr = (entry.ip.clone(), entry.port, entry.bus_port);
        self.table.insert(Member::new(entry.id, flags, addr, now_ms));
        self.unsaved.note();
    }

    fn hear_of_member(&mut self, now_ms: u64, entry: &Gossip) {
        let trouble = MemberFlags::PFAIL | MemberFlags::FAIL;
        let Some(member) = self.table.get_mut(&entry.id) else { return };
        let is_well_there = !entry.flags.intersects(trouble | MemberFlags::NOADDR);
        if member.flags.intersects(trouble) {
            let has_moved = (&member.ip, member.port, member.bus_port)
                != (&entry.ip, entry.port, entry.bus_port);
            // It does not answer here, but it does elsewhere: it has moved.
            if is_well_there && has_moved && !entry.ip.is_empty() {
                member.ip.clone_from(&entry.ip);
                member.port = entry.port;
                member.bus_port = entry.bus_port;
                member.flags -= MemberFlags::NOADDR;
                self.drop_own_link(&entry.id);
                self.unsaved.note();
            }
            return;
        }
        let pong_ms = u64::from(entry.pong_received_s) * 1000;
        let is_quiet = member.ping_sent_ms == 0 && member.failure_reports.is_empty();
        if is_well_there
            && is_quiet
            && pong_ms > member.pong_received_ms
            && pong_ms <= now_ms + CLOCK_SKEW_MAX_MS
        {
            member.pong_received_ms = pong_ms;
        }
    }
}

fn gossip_of(member: &Member) -> Gossip {
    let seconds = |ms: u64| u32::try_from(ms / 1000).unwrap_or(u32::MAX);
    Gossip {
        id: member.id,
        ping_sent_s: seconds(member.ping_sent_ms),
        pong_received_s: seconds(member.pong_received_ms),
        ip: member.ip.clone(),
        port: member.port,
        bus_port: member.bus_port,
        flags: member.flags,
    }
}
