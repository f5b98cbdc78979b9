//! One connection to a node that carries topics: what it was asked, and what it answers.
//!
//! It speaks RESP3, so what it carries comes as pushes and cannot be taken for an answer. Answers come in the order
//! in which was asked: the confirmation of a subscription or of its end as a push, a refusal as an error, `PONG` to a
//! `PING`. The end of a subscription may come unasked as well, when a slot leaves the node.
//! A connection for `MONITOR` carries nothing else.

use std::collections::VecDeque;
use std::task::Waker;

use reddoor_protocol::encode::encode_request;
use reddoor_protocol::frame::ReplyScanner;

use super::{Topic, TopicId, TopicKind};
use crate::cluster_map::NodeAddr;

/// A feed's place in its worker; a place may be taken again, its number is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FeedKey {
    pub(crate) place: usize,
    pub(crate) number: u64,
}

/// What a feed was asked and has not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Subscribe(TopicId),
    Unsubscribe(Topic),
    Ping,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) key: FeedKey,
    pub(crate) addr: NodeAddr,
    /// Whether it is for `MONITOR`.
    pub(crate) is_monitor: bool,
    pub(crate) is_connected: bool,
    /// Whether it is to be given up.
    pub(crate) is_closing: bool,
    /// Whether a `PING` is without its answer.
    pub(crate) is_pinged: bool,
    /// Wakes its task.
    pub(crate) waker: Option<Waker>,
    pub(crate) scanner: ReplyScanner,
    /// The start of a message that has not arrived whole.
    pub(crate) unread: Vec<u8>,
    asked: VecDeque<Asked>,
    /// What was asked and is answered, since the feed began (count).
    answered: u64,
    out: Vec<u8>,
    sent: usize,
}

impl Feed {
    pub(crate) fn new(key: FeedKey, addr: NodeAddr, is_monitor: bool) -> Feed {
        Feed {
            key,
            addr,
            is_monitor,
            is_connected: false,
            is_closing: false,
            is_pinged: false,
            waker: None,
            scanner: ReplyScanner::default(),
            unread: Vec::new(),
            asked: VecDeque::new(),
            answered: 0,
            out: Vec::new(),
            sent: 0,
        }
    }

    /// Asks the node for a topic.
    pub(crate) fn subscribe(&mut self, id: TopicId, topic: &Topic) {
        self.asked.push_back(Asked::Subscribe(id));
        let verb: &[u8] = match topic.kind {
            TopicKind::Channel => b"SUBSCRIBE",
            TopicKind::Pattern => b"PSUBSCRIBE",
            TopicKind::Shard => b"SSUBSCRIBE",
            TopicKind::Monitor => return self.say(&[b"MONITOR"]),
        };
        self.say(&[verb, &topic.name]);
    }

    /// Tells the node that nobody listens to a topic any more.
    pub(crate) fn unsubscribe(&mut self, topic: &Topic) {
        let verb: &[u8] = match topic.kind {
            TopicKind::Channel => b"UNSUBSCRIBE",
            TopicKind::Pattern => b"PUNSUBSCRIBE",
            TopicKind::Shard => b"SUNSUBSCRIBE",
            // The only way out of it is to end the connection.
            TopicKind::Monitor => {
                self.is_closing = true;
                return self.wake();
            }
        };
        self.asked.push_back(Asked::Unsubscribe(topic.clone()));
        self.say(&[verb, &topic.name]);
    }

    /// Asks whether the node is still there.
    pub(crate) fn ping(&mut self) {
        self.is_pinged = true;
        self.asked.push_back(Asked::Ping);
        self.say(&[b"PING"]);
    }

    /// Takes off what the next answer is about.
    pub(crate) fn take_asked(&mut self) -> Option<Asked> {
        let asked = self.asked.pop_front();
        self.answered += u64::from(asked.is_some());
        asked
    }

    /// As [`Feed::take_asked`], if the next answer is that nobody listens to this topic any more.
    pub(crate) fn take_unsubscribed(&mut self, topic: &Topic) -> bool {
        let is_next = matches!(self.asked.front(), Some(Asked::Unsubscribe(next)) if next == topic);
        is_next && self.take_asked().is_some()
    }

    /// The number of what was asked last, among all that was.
    pub(crate) fn last_asked(&self) -> u64 {
        self.answered + self.asked.len() as u64
    }

    /// Whether what was asked under this number is answered.
    pub(crate) fn has_answered(&self, number: u64) -> bool {
        self.answered >= number
    }

    /// What is still to be sent.
    pub(crate) fn unsent(&self) -> &[u8] {
        &self.out[self.sent..]
    }

    /// Takes note that the first `count` bytes of [`Feed::unsent`] are sent.
    pub(crate) fn mark_sent(&mut self, count: usize) {
        self.sent += count;
        if self.sent >= self.out.len() {
            self.out = Vec::new();
            self.sent = 0;
        }
    }

    /// Lets its task look at it again.
    pub(crate) fn wake(&mut self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    fn say(&mut self, words: &[&[u8]]) {
        encode_request(&mut self.out, words.iter().copied());
        self.wake();
    }
}
