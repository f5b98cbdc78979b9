//! A plain client that goes on whatever happens: it connects again, and keeps its ledger.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use reddoor_tests::client::{Client, request_line, text};
use reddoor_tests::wait::{PATIENCE, wait_for};

use super::ledger::Ledger;

/// What became of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The reply, as [`text`] shows it.
    Reply(String),
    /// An error that says that it was not applied.
    Refused,
    /// An error, or an end, after which nobody knows.
    Unknown,
}

/// One client.
#[derive(Debug)]
pub(crate) struct Talker {
    addr: SocketAddr,
    client: Client,
    /// What it saw.
    pub(crate) ledger: Ledger,
    /// Whether the time that its operations take tells of the front door; not when they wait for others by design.
    pub(crate) is_timed: bool,
}

/// How long a client that listens waits before it looks whether all is over.
const LISTEN_TURN: Duration = Duration::from_millis(200);

impl Talker {
    /// Connects.
    pub(crate) fn connect(addr: SocketAddr) -> Talker {
        Talker { addr, client: Client::connect(addr), ledger: Ledger::default(), is_timed: true }
    }

    /// One request and its reply.
    pub(crate) fn ask(&mut self, line: &str) -> Answer {
        self.ask_all(&[line.to_owned()]).remove(0)
    }

    /// Requests in one piece, and the reply to each.
    pub(crate) fn ask_all(&mut self, lines: &[String]) -> Vec<Answer> {
        self.ledger.begin();
        let errors_before = self.ledger.errors_count();
        let answers = self.send_all(lines);
        self.ledger.end(self.is_timed);
        if self.ledger.errors_count() > errors_before {
            self.ledger.errors_of_one += 1;
        }
        answers
    }

    fn send_all(&mut self, lines: &[String]) -> Vec<Answer> {
        let bytes: Vec<u8> = lines.iter().flat_map(|line| request_line(line)).collect();
        let mut answers = Vec::new();
        let mut is_cut = self.client.try_send_bytes(&bytes).is_err();
        while answers.len() < lines.len() && !is_cut {
            match self.client.try_reply() {
                Ok(reply) => {
                    let command = lines[answers.len()].split(' ').next().unwrap_or_default();
                    answers.push(self.take(command, text(&reply)));
                }
                Err(_) => is_cut = true,
            }
        }
        if is_cut {
            self.connect_again();
            answers.resize(lines.len(), Answer::Unknown);
        }
        answers
    }

    /// What is heard next without being asked for, if anything is heard soon.
    ///
    /// # Errors
    /// The connection ended.
    pub(crate) fn hear(&mut self) -> io::Result<Option<String>> {
        self.client.stream().set_read_timeout(Some(LISTEN_TURN))?;
        let reply = self.client.try_reply();
        self.client.stream().set_read_timeout(Some(PATIENCE))?;
        match reply {
            Ok(reply) => Ok(Some(text(&reply))),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Ends the connection and makes another.
    pub(crate) fn connect_again(&mut self) {
        self.ledger.cut += 1;
        let addr = self.addr;
        self.client = wait_for("the front door", || Client::try_connect(addr).ok());
    }

    fn take(&mut self, command: &str, reply: String) -> Answer {
        let is_error = reply.starts_with('-');
        if !is_error {
            self.ledger.operations += 1;
            return Answer::Reply(reply);
        }
        self.ledger.failed(&format!("{command}: {reply}"));
        // A node that cannot save runs no write; inside a transaction `EXEC` tells of it.
        let is_refused = reply.contains("was not applied") || reply.contains("MISCONF");
        if is_refused { Answer::Refused } else { Answer::Unknown }
    }
}
