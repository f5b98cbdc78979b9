//! One topology from the views of several nodes: of two claims on a slot, the one with the higher epoch holds.
//!
//! A node in a minority keeps telling of the primaries that it last saw. Its claims carry the epochs of that
//! time, and whoever took the slots over since has a higher one, so a stale view cannot roll the map back.
//!
//! Spec: <https://valkey.io/topics/cluster-spec/#hash-slots-configuration-propagation-and-updates>

use std::collections::HashMap;

use super::{NodeId, NodeInfo, Role, Topology, ranges_of};
use crate::slot::Slot;

/// Joins views into one. Every node is described by the view with the newest epoch for it, itself before others.
///
/// Costs O(views × nodes + slots).
pub fn merge(views: impl IntoIterator<Item = Topology>) -> Topology {
    let mut nodes: Vec<NodeInfo> = Vec::new();
    let mut index_of: HashMap<NodeId, usize> = HashMap::new();
    // For every slot: the epoch of the best claim and the node that has it.
    let mut owners: Vec<Option<(u64, usize)>> = vec![None; Slot::COUNT];
    for view in views {
        for node in view.nodes {
            let index = *index_of.entry(node.id).or_insert_with(|| {
                nodes.push(node.clone());
                nodes.len() - 1
            });
            if node.role == Role::Primary {
                claim(&mut owners, &node, index);
            }
            if speaks_better(&node, &nodes[index]) {
                nodes[index] = node;
            }
        }
    }
    let mut slots: Vec<Vec<Slot>> = vec![Vec::new(); nodes.len()];
    for (slot, owner) in Slot::all().zip(&owners) {
        if let Some((_, index)) = owner {
            slots[*index].push(slot);
        }
    }
    for (node, slots) in nodes.iter_mut().zip(slots) {
        node.slots = ranges_of(slots);
    }
    // Each node lists the others in an order of its own: what says the same is to be the same.
    nodes.sort_unstable_by_key(|node| node.id);
    Topology { nodes }
}

fn claim(owners: &mut [Option<(u64, usize)>], node: &NodeInfo, index: usize) {
    for range in &node.slots {
        for owner in &mut owners[usize::from(*range.start())..=usize::from(*range.end())] {
            if owner.is_none_or(|(epoch, _)| node.config_epoch > epoch) {
                *owner = Some((node.config_epoch, index));
            }
        }
    }
}

/// Whether `new` describes its node better than `old` does: a newer epoch, or the node's own word.
fn speaks_better(new: &NodeInfo, old: &NodeInfo) -> bool {
    (new.config_epoch, new.is_myself) > (old.config_epoch, old.is_myself)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::nodes_text;

    const A: &str = "07c37dfeb235213a872192d90877d0cd55635b91";
    const B: &str = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";

    fn view(text: &str) -> Topology {
        nodes_text::parse(&text.replace("$A", A).replace("$B", B)).unwrap()
    }

    fn check(views: &[&str], expect: &str) {
        let expect = nodes_text::write(&view(expect));
        assert_eq!(nodes_text::write(&merge(views.iter().map(|v| view(v)))), expect);
        let mut reversed = nodes_text::write(&merge(views.iter().rev().map(|v| view(v))));
        let mut lines: Vec<&str> = reversed.lines().collect();
        lines.sort_unstable();
        reversed = lines.join("\n") + "\n";
        assert_eq!(reversed, expect, "the order of the views does not matter");
    }

    #[test]
    fn a_stale_view_cannot_roll_the_map_back() {
        check(
            &[
                "$A h:1@1 master - 0 0 1 connected 0-16383\n$B h:2@2 slave $A 0 0 1 connected",
                "$A h:1@1 master - 0 0 1 connected\n$B h:2@2 myself,master - 0 0 7 connected 0-16383",
            ],
            "$A h:1@1 master - 0 0 1 connected\n$B h:2@2 myself,master - 0 0 7 connected 0-16383",
        );
    }

    #[test]
    fn a_slot_that_moved_belongs_to_the_newer_claim() {
        check(
            &[
                "$A h:1@1 master - 0 0 1 connected 0-9\n$B h:2@2 master - 0 0 2 connected 10-16383",
                "$A h:1@1 master - 0 0 1 connected 0-8\n$B h:2@2 myself,master - 0 0 3 connected 9-16383",
            ],
            "$A h:1@1 master - 0 0 1 connected 0-8\n$B h:2@2 myself,master - 0 0 3 connected 9-16383",
        );
    }
}
