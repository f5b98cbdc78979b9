//! Who is down, and whether the cluster is.
//!
//! 1. A node that does not answer this node's pings for the node timeout is suspected (`PFAIL`). That is this
//!    node's view alone.
//! 2. Primaries tell their suspicions by gossip; each one heard is a failure report, valid for two node timeouts.
//! 3. When the majority of the primaries that own slots suspects a node, it is down (`FAIL`). Whoever finds that
//!    out tells everybody at once.
//! 4. A node that is down and answers again is up again, a primary with slots only when nobody has taken them
//!    over for a while, nor may have (`pledge`).
//!
//! The cluster is down for this node when a slot has no owner that is up (unless the settings allow that), or when
//! this node does not see the majority of the primaries.
//!
//! Spec: <https://valkey.io/topics/cluster-spec/#failure-detection>.
//! Source: redis `src/cluster.c` markNodeAsFailingIfNeeded, clearNodeFailureIfNeeded, clusterUpdateState.

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::NodeId;

use super::Core;
use crate::cluster::member::{Member, MemberFlags};
use crate::cluster::message::{Body, Gossip};

/// How many node timeouts a failure report is valid (count).
const REPORT_VALID_TIMEOUTS: u64 = 2;

/// How many node timeouts a primary with slots stays down though it answers (count).
const FAIL_UNDO_TIMEOUTS: u64 = 2;

/// How long a node that has just started does not call the cluster well, in milliseconds: it may have been away.
const START_DELAY_MS: u64 = 2_000;

/// Standing still for so long is never held against a node, in milliseconds: a node timeout may be shorter than the
/// time between two ticks.
const STILLNESS_MS_MIN: u64 = 500;

/// The least and the most time to wait after a minority has found the majority again, in milliseconds.
const REJOIN_DELAY_MS: (u64, u64) = (500, 5_000);

/// Whether the cluster is well, and since when it was not.
#[derive(Debug, Default)]
pub(super) struct Health {
    pub(super) is_ok: bool,
    /// When the state was judged for the first time, in milliseconds since 1970; 0 for never.
    first_judged_ms: u64,
    /// When this node was last seen to be in a minority.
    minority_ms: u64,
}

impl Core {
    /// Whether the cluster is well, as `cluster_state` tells it.
    pub(crate) fn is_ok(&self) -> bool {
        self.health.is_ok
    }

    /// Whether the cluster is well, and that was seen within the node timeout: a node that stood still for longer
    /// knows nothing of what became of it, and has to look first.
    pub(crate) fn is_ok_at(&self, now_ms: u64) -> bool {
        let is_alone = self.table.len() == 1;
        let is_recent = now_ms.saturating_sub(self.ticked_ms) <= self.stillness_ms_max();
        self.health.is_ok && (is_recent || is_alone)
    }

    /// How long this node may stand still before others may have given it up, in milliseconds.
    pub(super) fn stillness_ms_max(&self) -> u64 {
        self.settings.node_timeout_ms.max(STILLNESS_MS_MIN)
    }

    /// How many primaries say that a node does not answer them (count).
    pub(crate) fn failure_reports_count(&self, now_ms: u64, id: &NodeId) -> usize {
        let oldest_ms = self.oldest_report_ms(now_ms);
        self.table.get(id).map_or(0, |member| {
            member.failure_reports.iter().filter(|(_, at_ms)| *at_ms >= oldest_ms).count()
        })
    }

    fn oldest_report_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.settings.node_timeout_ms * REPORT_VALID_TIMEOUTS)
    }

    /// Primaries that own slots (count): those that have a say.
    pub(crate) fn size(&self) -> usize {
        self.table.iter().filter(|m| m.is_voter()).count()
    }

    /// Step 2: a primary says that a node is well or not.
    pub(super) fn weigh_report(&mut self, now_ms: u64, reporter: &NodeId, entry: &Gossip) {
        let oldest_ms = self.oldest_report_ms(now_ms);
        let is_down = entry.flags.intersects(MemberFlags::PFAIL | MemberFlags::FAIL);
        let Some(member) = self.table.get_mut(&entry.id) else { return };
        member.failure_reports.retain(|(by, at_ms)| by != reporter && *at_ms >= oldest_ms);
        if is_down {
            member.failure_reports.push((*reporter, now_ms));
            self.fail_if_majority(now_ms, &entry.id);
        }
    }

    /// Step 1: this node suspects another one.
    pub(super) fn suspect(&mut self, now_ms: u64, id: &NodeId) {
        let Some(member) = self.table.get_mut(id) else { return };
        if member.flags.intersects(MemberFlags::PFAIL | MemberFlags::FAIL) {
            return;
        }
        tracing::debug!("*** NODE {id} possibly failing");
        member.flags |= MemberFlags::PFAIL;
        self.fail_if_majority(now_ms, id);
    }

    /// Step 3: with the majority of suspicions a node is down.
    fn fail_if_majority(&mut self, now_ms: u64, id: &NodeId) {
        let has_say = self.myself().is_voter();
        let suspicions = self.failure_reports_count(now_ms, id) + usize::from(has_say);
        let needed = self.size() / 2 + 1;
        let Some(member) = self.table.get_mut(id) else { return };
        if !member.flags.contains(MemberFlags::PFAIL) || suspicions < needed {
            return;
        }
        tracing::info!("Marking node {id} as failing (quorum reached).");
        member.flags -= MemberFlags::PFAIL;
        member.flags |= MemberFlags::FAIL;
        member.failed_ms = now_ms;
        self.unsaved.note();
        // A replica tells it as well: it was the majority that found it out.
        self.tell_everybody(&Body::Fail { id: *id });
    }

    /// Sends a message to every node that can be reached.
    pub(super) fn tell_everybody(&mut self, body: &Body) {
        for id in self.table.ids() {
            if let Some(link) = self.links.own_up(&id) {
                self.send(link, body.clone());
            }
        }
    }

    /// Step 4: a node that is down has answered.
    pub(super) fn reconsider_failure(&mut self, now_ms: u64, id: &NodeId) {
        let undo_ms = self.settings.node_timeout_ms * FAIL_UNDO_TIMEOUTS;
        let Some(member) = self.table.get_mut(id) else { return };
        let owns_nothing = !member.is_primary() || member.slots.is_empty();
        let is_over = now_ms.saturating_sub(member.failed_ms) > undo_ms && member.pledge.is_none();
        if owns_nothing || is_over {
            tracing::info!("Clear FAIL state for node {id}: it is reachable again.");
            member.flags -= MemberFlags::FAIL;
            self.unsaved.note();
        }
    }

    /// This node did not run for longer than the node timeout: others may have given it up meanwhile, and what they
    /// decided has to be heard first.
    pub(super) fn distrust_own_view(&mut self, now_ms: u64) {
        if self.size() > 1 && self.health.is_ok && self.myself().is_primary() {
            tracing::warn!("this node stood still for longer than the node timeout");
            self.health.minority_ms = now_ms;
            self.health.is_ok = false;
            tracing::info!("Cluster state changed: fail");
        }
    }

    /// Judges anew whether the cluster is well.
    pub(super) fn judge(&mut self, now_ms: u64) {
        if self.health.first_judged_ms == 0 {
            self.health.first_judged_ms = now_ms;
        }
        let is_young = now_ms.saturating_sub(self.health.first_judged_ms) < START_DELAY_MS;
        if self.myself().is_primary() && !self.health.is_ok && is_young {
            return;
        }
        let is_minority = self.is_in_minority() || self.has_stood_down();
        if is_minority {
            self.health.minority_ms = now_ms;
        }
        let is_ok = !is_minority && self.is_covered();
        if is_ok == self.health.is_ok {
            return;
        }
        let (least, most) = REJOIN_DELAY_MS;
        let rejoin_ms = self.settings.node_timeout_ms.clamp(least, most);
        let has_just_rejoined = self.health.minority_ms != 0
            && now_ms.saturating_sub(self.health.minority_ms) < rejoin_ms;
        // Others may have moved on: this node first listens to them.
        if is_ok && self.myself().is_primary() && has_just_rejoined {
            return;
        }
        self.health.is_ok = is_ok;
        tracing::info!("Cluster state changed: {}", if is_ok { "ok" } else { "fail" });
    }

    /// Whether fewer than the majority of primaries with slots answer.
    fn is_in_minority(&self) -> bool {
        let voters = self.table.iter().filter(|m| m.is_voter());
        let trouble = MemberFlags::PFAIL | MemberFlags::FAIL;
        let reachable = voters.filter(|member| !member.flags.intersects(trouble)).count();
        reachable < self.size() / 2 + 1
    }

    /// Whether every slot has an owner that is up, as far as the settings ask for that.
    fn is_covered(&self) -> bool {
        let served = self.table.iter().filter(|m| !m.is_failed()).map(|m| m.slots.len());
        !self.settings.requires_full_coverage || served.sum::<usize>() == Slot::COUNT
    }

    /// Slots by the state of their owners (counts): all, well, suspected, down.
    pub(crate) fn slots_by_health(&self) -> [usize; 4] {
        let count = |is_meant: &dyn Fn(&Member) -> bool| -> usize {
            self.table.iter().filter(|member| is_meant(member)).map(|m| m.slots.len()).sum()
        };
        let assigned = count(&|_| true);
        let failed = count(&|member| member.is_failed());
        let suspected =
            count(&|member| !member.is_failed() && member.flags.contains(MemberFlags::PFAIL));
        [assigned, assigned - failed - suspected, suspected, failed]
    }
}
