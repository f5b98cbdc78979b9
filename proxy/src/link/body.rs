//! A request that is sent piece by piece, and of which nothing is kept that was sent.
//!
//! It is the last on its link, which nobody else uses. Since it cannot be sent again, its errand is
//! [`Bound::Body`](crate::errand::Bound).

use super::Link;

/// How far the request is that comes piece by piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Body {
    /// There is none.
    #[default]
    None,
    /// More of it is to come.
    Open,
    /// All of it has come, though perhaps not all was sent.
    Whole,
}

impl Link {
    /// Appends a piece to the request that was appended last.
    pub(crate) fn append_piece(&mut self, piece: &[u8]) {
        if let Some(last) = self.in_flight.back_mut() {
            last.len += self.buffer.append(|out| out.extend_from_slice(piece));
        }
    }

    /// Forgets what was sent of it, once it is the only one on the link.
    pub(super) fn let_go_sent(&mut self) {
        if self.in_flight.len() == 1
            && let Some(only) = self.in_flight.front_mut()
        {
            let count = self.buffer.sent_len().min(only.len);
            only.len -= count;
            self.buffer.release(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use reddoor_protocol::encode::Resp;

    use super::*;
    use crate::errand::{Lane, NodeIndex};
    use crate::pinned::Owner;

    #[test]
    fn what_was_sent_of_a_body_is_not_kept() {
        let mut link = Link::new(NodeIndex(0), Resp::V2, Lane::Shared, Owner::Nobody);
        link.append_asking();
        link.append_unawaited(b"*3\r\n");
        link.body = Body::Open;
        let asking = link.unsent().len();
        link.mark_sent(asking);
        assert!(link.buffered_bytes() > 0, "ASKING is not answered");
        link.take_first();
        for _ in 0..1000 {
            link.append_piece(&[b'x'; 1000]);
            link.mark_sent(990);
            assert!(link.buffered_bytes() <= 10_000);
            link.mark_sent(10);
            assert_eq!(link.buffered_bytes(), 0);
        }
        link.body = Body::Whole;
        assert!(link.is_reply_due());
        link.take_first();
        assert_eq!(link.in_flight_count(), 0);
    }
}
