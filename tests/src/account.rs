//! Clients at work whose every acknowledged write is held against what they read afterwards.
//!
//! Each key holds the number of its writes, by `INCR` or by `SET`, and has one client that writes it. Of each key it is
//! known which number was acknowledged last and which is the greatest that may have been written; whatever is read
//! has to lie between the two.
//!
//! - Less than was acknowledged: a write was **lost**.
//! - More than was sent: a write was applied **twice**, or a reply is another request's.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::client::Client;
use crate::wait::wait_for;

/// Keys of each kind that one client writes, enough to lie on every shard (count).
const KEYS: usize = 12;

/// Sentences that are kept of what went wrong (count).
const SENTENCES_MAX: usize = 10;

/// What all clients did and saw so far.
#[derive(Debug, Default)]
pub struct Account {
    books: Mutex<Books>,
}

/// What all clients did and saw.
#[derive(Clone, Debug, Default)]
pub struct Books {
    keys: BTreeMap<String, Span>,
    /// Writes that were acknowledged (count).
    pub acknowledged: u64,
    /// Writes that surely were not applied, by their errors (count).
    pub refused: u64,
    /// Writes of which nobody knows, by their errors or the end of a connection (count).
    pub unknown: u64,
    /// Acknowledged writes that are gone (count).
    pub lost: u64,
    /// Writes that were applied twice, and replies that are wrong, as sentences.
    pub wrong: Vec<String>,
    /// The errors of the writes and reads that failed, as sentences.
    pub errors: Vec<String>,
}

/// The numbers that a key may hold.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    /// The one that was acknowledged or read last.
    least: u64,
    /// The greatest that may have been written.
    most: u64,
}

impl Account {
    /// Nothing was done yet.
    pub fn open() -> Arc<Account> {
        Arc::default()
    }

    /// The work of one client of a front door, for [`Load::run`](crate::load::Load::run). Clients have keys of their
    /// own by their numbers, and read each other's.
    pub fn client(self: &Arc<Account>, addr: SocketAddr, number: usize) -> Box<dyn FnMut(usize)> {
        let mut worker = Worker {
            account: Arc::clone(self),
            addr,
            client: Client::connect(addr),
            number,
            seen: BTreeMap::new(),
        };
        Box::new(move |round| worker.run_round(round))
    }

    /// What was done and seen so far.
    pub fn so_far(&self) -> Books {
        self.lock().clone()
    }

    /// Reads every key once more, and gives back what all of it came to.
    pub fn settle(&self, client: &mut Client) -> Books {
        let keys: Vec<String> = self.lock().keys.keys().cloned().collect();
        for key in keys {
            let reply = client.ask(&format!("GET {key}"));
            self.lock().take_read(&key, &reply);
        }
        self.so_far()
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    /// Whether every request was answered, and rightly.
    pub fn are_clean(&self) -> bool {
        self.lost == 0 && self.wrong.is_empty() && self.errors.is_empty()
    }

    /// A write is about to be sent; the number that makes it.
    fn begin_write(&mut self, key: &str) -> u64 {
        let span = self.keys.entry(key.to_owned()).or_default();
        span.most += 1;
        span.most
    }

    /// It was acknowledged with this number. Nothing else is on its way to the key.
    fn acknowledge(&mut self, key: &str, number: u64) {
        self.acknowledged += 1;
        let least = self.keys.get(key).map_or(0, |span| span.least + 1);
        self.take(key, number, least);
        if let Some(span) = self.keys.get_mut(key) {
            span.most = number;
        }
    }

    /// A key holds this number, which should not be less than that.
    fn take(&mut self, key: &str, number: u64, least: u64) {
        let span = self.keys.entry(key.to_owned()).or_default();
        let most = span.most;
        span.least = number;
        self.lost += least.saturating_sub(number);
        if number < least {
            self.complain(format!("LOST: {key} is {number}, {least} at least was acknowledged"));
        } else if number > most {
            self.complain(format!("TWICE: {key} is {number}, at most {most} was written"));
        }
    }

    fn take_read(&mut self, key: &str, reply: &str) {
        let least = self.keys.get(key).map_or(0, |span| span.least);
        match reply.parse() {
            Ok(number) => self.take(key, number, least),
            Err(_) if reply == "nil" => self.take(key, 0, least),
            Err(_) => self.fail(format!("GET {key}: {reply}")),
        }
    }

    fn fail_write(&mut self, key: &str, why: String) {
        if why.contains("was not applied") {
            self.refused += 1;
            if let Some(span) = self.keys.get_mut(key) {
                span.most -= 1;
            }
        } else {
            self.unknown += 1;
        }
        self.fail(why);
    }

    fn complain(&mut self, sentence: String) {
        if self.wrong.len() < SENTENCES_MAX {
            self.wrong.push(sentence);
        }
    }

    fn fail(&mut self, sentence: String) {
        if self.errors.len() < SENTENCES_MAX {
            self.errors.push(sentence);
        }
    }
}

impl fmt::Display for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Books { acknowledged, refused, unknown, lost, .. } = self;
        write!(f, "{acknowledged} writes acknowledged, {lost} of them lost")?;
        write!(f, "; {refused} refused, {unknown} of unknown outcome")?;
        self.wrong.iter().chain(&self.errors).try_for_each(|sentence| write!(f, "\n  {sentence}"))
    }
}

/// One client.
struct Worker {
    account: Arc<Account>,
    addr: SocketAddr,
    client: Client,
    number: usize,
    /// What it last read of other clients' keys.
    seen: BTreeMap<String, u64>,
}

impl Worker {
    /// Counts one key up, sets another, reads it back, and reads one of the client before.
    fn run_round(&mut self, round: usize) {
        let place = round % KEYS;
        let counter = format!("account:{}:count:{place}", self.number);
        self.account.lock().begin_write(&counter);
        let reply = self.ask(&format!("INCR {counter}"));
        match reply.strip_prefix(':').and_then(|count| count.parse().ok()) {
            Some(count) => self.account.lock().acknowledge(&counter, count),
            None => self.account.lock().fail_write(&counter, reply),
        }
        let text = format!("account:{}:set:{place}", self.number);
        let number = self.account.lock().begin_write(&text);
        match self.ask(&format!("SET {text} {number}")) {
            reply if reply == "OK" => self.account.lock().acknowledge(&text, number),
            reply => self.account.lock().fail_write(&text, reply),
        }
        let reply = self.ask(&format!("GET {text}"));
        self.account.lock().take_read(&text, &reply);
        self.read_of_another(place);
    }

    /// What another client wrote may not go back once it was read.
    fn read_of_another(&mut self, place: usize) {
        let Some(other) = self.number.checked_sub(1) else { return };
        let key = format!("account:{other}:set:{place}");
        let reply = self.ask(&format!("GET {key}"));
        let Ok(number) = reply.parse::<u64>() else { return };
        let last = self.seen.insert(key.clone(), number).unwrap_or(0);
        if number < last {
            self.account.lock().complain(format!("BACK: {key} was {last} and is {number}"));
        }
    }

    /// One request. When the connection ends there is another one, and the reply says what became of the first.
    fn ask(&mut self, line: &str) -> String {
        self.client.try_ask(line).unwrap_or_else(|error| {
            self.client = wait_for("the front door", || Client::try_connect(self.addr).ok());
            format!("{line}: {error}")
        })
    }
}
