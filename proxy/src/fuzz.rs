//! Doors for `fuzz/checks` to what is private to this crate; nobody else calls them.
//!
//! Not here: what must hold of the answers.

use reddoor_protocol::request::Args;
use reddoor_protocol::slot::Slot;

use crate::config::tuning::SettingsAllowed;
use crate::config::{CrossSlotPops, CrossSlotReads, CrossSlotWrites, Permission};
use crate::cross_slot::{Across, steps_of};
use crate::permissions::Permissions;
use crate::plan::{Plan, PlanScratch, PlannedPart, plan};

/// What a split request sends to the node of one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The slot of all its keys.
    pub slot: Slot,
    /// Its bytes.
    pub request: Vec<u8>,
    /// Arguments from one key to the next (count).
    pub step: usize,
}

/// Plans a request, which has at least one argument, under all settings that a plan depends on: its parts, in
/// ascending order of slots; none if it is not split.
pub fn plan_parts(args: Args<'_>) -> Vec<Part> {
    let mut scratch = PlanScratch::default();
    let refused = Permissions {
        admin: Permission::Refuse,
        settings: SettingsAllowed::Refuse,
        cluster: Permission::Refuse,
        reads_across: CrossSlotReads::Reject,
        writes_across: CrossSlotWrites::Reject,
        pops_across: CrossSlotPops::Reject,
    };
    let allowed = Permissions {
        admin: Permission::Allow,
        settings: SettingsAllowed::Tuning,
        cluster: Permission::Allow,
        reads_across: CrossSlotReads::Gather,
        writes_across: CrossSlotWrites::Emulate,
        pops_across: CrossSlotPops::Serve,
    };
    plan(args, false, refused, &mut scratch);
    if let Plan::Across { command, way, wait } = plan(args, true, allowed, &mut scratch) {
        match steps_of(command, way, wait, args) {
            Some(mut steps) => drop(steps.begin()),
            None => drop(Across::new(command, way, args)),
        }
    }
    let Plan::Split(split) = plan(args, true, refused, &mut scratch) else { return Vec::new() };
    let part = |part: PlannedPart<'_>| {
        let mut request = Vec::new();
        part.encode(&mut request, args, split.step);
        Part { slot: part.slot, request, step: split.step }
    };
    scratch.parts().map(part).collect()
}
