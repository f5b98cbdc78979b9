//! Slot ownership and the cluster bus.

use reddoor_protocol::reply_error::ReplyError;

use crate::config::settings::Settings;
use crate::error::RunError;
use crate::execute::{Presence, RouteQuery};
use crate::node::SharedNode;

/// This node's part in its cluster.
#[derive(Debug)]
pub(crate) struct Cluster;

impl Cluster {
    /// Reads what the nodes file remembers, or begins alone.
    pub(crate) fn load(_settings: &Settings) -> Result<Cluster, RunError> {
        Ok(Cluster)
    }

    /// Whether this node may run a request.
    pub(crate) fn route(
        &self,
        _query: &RouteQuery,
        _presence: impl FnOnce() -> Presence,
    ) -> Result<(), ReplyError> {
        Err(ReplyError::new("CLUSTERDOWN Hash slot not served"))
    }

    /// Writes the nodes file for the last time.
    pub(crate) fn save_before_exit(&mut self) {}
}

/// Opens the bus port and lets the cluster live.
pub(crate) async fn start(_node: &SharedNode) -> Result<(), RunError> {
    Ok(())
}
