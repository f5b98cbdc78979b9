//! The signal from workers to the topology keeper: look again, and why.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::metrics::label::RefreshReason;

/// Asks for a refresh from any thread. Requests that come before one begins are one.
#[derive(Debug, Default)]
pub(crate) struct RefreshTrigger {
    notify: Notify,
    /// One bit for each reason asked for since the last refresh began.
    reasons: AtomicU64,
}

impl RefreshTrigger {
    /// Asks for a refresh. Costs a few nanoseconds while one is asked for already.
    pub(crate) fn request(&self, reason: RefreshReason) {
        let bit = 1 << reason.index();
        if self.reasons.load(Ordering::Relaxed) & bit == 0 {
            self.reasons.fetch_or(bit, Ordering::Relaxed);
            self.notify.notify_one();
        }
    }

    /// Waits until a refresh is asked for.
    pub(crate) async fn requested(&self) {
        self.notify.notified().await;
    }

    /// Takes the reasons asked for since the last time.
    pub(crate) fn take_reasons(&self) -> impl Iterator<Item = RefreshReason> {
        let bits = self.reasons.swap(0, Ordering::Relaxed);
        RefreshReason::ALL.iter().copied().filter(move |reason| bits & (1 << reason.index()) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_collected_until_taken() {
        let trigger = RefreshTrigger::default();
        for reason in [RefreshReason::Moved, RefreshReason::Moved, RefreshReason::LinkLost] {
            trigger.request(reason);
        }
        let taken: Vec<RefreshReason> = trigger.take_reasons().collect();
        assert_eq!(taken, vec![RefreshReason::Moved, RefreshReason::LinkLost]);
        assert_eq!(trigger.take_reasons().count(), 0);
    }
}
