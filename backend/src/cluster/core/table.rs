//! All members, and which of them owns which slot.
//!
//! Invariants: `owners` and the members' own slot sets agree; a place is not reused while it owns a slot.

use std::collections::BTreeMap;

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::NodeId;

use crate::cluster::member::Member;

/// Marks a slot without an owner.
const NOBODY: u16 = u16::MAX;

/// See the module.
#[derive(Debug)]
pub(crate) struct Table {
    places: Vec<Option<Member>>,
    place_of: BTreeMap<NodeId, u16>,
    owners: Box<[u16]>,
}

impl Table {
    /// No members.
    pub(crate) fn new() -> Table {
        Table {
            places: Vec::new(),
            place_of: BTreeMap::new(),
            owners: vec![NOBODY; Slot::COUNT].into_boxed_slice(),
        }
    }

    /// The member with this name.
    pub(crate) fn get(&self, id: &NodeId) -> Option<&Member> {
        self.places[usize::from(*self.place_of.get(id)?)].as_ref()
    }

    /// The member with this name. Its slots are changed by [`Table::assign`] alone.
    pub(crate) fn get_mut(&mut self, id: &NodeId) -> Option<&mut Member> {
        self.places[usize::from(*self.place_of.get(id)?)].as_mut()
    }

    /// Adds a member, and the slots it brings along; false when the name is taken or there are 65535 already.
    pub(crate) fn insert(&mut self, member: Member) -> bool {
        if self.place_of.contains_key(&member.id) {
            return false;
        }
        let free = self.places.iter().position(Option::is_none).unwrap_or(self.places.len());
        let Some(place) = u16::try_from(free).ok().filter(|place| *place != NOBODY) else {
            return false;
        };
        if free == self.places.len() {
            self.places.push(None);
        }
        let slots: Vec<Slot> = member.slots.iter().collect();
        let id = member.id;
        self.place_of.insert(id, place);
        self.places[free] = Some(member);
        for slot in slots {
            self.assign(slot, &id);
        }
        true
    }

    /// Takes a member out; its slots have no owner then.
    pub(crate) fn remove(&mut self, id: &NodeId) -> Option<Member> {
        let place = self.place_of.remove(id)?;
        for owner in self.owners.iter_mut().filter(|owner| **owner == place) {
            *owner = NOBODY;
        }
        self.places[usize::from(place)].take()
    }

    /// Gives a member another name; false when it is not there or the name is taken.
    pub(crate) fn rename(&mut self, old: &NodeId, new: NodeId) -> bool {
        if self.place_of.contains_key(&new) {
            return false;
        }
        let Some(place) = self.place_of.remove(old) else { return false };
        self.place_of.insert(new, place);
        if let Some(member) = &mut self.places[usize::from(place)] {
            member.id = new;
        }
        true
    }

    /// How many members there are (count).
    pub(crate) fn len(&self) -> usize {
        self.place_of.len()
    }

    /// All members, sorted by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.place_of.values().filter_map(|place| self.places[usize::from(*place)].as_ref())
    }

    /// The names of all members, sorted.
    pub(crate) fn ids(&self) -> Vec<NodeId> {
        self.place_of.keys().copied().collect()
    }

    /// All members, in no order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.places.iter_mut().flatten()
    }

    /// The owner of a slot.
    pub(crate) fn owner(&self, slot: Slot) -> Option<&Member> {
        self.places.get(usize::from(self.owners[slot.index()]))?.as_ref()
    }

    /// Gives a slot to a member, taking it from whoever owned it.
    pub(crate) fn assign(&mut self, slot: Slot, id: &NodeId) {
        self.unassign(slot);
        let Some(place) = self.place_of.get(id) else { return };
        self.owners[slot.index()] = *place;
        if let Some(member) = &mut self.places[usize::from(*place)] {
            member.slots.insert(slot);
        }
    }

    /// Leaves a slot without an owner.
    pub(crate) fn unassign(&mut self, slot: Slot) {
        let owner = std::mem::replace(&mut self.owners[slot.index()], NOBODY);
        if let Some(Some(member)) = self.places.get_mut(usize::from(owner)) {
            member.slots.remove(slot);
        }
    }
}
