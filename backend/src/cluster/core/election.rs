//! How a replica takes the place of a primary that is down.
//!
//! The replica:
//! 1. Its primary is down (`FAIL`), owned slots, and the replica's copy is not too old.
//! 2. It waits: half a second, so that all know of the failure; up to half a second at random; a second for every
//!    replica of the same primary that has copied more. Those it tells its own offset meanwhile. And half a second for
//!    every other primary with a smaller name that is down, for there is one winner in each epoch: replicas of
//!    several primaries that ask at once would take each other's votes. (A Redis has only chance for that.)
//!    A replica that an operator has asked to take over just before leaves out most of the first second.
//! 3. It takes the next epoch, writes it down, and asks all primaries for their votes (`FAILOVER_AUTH_REQUEST`).
//! 4. With the votes of the majority, in time, the epoch of the election becomes the epoch of its claim on the slots
//!    of its primary, and it tells everybody. Without, it begins anew after four node timeouts.
//!
//! A primary with slots votes (`FAILOVER_AUTH_ACK`) when all of this holds:
//! 1. The request's epoch is not behind its own, and it has not voted in its own.
//! 2. The sender is a replica whose primary is down, or a failover by hand is under way.
//! 3. It has not voted for a replica of the same primary within two node timeouts.
//! 4. It knows no newer claim than the sender's on any of the slots.
//! 5. Earlier votes do not keep it from finding a majority (`pledge`).
//!
//! The vote's epoch is written down before it is sent. What it promises stands in `pledge`.
//!
//! Invariants: a node votes once in an epoch, its own candidacy included; a vote is counted once for each primary.
//! So two replicas that count the same primaries do not both win an epoch. While the news of a failover is on its way
//! they may count different ones, the old primary of a shard or the new one: then replicas of two shards can win one
//! epoch, as in a Redis. Their slots differ, and of primaries with one epoch one takes another (`claims`).
//!
//! Spec: <https://valkey.io/topics/cluster-spec/#replica-election-and-promotion>.
//! Source: redis `src/cluster.c` clusterHandleSlaveFailover, clusterSendFailoverAuthIfNeeded.

use std::collections::BTreeSet;

use reddoor_protocol::topology::NodeId;

use super::Core;
use crate::cluster::member::{Member, MemberFlags};
use crate::cluster::message::{Body, Kind, Sender};

/// Time in which the news of a failure spreads before votes are asked for, in milliseconds.
const SPREAD_MS: u64 = 500;

/// As [`SPREAD_MS`], while an operator waits for this replica to take over: no other is to be first. Not nothing, for who
/// has not heard of the failure gives no vote, and the next attempt is far.
const SPREAD_ASKED_MS: u64 = 100;

/// Replicas of different primaries start up to so much apart, in milliseconds.
const SCATTER_MS: usize = 500;

/// How much later a replica starts for every other one that has copied more, in milliseconds.
const RANK_DELAY_MS: u64 = 1_000;

/// How much later replicas start for every other primary that is down before theirs, in milliseconds.
const TURN_MS: u64 = 500;

/// Votes count for this many node timeouts (count), but at least [`VOTING_MS_MIN`].
const VOTING_TIMEOUTS: u64 = 2;

/// See [`VOTING_TIMEOUTS`]; in milliseconds.
const VOTING_MS_MIN: u64 = 2_000;

/// For how many node timeouts after a vote no other replica of the same primary gets one (count).
const REVOTE_TIMEOUTS: u64 = 2;

/// A replica's attempt to take over.
#[derive(Debug, Default)]
pub(super) struct Election {
    /// When votes are asked for, in milliseconds since 1970; 0: there is no attempt.
    at_ms: u64,
    /// Replicas of the same primary that have copied more (count).
    rank: u64,
    /// The epoch in which votes are asked for; `None` before that.
    epoch: Option<u64>,
    voters: BTreeSet<NodeId>,
}

impl Core {
    /// Gives an attempt up: this node's part has changed.
    pub(super) fn forget_election(&mut self) {
        self.election = Election::default();
    }

    /// Goes one step further in taking over, if that is this node's business now.
    pub(super) fn pursue_election(&mut self, now_ms: u64) {
        let is_by_hand = self.by_hand.may_start();
        if !self.is_candidate(now_ms, is_by_hand) {
            return;
        }
        let voting_ms = self.voting_ms();
        if self.election.at_ms == 0 || now_ms > self.election.at_ms + voting_ms * 2 {
            self.schedule_election(now_ms, is_by_hand);
        }
        self.yield_to_better_replicas();
        if now_ms < self.election.at_ms || now_ms > self.election.at_ms + voting_ms {
            return;
        }
        if self.election.epoch.is_none() {
            self.ask_for_votes();
        }
        if self.election.voters.len() > self.size() / 2
            && let Some(epoch) = self.election.epoch
        {
            tracing::info!("Failover election won: I'm the new master.");
            self.take_over(now_ms, epoch);
        }
    }

    /// For how long after they are asked for votes count, in milliseconds.
    pub(super) fn voting_ms(&self) -> u64 {
        (self.settings.node_timeout_ms * VOTING_TIMEOUTS).max(VOTING_MS_MIN)
    }

    /// Step 1.
    fn is_candidate(&self, now_ms: u64, is_by_hand: bool) -> bool {
        let Some(primary) = self.my_primary() else { return false };
        if primary.slots.is_empty() {
            return false;
        }
        is_by_hand
            || primary.is_failed() && !self.settings.stays_replica && !self.is_copy_too_old(now_ms)
    }

    fn is_copy_too_old(&self, now_ms: u64) -> bool {
        let timeout_ms = self.settings.node_timeout_ms;
        let (factor, ping_ms) = (self.settings.validity_factor, self.settings.replication_ping_ms);
        let age_ms = now_ms.saturating_sub(self.replication.heard_ms);
        // It took the node timeout to find out that the primary is down.
        let age_ms = age_ms.saturating_sub(timeout_ms);
        factor != 0 && age_ms > timeout_ms.saturating_mul(factor).saturating_add(ping_ms)
    }

    /// Step 2. By hand there is nothing to wait for.
    fn schedule_election(&mut self, now_ms: u64, is_by_hand: bool) {
        let rank = if is_by_hand { 0 } else { self.rank() };
        let scatter_ms = self.random.below(SCATTER_MS) as u64;
        let turn_ms = self.failed_before_mine() * TURN_MS;
        let is_asked = self.by_hand.is_under_way();
        let spread_ms = if is_asked { SPREAD_ASKED_MS } else { SPREAD_MS + scatter_ms };
        let delay_ms = if is_by_hand { 0 } else { spread_ms + rank * RANK_DELAY_MS + turn_ms };
        self.election = Election { at_ms: now_ms + delay_ms, rank, ..Election::default() };
        let offset = self.replication.offset;
        tracing::info!(
            "Start of election delayed for {delay_ms} milliseconds (rank #{rank}, offset {offset})."
        );
        self.tell_fellow_replicas(now_ms);
    }

    /// Another replica may have told a greater offset since.
    fn yield_to_better_replicas(&mut self) {
        if self.election.epoch.is_some() || self.by_hand.is_under_way() {
            return;
        }
        let rank = self.rank();
        if rank > self.election.rank {
            self.election.at_ms += (rank - self.election.rank) * RANK_DELAY_MS;
            self.election.rank = rank;
        }
    }

    /// Replicas of the same primary that have copied more than this one (count).
    fn rank(&self) -> u64 {
        let Some(primary) = self.my_primary() else { return 0 };
        let is_better = self.replicas_of(primary.id).filter(|replica| {
            !replica.is_myself()
                && !replica.flags.contains(MemberFlags::NOFAILOVER)
                && replica.repl_offset > self.replication.offset
        });
        is_better.count() as u64
    }

    /// Primaries with slots and a smaller name than that of this node's primary that do not answer (count).
    fn failed_before_mine(&self) -> u64 {
        let trouble = MemberFlags::PFAIL | MemberFlags::FAIL;
        let mine = self.myself().primary;
        let is_before = |member: &&Member| Some(member.id) < mine && member.is_voter();
        let failed = self.table.iter().filter(is_before).filter(|m| m.flags.intersects(trouble));
        failed.count() as u64
    }

    fn tell_fellow_replicas(&mut self, now_ms: u64) {
        let primary = self.myself().primary;
        for id in self.table.ids() {
            let is_fellow = self.table.get(&id).is_some_and(|member| {
                !member.is_myself() && member.is_replica() && member.primary == primary
            });
            if is_fellow && let Some(link) = self.links.own_up(&id) {
                self.send_ping(now_ms, link, Kind::Pong);
            }
        }
    }

    /// Step 3. Only primaries vote, but a node that is not known for one yet may be one.
    fn ask_for_votes(&mut self) {
        self.current_epoch = self.current_epoch.saturating_add(1);
        let epoch = self.current_epoch;
        tracing::info!("Starting a failover election for epoch {epoch}.");
        self.election.epoch = Some(epoch);
        // Elected it has a vote, but not in the epoch that it has won: others could win that, too.
        self.last_vote_epoch = epoch;
        self.unsaved.note_promise();
        self.tell_everybody(&Body::Bare { kind: Kind::AuthRequest });
    }

    /// Step 4: a vote has come.
    pub(super) fn receive_vote(&mut self, sender: &Sender) {
        let Some(epoch) = self.election.epoch else { return };
        let has_vote = self.table.get(&sender.id).is_some_and(|member| member.is_voter());
        if has_vote && sender.current_epoch >= epoch {
            self.election.voters.insert(sender.id);
        }
    }

    /// This node takes the place of its primary, with this epoch for its claim.
    pub(super) fn take_over(&mut self, now_ms: u64, epoch: u64) {
        let Some(primary) = self.my_primary() else { return };
        let slots = primary.slots.clone();
        let me = self.myself;
        self.set_role(&me, None);
        let member = self.myself_mut();
        member.config_epoch = member.config_epoch.max(epoch);
        slots.iter().for_each(|slot| self.table.assign(slot, &me));
        self.unsaved.note_promise();
        self.end_by_hand();
        self.forget_election();
        self.judge(now_ms);
        self.tell_everybody_of_myself(now_ms);
    }

    /// Weighs a request for this node's vote.
    pub(super) fn receive_vote_request(&mut self, now_ms: u64, sender: &Sender) {
        match self.weigh_vote_request(now_ms, sender) {
            Err(why) => tracing::info!("Failover auth denied to {}: {why}", sender.id),
            Ok(None) => {}
            Ok(Some(primary)) => {
                let epoch = self.current_epoch;
                tracing::info!("Failover auth granted to {} for epoch {epoch}", sender.id);
                self.last_vote_epoch = epoch;
                if let Some(member) = self.table.get_mut(&primary) {
                    member.voted_ms = now_ms;
                }
                self.pledge(now_ms, &primary);
                self.unsaved.note_promise();
                if let Some(link) = self.links.own_up(&sender.id) {
                    self.send(link, Body::Bare { kind: Kind::AuthAck });
                }
            }
        }
    }

    /// The primary that the sender is to follow; `None` if this node has no vote.
    fn weigh_vote_request(&self, now_ms: u64, sender: &Sender) -> Result<Option<NodeId>, String> {
        if !self.myself().is_voter() {
            return Ok(None);
        }
        let (current, asked) = (self.current_epoch, sender.current_epoch);
        if asked < current {
            return Err(format!("reqEpoch ({asked}) < curEpoch({current})"));
        }
        if self.last_vote_epoch == current {
            return Err(format!("already voted for epoch {current}"));
        }
        let Some(candidate) = self.table.get(&sender.id).filter(|member| !member.is_primary())
        else {
            return Err("it is a master node".to_owned());
        };
        let Some(primary) = candidate.primary.and_then(|id| self.table.get(&id)) else {
            return Err("I don't know its master".to_owned());
        };
        if !primary.is_failed() && !sender.is_forced {
            return Err("its master is up".to_owned());
        }
        let rest_ms = self.settings.node_timeout_ms * REVOTE_TIMEOUTS;
        let voted_before_ms = now_ms.saturating_sub(primary.voted_ms);
        if voted_before_ms < rest_ms {
            let left_ms = rest_ms - voted_before_ms;
            return Err(format!("can't vote about this master before {left_ms} milliseconds"));
        }
        if self.is_bound_in_minority() {
            return Err("a vote before is not settled, and the majority is out of reach".to_owned());
        }
        let newer = sender.slots.iter().find_map(|slot| {
            let epoch = self.table.owner(slot)?.config_epoch;
            (epoch > sender.config_epoch).then_some((slot, epoch))
        });
        if let Some((slot, epoch)) = newer {
            let asked = sender.config_epoch;
            return Err(format!("slot {slot} epoch ({epoch}) > reqEpoch ({asked})"));
        }
        Ok(Some(primary.id))
    }
}
