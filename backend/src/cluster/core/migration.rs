//! A replica that is one of several moves to a primary that has lost all of its own.
//!
//! 1. This node is a replica, its primary has the most working replicas of all, and more than the settings ask to
//!    be left there.
//! 2. A primary with slots has had replicas and has none that works, and that for five seconds: in a failover the
//!    others need some time to follow the new primary.
//! 3. Of all replicas that might move, the one with the smallest name does. All see the same, so one moves.
//!
//! Spec: <https://valkey.io/topics/cluster-spec/#replica-migration-algorithm>.
//! Source: redis `src/cluster.c` clusterHandleSlaveMigration.

use std::collections::BTreeMap;

use reddoor_protocol::topology::NodeId;

use super::Core;
use crate::cluster::member::{Member, MemberFlags};

/// How long a primary has to be without replicas before one moves to it, in milliseconds.
const ORPHANED_MS: u64 = 5_000;

/// The fewest replicas of the primary that gives one away (count).
const DONOR_REPLICAS_MIN: usize = 2;

impl Core {
    /// Moves this node to another primary, if that is its part.
    pub(super) fn pursue_migration(&mut self, now_ms: u64) {
        if !self.settings.may_migrate || !self.myself().is_replica() {
            return;
        }
        let working = self.working_replicas();
        let count = |primary: &NodeId| working.get(primary).map_or(0, |replicas| replicas.count);
        for member in self.table.iter_mut() {
            let is_orphan = member.is_voter()
                && !member.is_failed()
                && member.flags.contains(MemberFlags::MIGRATE_TO)
                && count(&member.id) == 0;
            member.orphaned_ms = match (is_orphan, member.orphaned_ms) {
                (false, _) => 0,
                (true, 0) => now_ms,
                (true, since) => since,
            };
        }
        let orphan = self.table.iter().find(|member| member.orphaned_ms != 0);
        let Some((orphan, since_ms)) = orphan.map(|orphan| (orphan.id, orphan.orphaned_ms)) else {
            return;
        };
        if self.is_ok() && self.is_chosen(&working) && now_ms - since_ms > ORPHANED_MS {
            tracing::info!("Migrating to orphaned master {orphan}");
            self.follow(now_ms, orphan);
        }
    }

    /// Steps 1 and 3.
    fn is_chosen(&self, working: &BTreeMap<NodeId, Replicas>) -> bool {
        let Some(primary) = self.my_primary() else { return false };
        let count_max = working.values().map(|replicas| replicas.count).max().unwrap_or(0);
        let suspicion = MemberFlags::PFAIL | MemberFlags::FAIL;
        let is_well = |replica: &&Member| !replica.flags.intersects(suspicion);
        let well_count = self.replicas_of(primary.id).filter(is_well).count();
        let mine = working.get(&primary.id).map_or(0, |replicas| replicas.count);
        let first = working.values().filter(|r| r.count == count_max).map(|r| r.first).min();
        mine == count_max
            && count_max >= DONOR_REPLICAS_MIN
            && well_count > self.settings.migration_barrier
            && first == Some(self.myself)
    }

    /// The replicas that are not down, by their primaries, where those are up.
    fn working_replicas(&self) -> BTreeMap<NodeId, Replicas> {
        let mut all: BTreeMap<NodeId, Replicas> = BTreeMap::new();
        for replica in self.table.iter().filter(|m| m.is_replica() && !m.is_failed()) {
            let primary = replica.primary.and_then(|id| self.table.get(&id));
            if let Some(primary) = primary.filter(|m| m.is_primary() && !m.is_failed()) {
                // Members come sorted by name.
                let first = Replicas { count: 0, first: replica.id };
                all.entry(primary.id).or_insert(first).count += 1;
            }
        }
        all
    }
}

/// The working replicas of one primary.
struct Replicas {
    count: usize,
    /// The smallest name among them.
    first: NodeId,
}
