//! What a feed brings, as far as it must be understood: whom it concerns.

use reddoor_protocol::frame::{self, Head, ReplyLimits};

use super::TopicKind;

/// One message of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Push<'a> {
    /// A message on a channel for whoever listens to the topic of this kind and name.
    Message { kind: TopicKind, name: &'a [u8], channel: &'a [u8] },
    /// The topic is carried from now on.
    Subscribed { kind: TopicKind, name: &'a [u8] },
    /// It is not, because it was asked so or because its slot left the node.
    Unsubscribed { kind: TopicKind, name: &'a [u8] },
    /// Something else, which concerns nobody.
    Other,
}

impl Push<'_> {
    /// Reads a push that has been framed.
    pub(crate) fn read(bytes: &[u8]) -> Push<'_> {
        let mut elements = Elements { bytes, left: 0 };
        elements.open();
        let (verb, name) = (elements.next(), elements.next());
        let (Some(verb), Some(name)) = (verb, name) else { return Push::Other };
        let message = |kind| Push::Message { kind, name, channel: name };
        match verb {
            b"message" => message(TopicKind::Channel),
            b"smessage" => message(TopicKind::Shard),
            b"pmessage" => match elements.next() {
                Some(channel) => Push::Message { kind: TopicKind::Pattern, name, channel },
                None => Push::Other,
            },
            b"subscribe" => Push::Subscribed { kind: TopicKind::Channel, name },
            b"psubscribe" => Push::Subscribed { kind: TopicKind::Pattern, name },
            b"ssubscribe" => Push::Subscribed { kind: TopicKind::Shard, name },
            b"unsubscribe" => Push::Unsubscribed { kind: TopicKind::Channel, name },
            b"punsubscribe" => Push::Unsubscribed { kind: TopicKind::Pattern, name },
            b"sunsubscribe" => Push::Unsubscribed { kind: TopicKind::Shard, name },
            _ => Push::Other,
        }
    }
}

/// The strings at the beginning of an array or push.
struct Elements<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl<'a> Elements<'a> {
    fn open(&mut self) {
        if let Ok(Some((Head::Aggregate { elements }, len))) =
            frame::head(self.bytes, &ReplyLimits::default())
        {
            self.left = elements;
            self.bytes = &self.bytes[len..];
        }
    }

    /// The next element, if it is a string.
    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        match frame::head(self.bytes, &ReplyLimits::default()) {
            Ok(Some((Head::Bulk { len }, line))) => {
                let text = self.bytes.get(line..line + len)?;
                self.bytes = self.bytes.get(line + len + 2..)?;
                Some(text)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_name_their_topic() {
        let kind = TopicKind::Channel;
        let table: [(&[u8], Push<'_>); 6] = [
            (
                b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n",
                Push::Message { kind, name: b"a", channel: b"a" },
            ),
            (
                b">4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$2\r\nab\r\n$1\r\nx\r\n",
                Push::Message { kind: TopicKind::Pattern, name: b"a*", channel: b"ab" },
            ),
            (b">3\r\n$9\r\nsubscribe\r\n$0\r\n\r\n:1\r\n", Push::Subscribed { kind, name: b"" }),
            (b">3\r\n$11\r\nunsubscribe\r\n_\r\n:0\r\n", Push::Other),
            (b">2\r\n$10\r\ninvalidate\r\n_\r\n", Push::Other),
            (b">0\r\n", Push::Other),
        ];
        for (bytes, push) in table {
            assert_eq!(Push::read(bytes), push, "{}", bytes.escape_ascii());
        }
    }
}
