//! Commands that do not run when they come: held back by a pause, or queued for a transaction.

use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use super::{AUTH, Deeds, QUIT};
use crate::client::{Client, Queued};
use crate::node::{Node, PauseReach};

/// Whether `CLIENT PAUSE` makes this command wait.
pub(super) fn is_held_back(node: &mut Node, spec: &CommandSpec, deeds: Deeds) -> bool {
    const UNHINDERED: [CommandId; 3] = [CommandId::of("client|unpause"), AUTH, QUIT];
    let Some(pause) = node.active_pause() else { return false };
    match pause.reach {
        PauseReach::All => !UNHINDERED.contains(&spec.id()),
        PauseReach::Writes => deeds.may_have_effects(),
    }
}

pub(super) fn queue(
    client: &mut Client,
    (spec, deeds): (&'static CommandSpec, Deeds),
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
        transaction.deeds.add(deeds);
        transaction.queue.push(Queued { spec, args: args.iter().map(Box::from).collect() });
    }
    reply.simple("QUEUED");
}
