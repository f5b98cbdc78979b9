//! Keyspace notifications and invalidations: what nodes tell of stored keys, as clients listen to it.
//!
//! ```text
//! node     __keyspace@0__:~db3={foo}  set         __keyevent@0__:set  ~db3={foo}
//! client   __keyspace@3__:foo         set         __keyevent@3__:set  foo
//! ```
//!
//! Nodes have one database, and their patterns cannot tell the client's apart. So while keys are mapped a worker
//! listens to all that its nodes notify ([`ALL`]), and finds here who of its clients is meant.

use reddoor_protocol::encode::{write_bulk, write_header};

use super::Mapping;
use crate::channels::{Topic, TopicKind};
use crate::join::elements::{self, bulk_text};

/// The pattern that all notifications fit.
const ALL: &[u8] = b"__key*@0__:*";

/// The topic of all notifications, as nodes tell them.
pub(crate) fn all() -> Topic {
    Topic { kind: TopicKind::Pattern, name: ALL.into() }
}

/// A notification as clients listen to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The channel.
    pub(crate) channel: Vec<u8>,
    /// The key, or what happened to it.
    payload: Vec<u8>,
}

impl Event {
    /// The message for who listens to the channel (`pattern` is `None`) or to a pattern.
    pub(crate) fn message(&self, pattern: Option<&[u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        match pattern {
            None => {
                write_header(&mut out, b'>', 3);
                write_bulk(&mut out, b"message");
            }
            Some(pattern) => {
                write_header(&mut out, b'>', 4);
                write_bulk(&mut out, b"pmessage");
                write_bulk(&mut out, pattern);
            }
        }
        write_bulk(&mut out, &self.channel);
        write_bulk(&mut out, &self.payload);
        out
    }
}

impl Mapping {
    /// What a message on [`all`] tells.
    pub(crate) fn event(&self, frame: &[u8]) -> Option<Event> {
        let [_, _, channel, payload] = elements::of(frame)?[..] else { return None };
        let (channel, payload) = (bulk_text(channel)?, bulk_text(payload)?);
        if let Some(stored) = channel.strip_prefix(b"__keyspace@0__:") {
            let (database, key) = self.client_key(stored);
            let channel = [format!("__keyspace@{database}__:").as_bytes(), key].concat();
            return Some(Event { channel, payload: payload.to_vec() });
        }
        let event = channel.strip_prefix(b"__keyevent@0__:")?;
        let (database, key) = self.client_key(payload);
        let channel = [format!("__keyevent@{database}__:").as_bytes(), event].concat();
        Some(Event { channel, payload: key.to_vec() })
    }

    /// An `invalidate` message with the client's keys, of which it wants to hear; `None` when it wants of none.
    ///
    /// As in a Redis, keys are named without their database.
    pub(crate) fn invalidation(
        &self,
        message: &[u8],
        wants: impl Fn(&[u8]) -> bool,
    ) -> Option<Vec<u8>> {
        let [verb, keys] = elements::of(message)?[..] else { return None };
        let Some(keys) = elements::of(keys) else { return Some(message.to_vec()) };
        let keys = keys.into_iter().filter_map(bulk_text).map(|stored| self.client_key(stored).1);
        let keys: Vec<&[u8]> = keys.filter(|key| wants(key)).collect();
        if keys.is_empty() {
            return None;
        }
        let mut out = Vec::new();
        write_header(&mut out, b'>', 2);
        out.extend_from_slice(verb);
        write_header(&mut out, b'*', keys.len());
        keys.into_iter().for_each(|key| write_bulk(&mut out, key));
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_mapping::tests::both;

    fn told(channel: &str, payload: &str) -> Option<String> {
        let mut frame = b">4\r\n".to_vec();
        for text in ["pmessage", "x", channel, payload] {
            write_bulk(&mut frame, text.as_bytes());
        }
        let event = both().event(&frame)?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Some(format!("{} {}", text(&event.channel), text(&event.payload)))
    }

    #[test]
    fn events_name_database_and_key() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(told("__keyspace@0__:~db3={foo}", "set"), some("__keyspace@3__:foo set"));
        assert_eq!(told("__keyspace@0__:foo", "set"), some("__keyspace@0__:foo set"));
        assert_eq!(told("__keyevent@0__:set", "~db3:{~q}a"), some("__keyevent@3__:set a"));
        assert_eq!(told("__keyother@0__:set", "a"), None);
    }

    #[test]
    fn invalidations_name_the_clients_keys() {
        let message = b">2\r\n$10\r\ninvalidate\r\n*2\r\n$8\r\n~db3={a}\r\n$1\r\nb\r\n";
        let found = both().invalidation(message, |_| true).unwrap();
        assert_eq!(found, b">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
        assert_eq!(both().invalidation(message, |key| key == b"x"), None);
        let all = b">2\r\n$10\r\ninvalidate\r\n_\r\n";
        assert_eq!(both().invalidation(all, |_| false).unwrap(), all);
    }
}
