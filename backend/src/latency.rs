//! What held the node up: events that took long, each with its last samples.
//!
//! In: an event's name and how long it took. Out: what `LATENCY` tells. Nothing is kept of what is shorter than
//! `latency-monitor-threshold`, and nothing at all while that is 0.
//!
//! Invariants: samples of one event are in the order of their times, one a second at most.
//! Source: redis `src/latency.c` latencyAddSample.

pub(crate) mod histogram;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::clock;
use crate::node::Node;

/// Samples that are kept of one event (count). Source: redis `src/latency.h` LATENCY_TS_LEN.
const SAMPLES_MAX: usize = 160;

/// All events that took long since they were last forgotten, in the order in which each first did.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    events: Vec<Event>,
}

/// One kind of thing that holds the node up.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    /// Invariant: neither empty nor longer than [`SAMPLES_MAX`].
    pub(crate) samples: VecDeque<Sample>,
    /// The longest ever, also of samples that are no more (milliseconds).
    pub(crate) longest_ms: u64,
}

/// The longest that an event took within one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// When, in seconds since 1970.
    pub(crate) at_s: i64,
    pub(crate) took_ms: u64,
}

impl Latency {
    /// All events.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// The event of this name.
    pub(crate) fn event(&self, name: &[u8]) -> Option<&Event> {
        self.events.iter().find(|event| event.name.as_bytes() == name)
    }

    /// Forgets the events for which `is_forgotten` is true. How many they were.
    pub(crate) fn forget(&mut self, is_forgotten: impl Fn(&Event) -> bool) -> usize {
        let before = self.events.len();
        self.events.retain(|event| !is_forgotten(event));
        before - self.events.len()
    }

    fn add(&mut self, name: &'static str, sample: Sample) {
        let known = self.events.iter().position(|event| event.name == name);
        let index = known.unwrap_or_else(|| {
            self.events.push(Event { name, samples: VecDeque::new(), longest_ms: 0 });
            self.events.len() - 1
        });
        let event = &mut self.events[index];
        event.longest_ms = event.longest_ms.max(sample.took_ms);
        match event.samples.back_mut().filter(|last| last.at_s == sample.at_s) {
            Some(last) => last.took_ms = last.took_ms.max(sample.took_ms),
            None => {
                if event.samples.len() == SAMPLES_MAX {
                    event.samples.pop_front();
                }
                event.samples.push_back(sample);
            }
        }
    }
}

impl Node {
    /// Remembers what held the node up, if it took as long as `latency-monitor-threshold` says.
    ///
    /// `event` is what `LATENCY` calls it; there is a fixed number of them.
    pub(crate) fn note_latency(&mut self, event: &'static str, took: Duration) {
        if self.config.settings().latency_threshold.is_some_and(|least| took >= least) {
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            self.latency.add(event, Sample { at_s: clock::unix_ms() / 1000, took_ms });
        }
    }

    /// The time now, for [`Node::note_latency_since`]; `None` while nobody wants to know what takes long.
    pub(crate) fn begin_latency(&self) -> Option<Instant> {
        self.config.settings().latency_threshold.map(|_| Instant::now())
    }

    /// Remembers what has held the node up since a time.
    pub(crate) fn note_latency_since(&mut self, event: &'static str, begun: Option<Instant>) {
        if let Some(begun) = begun {
            self.note_latency(event, begun.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_second_has_one_sample_and_old_ones_make_room() {
        let mut latency = Latency::default();
        for (at_s, took_ms) in [(10, 5), (10, 9), (10, 7), (11, 1)] {
            latency.add("fork", Sample { at_s, took_ms });
        }
        let samples = |latency: &Latency| latency.events()[0].samples.clone();
        assert_eq!(
            samples(&latency),
            [Sample { at_s: 10, took_ms: 9 }, Sample { at_s: 11, took_ms: 1 }]
        );
        for at_s in 12..400 {
            latency.add("fork", Sample { at_s, took_ms: 2 });
        }
        assert_eq!(samples(&latency).len(), SAMPLES_MAX);
        assert_eq!(samples(&latency)[0].at_s, 240);
        assert_eq!(latency.events()[0].longest_ms, 9);
        assert_eq!(latency.forget(|event| event.name == "fork"), 1);
        assert!(latency.event(b"fork").is_none());
    }
}
