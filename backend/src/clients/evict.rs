//! Clients that hold too much memory together: the largest of them are disconnected.
//!
//! What a client holds is counted anew when its turn ends and when others write for it, so the sum is always known;
//! without a limit nothing is counted. Replicas, and clients that asked to be spared, are neither counted nor ended.
//!
//! Source: redis `src/networking.c` evictClients.

use crate::client::{Client, Seat};
use crate::clients::Clients;
use crate::node::Node;

impl Clients {
    /// Bounds what clients may hold together, in bytes; 0 for no bound.
    pub(crate) fn bound(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
        let seats: Vec<Seat> = self.entries.iter().map(|(key, _)| Seat(key)).collect();
        seats.into_iter().for_each(|seat| self.recount(seat));
    }

    /// Counts anew what a client holds.
    #[inline]
    pub(crate) fn recount(&mut self, seat: Seat) {
        if self.bytes_max > 0 {
            self.recount_bounded(seat);
        }
    }

    fn recount_bounded(&mut self, seat: Seat) {
        let Some(entry) = self.entries.get_mut(seat.0) else { return };
        let held = entry.client.as_deref().filter(|client| may_be_evicted(client));
        let bytes = held.map_or(0, Client::memory_bytes);
        self.bytes = self.bytes - std::mem::replace(&mut entry.bytes, bytes) + bytes;
    }

    /// Whether there is a bound.
    #[inline]
    pub(crate) fn are_bounded(&self) -> bool {
        self.bytes_max > 0
    }

    /// Bytes that they may hold beside what they do; without a bound, any number.
    #[inline]
    pub(crate) fn room_bytes(&self) -> usize {
        if self.are_bounded() { self.bytes_max.saturating_sub(self.bytes) } else { usize::MAX }
    }

    /// Whether they hold more than they may.
    #[inline]
    pub(crate) fn are_too_large(&self) -> bool {
        self.bytes_max > 0 && self.bytes > self.bytes_max
    }

    /// All that may be ended, the largest first.
    fn by_size(&self) -> Vec<Seat> {
        let entries = self.entries.iter().filter(|(_, entry)| entry.bytes > 0);
        let mut sizes: Vec<(usize, Seat)> =
            entries.map(|(key, entry)| (entry.bytes, Seat(key))).collect();
        sizes.sort_unstable_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        sizes.into_iter().map(|(_, seat)| seat).collect()
    }
}

fn may_be_evicted(client: &Client) -> bool {
    !client.is_no_evict && !client.is_replica() && client.close.is_none()
}

impl Node {
    /// Disconnects the largest clients until the others hold no more than they may.
    pub(crate) fn evict_clients(&mut self) {
        for seat in self.clients.by_size() {
            if !self.clients.are_too_large() {
                break;
            }
            tracing::info!("Evicting client: {}", self.shown(seat));
            self.cut_off(seat);
            self.stats.evicted_clients += 1;
        }
    }
}
