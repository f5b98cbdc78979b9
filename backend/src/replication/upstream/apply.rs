//! The stream, executed as it comes.
//!
//! What was executed is added to this node's own stream as it came, so that replicas of this node get the same bytes
//! at the same offsets.

use std::time::{Duration, Instant};

use reddoor_protocol::command::CommandId;
use reddoor_protocol::request::{Limits, RequestDecoder};

use super::{LinkError, Wire};
use crate::client::Client;
use crate::clock;
use crate::commands::argument::is;
use crate::data::keyspace::Expired;
use crate::execute::{Turn, replay};
use crate::node::{Node, SharedNode};
use crate::scripting;

/// Time between two acknowledgements.
const ACK_EVERY: Duration = Duration::from_secs(1);

/// What is executed between two looks at other clients (bytes).
const SLICE_BYTES: usize = 1024 * 1024;

/// Executes what comes until the link ends.
pub(super) async fn run(node: &SharedNode, mut wire: Wire) -> Result<(), LinkError> {
    let mut stream = Stream::new(&mut node.borrow_mut());
    let mut ticker = tokio::time::interval(ACK_EVERY);
    ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        scripting::until_free(node).await;
        let is_ack_due = stream.apply(&mut node.borrow_mut(), &mut wire.received)?;
        if is_ack_due {
            acknowledge(node, &mut wire).await?;
        }
        if stream.has_more {
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            received = wire.receive(node) => {
                received?;
            }
            _ = ticker.tick() => acknowledge(node, &mut wire).await?,
        }
        check_silence(node)?;
    }
}

async fn acknowledge(node: &SharedNode, wire: &mut Wire) -> Result<(), LinkError> {
    let offset = node.borrow().replication.offset.to_string();
    wire.send(&[b"REPLCONF", b"ACK", offset.as_bytes()]).await
}

/// Since each acknowledgement begins another wait, silence is looked at here.
fn check_silence(node: &SharedNode) -> Result<(), LinkError> {
    let node = node.borrow();
    let timeout = node.config.settings().replication.timeout;
    let heard_at = node.replication.upstream.as_ref().and_then(|upstream| upstream.heard_at);
    match heard_at {
        Some(at) if at.elapsed() > timeout => Err(LinkError::Silent(timeout)),
        _ => Ok(()),
    }
}

/// Where the stream stands.
struct Stream {
    /// Stands in for the primary: its database, its transaction.
    client: Box<Client>,
    decoder: RequestDecoder,
    /// Bytes at the front that belong to a transaction which has not ended.
    held: usize,
    /// Whether a complete request may be left.
    has_more: bool,
    replies: Vec<u8>,
}

const REPLCONF: CommandId = CommandId::of("replconf");

impl Stream {
    fn new(node: &mut Node) -> Stream {
        let mut client = Box::new(Client::internal(node.clients.next_id()));
        client.db = node.replication.upstream.as_ref().map_or(0, |upstream| upstream.db);
        Stream {
            client,
            decoder: RequestDecoder::default(),
            held: 0,
            has_more: false,
            replies: Vec::new(),
        }
    }

    /// Executes complete requests and takes them away. Whether the primary wants to know how far this node is.
    fn apply(&mut self, node: &mut Node, received: &mut Vec<u8>) -> Result<bool, LinkError> {
        node.treat_expired(Expired::Found);
        let result = self.apply_all(node, received);
        node.treat_expired(Expired::Hidden);
        node.serve_ready_keys();
        result
    }

    fn apply_all(&mut self, node: &mut Node, received: &mut Vec<u8>) -> Result<bool, LinkError> {
        let mut turn = Turn { now_ms: clock::unix_ms(), last: Instant::now() };
        let limits = Limits {
            bulk_bytes_max: usize::MAX,
            args_max: i32::MAX as usize,
            unauthenticated: false,
            ..Limits::default()
        };
        let mut is_ack_due = false;
        let (mut done, mut read) = (0, self.held);
        self.has_more = false;
        while let Some(count) = self
            .decoder
            .decode(&received[read..], &limits)
            .map_err(|error| LinkError::Protocol(error.to_string()))?
        {
            let args = self.decoder.args(&received[read..]);
            if !args.is_empty() {
                if let Err(error) =
                    replay(node, &mut self.client, args, &mut self.replies, &mut turn)
                {
                    let error = error.text(args);
                    tracing::warn!("cannot be repeated: {}", String::from_utf8_lossy(&error));
                }
                self.replies.clear();
                is_ack_due |= self.client.last_command == Some(REPLCONF)
                    && args.get(1).is_some_and(|word| is(word, "GETACK"));
            }
            read += count;
            if self.client.transaction.is_none() {
                let bytes = &received[done..read];
                node.extend_stream(|out| out.extend_from_slice(bytes));
                done = read;
            }
            if read >= SLICE_BYTES {
                self.has_more = true;
                break;
            }
        }
        if let Some(upstream) = &mut node.replication.upstream
            && self.client.transaction.is_none()
        {
            upstream.db = self.client.db;
        }
        self.held = read - done;
        received.drain(..done);
        Ok(is_ack_due)
    }
}
