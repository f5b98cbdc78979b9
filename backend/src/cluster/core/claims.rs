//! Who owns which slot: of two claims the one with the higher epoch holds.
//!
//! 1. A primary tells its slots and its config epoch with every ping.
//! 2. Who knows no owner of a slot, or one with a lower epoch, takes the claim over.
//! 3. Who knows an owner with a higher epoch tells the sender so, by `UPDATE`.
//! 4. Two primaries with the same epoch would never yield to each other: the one with the smaller name takes an
//!    epoch that nobody had before.
//!
//! Spec: <https://valkey.io/topics/cluster-spec/#hash-slots-configuration-propagation-and-updates>.
//! Source: redis `src/cluster.c` clusterUpdateSlotsConfigWith, clusterHandleConfigEpochCollision.

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::NodeId;

use super::links::LinkId;
use super::{Action, Core};
use crate::cluster::member::{MemberFlags, SlotSet};
use crate::cluster::message::{Body, Sender};

impl Core {
    /// Weighs the claim of a sender whose name is proven.
    pub(super) fn follow_claim(&mut self, link: LinkId, sender: &Sender) {
        let owner = sender.primary.unwrap_or(sender.id);
        let Some(member) = self.table.get(&owner) else { return };
        if member.slots != sender.slots {
            if sender.primary.is_none() {
                self.take_over_claim(&sender.id, sender.config_epoch, &sender.slots);
            }
            self.correct_claim(link, sender);
        }
        let me = self.myself();
        if sender.primary.is_none() && me.is_primary() && me.config_epoch == sender.config_epoch {
            self.part_from(&sender.id);
        }
    }

    /// Step 2: takes over every slot of a claim that nobody has a better one on.
    fn take_over_claim(&mut self, claimant: &NodeId, epoch: u64, slots: &SlotSet) {
        let mut lost = Vec::new();
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
            self.table.assign(slot, claimant);
            self.is_save_due = true;
        }
        if !lost.is_empty() {
            let count = lost.len();
            tracing::warn!("{count} slots of this node went to {claimant} with a newer epoch");
            self.actions.push_back(Action::DropSlotKeys { slots: lost });
        }
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
    pub(super) fn receive_update(&mut self, id: &NodeId, epoch: u64, slots: &SlotSet) {
        let Some(member) = self.table.get_mut(id) else { return };
        if member.is_myself() || member.config_epoch >= epoch {
            return;
        }
        member.flags -= MemberFlags::REPLICA;
        member.flags |= MemberFlags::PRIMARY;
        member.primary = None;
        member.config_epoch = epoch;
        self.is_save_due = true;
        self.take_over_claim(id, epoch, slots);
    }

    /// Step 4: two primaries have one epoch.
    fn part_from(&mut self, other: &NodeId) {
        // Both see the collision; only the one with the smaller name moves.
        if *other <= self.myself {
            return;
        }
        self.current_epoch += 1;
        let epoch = self.current_epoch;
        self.myself_mut().config_epoch = epoch;
        self.is_save_due = true;
        tracing::info!(
            "WARNING: configEpoch collision with node {other}. configEpoch set to {epoch}"
        );
    }

    /// The owner of a slot. Costs O(1).
    pub(crate) fn owner(&self, slot: Slot) -> Option<&crate::cluster::member::Member> {
        self.table.owner(slot)
    }
}
