//! Keyspace notifications: what happened to a key, told to whoever has subscribed to it.
//!
//! Source: redis `src/notify.c`.

use crate::execute::Call;
use crate::node::Node;
use crate::pubsub::Kind;

/// The families of events, one letter each in `notify-keyspace-events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// `g`: commands on keys of any type.
    Generic,
    /// `$`
    String,
    /// `l`
    List,
    /// `s`
    Set,
    /// `h`
    Hash,
    /// `z`
    SortedSet,
    /// `t`
    Stream,
    /// `x`: a key's time has come.
    Expired,
    /// `e`: a key had to make room.
    Evicted,
    /// `m`: a key that was asked for is not there.
    Missed,
    /// `n`: a key that was not there is made.
    New,
}

impl Class {
    /// The letter by which it is switched on.
    fn letter(self) -> u8 {
        match self {
            Class::Generic => b'g',
            Class::String => b'$',
            Class::List => b'l',
            Class::Set => b's',
            Class::Hash => b'h',
            Class::SortedSet => b'z',
            Class::Stream => b't',
            Class::Expired => b'x',
            Class::Evicted => b'e',
            Class::Missed => b'm',
            Class::New => b'n',
        }
    }
}

impl Node {
    /// Tells of an event. Handlers tell it after the change, as often and in the order in which a Redis does.
    #[inline]
    pub(crate) fn notify(&mut self, class: Class, event: &'static str, db: usize, key: &[u8]) {
        if !self.config.settings().events.is_empty() {
            self.tell_journal();
            self.tell(class, event, db, key);
        }
    }

    fn tell(&mut self, class: Class, event: &'static str, db: usize, key: &[u8]) {
        let events = self.config.settings().events;
        if !events.contains(class.letter()) {
            return;
        }
        if events.contains(b'K') {
            let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
            self.publish(Kind::Channel, &channel, event.as_bytes());
        }
        if events.contains(b'E') {
            let channel = format!("__keyevent@{db}__:{event}");
            self.publish(Kind::Channel, channel.as_bytes(), key);
        }
    }
}

impl Call<'_> {
    /// As [`Node::notify`], in the selected database; a client that listens to itself hears it now.
    #[inline]
    pub(crate) fn notify(&mut self, class: Class, event: &'static str, key: &[u8]) {
        if !self.node.config.settings().events.is_empty() {
            self.notify_in(class, event, self.client.db, key);
        }
    }

    /// As [`Call::notify`], in any database.
    pub(crate) fn notify_in(&mut self, class: Class, event: &'static str, db: usize, key: &[u8]) {
        if self.node.pubsub.has_absent() {
            self.push_of_look_ups();
        }
        self.node.notify(class, event, db, key);
        self.push_absent();
    }
}
