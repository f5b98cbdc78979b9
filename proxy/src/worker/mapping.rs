//! Requests of clients whose keys are stored under other names: mapped before they are planned, and their replies
//! noted that have to be mapped back.

use std::sync::Arc;

use reddoor_protocol::command::policy::{RequestPolicy, TransactionStep};
use reddoor_protocol::command::reply_keys::ReplyKeys;
use reddoor_protocol::command::{self, CommandId, CommandSpec};
use reddoor_protocol::request::Args;

use super::Worker;
use super::dispatch::{Ran, Request};
use super::waits::any_request;
use crate::errand::Seq;
use crate::key_mapping::reply::{MappedReply, ReplyShape};
use crate::key_mapping::request::{Mapped, RequestScratch, scan_pattern};
use crate::plan::Plan;
use crate::session::Session;

const KEYS: CommandId = CommandId::of("keys");
const MOVE: CommandId = CommandId::of("move");
const SELECT: CommandId = CommandId::of("select");

impl Worker {
    /// As [`Worker::run_stored`], for a request with the client's keys.
    pub(super) fn run_mapped(&mut self, key: usize, request: &Request<'_>) -> Ran {
        let Some(entry) = self.sessions.get(key) else { return Ran::Now };
        let session = &entry.session;
        // What is no command, and what has to wait for a password, is refused without a look at its keys.
        let command = command::resolve(request.args).ok().filter(|_| session.is_authenticated);
        let Some(command) = command else { return self.run_stored(key, request) };
        let database = session.database_in_hand();
        let noted = self.note_of(session, command, database, request.args);
        let mapping = Arc::clone(&self.answerer.mapping);
        let mut scratch = std::mem::take(&mut self.mapped);
        let before = Before::of(session);
        let ran = match mapping.request(database, command, request.args, &mut scratch) {
            Mapped::AsItCame => self.run_stored(key, request),
            Mapped::Refused(error) => {
                self.run_planned(key, Plan::Reject { command: Some(command), error }, request)
            }
            Mapped::Written => {
                let RequestScratch { bytes, decoder, .. } = &mut scratch;
                match decoder.decode(bytes, &any_request()) {
                    Ok(Some(_)) => {
                        let request =
                            Request { raw: bytes, args: decoder.args(bytes), is_inline: false };
                        self.run_stored(key, &request)
                    }
                    _ => self.run_stored(key, request),
                }
            }
        };
        self.mapped = scratch;
        if ran == Ran::Now {
            self.note(key, before, noted, (command, request.args));
        }
        ran
    }

    /// What has to be known of a request when its reply comes.
    fn note_of(
        &self,
        session: &Session,
        command: &CommandSpec,
        database: u32,
        args: Args<'_>,
    ) -> Option<MappedReply> {
        let is_exec = command.request == RequestPolicy::Transaction(TransactionStep::Exec);
        let shape = match (command.id(), &session.transaction) {
            (MOVE, _) => ReplyShape::Moved,
            (_, Some(transaction)) if is_exec && !transaction.mapped.is_empty() => {
                ReplyShape::Elements(transaction.mapped.clone())
            }
            _ if command.reply_keys == ReplyKeys::None => return None,
            _ => ReplyShape::Keys(command.reply_keys),
        };
        let pattern = match command.reply_keys {
            ReplyKeys::Page => scan_pattern(args),
            _ => args.get(1).filter(|_| command.id() == KEYS),
        };
        let mapping = Arc::clone(&self.answerer.mapping);
        Some(MappedReply { mapping, shape, database, pattern: pattern.map(Box::from) })
    }

    /// Notes what is known of a request that is on its way, or queued.
    fn note(
        &mut self,
        key: usize,
        before: Before,
        noted: Option<MappedReply>,
        (command, args): (&CommandSpec, Args<'_>),
    ) {
        let mapping = &self.answerer.mapping;
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        if session.outstanding(before.seq).is_some() {
            if let Some(noted) = noted {
                session.mapped.expect(before.seq, noted);
            }
            return;
        }
        let Some(transaction) = &mut session.transaction else { return };
        let Some(position) = before.queued.filter(|count| transaction.len() > *count) else {
            return;
        };
        if command.id() == SELECT {
            transaction.database = mapping.database(&args[1]).ok().or(transaction.database);
        }
        if let Some(noted) = noted {
            transaction.mapped.push((position, noted.shape));
        }
    }
}

/// How a session stood before a request was run, so that it shows what became of it.
#[derive(Clone, Copy)]
struct Before {
    /// The number that the request gets if it has to wait for its reply.
    seq: Seq,
    /// Commands in its transaction (count).
    queued: Option<usize>,
}

impl Before {
    fn of(session: &Session) -> Before {
        let queued = session.transaction.as_ref().map(|transaction| transaction.len());
        Before { seq: session.seq_to_come(), queued }
    }
}

impl Session {
    /// The database that the request in hand is about.
    fn database_in_hand(&self) -> u32 {
        self.transaction.as_ref().and_then(|t| t.database).unwrap_or(self.database)
    }
}
