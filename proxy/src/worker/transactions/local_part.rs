//! The part of a transaction that runs at the front door.
//!
//! It runs last, and only if the nodes ran theirs: a transaction that is aborted leaves the session as it was.

use reddoor_protocol::command::policy::TransactionStep;
use reddoor_protocol::encode::{ReplyWriter, write_header};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::{Args, RequestDecoder};

use crate::errand::Waiter;
use crate::local::{Answered, ClientQuery, Requester};
use crate::metrics::label::Outcome;
use crate::plan::{self, Plan};
use crate::session::hold::LocalPart;
use crate::worker::Worker;
use crate::worker::waits::any_request;

impl Worker {
    /// Runs what is left of an `EXEC`, once nothing else of it is outstanding.
    #[cold]
    pub(in crate::worker) fn run_local_part(&mut self, waiter: Waiter) {
        let Some(entry) = self.sessions.get_mut(waiter.session) else { return };
        let session = &mut entry.session;
        let Some(part) =
            session.local_part.as_ref().filter(|part| part.seq == waiter.seq).map(|p| p.part)
        else {
            return;
        };
        let Some(went_well) = session.is_last_missing(waiter.seq, part) else { return };
        let Some(local) = session.local_part.take() else { return };
        let reply = if went_well {
            self.run_local_commands(waiter.session, &local)
        } else {
            b"*0\r\n".to_vec()
        };
        self.deliver_as(Waiter { part, ..waiter }, &reply, Outcome::Ok);
    }

    /// An array with the answers to these commands.
    fn run_local_commands(&mut self, key: usize, local: &LocalPart) -> Vec<u8> {
        let mut reply = Vec::new();
        write_header(&mut reply, b'*', local.count);
        let mut decoder = RequestDecoder::default();
        let mut rest = &local.requests[..];
        while let Ok(Some(len)) = decoder.decode(rest, &any_request()) {
            let element = self.run_local_command(key, decoder.args(rest));
            reply.extend_from_slice(&element);
            rest = &rest[len..];
        }
        reply
    }

    fn run_local_command(&mut self, key: usize, args: Args<'_>) -> Vec<u8> {
        let Some(entry) = self.sessions.get_mut(key) else { return Vec::new() };
        let session = &mut entry.session;
        let resp = session.resp;
        let error = |error: &ReplyError| {
            let mut element = Vec::new();
            ReplyWriter::new(&mut element, resp).error(error);
            element
        };
        match plan::plan(args, session.is_authenticated, self.permissions, &mut self.scratch) {
            Plan::Local { answer, .. } => {
                let (answerer, now_us) = (&self.answerer, self.clock.now_us());
                let mut answered = Answered::Here;
                let element = session.capture(|session| {
                    answered = answer(answerer, &mut Requester { session, now_us }, args);
                });
                if let Answered::Everywhere(
                    query @ (ClientQuery::Pause(..) | ClientQuery::Unpause),
                ) = &answered
                {
                    self.order_everywhere(query);
                    return b"+OK\r\n".to_vec();
                }
                // No answer at all would shift the elements behind it.
                if matches!(
                    answered,
                    Answered::Everywhere(_) | Answered::Nodes(_) | Answered::Tracked(_)
                ) || element.is_empty()
                {
                    return error(&NOT_INSIDE);
                }
                element
            }
            Plan::Transaction { step: TransactionStep::Unwatch, .. } => b"+OK\r\n".to_vec(),
            Plan::Reject { error: refusal, .. } => error(&refusal),
            _ => error(&NOT_INSIDE),
        }
    }
}

/// What concerns the clients of all workers, or silences replies.
const NOT_INSIDE: ReplyError =
    ReplyError::from_static("UNSERVED the command is not served inside a transaction");
