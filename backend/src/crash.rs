//! What the log says before the process ends by a signal, in the words that people and tools search for.
//!
//! SIGABRT from outside is caught, told of and followed. Signals of broken memory are left to the system: what could be
//! said after one of them would come from a process whose memory is not to be trusted.
//!
//! Source: redis `src/debug.c` sigsegvHandler.

use std::backtrace::Backtrace;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::{Signal, getpid, kill_process};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// `crash-log-enabled`.
static IS_TOLD: AtomicBool = AtomicBool::new(true);

/// Whether a report is written from now on.
pub(crate) fn set_enabled(is_enabled: bool) {
    IS_TOLD.store(is_enabled, Ordering::Relaxed);
}

/// Has the process end with a report when somebody sends it SIGABRT.
///
/// A thread of its own waits for that: whoever sends the signal mostly does so because the node hangs.
pub(crate) fn watch() {
    let watching = thread::Builder::new().name("crash".to_owned()).spawn(|| -> Option<()> {
        let runtime = Builder::new_current_thread().enable_io().build().ok()?;
        runtime.block_on(async {
            signal(SignalKind::from_raw(Signal::ABORT.as_raw())).ok()?.recv().await
        })?;
        if IS_TOLD.load(Ordering::Relaxed) {
            report(Signal::ABORT, None);
        }
        std::process::abort()
    });
    if watching.is_err() {
        tracing::debug!(
            "no thread to watch for SIGABRT: the system will end the process without a word"
        );
    }
}

/// Ends the process by a signal, with a report before.
pub(crate) fn end_by(signal: Signal) -> ! {
    if IS_TOLD.load(Ordering::Relaxed) {
        report(signal, Some(&Backtrace::force_capture()));
    }
    if signal != Signal::ABORT {
        // Where the signal does not end the process, what follows does.
        let _ = kill_process(getpid(), signal);
    }
    std::process::abort()
}

fn report(signal: Signal, trace: Option<&Backtrace>) {
    tracing::warn!("=== REDDOOR BUG REPORT START: Cut & paste starting from here ===");
    tracing::warn!("{} crashed by signal: {}", crate::REDIS_VERSION, signal.as_raw());
    if let Some(trace) = trace {
        tracing::warn!("------ STACK TRACE ------");
        trace.to_string().lines().for_each(|line| tracing::warn!("{line}"));
    }
    tracing::warn!("=== REDDOOR BUG REPORT END. ===");
}
