//! What a simulated node holds: the numbers of the writes that it took or copied, in order.

use crate::cluster::core::Replication;

/// See the module.
#[derive(Default)]
pub(super) struct Data {
    /// The number of each write.
    pub(super) writes: Vec<u32>,
    /// Whom it copies from.
    pub(super) from: Option<usize>,
    /// Until when it takes no writes, in milliseconds.
    pub(super) paused_until_ms: u64,
    heard_ms: u64,
}

impl Data {
    pub(super) fn state(&self) -> Replication {
        Replication { offset: self.writes.len() as u64, heard_ms: self.heard_ms }
    }

    /// What it holds is not known to be its primary's any more.
    pub(super) fn lose_link(&mut self) {
        self.heard_ms = 0;
    }

    /// Copies at most `count_max` writes; all of them where the two have gone different ways.
    pub(super) fn copy(&mut self, from: &Data, now_ms: u64, count_max: usize) {
        self.heard_ms = now_ms;
        let held = self.writes.len();
        match from.writes.get(held..) {
            Some(rest) if from.writes.starts_with(&self.writes) => {
                self.writes.extend(rest.iter().take(count_max));
            }
            _ => self.writes.clone_from(&from.writes),
        }
    }
}
