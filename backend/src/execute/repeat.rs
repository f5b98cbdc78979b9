//! What was done elsewhere, or earlier, and is done again here: by a primary's stream, or the append-only file.

use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::command::resolve::ResolveError;
use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::request::Args;

use super::{Call, Deeds, Origin, RUNS_IN_TRANSACTION, Turn, queue, resolve_served, run};
use crate::client::Client;
use crate::node::Node;

/// Does it: nothing is checked but that it can be the effect of anything, and nobody reads the reply.
///
/// # Errors
/// It is no command of this node, or none that is an effect.
pub(crate) fn replay(
    node: &mut Node,
    client: &mut Client,
    args: Args<'_>,
    out: &mut Vec<u8>,
    turn: &mut Turn,
) -> Result<(), ResolveError> {
    let spec = match resolve_served(args) {
        Ok((spec, _)) => spec,
        Err(error) => {
            client.last_command = None;
            return Err(error);
        }
    };
    client.last_command = Some(spec.id());
    if !may_be_repeated(spec) {
        return Err(ResolveError::UnknownCommand);
    }
    if client.transaction.is_some() && !RUNS_IN_TRANSACTION.contains(&spec.id()) {
        let deeds = Deeds::of(node, client, spec, args);
        queue(client, (spec, deeds), args, out, usize::MAX);
        return Ok(());
    }
    let (reply_start, reply) = (out.len(), ReplyWriter::new(out, client.resp));
    let (origin, now_ms) = (Origin::Replay, turn.now_ms);
    let mut call = Call { node, client, args, reply, reply_start, spec, origin, now_ms };
    run(&mut call, turn);
    node.end_unit();
    Ok(())
}

/// Whether a command can be the effect of another: what scripts may not call changes the server, or a connection.
fn may_be_repeated(spec: &CommandSpec) -> bool {
    const REPEATED: [CommandId; 9] = [
        CommandId::of("multi"),
        CommandId::of("exec"),
        CommandId::of("discard"),
        CommandId::of("replconf"),
        CommandId::of("eval"),
        CommandId::of("evalsha"),
        CommandId::of("fcall"),
        CommandId::of("script|load"),
        CommandId::of("script|flush"),
    ];
    spec.is_write()
        || !spec.flags.intersects(CommandFlags::ADMIN | CommandFlags::NOSCRIPT)
        || REPEATED.contains(&spec.id())
}
