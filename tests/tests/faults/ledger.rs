//! What clients saw: operations, errors by their text, the longest wait, and everything that must not be.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What one client saw, or all of them together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// Operations that were answered well (count).
    pub(crate) operations: u64,
    /// Errors by their text, with how often they came; digits are made `#`.
    pub(crate) errors: BTreeMap<String, u64>,
    /// The most operations of one client that ended in errors (count); requests in one piece are one.
    pub(crate) errors_of_one: u64,
    /// Operations that ended with the connection (count).
    pub(crate) cut: u64,
    /// The longest an operation took.
    pub(crate) stall: Duration,
    /// The longest that the machine itself let a thread wait which wanted to run.
    pub(crate) machine_pause: Duration,
    /// Writes that were acknowledged and are not there, as sentences.
    pub(crate) lost: Vec<Loss>,
    /// Writes that were applied twice.
    pub(crate) doubled: Vec<String>,
    /// Replies that are wrong, missing, or out of their order.
    pub(crate) wrong: Vec<String>,
    /// Messages published and not heard, which a channel does not promise (count).
    pub(crate) unheard: u64,
    /// Messages heard late or twice (count).
    pub(crate) heard_again: u64,
    began: Option<Instant>,
}

/// An acknowledged write that is gone.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    /// What was seen.
    pub(crate) sentence: String,
    /// When it was acknowledged.
    pub(crate) acked_at: Instant,
}

/// Sentences of each kind that are kept (count).
const SENTENCES_MAX: usize = 5;

impl Ledger {
    /// An operation begins.
    pub(crate) fn begin(&mut self) {
        self.began = Some(Instant::now());
    }

    /// It was answered with an error.
    pub(crate) fn failed(&mut self, error: &str) {
        let text: String =
            error.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
        let text = text.split('#').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("#");
        *self.errors.entry(text).or_default() += 1;
    }

    /// The operation that began last is over; `is_timed`: its time counts.
    pub(crate) fn end(&mut self, is_timed: bool) {
        if let Some(began) = self.began.take().filter(|_| is_timed) {
            self.stall = self.stall.max(began.elapsed());
        }
    }

    /// Notes what must not be.
    pub(crate) fn note_wrong(&mut self, sentence: String) {
        note(&mut self.wrong, sentence);
    }

    /// Notes an acknowledged write that is gone.
    pub(crate) fn note_lost(&mut self, sentence: String, acked_at: Instant) {
        note(&mut self.lost, Loss { sentence, acked_at });
    }

    /// Notes a write that was applied twice.
    pub(crate) fn note_doubled(&mut self, sentence: String) {
        note(&mut self.doubled, sentence);
    }

    /// Takes another client's in.
    pub(crate) fn absorb(&mut self, other: Ledger) {
        self.operations += other.operations;
        for (text, count) in other.errors {
            *self.errors.entry(text).or_default() += count;
        }
        self.errors_of_one = self.errors_of_one.max(other.errors_of_one);
        self.cut += other.cut;
        self.stall = self.stall.max(other.stall);
        self.unheard += other.unheard;
        self.heard_again += other.heard_again;
        other.lost.into_iter().for_each(|loss| note(&mut self.lost, loss));
        other.doubled.into_iter().for_each(|sentence| self.note_doubled(sentence));
        other.wrong.into_iter().for_each(|sentence| self.note_wrong(sentence));
    }

    /// Errors of all texts (count).
    pub(crate) fn errors_count(&self) -> u64 {
        self.errors.values().sum()
    }
}

fn note<T>(sentences: &mut Vec<T>, sentence: T) {
    if sentences.len() < SENTENCES_MAX {
        sentences.push(sentence);
    }
}
