//! The stream, executed as it comes.
//!
//! What was executed is added to this node's own stream as it came, so that replicas of this node get the same bytes
//! at the same offsets.

use std::time::{Duration, Instant};

use reddoor_protocol::command::resolve::resolve;
use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::request::{Args, Limits, RequestDecoder};
use tokio::time::Interval;

use super::{LinkError, Wire};
use crate::client::Client;
use crate::clock;
use crate::commands::argument::is;
use crate::data::keyspace::Expired;
use crate::execute::{Turn, replay};
use crate::node::{Node, SharedNode};
use crate::scripting;
use crate::unexpected::Sayer;

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
        if is_paused(node) {
            note_unapplied(node, wire.received.len());
            await_more(node, &mut wire, &mut ticker).await?;
            continue;
        }
        let is_ack_due = stream.apply(&mut node.borrow_mut(), &mut wire.received)?;
        note_unapplied(node, wire.received.len());
        if is_ack_due {
            acknowledge(node, &mut wire).await?;
        }
        if stream.has_more {
            tokio::task::yield_now().await;
            continue;
        }
        wire.give_back();
        await_more(node, &mut wire, &mut ticker).await?;
    }
}

/// Waits for more of the stream, or until something else may have changed.
async fn await_more(
    node: &SharedNode,
    wire: &mut Wire,
    ticker: &mut Interval,
) -> Result<(), LinkError> {
    let held_bytes_max = node.borrow().config.settings().output_limits.replica.hard_bytes;
    // What cannot be executed yet is left to the primary, which keeps as much.
    let may_receive = held_bytes_max == 0 || wire.received.len() <= held_bytes_max;
    tokio::select! {
        received = wire.receive(node), if may_receive => {
            received?;
        }
        _ = ticker.tick() => acknowledge(node, wire).await?,
    }
    check_silence(node)
}

/// Whether `CLIENT PAUSE` holds the stream back, as it does clients.
fn is_paused(node: &SharedNode) -> bool {
    let node = &mut *node.borrow_mut();
    node.may_be_paused() && node.active_pause().is_some() && node.pause.is_some()
}

/// Notes how much of the stream was received and not executed, as `INFO` tells it.
fn note_unapplied(node: &SharedNode, bytes: usize) {
    if let Some(upstream) = &mut node.borrow_mut().replication.upstream {
        upstream.unapplied_bytes = bytes as u64;
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

/// Whether what was received and cannot be executed yet, a request or a transaction that is not whole, may be kept. As
/// much of the stream as a primary keeps for a replica that does not read: `client-output-buffer-limit`.
fn check_held(node: &mut Node, bytes: usize) -> Result<(), LinkError> {
    let max = node.config.settings().output_limits.replica.hard_bytes;
    if max == 0 || bytes <= max {
        return Ok(());
    }
    if let Some(upstream) = &mut node.replication.upstream {
        // From here on it would come again, but not in a copy.
        upstream.knows_history = false;
    }
    Err(LinkError::TooLong { bytes, max })
}

/// Time between two lines about writes that cannot be kept.
const DISK_ERROR_LOGGED_EVERY: Duration = Duration::from_secs(10);

/// A write of the primary that cannot be kept on disk ends the node, unless the settings have it go on.
fn check_disk(node: &mut Node, args: Args<'_>) {
    let settings = node.config.settings();
    let Some(refusal) = node.persistence.refusal(&settings.disk) else { return };
    if !resolve(args).is_ok_and(CommandSpec::is_write) {
        return;
    }
    if !settings.replication.ignores_disk_errors {
        tracing::warn!("Replica was unable to write command to disk: {refusal}. Exiting...");
        std::process::exit(1);
    }
    let logged_at = &mut node.replication.disk_error_logged_at;
    if logged_at.is_none_or(|at| at.elapsed() >= DISK_ERROR_LOGGED_EVERY) {
        *logged_at = Some(Instant::now());
        tracing::warn!("Replica is applying a command it is unable to write to disk.");
    }
}

/// Where the stream stands.
pub(super) struct Stream {
    /// Stands in for the primary: its database, its transaction.
    client: Box<Client>,
    decoder: RequestDecoder,
    /// Bytes at the front that belong to a transaction which has not ended.
    held: usize,
    /// Whether a complete request may be left.
    pub(super) has_more: bool,
    replies: Vec<u8>,
}

const REPLCONF: CommandId = CommandId::of("replconf");

impl Stream {
    pub(super) fn new(node: &mut Node) -> Stream {
        let mut client = Box::new(Client::internal(node.clients.next_id()));
        client.db = node.replication.selected.unwrap_or(0);
        Stream {
            client,
            decoder: RequestDecoder::default(),
            held: 0,
            has_more: false,
            replies: Vec::new(),
        }
    }

    /// Executes complete requests and takes them away. Whether the primary wants to know how far this node is.
    pub(super) fn apply(
        &mut self,
        node: &mut Node,
        received: &mut Vec<u8>,
    ) -> Result<bool, LinkError> {
        node.treat_expired(Expired::Found);
        let result = self.apply_all(node, received);
        node.treat_expired(Expired::Hidden);
        node.serve_ready_keys();
        if self.client.transaction.is_none() {
            node.stay_within_as_replica();
        }
        result
    }

    fn apply_all(&mut self, node: &mut Node, received: &mut Vec<u8>) -> Result<bool, LinkError> {
        let mut turn = Turn::new(clock::unix_ms());
        let limits = Limits {
            bulk_bytes_max: usize::MAX,
            args_max: i32::MAX as usize,
            unauthenticated: false,
            ..Limits::default()
        };
        let mut is_ack_due = false;
        let (mut done, mut read) = (0, self.held);
        let slice_end = read + SLICE_BYTES;
        self.has_more = false;
        while let Some(count) = self
            .decoder
            .decode(&received[read..], &limits)
            .map_err(|error| LinkError::Protocol(error.to_string()))?
        {
            let args = self.decoder.args(&received[read..]);
            if !args.is_empty() {
                check_disk(node, args);
                execute(node, &mut self.client, args, &mut self.replies, &mut turn);
                is_ack_due |= self.client.last_command == Some(REPLCONF)
                    && args.get(1).is_some_and(|word| is(word, "GETACK"));
            }
            read += count;
            if self.client.transaction.is_none() {
                let bytes = &received[done..read];
                node.extend_stream(|out| out.extend_from_slice(bytes));
                done = read;
            }
            if read >= slice_end {
                self.has_more = true;
                break;
            }
        }
        if self.client.transaction.is_none() {
            node.replication.selected = Some(self.client.db);
        }
        self.held = read - done;
        received.drain(..done);
        if !self.has_more {
            check_held(node, received.len())?;
        }
        Ok(is_ack_due)
    }
}

/// Executes one request; an error in answer to it is noted.
fn execute(
    node: &mut Node,
    client: &mut Client,
    args: Args<'_>,
    replies: &mut Vec<u8>,
    turn: &mut Turn,
) {
    let errors_before = node.stats.error_replies;
    let result = replay(node, client, args, replies, turn);
    let mut errors = node.stats.error_replies - errors_before;
    if let Err(error) = result {
        errors += 1;
        replies.extend_from_slice(&error.text(args));
    }
    node.note_unexpected(Sayer::Primary, args.get(0).unwrap_or_default(), replies, errors);
    replies.clear();
}
