//! The seam between the cluster and replication: how the copy stands, and where it is to come from.
//!
//! Not here: how a copy is made.

use crate::cluster::core::Replication;
use crate::node::{Node, SharedNode};

/// How this node's copy of the data stands.
pub(super) fn state(_: &Node) -> Replication {
    Replication::default()
}

/// Has the data of the node at an address take the place of this node's.
pub(super) fn follow(_: &SharedNode, ip: String, port: u16) {
    tracing::warn!(ip, port, "this node cannot copy data");
}

/// Ends copying; what has been copied is kept.
pub(super) fn lead(_: &SharedNode) {}
