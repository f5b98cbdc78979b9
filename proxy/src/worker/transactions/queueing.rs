//! Commands on their way into a transaction: where each will run, and why it cannot be part of one.

use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::command::policy::ChannelKind;
use reddoor_protocol::command::{CommandId, CommandSpec, debug};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;
use reddoor_protocol::slot::Slot;

use super::NOT_ALLOWED;
use crate::join::PartKeys;
use crate::metrics::label::Limit;
use crate::plan::{Plan, PlannedPart, SplitPlan};
use crate::session::Session;
use crate::transaction::{Place, QueueError, QueueLimits, SplitPart, Transaction};
use crate::worker::Worker;
use crate::worker::dispatch::Request;
use crate::worker::pause::waits_for_pause;

/// What changes the connection in the middle of a reply: its protocol version, or what nodes track on it. And what
/// changes all nodes.
const NOT_INSIDE: [CommandId; 4] = [
    CommandId::of("hello"),
    CommandId::of("client|tracking"),
    CommandId::of("client|caching"),
    CommandId::of("config|set"),
];

const DEBUG: CommandId = CommandId::of("debug");

impl Worker {
    pub(super) fn queue(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        place: Place,
        request: &Request<'_>,
    ) {
        let mut scratch = std::mem::take(&mut self.request);
        scratch.clear();
        let is_by_source = self.write_by_source(&mut scratch, command, request.args);
        let bytes = if is_by_source { &scratch[..] } else { request.bytes(&mut scratch) };
        self.queue_by(key, command, request.args, |transaction, watched, limits| {
            transaction.queue(place, bytes, watched, limits)
        });
        self.request = scratch;
    }

    /// Queues a command with keys in several slots, each slot's part by itself.
    pub(super) fn queue_split(&mut self, key: usize, split: SplitPlan, args: Args<'_>) {
        let encode = |(part, keys): (PlannedPart<'_>, PartKeys)| {
            let mut request = Vec::new();
            part.encode(&mut request, args, split.step);
            SplitPart { slot: part.slot, request, keys }
        };
        let parts = self.scratch.parts().zip(self.scratch.parts_keys()).map(encode).collect();
        self.queue_by(key, split.command, args, |transaction, watched, limits| {
            transaction.queue_split(split.by, parts, watched, limits)
        });
    }

    fn queue_by(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        args: Args<'_>,
        queue: impl FnOnce(&mut Transaction, Option<Slot>, &QueueLimits) -> Result<(), QueueError>,
    ) {
        let limits = QueueLimits {
            bytes_max: self.config.limits.transaction_bytes_max,
            commands_max: self.config.limits.transaction_commands_max,
            cross_slot: self.config.transactions.cross_slot,
        };
        let Some(Session { transaction: Some(transaction), watch, last_command, .. }) =
            self.sessions.get_mut(key).map(|entry| &mut entry.session)
        else {
            return;
        };
        *last_command = Some(command);
        let queued = queue(transaction, watch.slot(), &limits);
        transaction.waits_for_pause |=
            waits_for_pause(command, args, &self.answerer.shared.scripts);
        match queued {
            Ok(()) => self.answer_with(key, command, |reply| reply.simple("QUEUED")),
            Err(error) => {
                transaction.is_spoilt = true;
                self.count_limit(error);
                let error = error.to_reply();
                self.note_refused_inside(key, Some(command), &error, args);
                self.refuse(key, command, &error);
            }
        }
    }

    fn count_limit(&self, error: QueueError) {
        match error {
            QueueError::Bytes(_) => self.metrics.limit_reached(Limit::TransactionBytes),
            QueueError::Commands(_) => self.metrics.limit_reached(Limit::TransactionCommands),
            QueueError::CrossSlot(..) | QueueError::Unguarded(..) => {}
        }
    }
}

pub(super) type Placed = (&'static CommandSpec, Place);

/// Where a command of a transaction runs.
///
/// # Errors
/// It cannot be part of one.
pub(super) fn place_of(
    plan: &Plan,
    args: Args<'_>,
) -> Result<Placed, (Option<&'static CommandSpec>, ReplyError)> {
    let Some(command) = plan.command() else { return Err((None, ReplyError::SYNTAX)) };
    if command.flags.contains(CommandFlags::NO_MULTI) {
        return Err((Some(command), NOT_ALLOWED));
    }
    let place = match *plan {
        Plan::One { slot: Some(slot), .. } | Plan::Blocking { slot: Some(slot), .. } => {
            Place::Slot(slot)
        }
        Plan::One { slot: None, .. } | Plan::Blocking { slot: None, .. } => Place::AnyNode(None),
        Plan::Script { slot, has_keys: true, .. } => Place::Slot(slot),
        Plan::Script { slot, has_keys: false, .. } => Place::AnyNode(Some(slot)),
        Plan::Publish { kind: ChannelKind::Shard, slot, .. } => Place::Slot(slot),
        // Any node hands the message to all; it counts connections that listen, not clients behind them.
        Plan::Publish { slot, .. } => Place::AnyNode(Some(slot)),
        Plan::FanOut { command, .. } if command.id() == DEBUG && debug::may_be_queued(args) => {
            Place::AnyNode(None)
        }
        Plan::Local { command, .. } if !NOT_INSIDE.contains(&command.id()) => Place::Here,
        _ => return Err((Some(command), not_inside(command))),
    };
    Ok((command, place))
}

/// What asks several nodes, or changes the connection, cannot be one step with other commands.
fn not_inside(command: &CommandSpec) -> ReplyError {
    let name = command.name;
    ReplyError::new(format!(
        "UNSERVED command '{name}' is not served inside a transaction: it needs several nodes, or the connection \
         for itself"
    ))
}
