//! The second connection of a link: RESP3, where the node tells what it does not tell on a connection of RESP2.
//!
//! Nothing is asked on it, so all that comes are messages.

use reddoor_protocol::error::ProtocolError;
use reddoor_protocol::frame::{ReplyLimits, ReplyScanner};

/// Cuts messages out of what was read.
#[derive(Debug, Default)]
pub(crate) struct Ear {
    scanner: ReplyScanner,
    /// The start of a message that has not arrived whole.
    unread: Vec<u8>,
}

impl Ear {
    /// Takes what was read and hands on every whole message.
    ///
    /// # Errors
    /// The node broke the protocol, or answered though nothing was asked: the connection must be ended.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        limits: &ReplyLimits,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), ProtocolError> {
        self.unread.extend_from_slice(bytes);
        let mut consumed = 0;
        while let Some(rest) = self.unread.get(consumed..).filter(|rest| !rest.is_empty()) {
            let Some(len) = self.scanner.scan(rest, limits)? else { break };
            if rest[0] != b'>' {
                return Err(ProtocolError::UnrequestedReply);
            }
            each(&rest[..len]);
            consumed += len;
        }
        self.unread.drain(..consumed);
        if self.unread.is_empty() {
            // A long message is not kept.
            self.unread = Vec::new();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole_however_they_are_cut() {
        let stream =
            b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n>2\r\n$10\r\ninvalidate\r\n_\r\n";
        for step in 1..=stream.len() {
            let mut ear = Ear::default();
            let mut heard = Vec::new();
            for bytes in stream.chunks(step) {
                ear.take(bytes, &ReplyLimits::default(), |message| heard.push(message.to_vec()))
                    .unwrap();
            }
            assert_eq!(heard.len(), 2, "in steps of {step}");
            assert_eq!(heard.concat(), stream, "in steps of {step}");
        }
    }

    #[test]
    fn an_answer_is_none_to_be_heard() {
        let answer = Ear::default().take(b"+OK\r\n", &ReplyLimits::default(), |_| {});
        assert_eq!(answer, Err(ProtocolError::UnrequestedReply));
    }
}
