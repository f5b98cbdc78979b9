//! Commands that do not run when they come: held back by a pause, or queued for a transaction.

use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use super::{AUTH, EXEC, QUIT, any_queued, writes};
use crate::client::{Client, Queued};
use crate::node::{Node, PauseReach};

/// Commands that write nothing by themselves, and yet may add to the stream that replicas read.
const MAY_REPLICATE: [CommandId; 6] = [
    CommandId::of("publish"),
    CommandId::of("spublish"),
    CommandId::of("pfcount"),
    CommandId::of("eval"),
    CommandId::of("evalsha"),
    CommandId::of("fcall"),
];

/// Whether `CLIENT PAUSE` makes this command wait.
pub(super) fn is_held_back(node: &mut Node, client: &Client, spec: &CommandSpec) -> bool {
    const UNHINDERED: [CommandId; 3] = [CommandId::of("client|unpause"), AUTH, QUIT];
    let Some(pause) = node.active_pause() else { return false };
    match pause.reach {
        PauseReach::All => !UNHINDERED.contains(&spec.id()),
        PauseReach::Writes => {
            writes(client, spec)
                || MAY_REPLICATE.contains(&spec.id())
                || spec.id() == EXEC && any_queued(client, |s| MAY_REPLICATE.contains(&s.id()))
        }
    }
}

pub(super) fn queue(
    client: &mut Client,
    spec: &'static CommandSpec,
    args: Args<'_>,
    out: &mut Vec<u8>,
    bytes_max: usize,
) {
    let mut reply = ReplyWriter::new(out, client.resp);
    let Some(transaction) = &mut client.transaction else { return };
    transaction.bytes += args.iter().map(<[u8]>::len).sum::<usize>();
    if transaction.bytes > bytes_max {
        transaction.is_broken = true;
        return reply
            .error(&ReplyError::new("ERR transaction larger than client-query-buffer-limit"));
    }
    if !transaction.is_broken {
        transaction.queue.push(Queued { spec, args: args.iter().map(Box::from).collect() });
    }
    reply.simple("QUEUED");
}
