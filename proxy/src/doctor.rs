//! What of live traffic a plain cluster would not have run: noted while it passes, told to the operator.
//!
//! In: commands over several slots and commands that were refused, from the worker that met them. Out: [`page`], which
//! says of each kind how many there were, what their keys look like, and which setting, preset or rule would serve
//! them.
//!
//! Invariants: what one slot serves is never looked at; memory is bounded, by the command table and by
//! [`SAMPLES_MAX`]; no key is kept, only its shape, and with `admin.doctor_keys = "hidden"` not even that.
//! Not here: which reply the client got.

pub(crate) mod advice;

pub(crate) mod page;

pub(crate) mod refusal;

pub(crate) mod shape;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use reddoor_protocol::command::CommandId;

use self::advice::Advice;
use crate::config::doctor::DoctorKeys;
use crate::metrics::label::{CrossSlot, Refusal};

/// Shapes of keys that are kept of one command with one fate, per worker (count).
const SAMPLES_MAX: usize = 8;

/// Of a command that is often noted, the keys of one in so many are looked at.
const LOOK_EVERY: u64 = 64;

/// So many are looked at before that (count).
const LOOKS_FIRST: u64 = 256;

/// What became of a command that a cluster would not have run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// Its client was told an error.
    Refused(Refusal),
    /// It was answered all the same.
    Served(CrossSlot),
}

/// Who sent a command, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The client's address.
    pub(crate) client: IpAddr,
    /// When it was read.
    pub(crate) at: SystemTime,
}

/// One command with one fate.
#[derive(Clone, Debug)]
struct Finding {
    /// How often it was met.
    count: u64,
    /// The last time.
    last: Seen,
    /// How often its keys were looked at.
    looks: u64,
    /// Invariant: at most [`SAMPLES_MAX`].
    samples: Vec<Sample>,
}

/// Keys of one shape, in one command.
#[derive(Clone, Debug)]
struct Sample {
    /// The shapes of the keys; empty where they are hidden.
    shapes: String,
    /// How often they were seen, of all looks.
    seen: u64,
    advice: Option<Advice>,
}

/// See the module. Each worker writes its own book; the page reads all of them.
#[derive(Debug)]
pub struct Doctor {
    books: Box<[Mutex<Book>]>,
    since: SystemTime,
}

type Book = BTreeMap<(CommandId, Fate), Finding>;

impl Doctor {
    /// Empty books, one for each worker.
    pub fn new(workers_count: usize) -> Doctor {
        Doctor {
            books: (0..workers_count).map(|_| Mutex::default()).collect(),
            since: SystemTime::now(),
        }
    }

    /// Notes a command. `keys` gives its keys as its client named them; most of the time it is not asked.
    pub(crate) fn note<'k>(
        &self,
        worker: usize,
        (command, fate): (CommandId, Fate),
        seen: Seen,
        shown: DoctorKeys,
        keys: impl FnOnce() -> Vec<&'k [u8]>,
    ) {
        let Some(mut book) = self.book(worker) else { return };
        let finding = book.entry((command, fate)).or_insert_with(|| Finding {
            count: 0,
            last: seen,
            looks: 0,
            samples: Vec::new(),
        });
        finding.count += 1;
        finding.last = seen;
        if finding.looks < LOOKS_FIRST || finding.count.is_multiple_of(LOOK_EVERY) {
            finding.look(&keys(), shown);
        }
    }

    /// Forgets what keys look like.
    pub(crate) fn forget_keys(&self, worker: usize) {
        if let Some(mut book) = self.book(worker) {
            book.values_mut().for_each(|finding| finding.samples.clear());
        }
    }

    /// What all workers have noted.
    fn sum(&self) -> Book {
        let mut all = Book::new();
        for book in &self.books {
            for (kind, finding) in lock(book).iter() {
                match all.get_mut(kind) {
                    Some(known) => known.add(finding),
                    None => drop(all.insert(*kind, finding.clone())),
                }
            }
        }
        all
    }

    fn book(&self, worker: usize) -> Option<MutexGuard<'_, Book>> {
        self.books.get(worker).map(lock)
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    // A book is whole after each step, so what a thread left that died is as good as any.
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Finding {
    fn look(&mut self, keys: &[&[u8]], shown: DoctorKeys) {
        if keys.is_empty() {
            return;
        }
        self.looks += 1;
        let advice = || Advice::for_keys(keys).filter(|advice| advice.may_be_shown(shown));
        let (shapes, preset) = match shown {
            DoctorKeys::Shapes => (shape::of_all(keys), None),
            DoctorKeys::Hidden => (String::new(), advice()),
        };
        let is_known = |sample: &&mut Sample| {
            sample.shapes == shapes && (shown == DoctorKeys::Shapes || sample.advice == preset)
        };
        if let Some(sample) = self.samples.iter_mut().find(is_known) {
            sample.seen += 1;
        } else if self.samples.len() < SAMPLES_MAX {
            let advice = advice();
            self.samples.push(Sample { shapes, seen: 1, advice });
        }
    }

    fn add(&mut self, other: &Finding) {
        self.count += other.count;
        self.looks += other.looks;
        if other.last.at > self.last.at {
            self.last = other.last;
        }
        for sample in &other.samples {
            let is_same =
                |known: &Sample| known.shapes == sample.shapes && known.advice == sample.advice;
            let known = self.samples.iter().position(is_same);
            match known {
                Some(index) => self.samples[index].seen += sample.seen,
                None if self.samples.len() < SAMPLES_MAX => self.samples.push(sample.clone()),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    const RENAME: CommandId = CommandId::of("rename");

    fn note(doctor: &Doctor, worker: usize, second: u64, keys: &[&str], shown: DoctorKeys) {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        let seen = Seen { client: Ipv4Addr::LOCALHOST.into(), at };
        let kind = (RENAME, Fate::Refused(Refusal::CrossSlot));
        doctor.note(worker, kind, seen, shown, || keys.iter().map(|key| key.as_bytes()).collect());
    }

    #[test]
    fn counts_are_whole_and_samples_bounded() {
        let doctor = Doctor::new(2);
        for (round, second) in (0..1000_usize).zip(0..) {
            let keys = [format!("a:{round}"), format!("b{}:x", "b".repeat(round % 30))];
            let keys = keys.each_ref().map(String::as_str);
            note(&doctor, round % 2, second, &keys, DoctorKeys::Shapes);
        }
        let book = doctor.sum();
        let [finding] = book.values().collect::<Vec<_>>()[..] else { panic!("one kind") };
        assert_eq!(finding.count, 1000);
        assert_eq!(finding.last.at, SystemTime::UNIX_EPOCH + Duration::from_secs(999));
        assert_eq!(finding.samples.len(), SAMPLES_MAX);
        assert!(finding.looks < 600, "{}", finding.looks);
    }

    #[test]
    fn hidden_keys_leave_no_shape() {
        let doctor = Doctor::new(1);
        note(&doctor, 0, 1, &["secret:1", "hidden:1"], DoctorKeys::Hidden);
        note(&doctor, 0, 1, &["rq:queue:a", "rq:queues"], DoctorKeys::Hidden);
        let text = format!("{:?}", doctor.sum());
        assert!(!text.contains("secret") && !text.contains("hidden") && !text.contains("queue"));
        note(&doctor, 0, 1, &["secret:1", "hidden:1"], DoctorKeys::Shapes);
        assert!(format!("{:?}", doctor.sum()).contains("secret:*"));
        doctor.forget_keys(0);
        assert!(!format!("{:?}", doctor.sum()).contains("secret"));
    }
}
