//! A replica's connection carries the stream and nothing else: a reply among it would be taken for a part of it. So who
//! is a replica and asks for something is not answered, but disconnected.
//!
//! Source: redis `src/networking.c` prepareClientToWrite, logInvalidUseAndFreeClientAsync.

use reddoor_protocol::command::spec;

use crate::client::{Client, Close};
use crate::clock;
use crate::commands::describe_client;
use crate::node::Node;
use crate::unexpected::Sayer;

impl Node {
    /// A replica's command was answered so; it will not hear of it.
    pub(crate) fn end_answered_replica(&mut self, client: &mut Client, reply: &[u8]) {
        let command = client.last_command.map_or("<unknown>", |id| spec(id).name);
        if reply.starts_with(b"-") {
            self.note_unexpected(Sayer::Replica, command.as_bytes(), reply, 1);
        }
        let shown = describe_client(client, self, clock::unix_ms());
        tracing::warn!(
            "Replica generated a reply to command '{command}', disconnecting it: {}",
            String::from_utf8_lossy(&shown)
        );
        client.close = Some(Close::Now);
    }
}
