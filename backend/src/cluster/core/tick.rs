//! What time changes: links are made and given up, pings go out, silence becomes suspicion.
//!
//! Source: redis `src/cluster.c` clusterCron.

use reddoor_protocol::topology::NodeId;

use super::links::LinkId;
use super::{Action, Core};
use crate::cluster::member::MemberFlags;
use crate::cluster::message::Kind;

/// Time between two ticks, in milliseconds.
pub(crate) const TICK_MS: u64 = 100;

/// Every so many ticks one node is pinged at random, the quietest of a few.
const RANDOM_PING_TICKS: u64 = 10;

/// Nodes among which the quietest is chosen (count).
const RANDOM_PING_CHOICES: usize = 5;

/// The least time for which a handshake is waited for, in milliseconds.
const HANDSHAKE_MS_MIN: u64 = 1_000;

impl Core {
    /// To be called every [`TICK_MS`].
    pub(crate) fn handle_tick(&mut self, now_ms: u64) {
        self.ticks_count += 1;
        if self.ticked_ms != 0 && now_ms.saturating_sub(self.ticked_ms) > self.stillness_ms_max() {
            self.distrust_own_view(now_ms);
        }
        self.ticked_ms = now_ms;
        self.forgotten.retain(|_, until| *until > now_ms);
        self.end_stale_handshakes(now_ms);
        self.connect_members(now_ms);
        if self.ticks_count.is_multiple_of(RANDOM_PING_TICKS) {
            self.ping_quietest(now_ms);
        }
        for id in self.table.ids() {
            self.watch(now_ms, &id);
        }
        self.settle_pledges(now_ms);
        self.pursue_migration(now_ms);
        self.judge(now_ms);
        self.step(now_ms);
    }

    fn end_stale_handshakes(&mut self, now_ms: u64) {
        let patience_ms = self.handshake_ms_max();
        for id in self.table.ids() {
            let is_stale = self.table.get(&id).is_some_and(|member| {
                member.is_in_handshake() && now_ms.saturating_sub(member.created_ms) > patience_ms
            });
            if is_stale {
                self.table.remove(&id);
                self.drop_own_link(&id);
                self.unsaved.note();
            }
        }
    }

    /// Every member that has an address gets a link.
    fn connect_members(&mut self, now_ms: u64) {
        let unlinked: Vec<(NodeId, String, u16)> = self
            .table
            .iter()
            .filter(|m| !m.is_myself() && !m.flags.contains(MemberFlags::NOADDR))
            .filter(|m| !m.ip.is_empty() && self.links.own(&m.id).is_none())
            .map(|member| (member.id, member.ip.clone(), member.bus_port))
            .collect();
        for (id, ip, port) in unlinked {
            // A node that cannot be connected to is as silent as one that does not answer.
            if let Some(member) = self.table.get_mut(&id)
                && member.ping_sent_ms == 0
            {
                member.ping_sent_ms = now_ms;
            }
            let link = self.links.open(id, ip.clone(), now_ms);
            self.actions.push_back(Action::Connect { link, ip, port });
        }
    }

    /// The first message on a new link. A ping that had no answer before stays so: a new link is no sign of life.
    pub(super) fn greet(&mut self, now_ms: u64, link: LinkId, peer: &NodeId) {
        let Some(member) = self.table.get_mut(peer) else { return };
        let unanswered_ms = member.ping_sent_ms;
        // Until the answer ends the handshake: the first message may be lost with its link.
        let kind = if member.flags.contains(MemberFlags::MEET) { Kind::Meet } else { Kind::Ping };
        self.send_ping(now_ms, link, kind);
        if unanswered_ms != 0
            && let Some(member) = self.table.get_mut(peer)
        {
            member.ping_sent_ms = unanswered_ms;
        }
    }

    fn ping_quietest(&mut self, now_ms: u64) {
        let candidates: Vec<(u64, LinkId)> = self
            .table
            .iter()
            .filter(|member| !member.is_myself() && !member.is_in_handshake())
            .filter(|member| member.ping_sent_ms == 0)
            .filter_map(|member| Some((member.pong_received_ms, self.links.own_up(&member.id)?)))
            .collect();
        if candidates.is_empty() {
            return;
        }
        let choices = (0..RANDOM_PING_CHOICES).map(|_| self.random.below(candidates.len()));
        if let Some((_, link)) = choices.map(|index| candidates[index]).min() {
            self.ping(now_ms, link);
        }
    }

    /// Pings a member. One that does not know this node would answer, too, but never connect: it is met again, now and
    /// then. Not always, for if it knows this node by an address that was wrong, it takes the right one from pings alone.
    fn ping(&mut self, now_ms: u64, link: LinkId) {
        let may_meet = self.random.below(2) == 0;
        let Some(entry) = self.links.get(link) else { return };
        let is_settled = now_ms.saturating_sub(entry.created_ms) > self.handshake_ms_max();
        let peer = entry.peer;
        let has_connected = || self.links.inbound().any(|(_, inbound)| inbound.peer == peer);
        let kind = if may_meet && is_settled && !has_connected() { Kind::Meet } else { Kind::Ping };
        self.send_ping(now_ms, link, kind);
    }

    fn handshake_ms_max(&self) -> u64 {
        self.settings.node_timeout_ms.max(HANDSHAKE_MS_MIN)
    }

    /// Looks at one member: is its link alive, is a ping due, has it been silent for too long?
    fn watch(&mut self, now_ms: u64, id: &NodeId) {
        let Some(member) = self.table.get(id) else { return };
        let passive = MemberFlags::MYSELF | MemberFlags::NOADDR | MemberFlags::HANDSHAKE;
        if member.flags.intersects(passive) {
            return;
        }
        let timeout_ms = self.settings.node_timeout_ms;
        let since = |then_ms: u64| now_ms.saturating_sub(then_ms);
        let (ping_sent_ms, pong_ms, data_ms) =
            (member.ping_sent_ms, member.pong_received_ms, member.data_received_ms);
        let link = self.links.own(id).and_then(|link| Some((link, self.links.get(link)?)));
        if let Some((link, entry)) = link {
            let is_silent = ping_sent_ms != 0
                && since(ping_sent_ms) > timeout_ms / 2
                && since(data_ms) > timeout_ms / 2;
            if since(entry.created_ms) > timeout_ms && is_silent {
                // Perhaps only the connection is dead: the next tick makes a new one.
                self.drop_own_link(id);
            } else if entry.is_up && ping_sent_ms == 0 && since(pong_ms) > timeout_ms / 2 {
                self.ping(now_ms, link);
                return;
            }
        }
        // The replica that is to take over waits for this node's offset.
        if self.by_hand.replica() == Some(*id)
            && let Some(link) = self.links.own_up(id)
        {
            self.send_ping(now_ms, link, Kind::Ping);
            return;
        }
        if ping_sent_ms != 0 && since(ping_sent_ms.max(data_ms)) > timeout_ms {
            self.suspect(now_ms, id);
        }
    }
}
