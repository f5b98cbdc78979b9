//! Whether the machine at the other end of a link confirms what is sent, as looks at the connection now and then tell.
//!
//! A node that is stopped, or busy, reads nothing, but its machine goes on confirming: it says that there is no room. A
//! machine that is gone confirms nothing, and only that ends a link here.
//!
//! Not here: the looks themselves.

use std::time::Duration;

use super::Link;
use crate::socket_diag::Delivery;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    /// Whether anybody looks. If not, the system gives the connection up by itself.
    pub(crate) are_watched: bool,
    /// Bytes that were sent in all when all of them were found to be confirmed.
    confirmed: u64,
    /// Since when something sent has no answer, in microseconds of the worker's clock.
    due_since_us: Option<u64>,
}

impl Link {
    /// Whether there is anything to be looked at: what was sent is not known to be confirmed. What comes when nothing is
    /// sent any more, the system finds out by itself.
    pub(crate) fn is_receipt_due(&self) -> bool {
        self.receipts.are_watched && self.receipts.confirmed != self.sent_in_all()
    }
}

impl Receipts {
    /// Takes what a look has told, when `sent` bytes were sent in all; gives back for how long the other machine has
    /// owed an answer.
    pub(crate) fn take(&mut self, delivery: &Delivery, sent: u64, now_us: u64) -> Duration {
        if delivery.is_complete() {
            self.confirmed = sent;
        }
        if !delivery.is_answer_due() {
            self.due_since_us = None;
            return Duration::ZERO;
        }
        let since_us = self.due_since_us.unwrap_or(now_us);
        let due = Duration::from_micros(now_us.saturating_sub(since_us));
        // It was heard meanwhile, and this is about something newer.
        if delivery.since_confirmed() < due {
            self.due_since_us = Some(now_us);
            return Duration::ZERO;
        }
        self.due_since_us = Some(since_us);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks every 100 ms that tell this; gives back for how long an answer was due at the last one, in milliseconds.
    fn due_after(looks: &[Delivery]) -> u128 {
        let mut receipts = Receipts::default();
        let times = (1..).map(|look| look * 100_000);
        let due = looks.iter().zip(times).map(|(told, now_us)| receipts.take(told, 1, now_us));
        due.last().unwrap_or_default().as_millis()
    }

    #[test]
    fn a_machine_that_is_gone_owes_from_the_first_look_on() {
        let told = |since| Delivery::told(1, 0, [since / 2, since]);
        assert_eq!(due_after(&[told(50), told(150), told(250), told(350)]), 300);
    }

    #[test]
    fn one_that_answers_owes_nothing_for_long() {
        // Each look falls between a question for room and its answer.
        let told = Delivery::told(0, 1, [50, 90]);
        assert_eq!(due_after(&[told; 9]), 0);
        let (asked, answered) = (Delivery::told(1, 0, [0, 9000]), Delivery::told(1, 0, [100, 99]));
        assert_eq!(due_after(&[asked, answered, asked]), 0);
    }
}
