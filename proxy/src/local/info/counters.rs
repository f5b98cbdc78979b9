//! The front door's own counters as `INFO stats` tells them: since its start, or since `CONFIG RESETSTAT`.
//!
//! What is scraped (`/metrics`) counts on: there a counter never falls.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::{Answerer, SharedFacts};
use super::field;
use crate::metrics::label::{Direction, Outcome};
use crate::metrics::worker::WorkerMetrics;

/// What each counter stood at when they were reset last.
#[derive(Debug, Default)]
pub(crate) struct Reset([AtomicU64; COUNTERS.len()]);

/// Tells one worker's share of a counter.
type Counter = fn(&WorkerMetrics) -> u64;

const COUNTERS: [(&str, Counter); 6] = [
    ("total_connections_received", |worker| worker.clients_accepted_count()),
    ("total_commands_processed", |worker| worker.commands_count()),
    ("total_net_input_bytes", |worker| worker.client_bytes_count(Direction::In)),
    ("total_net_output_bytes", |worker| worker.client_bytes_count(Direction::Out)),
    ("rejected_connections", |worker| worker.clients_rejected_count()),
    ("total_error_replies", |worker| {
        worker.outcome_count(Outcome::Error) + worker.outcome_count(Outcome::LocalError)
    }),
];

/// Writes all of them.
pub(super) fn write(answerer: &Answerer, text: &mut String) {
    let shared = &answerer.shared;
    for ((name, count), reset) in COUNTERS.iter().zip(&shared.counters_reset.0) {
        let count = sum(shared, *count).saturating_sub(reset.load(Ordering::Relaxed));
        field(text, name, count);
    }
}

/// Has all of them begin at zero.
pub(crate) fn reset(shared: &SharedFacts) {
    for ((_, count), reset) in COUNTERS.iter().zip(&shared.counters_reset.0) {
        reset.store(sum(shared, *count), Ordering::Relaxed);
    }
}

fn sum(shared: &SharedFacts, count: Counter) -> u64 {
    shared.metrics.iter().map(|worker| count(worker)).sum()
}
