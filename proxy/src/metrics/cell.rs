//! The cells counts are kept in: written by one thread, read by any.
//!
//! Invariant: one thread writes a cell. A write is a plain load and a plain store, with no lock prefix and no
//! fence, so it costs what adding to a local variable costs; a second writer would lose counts, nothing worse.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that only grows, until the process ends.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `count`.
    #[inline]
    pub fn add(&self, count: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(count), Relaxed);
    }

    /// The count so far.
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that rises and falls, never below zero.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Replaces the value.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// Raises the value by `by`.
    #[inline]
    pub fn add(&self, by: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(by), Relaxed);
    }

    /// Lowers the value by `by`, which was added before.
    #[inline]
    pub fn subtract(&self, by: u64) {
        let value = self.0.load(Relaxed);
        debug_assert!(by <= value, "a gauge at {value} was lowered by {by}");
        self.0.store(value.saturating_sub(by), Relaxed);
    }

    /// The value now.
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_adds_up() {
        let counter = Counter::default();
        counter.increment();
        counter.add(41);
        assert_eq!(counter.value(), 42);
    }

    #[test]
    fn a_gauge_rises_and_falls() {
        let gauge = Gauge::default();
        gauge.set(5);
        gauge.add(3);
        gauge.subtract(7);
        assert_eq!(gauge.value(), 1);
    }
}
