//! Commands that are refused while more memory is in use than may be.
//!
//! Source: redis `src/server.c` processCommand.

use reddoor_protocol::command::{CommandId, CommandSpec};

use super::{Deeds, EXEC, QUIT};
use crate::client::Client;
use crate::node::Node;

/// The answer.
pub(crate) const REFUSAL: &str = "OOM command not allowed when used memory > 'maxmemory'.";

/// Makes room for a command. Whether there is too little and the command is one that could take more.
#[cold]
pub(super) fn refuses(node: &mut Node, client: &Client, spec: &CommandSpec, deeds: Deeds) -> bool {
    /// What ends a transaction; everything else that comes in one is queued, which takes memory, too.
    const END_IT: [CommandId; 4] = [EXEC, CommandId::of("discard"), QUIT, CommandId::of("reset")];
    let is_queued = client.transaction.is_some() && !END_IT.contains(&spec.id());
    node.is_short_of_memory() && (deeds.needs_memory() || is_queued)
}
