//! Messages that answer no request: between which replies they stand.

use reddoor_protocol::encode::Resp;

use super::{Pending, ReplyMode, Session};
use crate::errand::Seq;

impl Session {
    /// What is heard from now on must not come before the reply to this request.
    pub(crate) fn hear_after(&mut self, seq: Seq) {
        self.confirming = Some(seq);
    }

    /// What `f` answers reaches the client though it wants no replies (`CLIENT REPLY`): what it is told of channels is
    /// none. One that is skipped is skipped all the same.
    pub(crate) fn aloud<R>(&mut self, f: impl FnOnce(&mut Session) -> R) -> R {
        let mode = std::mem::take(&mut self.reply_mode);
        let result = f(self);
        self.reply_mode = if mode == ReplyMode::SkipNext { ReplyMode::On } else { mode };
        result
    }

    /// Gives the client a message that answers no request: at once, between two replies.
    ///
    /// A push of RESP3 is the array of RESP2 under another first byte.
    pub(crate) fn push(&mut self, message: &[u8]) {
        let is_confirming = self.confirming.is_some_and(|seq| seq >= self.first);
        if !is_confirming {
            self.confirming = None;
        }
        self.insert(message, is_confirming && !self.queue.is_empty());
    }

    /// As [`Session::push`], for a message that makes values stale: it comes behind all that have come before it.
    ///
    /// What a node told before lies in the queue while an earlier request is not answered, whole or in part. Were the
    /// message to overtake it, the client would cache what it was just told to forget.
    pub(crate) fn push_stale(&mut self, message: &[u8]) {
        // What only waits holds nothing yet, and will be read later than the message was sent.
        if self.queue.iter().all(|pending| matches!(pending, Pending::Waiting(_))) {
            self.push(message);
        } else {
            self.insert(message, true);
        }
    }

    /// As [`Session::push_stale`], for a message about values on their way, too: it comes behind them once more.
    pub(crate) fn push_flush(&mut self, message: &[u8]) {
        self.push_stale(message);
        if let Some(Pending::Waiting(_)) = self.queue.back() {
            self.insert(message, true);
        }
    }

    fn insert(&mut self, message: &[u8], waits: bool) {
        let waits = waits || self.is_streaming();
        let out = if waits { &mut self.parked } else { &mut self.out };
        let start = out.len();
        out.extend_from_slice(message);
        if self.resp == Resp::V2 && message.first() == Some(&b'>') {
            out[start] = b'*';
        }
        if waits {
            self.queue.push_back(Pending::Ready { start, len: message.len() });
            self.ready_count += 1;
        }
    }
}
