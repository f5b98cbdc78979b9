//! Keyspace notifications: what happened to a key, told to whoever has subscribed to it.
//!
//! Source: redis `src/notify.c`.

use crate::execute::Call;
use crate::node::Node;

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
    /// `e`: a key was given up for want of memory.
    Evicted,
    /// `m`: a key that was asked for is not there.
    Missed,
    /// `n`: a key that was not there is made.
    New,
}

impl Node {
    /// Tells of an event. Handlers tell it after the change, as often and in the order in which a Redis does.
    pub(crate) fn notify(&mut self, _class: Class, _event: &'static str, _db: usize, _key: &[u8]) {}
}

impl Call<'_> {
    /// As [`Node::notify`], in the selected database.
    pub(crate) fn notify(&mut self, class: Class, event: &'static str, key: &[u8]) {
        self.node.notify(class, event, self.client.db, key);
    }
}
