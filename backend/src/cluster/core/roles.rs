//! Who is a primary, and who is whose replica.
//!
//! What this node is told to copy follows from it: after everything that happened, the primary's address is
//! compared with the one that [`Action::Follow`] named last.
//!
//! A primary is worth moving a replica to ([`MemberFlags::MIGRATE_TO`]) once it has had one, has been one, or came to
//! slots when others had some; not when its last one was moved elsewhere.
//!
//! Source: redis `src/cluster.c` clusterSetMaster, clusterSetNodeAsMaster, clusterNodeSetSlotBit.

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::NodeId;

use super::{Action, Core, Replication};
use crate::cluster::member::{Member, MemberFlags};

impl Core {
    /// Tells how this node's copy of the data stands; to be called before what depends on it.
    pub(crate) fn set_replication(&mut self, replication: Replication) {
        self.replication = replication;
        self.myself_mut().repl_offset = replication.offset;
    }

    /// The replicas of a primary, as far as is known.
    pub(crate) fn replicas_of(&self, primary: NodeId) -> impl Iterator<Item = &Member> {
        self.table.iter().filter(move |m| m.is_replica() && m.primary == Some(primary))
    }

    /// The primary of this node, if it is a replica of a node it knows.
    pub(super) fn my_primary(&self) -> Option<&Member> {
        let me = self.myself();
        self.table.get(&me.primary.filter(|_| me.is_replica())?)
    }

    /// This node becomes a replica; whom it copies from follows at the end of the step.
    pub(super) fn follow(&mut self, now_ms: u64, primary: NodeId) {
        if self.myself().is_primary() {
            self.migrating.clear();
            self.importing.clear();
        }
        self.end_by_hand();
        self.forget_election();
        let me = self.myself;
        self.set_role(&me, Some(primary));
        self.unsaved.note_promise();
        self.judge(now_ms);
    }

    /// A replica of a replica follows that one's primary.
    pub(super) fn skip_generation(&mut self, now_ms: u64) {
        let Some(between) = self.my_primary().filter(|primary| primary.is_replica()) else {
            return;
        };
        let first = between.primary.filter(|id| *id != self.myself && self.table.get(id).is_some());
        if let Some(first) = first {
            tracing::info!("{} is a replica now: following its primary {first}", between.id);
            self.follow(now_ms, first);
        }
    }

    /// Sets whose replica a member is, or that it is a primary.
    pub(super) fn set_role(&mut self, id: &NodeId, primary: Option<NodeId>) {
        let Some(member) = self.table.get_mut(id) else { return };
        let (was_replica, former) = (member.is_replica(), member.primary);
        member.flags -= MemberFlags::PRIMARY | MemberFlags::REPLICA;
        member.primary = primary;
        if primary.is_some() {
            member.flags |= MemberFlags::REPLICA;
            member.flags -= MemberFlags::MIGRATE_TO;
        } else {
            member.flags |= MemberFlags::PRIMARY;
            let is_promoted = was_replica && !member.is_myself();
            member.flags |=
                if is_promoted { MemberFlags::MIGRATE_TO } else { MemberFlags::empty() };
        }
        self.unsaved.note();
        if primary.is_some() {
            let slots: Vec<Slot> = member.slots.iter().collect();
            slots.into_iter().for_each(|slot| self.table.unassign(slot));
        }
        self.note_replicas(former, primary);
    }

    /// A replica has left one primary and come to another.
    fn note_replicas(&mut self, former: Option<NodeId>, primary: Option<NodeId>) {
        if former == primary {
            return;
        }
        if let Some(former) = former
            && self.replicas_of(former).next().is_none()
            && let Some(member) = self.table.get_mut(&former)
        {
            member.flags -= MemberFlags::MIGRATE_TO;
        }
        if let Some(member) = primary.and_then(|primary| self.table.get_mut(&primary)) {
            member.flags |= MemberFlags::MIGRATE_TO;
        }
    }

    /// Gives a slot to a member.
    pub(super) fn assign_slot(&mut self, slot: Slot, id: &NodeId) {
        self.table.assign(slot, id);
        let is_first = self.table.get(id).is_some_and(|member| member.slots.len() == 1);
        if is_first
            && self.table.iter().any(|member| member.is_replica() && member.primary.is_some())
            && let Some(member) = self.table.get_mut(id)
        {
            member.flags |= MemberFlags::MIGRATE_TO;
        }
    }

    /// Has this node copy from its primary, wherever that is now, or stop copying.
    pub(super) fn direct_replication(&mut self) {
        if self.myself().is_primary() {
            if self.followed.take().is_some() {
                self.actions.push_back(Action::Lead);
            }
            return;
        }
        // A primary whose address is lost may still be where it was.
        let Some(primary) = self.my_primary().filter(|primary| primary.has_address()) else {
            return;
        };
        let addr = (primary.ip.clone(), primary.port);
        if self.followed.as_ref() != Some(&addr) {
            tracing::info!("copying from {} at {}:{}", primary.id, addr.0, addr.1);
            self.followed = Some(addr.clone());
            self.actions.push_back(Action::Follow { ip: addr.0, port: addr.1 });
        }
    }
}
