//! The seam between the cluster and replication: how the copy stands, and where it is to come from.
//!
//! Not here: how a copy is made.

use crate::cluster::bus::now_ms;
use crate::cluster::core::Replication;
use crate::node::{Node, SharedNode};

/// How this node's copy of the data stands.
pub(super) fn state(node: &Node) -> Replication {
    let standing = node.standing();
    // What is being copied in full is nobody's data yet.
    let silent_ms = standing.silent_ms.filter(|_| !standing.is_copying);
    let heard_ms = silent_ms.map_or(0, |silent_ms| now_ms().saturating_sub(silent_ms));
    // By an offset of zero others know who copies: clients are not sent there to read.
    let offset = if standing.is_copying { 0 } else { standing.offset };
    Replication { offset, heard_ms }
}

/// Has the data of the node at an address take the place of this node's.
pub(super) fn follow(node: &SharedNode, ip: &str, port: u16) {
    node.borrow_mut().replicate(ip, port);
}

/// Ends copying; what has been copied is kept.
pub(super) fn lead(node: &SharedNode) {
    node.borrow_mut().stop_replicating();
}
