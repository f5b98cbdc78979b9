//! Questions about the clients of all workers: asked of each, joined like the parts of a split command.

use reddoor_protocol::encode::write_bulk;

use super::Worker;
use super::dispatch::outstanding;
use crate::errand::{ClientId, Waiter};
use crate::error::RequestError;
use crate::join::{Join, JoinBy, PartKeys};
use crate::local::ClientQuery;
use crate::local::client::describe;
use crate::local::client_filter::ClientFilter;
use crate::metrics::label::{CloseReason, Outcome};
use crate::peers::PeerMessage;
use crate::session::Ending;

impl Worker {
    /// Asks every worker, this one too, and joins what they say into the reply to the session's last command.
    pub(crate) fn ask_everywhere(&mut self, key: usize, query: &ClientQuery) {
        let now_us = self.clock.now_us();
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        let Some(command) = session.last_command else { return };
        let by = match query {
            ClientQuery::List(..) => JoinBy::Text(session.resp),
            ClientQuery::Kill(_) | ClientQuery::Unblock(..) => JoinBy::Sum,
            ClientQuery::Pause(..) | ClientQuery::Unpause => JoinBy::AllOk,
            ClientQuery::KillOne(_) => JoinBy::KilledOne,
        };
        let outstanding = outstanding(command, now_us, self.config.request.timeout);
        let count = self.peers.count();
        let join = Join::new(by, (0..count).map(|_| PartKeys(Vec::new())))
            .at_most(self.config.limits.join_bytes_max);
        let (client, seq) = (session.id, session.expect_parts(outstanding, Box::new(join)));
        for (worker, part) in (0..count).zip(0..) {
            let waiter = Waiter { session: key, client, seq, part };
            if worker == self.peers.own {
                let reply = self.answer_query(query, client);
                self.deliver_as(waiter, &reply, Outcome::Ok);
                continue;
            }
            let from = self.peers.own;
            let ask = PeerMessage::Ask { from, waiter, query: query.clone() };
            if !self.peers.send(worker, ask) {
                let error = RequestError::Overload { what: "messages between workers", max: count };
                self.fail(waiter, &error);
            }
        }
    }

    /// Has every worker, this one too, do what needs no answer.
    pub(crate) fn order_everywhere(&mut self, query: &ClientQuery) {
        for worker in 0..self.peers.count() {
            if worker == self.peers.own {
                self.answer_query(query, ClientId(0));
            } else {
                self.peers.send(worker, PeerMessage::Order { query: query.clone() });
            }
        }
    }

    /// Takes a message of another worker.
    pub(crate) fn peer_message(&mut self, message: PeerMessage) {
        self.clock.tick();
        match message {
            PeerMessage::Ask { from, waiter, query } => {
                let reply = self.answer_query(&query, waiter.client);
                // An asker whose mailbox is full answers its client at the deadline.
                self.peers.send(from, PeerMessage::Tell { waiter, reply });
            }
            PeerMessage::Order { query } => drop(self.answer_query(&query, ClientId(0))),
            PeerMessage::Invalidated { place, client, message } => {
                self.hear_invalidation(place, client, &message);
            }
            PeerMessage::Tell { waiter, reply } => self.deliver_as(waiter, &reply, Outcome::Ok),
        }
    }

    /// This worker's share of the reply.
    fn answer_query(&mut self, query: &ClientQuery, asker: ClientId) -> Vec<u8> {
        match query {
            ClientQuery::List(filter, request_bytes) => {
                let now_us = self.clock.now_us();
                let lines: String = self
                    .sessions
                    .iter()
                    .filter(|(_, entry)| filter.matches(&entry.session))
                    .map(|(_, entry)| {
                        let is_asker = entry.session.id == asker;
                        describe(&entry.session, now_us, if is_asker { *request_bytes } else { 0 })
                    })
                    .collect();
                let mut reply = Vec::new();
                write_bulk(&mut reply, lines.as_bytes());
                reply
            }
            ClientQuery::Unblock(client, how) => {
                format!(":{}\r\n", u8::from(self.unblock(*client, *how))).into_bytes()
            }
            ClientQuery::Pause(time, mode) => {
                self.pause(*time, *mode);
                b"+OK\r\n".to_vec()
            }
            ClientQuery::Unpause => {
                self.unpause();
                b"+OK\r\n".to_vec()
            }
            ClientQuery::Kill(filter) | ClientQuery::KillOne(filter) => {
                format!(":{}\r\n", self.kill(filter, asker)).into_bytes()
            }
        }
    }

    /// Ends the clients that match; a reply to the killer itself is still written. Gives back how many.
    fn kill(&mut self, filter: &ClientFilter, asker: ClientId) -> usize {
        let matching: Vec<usize> = self
            .sessions
            .iter()
            .filter(|(_, entry)| {
                entry.session.ending == Ending::Open && filter.matches(&entry.session)
            })
            .map(|(key, _)| key)
            .collect();
        for key in &matching {
            let entry = &mut self.sessions[*key];
            entry.close_reason = CloseReason::Killed;
            entry.session.ending =
                if entry.session.id == asker { Ending::AfterReplies } else { Ending::Now };
            self.mark_session_dirty(*key);
            self.wake_session(*key);
        }
        matching.len()
    }
}
