//! Slots move from node to node, as every resharding tool does it:
//! 1. the target is told that the slot comes (`IMPORTING`), the source that it goes (`MIGRATING`);
//! 2. its keys are moved (`MIGRATE`), so that a write in between meets a key on one side or the other;
//! 3. target, source and all others are told who owns it now (`NODE`).

use reddoor_protocol::slot::Slot;
use reddoor_protocol::topology::NodeInfo;
use reddoor_protocol::value::Value;

use super::Cluster;
use super::node::Node;
use crate::wait::wait_until;

/// Keys that travel in one `MIGRATE` (count).
const KEYS_AT_ONCE: &str = "100";

impl Cluster {
    /// Moves a slot with its keys.
    pub fn move_slot(&self, slot: Slot, from: &Node, to: &Node) {
        self.open_slot(slot, from, to);
        move_keys(slot, from, to);
        self.close_slot(slot, from, to);
    }

    /// Step 1: the slot is under way, its keys stay where they are.
    pub fn open_slot(&self, slot: Slot, from: &Node, to: &Node) {
        let slot = slot.number();
        let importing = format!("CLUSTER SETSLOT {slot} IMPORTING {}", from.id());
        assert_eq!(to.ask(&importing), "OK");
        let migrating = format!("CLUSTER SETSLOT {slot} MIGRATING {}", to.id());
        assert_eq!(from.ask(&migrating), "OK");
    }

    /// Step 3: the slot has arrived. Keys that were left behind are lost, as in any cluster.
    pub fn close_slot(&self, slot: Slot, from: &Node, to: &Node) {
        wait_epoch_known(from, to);
        let command = format!("CLUSTER SETSLOT {} NODE {}", slot.number(), to.id());
        // The target first: it is the one that takes a new epoch for it.
        assert_eq!(to.ask(&command), "OK");
        let is_other = |node: &&Node| ![from.port(), to.port()].contains(&node.port());
        // Who gave its last slot away may have heard so already, and follow the one that took it.
        for node in [from].into_iter().chain(self.nodes.iter().filter(is_other)) {
            let reply = node.ask(&command);
            assert!(reply == "OK" || reply.contains("only with masters"), "{reply}");
        }
    }
}

/// The epoch that the target takes for a slot is above those that it knows. Were the source's above it, one last claim
/// of the source, on its way already, would have the others and the target give the slot back: then nobody owns it.
fn wait_epoch_known(from: &Node, to: &Node) {
    let epoch_of = |node: &NodeInfo| node.config_epoch;
    let from_id = from.id();
    wait_until("the target to know the epoch of the source", || {
        let (own, view) = (from.topology(), to.topology());
        let own = own.nodes.iter().find(|node| node.is_myself).map(epoch_of);
        let known = view.nodes.iter().find(|node| node.id.as_str() == from_id).map(epoch_of);
        own.is_some() && known >= own
    });
}

/// Step 2: all keys of a slot travel.
pub fn move_keys(slot: Slot, from: &Node, to: &Node) {
    let number = slot.number().to_string();
    loop {
        let reply = from.client().call(&["CLUSTER", "GETKEYSINSLOT", &number, KEYS_AT_ONCE]);
        let Value::Array(keys) = reply else { panic!("{reply:?}") };
        if keys.is_empty() {
            return;
        }
        let keys: Vec<&[u8]> = keys.iter().filter_map(Value::as_bytes).collect();
        migrate(&keys, from, to);
    }
}

/// Moves one key.
pub fn move_key(key: &str, from: &Node, to: &Node) {
    migrate(&[key.as_bytes()], from, to);
}

fn migrate(keys: &[&[u8]], from: &Node, to: &Node) {
    let port = to.port().to_string();
    let mut request: Vec<&[u8]> = vec![b"MIGRATE", b"127.0.0.1", port.as_bytes(), b"", b"0"];
    request.extend([&b"60000"[..], b"KEYS"]);
    request.extend(keys);
    let reply = from.client().call(&request);
    // Keys that expired or were deleted meanwhile have no need to travel.
    assert!(matches!(reply.as_str(), Some("OK" | "NOKEY")), "{reply:?}");
}
