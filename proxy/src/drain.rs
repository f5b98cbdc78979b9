//! How a front door leaves: what its clients are granted from the moment on at which it accepts no more of them.
//!
//! 1. Clients go on as before. One that is *at rest* (nothing asked, nothing half sent, no transaction, no guarded keys)
//!    and silent for `idle` is dismissed. One that waits for an element is let go by its node and dismissed, one that
//!    only listens is at rest.
//! 2. After `serve` all others are read no more and get the replies to what they have asked.
//! 3. After `finish` they are cut.
//!
//! To dismiss is to say that nothing more will come, and to read on for a moment: what a client sent at that very moment
//! would otherwise make the system throw away replies that it has not read yet.

use std::time::Duration;

use crate::config::Config;

/// Why a front door leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It was told to stop.
    Stop,
    /// Another process has its listening sockets, and serves new clients already.
    TakenOver,
}

/// What clients are granted; see the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drain {
    /// Why.
    pub(crate) departure: Departure,
    /// Silence after which a client at rest is dismissed.
    pub(crate) idle: Duration,
    /// How long clients may go on.
    pub(crate) serve: Duration,
    /// How long the last replies may take after that.
    pub(crate) finish: Duration,
}

impl Drain {
    /// By the settings in force.
    pub(crate) fn new(config: &Config, departure: Departure) -> Drain {
        let shutdown = &config.shutdown;
        let serve = match departure {
            Departure::Stop => shutdown.drain,
            Departure::TakenOver => shutdown.takeover_drain,
        };
        Drain { departure, idle: shutdown.idle, serve, finish: config.request.timeout }
    }
}
