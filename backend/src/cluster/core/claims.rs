//! Who owns which slot: of two claims the one with the higher epoch holds.
//!
//! 1. A primary tells its slots and its config epoch with every ping.
//! 2. Who knows no owner of a slot, or one with a lower epoch, takes the claim over.
//! 3. Who knows an owner with a higher epoch tells the sender so, by `UPDATE`.
//! 4. Who has lost its last slot to a claim, or whose primary has, becomes a replica of the claimant: that is how a
//!    primary that was away comes back, and how the replicas of one that is gone follow the new one.
//! 5. Two primaries with the same epoch would never yield to each other: the one with the smaller name takes an
//!    epoch that nobody had before.
//!
//! Spec: <https://valkey.io/topics/cluster-spec/#hash-slots-configuration-propagation-and-updates>.
//! Source: redis `src/cluster.c` clusterUpdateSlotsConfigWith, clusterHandleConfigEpochCollision.

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::NodeId;

use super::links::LinkId;
use super::{Action, Core};
use crate::cluster::member::SlotSet;
use crate::cluster::message::{Body, Sender};

impl Core {
    /// Weighs the claim of a sender whose name is proven.
    pub(super) fn follow_claim(&mut self, now_ms: u64, link: LinkId, sender: &Sender) {
        let owner = sender.primary.unwrap_or(sender.id);
        let Some(member) = self.table.get(&owner) else { return };
        if member.slots != sender.slots {
            if sender.primary.is_none() {
                self.believe_claim(now_ms, &sender.id, sender.config_epoch, &sender.slots);
            }
            self.correct_claim(link, sender);
        }
        let me = self.myself();
        if sender.primary.is_none() && me.is_primary() && me.config_epoch == sender.config_epoch {
            self.part_from(&sender.id);
        }
    }

    /// Step 2: believes a claim on every slot that nobody has a better one on.
    fn believe_claim(&mut self, now_ms: u64, claimant: &NodeId, epoch: u64, slots: &SlotSet) {
        let shard = self.my_primary().map_or(self.myself, |primary| primary.id);
        let mut lost = Vec::new();
        // Slots that the shard of this node has lost (count).
        let mut lost_by_shard = 0;
        for slot in slots.iter() {
            // While a slot is on its way here, the operator decides who owns it.
            if self.importing.contains_key(&slot) {
                continue;
            }
            let owner = self.table.owner(slot).map(|owner| (owner.id, owner.config_epoch));
            if owner.is_some_and(|(id, known)| id == *claimant || known >= epoch) {
                continue;
            }
            if owner.is_some_and(|(id, _)| id == self.myself) {
                lost.push(slot);
                self.migrating.remove(&slot);
            }
            lost_by_shard += usize::from(owner.is_some_and(|(id, _)| id == shard));
            self.assign_slot(slot, claimant);
            // No promise of this node's: should it forget, it is told again before it serves anything (`START_DELAY_MS`).
            self.unsaved.note();
        }
        let is_emptied = self.table.get(&shard).is_some_and(|member| member.slots.is_empty());
        // Without leave to move to another shard, only who has taken the whole shard over is followed.
        let is_successor = self.settings.may_migrate || lost_by_shard == slots.len();
        if lost_by_shard > 0 && is_emptied && is_successor && *claimant != self.myself {
            self.yield_to(now_ms, *claimant);
        } else if !lost.is_empty() {
            let count = lost.len();
            tracing::warn!("{count} slots of this node went to {claimant} with a newer epoch");
            self.actions.push_back(Action::DropSlotKeys { slots: lost });
        }
    }

    /// Step 4: becomes a replica of who has the slots now.
    pub(super) fn yield_to(&mut self, now_ms: u64, owner: NodeId) {
        tracing::info!(
            "Configuration change detected. Reconfiguring myself as a replica of {owner}"
        );
        self.follow(now_ms, owner);
    }

    /// Step 3: tells a sender of the first newer claim on one of its slots.
    fn correct_claim(&mut self, link: LinkId, sender: &Sender) {
        let newer = sender.slots.iter().find_map(|slot| {
            let owner = self.table.owner(slot)?;
            (owner.id != sender.id && owner.config_epoch > sender.config_epoch).then_some(owner)
        });
        let Some(owner) = newer else { return };
        let body = Body::Update {
            config_epoch: owner.config_epoch,
            id: owner.id,
            slots: owner.slots.clone(),
        };
        // The correction goes to the sender's own bus, where it listens to who made the link.
        let link = self.links.own_up(&sender.id).unwrap_or(link);
        self.send(link, body);
    }

    /// Takes a correction: a third node's newer claim.
    pub(super) fn receive_update(&mut self, now_ms: u64, id: &NodeId, epoch: u64, slots: &SlotSet) {
        let Some(member) = self.table.get_mut(id) else { return };
        if member.is_myself() || member.config_epoch >= epoch {
            return;
        }
        member.config_epoch = epoch;
        if member.is_replica() {
            self.set_role(id, None);
        }
        self.unsaved.note_promise();
        self.believe_claim(now_ms, id, epoch, slots);
    }

    /// Step 5: two primaries have one epoch.
    fn part_from(&mut self, other: &NodeId) {
        // Both see the collision; only the one with the smaller name moves.
        if *other <= self.myself {
            return;
        }
        self.current_epoch = self.current_epoch.saturating_add(1);
        let epoch = self.current_epoch;
        self.myself_mut().config_epoch = epoch;
        self.unsaved.note_promise();
        tracing::info!(
            "WARNING: configEpoch collision with node {other}. configEpoch set to {epoch}"
        );
    }

    /// The owner of a slot. Costs O(1).
    pub(crate) fn owner(&self, slot: Slot) -> Option<&crate::cluster::member::Member> {
        self.table.owner(slot)
    }
}
