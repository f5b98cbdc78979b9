//! What an operator wants: meet, forget, give and take slots, reset.
//!
//! The commands check what they are asked for; nothing here refuses.

use std::net::IpAddr;

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::NodeId;

use super::{Action, Core, MEMBERS_MAX};
use crate::cluster::member::{Member, MemberFlags};

/// How long gossip about a forgotten node is not believed, in milliseconds.
const FORGOTTEN_MS: u64 = 60_000;

/// Whether a meeting began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MeetOutcome {
    /// The handshake begins with the next tick.
    Started,
    /// One with the same address is under way.
    UnderWay,
}

/// How much `CLUSTER RESET` forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResetKind {
    /// The other nodes and all slots.
    Soft,
    /// Its name and its epochs, too.
    Hard,
}

/// What came of `CLUSTER BUMPEPOCH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bumped {
    /// This node has this new epoch.
    Bumped(u64),
    /// It had the greatest one already.
    Still(u64),
}

impl Core {
    /// Begins to meet the node at an address: step 1 of a meeting.
    pub(crate) fn meet(
        &mut self,
        now_ms: u64,
        ip: IpAddr,
        port: u16,
        bus_port: u16,
    ) -> MeetOutcome {
        let ip = ip.to_string();
        if self.is_shaking_hands_with(&ip, bus_port) {
            return MeetOutcome::UnderWay;
        }
        let id = self.made_up_id();
        let flags = MemberFlags::HANDSHAKE | MemberFlags::MEET;
        self.table.insert(Member::new(id, flags, (ip, port, bus_port), now_ms));
        MeetOutcome::Started
    }

    /// Gives slots that have no owner to this node.
    pub(crate) fn add_slots(&mut self, now_ms: u64, slots: &[Slot]) {
        for slot in slots {
            self.importing.remove(slot);
            let me = self.myself;
            self.assign_slot(*slot, &me);
        }
        self.changed_by_hand(now_ms);
    }

    /// Leaves slots without an owner, as far as this node knows.
    pub(crate) fn remove_slots(&mut self, now_ms: u64, slots: &[Slot]) {
        for slot in slots {
            self.table.unassign(*slot);
        }
        self.changed_by_hand(now_ms);
    }

    /// A slot of this node is on its way to another one.
    pub(crate) fn set_migrating(&mut self, slot: Slot, to: NodeId) {
        self.migrating.insert(slot, to);
        self.unsaved.note();
    }

    /// A slot of another node is on its way here.
    pub(crate) fn set_importing(&mut self, slot: Slot, from: NodeId) {
        self.importing.insert(slot, from);
        self.unsaved.note();
    }

    /// A slot is not under way any more.
    pub(crate) fn set_stable(&mut self, slot: Slot) {
        self.migrating.remove(&slot);
        self.importing.remove(&slot);
        self.unsaved.note();
    }

    /// Says who owns a slot. When that ends an import, this node takes a new epoch without asking anybody, so
    /// that its claim holds against the old owner's. A primary whose last slot goes away by it becomes a replica of the
    /// new owner, as if that had claimed it.
    ///
    /// `is_emptied`: whether this node holds no key of the slot any more, so that it is not under way to `owner`.
    pub(crate) fn set_slot_owner(
        &mut self,
        now_ms: u64,
        slot: Slot,
        owner: &NodeId,
        is_emptied: bool,
    ) {
        if is_emptied {
            self.migrating.remove(&slot);
        }
        let was_mine = self.table.owner(slot).is_some_and(Member::is_myself);
        let ends_import = *owner == self.myself && self.importing.remove(&slot).is_some();
        if ends_import && let Bumped::Bumped(epoch) = self.bump_epoch() {
            tracing::info!("configEpoch updated after importing slot {slot}: {epoch}");
        }
        self.assign_slot(slot, owner);
        if was_mine && self.myself().slots.is_empty() && self.settings.may_migrate {
            self.yield_to(now_ms, *owner);
        }
        self.changed_by_hand(now_ms);
        if ends_import {
            // Clients are sent here from now on, so the others should know of it before they ask again.
            self.tell_everybody_of_myself(now_ms);
        }
    }

    /// Makes this node a replica of a primary that it knows.
    pub(crate) fn replicate(&mut self, now_ms: u64, primary: NodeId) {
        self.follow(now_ms, primary);
        self.changed_by_hand(now_ms);
    }

    /// Drops a node; gossip about it is not believed for a minute, until every other node dropped it as well.
    pub(crate) fn forget(&mut self, now_ms: u64, id: &NodeId) {
        self.forgotten.insert(*id, now_ms + FORGOTTEN_MS);
        self.drop_own_link(id);
        self.table.remove(id);
        for member in self.table.iter_mut() {
            member.failure_reports.retain(|(by, _)| by != id);
            // What a replica of it follows now, it will tell itself.
            if !member.is_myself() && member.primary == Some(*id) {
                member.primary = None;
            }
        }
        self.migrating.retain(|_, to| to != id);
        self.importing.retain(|_, from| from != id);
        self.changed_by_hand(now_ms);
    }

    /// Forgets the cluster.
    pub(crate) fn reset(&mut self, now_ms: u64, kind: ResetKind) {
        let me = self.myself;
        for id in self.table.ids().into_iter().filter(|id| *id != me) {
            self.drop_own_link(&id);
            self.table.remove(&id);
        }
        // What others sent to the node that this was must not reach the one that it becomes.
        let inbound: Vec<_> = self.links.inbound().map(|(link, _)| link).collect();
        for link in inbound {
            self.links.remove(link);
            self.actions.push_back(Action::Disconnect { link });
        }
        let slots: Vec<Slot> = self.myself().slots.iter().collect();
        slots.into_iter().for_each(|slot| self.table.unassign(slot));
        self.migrating.clear();
        self.importing.clear();
        self.forgotten.clear();
        self.end_by_hand();
        self.forget_election();
        self.set_role(&me, None);
        if kind == ResetKind::Hard {
            self.current_epoch = 0;
            self.last_vote_epoch = 0;
            self.myself_mut().config_epoch = 0;
            let (old, new) = (self.myself, self.made_up_id());
            self.table.rename(&old, new);
            self.myself = new;
            tracing::info!("configEpoch set to 0 via CLUSTER RESET HARD");
            tracing::info!("Node hard reset, now I'm {new}");
        }
        self.unsaved.note_promise();
        self.changed_by_hand(now_ms);
    }

    /// Sets this node's epoch, while it is new and knows nobody.
    pub(crate) fn set_config_epoch(&mut self, now_ms: u64, epoch: u64) {
        self.myself_mut().config_epoch = epoch;
        self.current_epoch = self.current_epoch.max(epoch);
        self.unsaved.note_promise();
        self.changed_by_hand(now_ms);
    }

    /// Takes an epoch greater than every other, unless this node has it already.
    pub(crate) fn bump_epoch(&mut self) -> Bumped {
        let newest = self.table.iter().map(|member| member.config_epoch).max().unwrap_or(0);
        let own = self.myself().config_epoch;
        if own != 0 && own == newest.max(self.current_epoch) {
            return Bumped::Still(own);
        }
        self.current_epoch = self.current_epoch.max(newest).saturating_add(1);
        let epoch = self.current_epoch;
        self.myself_mut().config_epoch = epoch;
        self.unsaved.note_promise();
        Bumped::Bumped(epoch)
    }

    fn changed_by_hand(&mut self, now_ms: u64) {
        self.unsaved.note();
        self.judge(now_ms);
        self.step(now_ms);
    }

    /// Whether another node may be taken for a member because other nodes say so. Counts those that may not.
    pub(super) fn has_room(&mut self) -> bool {
        let has_room = self.table.len() < MEMBERS_MAX;
        if !has_room {
            self.refused_count += 1;
            if self.refused_count == 1 {
                tracing::warn!("{MEMBERS_MAX} nodes are known: no more are taken for members");
            }
        }
        has_room
    }
}
