//! The two signals that ask to stop, SIGINT (Ctrl-C) and SIGTERM, and the one that asks to read the settings anew,
//! SIGHUP.
//!
//! The first that asks to stop means: finish what was begun. The second means: now.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Stop signals, in the order in which they arrive.
///
/// From its creation on neither signal ends the process by itself.
#[derive(Debug)]
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Begins to listen. Must be called inside a runtime.
    pub(crate) fn listen() -> Result<StopSignals> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(StopSignals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one. Losing the race of a `select!` loses no signal.
    pub(crate) async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Wishes to read the settings anew. From its creation on SIGHUP does not end the process.
#[derive(Debug)]
pub(crate) struct ReloadSignals(Signal);

impl ReloadSignals {
    /// Begins to listen. Must be called inside a runtime.
    pub(crate) fn listen() -> Result<ReloadSignals> {
        signal(SignalKind::hangup()).map(ReloadSignals).context("cannot listen for signals")
    }

    /// Waits for the next one. Losing the race of a `select!` loses no signal.
    pub(crate) async fn recv(&mut self) {
        let _ = self.0.recv().await;
    }
}
