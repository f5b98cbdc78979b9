//! Clients in pairs: one gives elements or messages, the other takes them, in their order and once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::clients::Work;
use super::talker::{Answer, Talker};

/// `RPUSH` of ascending numbers.
#[derive(Debug)]
pub(crate) struct Giver {
    run: u64,
    given: u64,
}

impl Giver {
    /// Of the run with this number, whose queue is its own.
    pub(crate) fn of_run(run: u64) -> Giver {
        Giver { run, given: 0 }
    }
}

impl Work for Giver {
    fn round(&mut self, talker: &mut Talker) {
        self.given += 1;
        let line = format!("RPUSH queue-{} {}", self.run, self.given);
        // A number that was surely not taken is given again, lest the taker miss it.
        while talker.ask(&line) == Answer::Refused {}
    }
}

/// `BLPOP`: numbers ascend; one may be missing only where an outcome is unknown.
#[derive(Debug)]
pub(crate) struct Taker {
    run: u64,
    /// When each number was taken.
    taken: BTreeMap<u64, Instant>,
}

impl Taker {
    /// Of the run with this number, whose queue is its own.
    pub(crate) fn of_run(run: u64) -> Taker {
        Taker { run, taken: BTreeMap::new() }
    }
}

impl Work for Taker {
    fn round(&mut self, talker: &mut Talker) {
        let Answer::Reply(reply) = talker.ask(&format!("BLPOP queue-{} 1", self.run)) else {
            return;
        };
        if reply == "nil" {
            return;
        }
        let number = reply.rsplit(' ').next().unwrap_or_default();
        let number = number.trim_end_matches(']').parse().unwrap_or(0);
        let last = self.taken.last_key_value().map_or(0, |(last, _)| *last);
        match self.taken.get(&number) {
            // The taking was acknowledged, and is gone.
            Some(taken_at) => {
                talker.ledger.note_lost(format!("BLPOP answered {reply} twice"), *taken_at);
            }
            None if number < last => {
                talker.ledger.note_wrong(format!("BLPOP answered {reply} after {last}"));
            }
            None => {}
        }
        self.taken.insert(number, Instant::now());
    }
}

/// `PUBLISH` of ascending numbers.
#[derive(Debug)]
pub(crate) struct Publisher {
    /// The number published last, which the listener sees, too.
    pub(crate) published: Arc<AtomicU64>,
}

impl Work for Publisher {
    fn round(&mut self, talker: &mut Talker) {
        let number = self.published.fetch_add(1, Ordering::Relaxed) + 1;
        talker.ask(&format!("PUBLISH news {number}"));
    }
}

/// `SUBSCRIBE`: what is heard was published. A channel promises neither every message nor each of them once while its
/// carrier changes, so both are counted.
#[derive(Debug)]
pub(crate) struct Listener {
    /// The number published last.
    pub(crate) published: Arc<AtomicU64>,
    /// Whether it is subscribed on this connection.
    pub(crate) is_listening: bool,
    /// The number heard last.
    pub(crate) last: u64,
}

impl Work for Listener {
    fn round(&mut self, talker: &mut Talker) {
        if !self.is_listening {
            let reply = talker.ask("SUBSCRIBE news");
            self.is_listening = matches!(reply, Answer::Reply(_));
            return;
        }
        let message = match talker.hear() {
            Ok(Some(message)) => message,
            Ok(None) => return,
            Err(_) => {
                talker.connect_again();
                self.is_listening = false;
                return;
            }
        };
        let number = message.trim_start_matches("[message, news, ").trim_end_matches(']');
        let Ok(number) = number.parse::<u64>() else {
            return talker.ledger.note_wrong(format!("heard {message}"));
        };
        if number > self.published.load(Ordering::Relaxed) {
            talker.ledger.note_wrong(format!("heard {number}, never published"));
        }
        if number <= self.last {
            talker.ledger.heard_again += 1;
        }
        talker.ledger.unheard += number.saturating_sub(self.last + 1);
        talker.ledger.operations += 1;
        self.last = self.last.max(number);
    }
}
