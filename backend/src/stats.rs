//! Counters that `INFO` tells.

use std::collections::BTreeMap;
use std::time::Duration;

use reddoor_protocol::command::CommandId;

use crate::data::lazy_free;
use crate::latency::histogram::Histogram;

/// Codes of errors that are counted apart (count); a client chooses some codes, so there is an end to them.
const ERROR_CODES_MAX: usize = 128;

/// Everything that is counted since the start, or since `CONFIG RESETSTAT`.
#[derive(Debug)]
pub(crate) struct Stats {
    pub(crate) connections_received: u64,
    pub(crate) connections_rejected: u64,
    pub(crate) commands_processed: u64,
    pub(crate) input_bytes: u64,
    pub(crate) output_bytes: u64,
    /// What came from a primary, and went to replicas; neither is part of the two above (bytes).
    pub(crate) replication_input_bytes: u64,
    pub(crate) replication_output_bytes: u64,
    pub(crate) reads_processed: u64,
    pub(crate) writes_processed: u64,
    pub(crate) keyspace_hits: u64,
    pub(crate) keyspace_misses: u64,
    /// Keys that had expired before the counters were reset.
    pub(crate) expired_keys_before: u64,
    pub(crate) expire_cycles_cut_short: u64,
    pub(crate) expire_cycle_us: u64,
    /// The share of keys in per cent that the expiry cycle finds expired, averaged.
    pub(crate) expired_stale_percent: f64,
    pub(crate) evicted_keys: u64,
    pub(crate) evicted_clients: u64,
    /// Values freed beside the node before the counters were reset (count).
    lazy_freed_before: u64,
    /// How long memory was above its limit, in all.
    pub(crate) short_of_memory: Duration,
    /// Keys that the expiry cycle looked at (count).
    pub(crate) expired_looked_at: u64,
    pub(crate) error_replies: u64,
    /// Errors in answer to a primary or the append-only file.
    pub(crate) unexpected_errors: u64,
    /// Commands that no client sent twice to be disconnected for: output limits reached.
    pub(crate) output_limit_disconnects: u64,
    pub(crate) query_limit_disconnects: u64,
    /// Indexed by [`CommandId::index`].
    commands: Vec<CommandStats>,
    errors: BTreeMap<String, u64>,
    pub(crate) rate: Rate,
}

/// Counters of one command.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommandStats {
    pub(crate) calls: u64,
    total_ns: u64,
    /// Refused before it ran (count).
    pub(crate) rejected: u64,
    /// Answered with an error after it ran (count).
    pub(crate) failed: u64,
    /// How long its calls took; `None` until one was counted.
    histogram: Option<Histogram>,
}

impl Default for Stats {
    fn default() -> Stats {
        Stats {
            connections_received: 0,
            connections_rejected: 0,
            commands_processed: 0,
            input_bytes: 0,
            output_bytes: 0,
            replication_input_bytes: 0,
            replication_output_bytes: 0,
            reads_processed: 0,
            writes_processed: 0,
            keyspace_hits: 0,
            keyspace_misses: 0,
            expired_keys_before: 0,
            expire_cycles_cut_short: 0,
            expire_cycle_us: 0,
            expired_stale_percent: 0.0,
            evicted_keys: 0,
            evicted_clients: 0,
            lazy_freed_before: lazy_free::freed_count(),
            short_of_memory: Duration::ZERO,
            expired_looked_at: 0,
            error_replies: 0,
            unexpected_errors: 0,
            output_limit_disconnects: 0,
            query_limit_disconnects: 0,
            commands: vec![CommandStats::default(); CommandId::COUNT],
            errors: BTreeMap::new(),
            rate: Rate::default(),
        }
    }
}

impl Stats {
    pub(crate) fn command(&mut self, id: CommandId) -> &mut CommandStats {
        &mut self.commands[id.index()]
    }

    /// Counts the keys that a cycle of expiry looked at, and removed.
    ///
    /// Source: redis `src/expire.c` activeExpireCycle, for how the share follows.
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub(crate) fn note_expiry(&mut self, looked_at: usize, removed: usize) {
        self.expired_looked_at += looked_at as u64;
        let percent = removed as f64 * 100.0 / looked_at.max(1) as f64;
        self.expired_stale_percent += (percent - self.expired_stale_percent) * 0.05;
    }

    /// Counters of the commands that were called or refused.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (usize, &CommandStats)> {
        self.commands.iter().enumerate().filter(|(_, s)| s.calls + s.rejected + s.failed > 0)
    }

    /// Values that the thread which frees has freed (count).
    pub(crate) fn lazy_freed(&self) -> u64 {
        lazy_free::freed_count().saturating_sub(self.lazy_freed_before)
    }

    /// The counters whose rates are told.
    pub(crate) fn sample_rates(&mut self, now_ms: i64) {
        let (input, output) = (self.replication_input_bytes, self.replication_output_bytes);
        let (all_input, all_output) = (self.input_bytes + input, self.output_bytes + output);
        self.rate.sample(now_ms, [self.commands_processed, all_input, all_output, input, output]);
    }

    /// How long the calls of a command took, if any were counted.
    pub(crate) fn histogram(&self, id: CommandId) -> Option<&Histogram> {
        self.commands[id.index()].histogram.as_ref()
    }

    /// Counts an error reply by its code.
    pub(crate) fn count_error(&mut self, code: &str) {
        self.error_replies += 1;
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.errors.insert(code.to_owned(), 1);
        }
    }

    pub(crate) fn errors(&self) -> impl Iterator<Item = (&str, u64)> {
        self.errors.iter().map(|(code, count)| (code.as_str(), *count))
    }
}

impl CommandStats {
    /// Adds the time of a run.
    #[inline]
    pub(crate) fn add_time(&mut self, took: Duration) {
        self.total_ns += nanoseconds(took);
    }

    /// Counts a run among those that took about as long. The first one of a command allocates.
    #[inline]
    pub(crate) fn add_to_histogram(&mut self, took: Duration) {
        self.histogram.get_or_insert_default().add(nanoseconds(took));
    }

    /// Time of all runs (microseconds).
    pub(crate) fn total_us(&self) -> u64 {
        self.total_ns / 1000
    }
}

/// A time in nanoseconds; what takes longer than centuries is as good as any other number.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "as the line above says")]
fn nanoseconds(took: Duration) -> u64 {
    took.as_nanos() as u64
}

/// How many samples a rate is averaged over. Source: redis `src/server.h` STATS_METRIC_SAMPLES.
const SAMPLES: usize = 16;

/// What is told per second (count): commands, input, output, and input and output of replication.
const RATES: usize = 5;

/// Some counters per second, averaged over the last samples.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    samples: [[f64; RATES]; SAMPLES],
    next: usize,
    last: [u64; RATES],
    last_ms: i64,
}

impl Rate {
    /// Takes a sample of the counters.
    pub(crate) fn sample(&mut self, now_ms: i64, counters: [u64; RATES]) {
        let elapsed_ms = now_ms - self.last_ms;
        if self.last_ms > 0 && elapsed_ms > 0 {
            #[expect(clippy::cast_precision_loss, reason = "an average for people")]
            let per_second =
                |now: u64, last: u64| now.saturating_sub(last) as f64 * 1000.0 / elapsed_ms as f64;
            self.samples[self.next] =
                std::array::from_fn(|index| per_second(counters[index], self.last[index]));
            self.next = (self.next + 1) % SAMPLES;
        }
        self.last = counters;
        self.last_ms = now_ms;
    }

    /// All of them per second.
    pub(crate) fn average(&self) -> [f64; RATES] {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let count = SAMPLES as f64;
        std::array::from_fn(|index| self.samples.iter().map(|s| s[index]).sum::<f64>() / count)
    }
}
