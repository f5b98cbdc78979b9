//! What a client is still to be written.

use super::Session;

/// Bytes of each buffer that a busy client may keep between two bursts.
pub(super) const BUFFER_KEPT_BYTES: usize = 4 * 1024;

/// Written bytes that may lie about before the rest is moved down.
pub(super) const OUT_DEAD_BYTES_MIN: usize = 64 * 1024;

impl Session {
    /// Bytes that wait: for the client to read them, or for an earlier reply.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.out.len() - self.out_written + self.parked.len()
    }

    /// Bytes that the client may be written now.
    pub(crate) fn unwritten(&self) -> &[u8] {
        &self.out[self.out_written..]
    }

    /// Takes note that the first `count` of [`Session::unwritten`] are written.
    pub(crate) fn mark_written(&mut self, count: usize) {
        self.out_written += count;
        if self.out_written >= self.out.len() {
            self.out.clear();
            self.out_written = 0;
            if self.queue.is_empty() {
                self.give_back_room();
            } else {
                self.out.shrink_to(BUFFER_KEPT_BYTES);
            }
        } else if self.out_written >= OUT_DEAD_BYTES_MIN && self.out_written >= self.out.len() / 2 {
            // At least as many bytes are gone as are moved, so this is O(1) for each byte written.
            self.out.drain(..self.out_written);
            self.out_written = 0;
        }
    }

    /// Whether all is answered and written.
    pub(crate) fn is_drained(&self) -> bool {
        self.queue.is_empty() && self.out.is_empty()
    }
}
