//! What a vote promises: whoever votes for a replica stands by its primary no more, until it is known who leads.
//!
//! Why. A replica `a` of `A` is elected by `B` and `C`. Before its news reach `B`, the network parts `A` and `B` from
//! `a` and `C`. `a` and `C` are a majority of the three, and so would be `A` and `B`: two primaries take writes for as
//! long as the network stays parted, and by the epochs those of `A` are lost afterwards.
//!
//! Both sides:
//! 1. `B` votes for `a`. It is silent to `A` from now on: no pong, no ping, nothing. (By hand, while `A` is up, half a
//!    second later, since `A` leads on until the news come, and as a rule they come at once.)
//! 2. To `A`, whatever program it runs, `B` is a node that does not answer, so it does not count towards the majority
//!    that `A` needs to take writes. In each majority that `A` could find there is one of those who voted for `a`, for
//!    both are majorities of the same primaries. That one may be `A` itself, by hand: then it takes no writes, either.
//! 3. `B` holds `A` for failed meanwhile, and gives no other vote while it reaches the majority only with `A`: an
//!    election on their side of the network would put another primary in the place of `B`'s word.
//! 4. When `B` hears a claim of `a` that is newer, the slots are not `A`'s any more. `B` speaks to `A` again, and tells
//!    it so.
//! 5. If there is no such claim, `A` is spoken to again when no replica of `A` can have won. Votes count for a limited
//!    time. After that either the replica answers a ping, still as a replica; or it is down, and `B` reaches so many
//!    primaries, `A` not counted, that the rest would be no majority with it.
//!
//! Where neither can be known, `A` stays unheard: the nodes that could tell are as many as a majority needs.
//! Consistency goes before service there; who knows better can have the missing nodes forgotten (`CLUSTER FORGET`).
//!
//! A node that is started again remembers the epoch of its vote, and not for whom it was. If nobody's claim has that
//! epoch, it takes the promise to be about every primary that is down.
//!
//! A Redis votes and goes on answering, so it makes no such promise: of its votes all this holds only as far as nodes
//! of this kind are enough to keep `A` from a majority.

use reddoor_protocol::topology::NodeId;

use super::Core;
use super::by_hand::LIMIT_MS;
use super::links::LinkId;
use crate::cluster::member::{Member, MemberFlags, Pledge};
use crate::cluster::message::Kind;

/// How long the news of an election by hand are waited for before the old primary is not answered, in milliseconds.
const NEWS_MS: u64 = 500;

impl Core {
    /// Step 1: this node has voted for a replica of this primary.
    pub(super) fn pledge(&mut self, now_ms: u64, primary: &NodeId) {
        let voting_ms = self.voting_ms();
        let Some(member) = self.table.get_mut(primary) else { return };
        let is_down = member.is_failed();
        // A failover by hand is given up after a while, whatever votes there are.
        let voting_ms = if is_down { voting_ms } else { voting_ms.min(LIMIT_MS) };
        member.pledge =
            Some(Pledge { since_ms: now_ms, decided_ms: now_ms + voting_ms, is_kept: is_down });
    }

    /// As [`Core::pledge`], after a start, for a vote of which only the epoch is remembered.
    pub(super) fn renew_pledges(&mut self, now_ms: u64) {
        let vote = self.last_vote_epoch;
        let has_vote = vote != 0 && self.myself().is_voter();
        // An epoch is heard of before the slots that were won by it.
        let is_claim = |member: &Member| member.is_voter() && member.config_epoch == vote;
        if !has_vote || self.table.iter().any(is_claim) {
            return;
        }
        let is_in_doubt = |member: &&Member| member.is_voter() && member.is_failed();
        let in_doubt: Vec<NodeId> = self.table.iter().filter(is_in_doubt).map(|m| m.id).collect();
        in_doubt.iter().for_each(|id| self.pledge(now_ms, id));
    }

    /// Whether nothing is to be sent on a link, by a promise. Only who has a vote can make a majority.
    pub(super) fn is_silent_on(&self, link: LinkId) -> bool {
        let peer = self.links.get(link).and_then(|entry| entry.peer);
        let is_shunned = peer.and_then(|peer| self.table.get(&peer)).is_some_and(is_shunned);
        is_shunned && self.myself().is_voter()
    }

    /// Whether this node, a primary, has itself voted for a replica of its own that may lead by now. While clients are
    /// held back for it there is nothing to keep from them.
    pub(super) fn has_stood_down(&self) -> bool {
        is_shunned(self.myself()) && !self.by_hand.is_paused()
    }

    /// Step 3: whether this node, bound by a promise, reaches the majority only with those that it does not stand by.
    pub(super) fn is_bound_in_minority(&self) -> bool {
        let is_bound = self.table.iter().any(|m| m.is_voter() && m.pledge.is_some());
        is_bound && self.allies_count() <= self.size() / 2
    }

    /// Primaries with slots that answer and that this node stands by, itself among them (count).
    fn allies_count(&self) -> usize {
        let trouble = MemberFlags::PFAIL | MemberFlags::FAIL;
        let is_ally =
            |m: &&Member| m.is_voter() && m.pledge.is_none() && !m.flags.intersects(trouble);
        self.table.iter().filter(is_ally).count()
    }

    /// Keeps promises and ends them; to be called with every tick.
    pub(super) fn settle_pledges(&mut self, now_ms: u64) {
        let pledges = self.table.iter().filter_map(|member| Some((member.id, member.pledge?)));
        for (id, pledge) in pledges.collect::<Vec<_>>() {
            if self.is_open(now_ms, &id, pledge) {
                if let Some(pledge) = self.table.get_mut(&id).and_then(|m| m.pledge.as_mut()) {
                    pledge.is_kept |= now_ms.saturating_sub(pledge.since_ms) > NEWS_MS;
                }
                self.ask_replicas(now_ms, &id, pledge);
                continue;
            }
            if let Some(member) = self.table.get_mut(&id) {
                member.pledge = None;
            }
            if pledge.is_kept {
                self.answer_late(now_ms, &id);
            }
        }
    }

    /// Steps 4 and 5: whether this primary may have a successor of whom this node has not heard.
    fn is_open(&self, now_ms: u64, id: &NodeId, pledge: Pledge) -> bool {
        let has_vote = |id: &NodeId| self.table.get(id).is_some_and(Member::is_voter);
        // Who has no vote has no word that anybody could count on.
        if !has_vote(id) || !has_vote(&self.myself) {
            return false;
        }
        // The rest of the primaries, this one left out and the replica in its place, are half of them at the most.
        let is_majority_seen = self.allies_count() >= self.size().div_ceil(2);
        let has_not_won = |replica: &Member| {
            replica.answered_ms >= pledge.decided_ms || replica.is_failed() && is_majority_seen
        };
        now_ms < pledge.decided_ms || !self.replicas_of(*id).all(has_not_won)
    }

    /// Step 5: what a replica answers to an earlier ping tells nothing.
    fn ask_replicas(&mut self, now_ms: u64, id: &NodeId, pledge: Pledge) {
        if now_ms < pledge.decided_ms {
            return;
        }
        let is_to_be_asked = |m: &&Member| m.answered_ms < pledge.decided_ms && m.ping_sent_ms == 0;
        let asked: Vec<NodeId> =
            self.replicas_of(*id).filter(is_to_be_asked).map(|m| m.id).collect();
        for link in asked.iter().filter_map(|id| self.links.own_up(id)).collect::<Vec<_>>() {
            self.send_ping(now_ms, link, Kind::Ping);
        }
    }

    /// What a node asked meanwhile had no answer, and without one it does not ask again on the same link.
    fn answer_late(&mut self, now_ms: u64, id: &NodeId) {
        let asked = self.links.inbound().filter(|(_, link)| link.peer == Some(*id));
        for link in asked.map(|(link, _)| link).collect::<Vec<_>>() {
            self.send_ping(now_ms, link, Kind::Pong);
        }
    }
}

/// Whether a promise keeps this node from standing by a primary.
fn is_shunned(member: &Member) -> bool {
    member.is_voter() && member.pledge.is_some_and(|pledge| pledge.is_kept)
}
