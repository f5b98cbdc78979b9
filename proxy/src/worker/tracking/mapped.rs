//! `CLIENT TRACKING` where keys are stored under other names: nodes tell of stored keys, clients hear of theirs.
//!
//! What begins like a client's prefix does not begin so where it is stored. So a client that is tracked by prefixes
//! (`BCAST`) has the nodes tell of all keys, and what it did not ask for is dropped here.

use std::collections::BTreeSet;

use crate::pinned::Pin;
use crate::session::tracking::{Tracking, TrackingMode};
use crate::worker::Worker;

impl Worker {
    /// The options by which a node is asked to track, but for `REDIRECT`; `before`: by which it tracks already.
    pub(super) fn tracking_options(
        &self,
        tracking: &Tracking,
        before: Option<&Tracking>,
    ) -> Vec<Vec<u8>> {
        let owned = |options: Vec<&[u8]>| options.into_iter().map(<[u8]>::to_vec).collect();
        if !self.maps_keys || !tracking.is_broadcast() {
            return owned(tracking.options(before));
        }
        let all = TrackingMode::Broadcast(BTreeSet::from([Box::default()]));
        owned(Tracking::new(all, tracking.no_loop, None).options(None))
    }

    /// A node's message with the client's keys; `None` when it asked for none of them.
    pub(super) fn map_invalidation(&mut self, pin: &Pin, message: &[u8]) -> Option<Vec<u8>> {
        let mapping = self.answerer.mapping.clone();
        let tracking = self.pinned_session(pin)?.tracking.as_deref();
        mapping.invalidation(message, |key| match tracking.map(|tracking| &tracking.mode) {
            Some(TrackingMode::Broadcast(prefixes)) => {
                prefixes.iter().any(|prefix| key.starts_with(prefix))
            }
            _ => true,
        })
    }
}
