//! The checks that a request has to pass before it runs, and how it is refused.
//!
//! Invariant: a request that is refused has changed nothing but the transaction that it would have been part of.
//!
//! Source: redis `src/server.c` processCommand, rejectCommand.

use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::encode::{ReplyWriter, Resp};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use super::later::{is_held_back, queue};
use super::{
    Call, Deeds, EXEC, Origin, Outcome, PING, RUNS_IN_TRANSACTION, Turn, is_permitted, may_write,
    out_of_memory, rights, route, run,
};
use crate::acl::Context;
use crate::client::Client;
use crate::node::Node;
use crate::persistence::load::Loading;
use crate::replication::role;

/// Makes the checks from 2 on, then queues or runs the command.
pub(super) fn admit(
    node: &mut Node,
    client: &mut Client,
    spec: &'static CommandSpec,
    args: Args<'_>,
    out: &mut Vec<u8>,
    turn: &mut Turn,
) -> Outcome {
    if let Err(error) = check(node, client, spec, args) {
        let error = if spec.id() == EXEC { exec_aborted(error.as_str()) } else { error };
        return refuse(node, client, Some(spec), error.as_str().as_bytes(), out);
    }
    let deeds = Deeds::of(node, client, spec, args);
    let may_write = deeds.may_write();
    if node.cluster.is_some()
        && let Err(redirection) = route::check(node, client, (spec, may_write), args, turn.now_ms)
    {
        return refuse(node, client, Some(spec), redirection.as_str().as_bytes(), out);
    }
    if node.eviction.is_limited && out_of_memory::refuses(node, client, spec, deeds) {
        return refuse_admitted(node, client, spec, out_of_memory::REFUSAL, out);
    }
    if !node.tracking.is_idle() {
        node.bound_tracking_table();
        // Keys that went before the command are no change of its own.
        node.tell_put_off(client);
        if node.pubsub.has_absent() && client.wants_replies() {
            node.pubsub.let_through(client, out);
        }
    }
    if let Some(refusal) = node.persistence.refusal(&node.config.settings().disk)
        && (spec.id() == PING || may_write)
    {
        return refuse_admitted(node, client, spec, &refusal, out);
    }
    if may_write && let Some(refusal) = node.refusal_of_writes() {
        return refuse_admitted(node, client, spec, refusal, out);
    }
    if client.subscriptions.are_any()
        && client.resp == Resp::V2
        && !RUNS_WHILE_SUBSCRIBED.contains(&spec.id())
    {
        let error = format!("Can't execute '{}': {SUBSCRIBED}", spec.name);
        // Where an `EXEC` says why it was aborted there is no other code.
        let error = if spec.id() == EXEC {
            exec_aborted(&error)
        } else {
            ReplyError::new(format!("ERR {error}"))
        };
        return refuse(node, client, Some(spec), error.as_str().as_bytes(), out);
    }
    if (client.is_monitor || client.is_replica()) && meets_keys(spec) {
        let error = ReplyError::new("ERR Replica can't interact with the keyspace");
        return refuse(node, client, Some(spec), error.as_str().as_bytes(), out);
    }
    if node.is_stale() && !deeds.runs_while(CommandFlags::STALE) {
        return refuse_admitted(node, client, spec, role::MASTER_DOWN, out);
    }
    if let Some(loading) = &node.persistence.loading
        && !may_run_while(loading, deeds)
    {
        return refuse_admitted(node, client, spec, ReplyError::LOADING.as_str(), out);
    }
    if let Some(error) = node.scripting.busy_error()
        && !spec.flags.contains(CommandFlags::ALLOW_BUSY)
    {
        return refuse_admitted(node, client, spec, error.as_str(), out);
    }
    if node.may_be_paused() && is_held_back(node, spec, deeds) {
        return Outcome::Postponed;
    }
    if client.transaction.is_some() && !RUNS_IN_TRANSACTION.contains(&spec.id()) {
        queue(client, (spec, deeds), args, out, node.config.settings().query_bytes_max);
        return Outcome::Answered;
    }
    let (reply_start, reply) = (out.len(), ReplyWriter::new(out, client.resp));
    let (origin, now_ms) = (Origin::Client, turn.now_ms);
    let mut call = Call { node, client, args, reply, reply_start, spec, origin, now_ms };
    run(&mut call, turn);
    Outcome::Answered
}

/// Whether a command may run while data is read. Beside what serves, all may but those that would meddle with it.
fn may_run_while(loading: &Loading, deeds: Deeds) -> bool {
    if loading.is_beside {
        !deeds.include(CommandFlags::NO_ASYNC_LOADING)
    } else {
        deeds.runs_while(CommandFlags::LOADING)
    }
}

/// Checks 2 and 3, and whether a transaction may hold the command.
fn check(
    node: &mut Node,
    client: &Client,
    spec: &CommandSpec,
    args: Args<'_>,
) -> Result<(), ReplyError> {
    if spec.id() == DEBUG && !is_permitted(node.config.settings().debug_command, client) {
        return Err(ReplyError::new(DEBUG_LOCKED));
    }
    if client.is_locked_out(&node.acl) && !spec.flags.contains(CommandFlags::NO_AUTH) {
        return Err(ReplyError::NO_AUTH);
    }
    if client.transaction.is_some() && spec.flags.contains(CommandFlags::NO_MULTI) {
        return Err(ReplyError::new("ERR Command not allowed inside a transaction"));
    }
    let context =
        if client.transaction.is_some() { Context::Transaction } else { Context::TopLevel };
    rights::check(node, client, (spec, args), context).map_err(|denial| denial.reply(spec))
}

/// Whether a command reads or writes keys, or could.
fn meets_keys(spec: &CommandSpec) -> bool {
    spec.flags.contains(CommandFlags::READONLY) || may_write(spec)
}

/// Refuses a command for a reason that an `EXEC` words as why it was aborted.
fn refuse_admitted(
    node: &mut Node,
    client: &mut Client,
    spec: &'static CommandSpec,
    reason: &str,
    out: &mut Vec<u8>,
) -> Outcome {
    if spec.id() == EXEC {
        return refuse(node, client, Some(spec), exec_aborted(reason).as_str().as_bytes(), out);
    }
    refuse(node, client, Some(spec), reason.as_bytes(), out)
}

/// Answers with an error before anything ran; a transaction being queued is broken by it, one about to be executed
/// is discarded.
pub(super) fn refuse(
    node: &mut Node,
    client: &mut Client,
    spec: Option<&'static CommandSpec>,
    error: &[u8],
    out: &mut Vec<u8>,
) -> Outcome {
    if spec.is_some_and(|spec| spec.id() == EXEC) {
        client.transaction = None;
        node.watches.unwatch(client.id, &mut client.watched);
    } else if let Some(transaction) = &mut client.transaction {
        transaction.is_broken = true;
    }
    if let Some(spec) = spec {
        node.stats.command(spec.id()).rejected += 1;
    }
    let code = error.split(|byte| *byte == b' ').next().unwrap_or_default();
    node.stats.count_error(&String::from_utf8_lossy(code));
    out.push(b'-');
    out.extend_from_slice(error);
    out.extend_from_slice(b"\r\n");
    Outcome::Answered
}

/// How `EXEC` words a refusal of itself.
fn exec_aborted(error: &str) -> ReplyError {
    ReplyError::new(format!("EXECABORT Transaction discarded because of: {error}"))
}

const DEBUG: CommandId = CommandId::of("debug");

const DEBUG_LOCKED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \
    \"local\", you can run it from a local connection, otherwise you need to set this option in the \
    configuration file, and then restart the server.";

/// Commands that a subscriber may send in RESP2, where replies cannot be told from messages.
const RUNS_WHILE_SUBSCRIBED: [CommandId; 9] = [
    CommandId::of("ping"),
    CommandId::of("subscribe"),
    CommandId::of("unsubscribe"),
    CommandId::of("psubscribe"),
    CommandId::of("punsubscribe"),
    CommandId::of("ssubscribe"),
    CommandId::of("sunsubscribe"),
    CommandId::of("quit"),
    CommandId::of("reset"),
];

const SUBSCRIBED: &str =
    "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";
