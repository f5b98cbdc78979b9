//! The clients: each does one kind of thing in rounds, knows what every reply has to be, and settles its account when
//! the load is over.

use std::collections::BTreeMap;
use std::time::Instant;

use super::talker::{Answer, Talker};

/// What a client does.
pub(crate) trait Work: Send {
    /// One round.
    fn round(&mut self, talker: &mut Talker);

    /// Looks, when all is quiet, at what is left of the work.
    fn settle(&mut self, _talker: &mut Talker) {}
}

/// Keys of each client that writes, enough to lie on every shard (count).
const KEYS: u64 = 12;

/// `SET` with ascending numbers, each key read again now and then.
#[derive(Debug)]
pub(crate) struct Setter {
    /// Names its keys.
    pub(crate) name: String,
    /// The number that was sent last.
    pub(crate) sent: u64,
    /// The last number that was acknowledged for each key, and when.
    pub(crate) acked: BTreeMap<u64, (u64, Instant)>,
}

impl Setter {
    fn check(&self, key: u64, talker: &mut Talker) {
        let (acked, acked_at) = self.acked.get(&key).copied().unwrap_or((0, Instant::now()));
        let Answer::Reply(reply) = talker.ask(&format!("GET {}:{key}", self.name)) else { return };
        let found: u64 = reply.parse().unwrap_or(0);
        if found < acked {
            let sentence = format!("{}:{key} is {reply}, and {acked} was acknowledged", self.name);
            talker.ledger.note_lost(sentence, acked_at);
        } else if found > self.sent {
            talker.ledger.note_wrong(format!("{}:{key} is {reply}, never sent", self.name));
        }
    }
}

impl Work for Setter {
    fn round(&mut self, talker: &mut Talker) {
        self.sent += 1;
        let key = self.sent % KEYS;
        match talker.ask(&format!("SET {}:{key} {}", self.name, self.sent)) {
            Answer::Reply(reply) if reply == "OK" => {
                self.acked.insert(key, (self.sent, Instant::now()));
            }
            Answer::Reply(reply) => talker.ledger.note_wrong(format!("SET answered {reply}")),
            Answer::Refused | Answer::Unknown => {}
        }
        self.check((self.sent * 7) % KEYS, talker);
    }

    fn settle(&mut self, talker: &mut Talker) {
        (0..KEYS).for_each(|key| self.check(key, talker));
    }
}

/// `INCR`, counted: what it answers may never be less, nor more than was asked for.
#[derive(Debug)]
pub(crate) struct Counter {
    /// Names its keys.
    pub(crate) name: String,
    /// Rounds so far.
    pub(crate) rounds: u64,
    /// For each key what was answered last, how many of unknown outcome came since, and when it was answered.
    pub(crate) counts: BTreeMap<u64, (u64, u64, Instant)>,
}

impl Counter {
    fn take(&mut self, key: u64, count: u64, is_new: bool, talker: &mut Talker) {
        let known = self.counts.get(&key).copied();
        let (last, unknown, acked_at) = known.unwrap_or((0, 0, Instant::now()));
        let least = last + u64::from(is_new);
        if count < least {
            let sentence = format!("{}:{key} is {count} after {last}", self.name);
            talker.ledger.note_lost(sentence, acked_at);
        } else if count > least + unknown {
            let sentence = format!("{}:{key} is {count} after {last} and {unknown}", self.name);
            talker.ledger.note_doubled(sentence);
        }
        self.counts.insert(key, (count, 0, Instant::now()));
    }
}

impl Work for Counter {
    fn round(&mut self, talker: &mut Talker) {
        self.rounds += 1;
        let key = self.rounds % KEYS;
        match talker.ask(&format!("INCR {}:{key}", self.name)) {
            Answer::Reply(reply) => match reply.trim_start_matches(':').parse() {
                Ok(count) => self.take(key, count, true, talker),
                Err(_) => talker.ledger.note_wrong(format!("INCR answered {reply}")),
            },
            Answer::Unknown => self.counts.entry(key).or_insert((0, 0, Instant::now())).1 += 1,
            Answer::Refused => {}
        }
    }

    fn settle(&mut self, talker: &mut Talker) {
        for key in 0..KEYS.min(self.rounds) {
            if let Answer::Reply(reply) = talker.ask(&format!("GET {}:{key}", self.name)) {
                self.take(key, reply.parse().unwrap_or(0), false, talker);
            }
        }
    }
}

/// `MGET` over all shards: every value is there, in its place.
#[derive(Debug, Default)]
pub(crate) struct MultiGetter {
    is_filled: bool,
}

impl Work for MultiGetter {
    fn round(&mut self, talker: &mut Talker) {
        let keys: Vec<String> = (0..KEYS).map(|key| format!("many:{key}")).collect();
        if !self.is_filled {
            let pairs: Vec<String> = keys.iter().map(|key| format!("{key} {key}")).collect();
            let reply = talker.ask(&format!("MSET {}", pairs.join(" ")));
            self.is_filled = reply == Answer::Reply("OK".to_owned());
            return;
        }
        let expect = format!("[{}]", keys.join(", "));
        if let Answer::Reply(reply) = talker.ask(&format!("MGET {}", keys.join(" ")))
            && reply != expect
        {
            talker.ledger.note_wrong(format!("MGET answered {reply}"));
        }
    }
}

/// `MULTI`, two `INCR` of one slot, `EXEC`, in one piece: both or none.
#[derive(Debug)]
pub(crate) struct Transactor {
    run: u64,
    rounds: u64,
    counts: BTreeMap<u64, (u64, u64)>,
}

impl Transactor {
    /// Of the run with this number, which no other run shares its keys with.
    pub(crate) fn of_run(run: u64) -> Transactor {
        Transactor { run, rounds: 0, counts: BTreeMap::new() }
    }
}

impl Work for Transactor {
    fn round(&mut self, talker: &mut Talker) {
        self.rounds += 1;
        let key = self.rounds % KEYS;
        let incr = format!("INCR tx-{}:{key}", self.run);
        let lines = ["MULTI".to_owned(), incr.clone(), incr, "EXEC".to_owned()];
        let mut answers = talker.ask_all(&lines);
        let (last, unknown) = self.counts.get(&key).copied().unwrap_or_default();
        match answers.pop() {
            Some(Answer::Reply(reply)) => {
                let fits =
                    |n: u64| reply == format!("[:{}, :{}]", last + 2 * n + 1, last + 2 * n + 2);
                match (0..=unknown).find(|n| fits(*n)) {
                    Some(n) => drop(self.counts.insert(key, (last + 2 * n + 2, 0))),
                    None => {
                        let sentence = format!("EXEC answered {reply} after {last} and {unknown}");
                        talker.ledger.note_wrong(sentence);
                        self.counts.remove(&key);
                    }
                }
            }
            Some(Answer::Unknown) => self.counts.insert(key, (last, unknown + 1)).map_or((), drop),
            Some(Answer::Refused) | None => {}
        }
    }
}

/// Requests in one piece that answer differently: each reply has to stand in its place.
#[derive(Debug, Default)]
pub(crate) struct Pipeliner {
    rounds: u64,
}

impl Work for Pipeliner {
    fn round(&mut self, talker: &mut Talker) {
        self.rounds += 1;
        let n = self.rounds;
        let of_key = |key: u64| {
            [format!("SET pipe:{key} {n}"), format!("GET pipe:{key}"), format!("ECHO {n}-{key}")]
        };
        let lines: Vec<String> = (0..4).flat_map(of_key).collect();
        let answers = talker.ask_all(&lines);
        for key in 0..4 {
            let [set, get, echo] = [0, 1, 2].map(|place| &answers[3 * key + place]);
            let is_set = *set == Answer::Reply("OK".to_owned());
            if let Answer::Reply(reply) = get
                && is_set
                && *reply != n.to_string()
            {
                let sentence = format!("a pipeline's GET answered {reply} behind SET {n}");
                talker.ledger.note_wrong(sentence);
            }
            if matches!(echo, Answer::Reply(reply) if *reply != format!("{n}-{key}")) {
                talker.ledger.note_wrong(format!("ECHO {n}-{key} answered {echo:?}"));
            }
        }
    }
}
