//! Clients that leave too much unread, or send too much that is no whole request: they are disconnected, and the log
//! says so in Redis's words.
//!
//! Source: redis `src/networking.c` closeClientOnOutputBufferLimitReached, readQueryFromClient.

use reddoor_protocol::inline;

use crate::client::{Client, Close, Seat};
use crate::clock;
use crate::commands::describe_client;
use crate::node::Node;

/// Bytes of a request that the log shows.
const QUERY_BYTES_SHOWN: usize = 64;

impl Node {
    /// Ends a client, not taken out, that has left too much unread.
    pub(crate) fn end_unread(&mut self, seat: Seat) {
        let shown = self.shown(seat);
        tracing::warn!("Client {shown} closed for overcoming of output buffer limits.");
        self.stats.output_limit_disconnects += 1;
        self.cut_off(seat);
    }

    /// Ends a client, not taken out, from outside: from now on nothing is served or told to it.
    pub(crate) fn cut_off(&mut self, seat: Seat) {
        let Some(mut client) = self.clients.take(seat) else { return };
        self.blocking.forget(client.id);
        self.pubsub.forget(&mut client);
        self.tracking.end(client.id);
        self.monitors.forget(&mut client);
        client.outbox = Vec::new();
        client.kill();
        self.clients.put(seat, client);
        self.clients.recount(seat);
    }

    /// As [`Node::end_unread`], of a client whose turn it is.
    pub(crate) fn end_unread_after_turn(&mut self, client: &mut Client) {
        tracing::warn!(
            "Client {} scheduled to be closed ASAP for overcoming of output buffer limits.",
            show(client, self)
        );
        self.stats.output_limit_disconnects += 1;
        client.close = Some(Close::Now);
    }

    /// Ends a client whose turn it is and whose request is too large before it is whole.
    pub(crate) fn end_too_large_request(&mut self, client: &mut Client, query: &[u8]) {
        let initial = inline::quoted(query.get(..QUERY_BYTES_SHOWN).unwrap_or(query));
        tracing::warn!(
            "Closing client that reached max query buffer length: {} (qbuf initial bytes: {initial})",
            show(client, self)
        );
        self.stats.query_limit_disconnects += 1;
        client.close = Some(Close::Now);
    }

    /// A client that is not taken out, for the log.
    pub(super) fn shown(&mut self, seat: Seat) -> String {
        let Some(client) = self.clients.take(seat) else { return String::new() };
        let shown = show(&client, self);
        self.clients.put(seat, client);
        shown
    }
}

/// A client as `CLIENT LIST` shows it.
fn show(client: &Client, node: &Node) -> String {
    String::from_utf8_lossy(&describe_client(client, node, clock::unix_ms())).into_owned()
}
