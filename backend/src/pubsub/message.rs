//! What a client is told beside its replies, as it is sent.

use std::sync::Arc;

use reddoor_protocol::encode::{ReplyWriter, Resp};

use crate::client::{Client, ClientId};

/// A message for a client, whose version of the protocol is known when it is sent.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// A push of RESP3; only the first byte is another one in RESP2.
    Push(Arc<[u8]>),
    /// A line for a monitor, the same in both versions.
    Line(Arc<[u8]>),
    /// Keys that the client must not rely on: an array of them, or null for all.
    Invalidation {
        keys: Arc<[u8]>,
        /// Another client has asked to have it told here.
        is_redirected: bool,
    },
    /// The client that was to be told instead has left.
    RedirectBroken(ClientId),
}

/// The channel on which a subscriber in RESP2 is told of keys.
const INVALIDATION_CHANNEL: &[u8] = b"__redis__:invalidate";

impl Message {
    pub(super) fn of(words: &[&[u8]]) -> Message {
        let mut bytes = Vec::new();
        let mut writer = ReplyWriter::new(&mut bytes, Resp::V3);
        writer.push(words.len());
        words.iter().for_each(|word| writer.bulk(word));
        Message::Push(bytes.into())
    }

    /// Appends the message, if it is one for what the client speaks.
    pub(super) fn append(&self, client: &Client, out: &mut Vec<u8>) {
        let start = out.len();
        let mut writer = ReplyWriter::new(out, client.resp);
        match self {
            Message::Push(bytes) => {
                out.extend_from_slice(bytes);
                if client.resp == Resp::V2
                    && let Some(head) = out.get_mut(start)
                {
                    *head = b'*';
                }
            }
            // Unlike a push, a line counts as a reply, which may not be wanted.
            Message::Line(bytes) if client.wants_replies() => out.extend_from_slice(bytes),
            Message::Invalidation { keys, .. } if client.resp == Resp::V3 => {
                writer.push(2);
                writer.bulk(b"invalidate");
                writer.raw(keys);
            }
            Message::Invalidation { keys, is_redirected: true }
                if client.subscriptions.are_any() =>
            {
                writer.push(3);
                writer.bulk(b"message");
                writer.bulk(INVALIDATION_CHANNEL);
                writer.raw(keys);
            }
            Message::RedirectBroken(other) if client.resp == Resp::V3 => {
                writer.push(2);
                writer.bulk(b"tracking-redir-broken");
                writer.integer(other.0.cast_signed());
            }
            Message::Line(_) | Message::Invalidation { .. } | Message::RedirectBroken(_) => {}
        }
    }
}
