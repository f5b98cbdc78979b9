//! A failover that an operator asks for: no acknowledged write is lost, since the primary stops writing first.
//!
//! 1. `CLUSTER FAILOVER` on the replica. It tells its primary (`MFSTART`).
//! 2. The primary holds back what clients write, and from then on every ping to that replica says so and carries the
//!    offset that the primary has reached.
//! 3. The replica takes the first such offset for its aim, and asks for votes when it has copied that far. The
//!    request says that it is by hand: the primary is not down.
//! 4. Elected, it claims the slots. The primary hears of the newer claim and becomes a replica; clients that it held
//!    back are sent on.
//!
//! If that is not done within five seconds both give up, and clients write on.
//!
//! `FORCE` leaves out steps 1 and 2, as the primary cannot be reached. `TAKEOVER` leaves out the votes as well: the
//! replica takes an epoch that nobody has had, as far as it knows.
//!
//! Spec: <https://valkey.io/topics/cluster-spec/>. Source: redis `src/cluster.c` "CLUSTER manual failover".

use reddoor_protocol::topology::NodeId;

use super::admin::Bumped;
use super::{Action, Core};
use crate::cluster::message::{Body, Kind, Sender};

/// How long a failover by hand may take, in milliseconds.
pub(super) const LIMIT_MS: u64 = 5_000;

/// For how many times [`LIMIT_MS`] the primary holds clients back, should it never hear of the end (count).
const PAUSE_LIMITS: u64 = 2;

/// How a replica is to take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failover {
    /// With the primary's help.
    Agreed,
    /// Without the primary, with votes.
    Forced,
    /// Without the primary and without votes.
    Takeover,
}

/// What is under way, on either side.
#[derive(Debug, Default)]
pub(super) struct ByHand {
    /// When it is given up, in milliseconds since 1970; 0: nothing is under way.
    end_ms: u64,
    /// On the primary: the replica that is to take over.
    replica: Option<NodeId>,
    /// On the replica: how far it has to copy, once the primary has told.
    aim: Option<u64>,
    /// On the replica: there is nothing left to copy.
    may_start: bool,
}

impl ByHand {
    pub(super) fn is_under_way(&self) -> bool {
        self.end_ms != 0
    }

    /// Whether votes are to be asked for now.
    pub(super) fn may_start(&self) -> bool {
        self.is_under_way() && self.may_start
    }

    /// Whether this node, a primary, has clients held back.
    pub(super) fn is_paused(&self) -> bool {
        self.replica.is_some()
    }

    /// On the primary: the replica that is to take over.
    pub(super) fn replica(&self) -> Option<NodeId> {
        self.replica
    }
}

impl Core {
    /// Step 1: this replica is to take over.
    pub(crate) fn fail_over(&mut self, now_ms: u64, how: Failover) {
        self.end_by_hand();
        self.forget_election();
        self.by_hand.end_ms = now_ms + LIMIT_MS;
        match how {
            Failover::Takeover => {
                tracing::info!("Taking over the master (user request).");
                let (Bumped::Bumped(epoch) | Bumped::Still(epoch)) = self.bump_epoch();
                self.take_over(now_ms, epoch);
            }
            Failover::Forced => {
                tracing::info!("Forced failover user request accepted.");
                self.by_hand.may_start = true;
            }
            Failover::Agreed => {
                tracing::info!("Manual failover user request accepted.");
                let link = self.my_primary().map(|primary| primary.id);
                if let Some(link) = link.and_then(|id| self.links.own_up(&id)) {
                    self.send(link, Body::Bare { kind: Kind::ManualFailoverStart });
                }
            }
        }
        self.step(now_ms);
    }

    /// Step 2: a replica of this primary wants to take over.
    pub(super) fn receive_failover_start(&mut self, now_ms: u64, sender: &NodeId) {
        let is_mine = self.table.get(sender).is_some_and(|m| m.primary == Some(self.myself));
        if !is_mine || !self.myself().is_primary() {
            return;
        }
        tracing::info!("Manual failover requested by replica {sender}.");
        self.end_by_hand();
        self.by_hand.end_ms = now_ms + LIMIT_MS;
        self.by_hand.replica = Some(*sender);
        self.actions.push_back(Action::PauseWrites { until_ms: now_ms + LIMIT_MS * PAUSE_LIMITS });
        if let Some(link) = self.links.own_up(sender) {
            self.send_ping(now_ms, link, Kind::Ping);
        }
    }

    /// Step 3: the primary has stopped writing and tells how far it came.
    pub(super) fn note_aim(&mut self, sender: &Sender) {
        let is_primary = self.my_primary().is_some_and(|primary| primary.id == sender.id);
        let is_awaited = self.by_hand.is_under_way() && self.by_hand.aim.is_none();
        if is_primary && is_awaited && sender.is_paused {
            let offset = sender.repl_offset;
            tracing::info!(
                "Received replication offset for paused master manual failover: {offset}"
            );
            self.by_hand.aim = Some(offset);
        }
    }

    /// Whether the time is up, or there is nothing left to copy.
    pub(super) fn pursue_by_hand(&mut self, now_ms: u64) {
        if self.by_hand.is_under_way() && self.by_hand.end_ms < now_ms {
            tracing::warn!("Manual failover timed out.");
            self.end_by_hand();
        }
        let is_done = self.by_hand.aim == Some(self.replication.offset);
        if is_done && self.by_hand.is_under_way() && !self.by_hand.may_start {
            tracing::info!("All master replication stream processed, manual failover can start.");
            self.by_hand.may_start = true;
        }
    }

    /// Whatever is under way by hand is over.
    pub(super) fn end_by_hand(&mut self) {
        if self.by_hand.is_paused() {
            self.actions.push_back(Action::ResumeWrites);
        }
        self.by_hand = ByHand::default();
    }
}
