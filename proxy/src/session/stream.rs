//! A reply that goes to its client as it comes, because it is large.
//!
//! In: the bytes of one reply, piece by piece, from the link that the session names. Out: the same bytes in `out`.
//!
//! Invariant: only the first request of the queue is streamed, and while it is, nothing else goes to `out`.

use super::{Ending, Outstanding, Pending, Session};
use crate::errand::{LinkKey, Seq};

impl Session {
    /// Whether the reply to the request at `seq` can go to the client as it comes: its turn has come, and it is wanted.
    /// If so, it is begun.
    pub(crate) fn begin_stream(&mut self, seq: Seq, link: LinkKey, deadline_us: u64) -> bool {
        let is_wanted = self.muted.front() != Some(&seq) && self.ending != Ending::Now;
        let Some(Pending::Waiting(outstanding)) = self.queue.front() else { return false };
        let is_changed = self.capture.is_some() || self.mapped.is_expected(seq);
        if self.first != seq || !is_wanted || is_changed {
            return false;
        }
        self.queue[0] = Pending::Streaming(Outstanding { deadline_us, ..*outstanding });
        self.stream_link = Some(link);
        true
    }

    /// Whether replies to parts of the request at `seq` are held until all are there.
    pub(crate) fn is_in_parts(&self, seq: Seq) -> bool {
        let pending = self.index_of(seq).map(|index| &self.queue[index]);
        matches!(pending, Some(Pending::Joining(..) | Pending::Gathering(..)))
    }

    /// Whether a reply is on its way to the client piece by piece.
    pub(crate) fn is_streaming(&self) -> bool {
        self.stream_link.is_some()
    }

    /// The link that brings a reply piece by piece.
    pub(crate) fn stream_link(&self) -> Option<LinkKey> {
        self.stream_link
    }

    /// Takes a piece; the next one is to come before `deadline_us`.
    pub(crate) fn stream(&mut self, bytes: &[u8], deadline_us: u64) {
        if let Some(Pending::Streaming(outstanding)) = self.queue.front_mut() {
            outstanding.deadline_us = deadline_us;
            self.out.extend_from_slice(bytes);
        }
    }

    /// The last piece has come: what waited behind it follows. Gives back what is known of the request.
    pub(crate) fn end_stream(&mut self) -> Option<Outstanding> {
        let Some(Pending::Streaming(outstanding)) = self.queue.front() else { return None };
        let outstanding = *outstanding;
        self.stream_link = None;
        self.finish(0, |_| ());
        Some(outstanding)
    }
}
