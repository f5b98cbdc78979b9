//! How many clients of the whole front door listen to what: shared by all workers, looked at by `PUBLISH`.
//!
//! A node counts connections, of which each worker has one; a client that publishes wants to know of clients.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use reddoor_protocol::command::glob::{self, Case};

use super::{Topic, TopicKind};

/// Of one topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    clients: i64,
    workers: i64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ListenerCounts {
    topics: Mutex<HashMap<Topic, Count>>,
    /// Topics in it (count), so that publishing to nobody takes no lock.
    len: AtomicUsize,
}

impl ListenerCounts {
    /// A client began to listen; `is_first` on its worker.
    pub(crate) fn joined(&self, topic: &Topic, is_first: bool) {
        let mut topics = self.lock();
        let count = topics.entry(topic.clone()).or_default();
        count.clients += 1;
        count.workers += i64::from(is_first);
        self.len.store(topics.len(), Ordering::Relaxed);
    }

    /// A client ceased to listen; `is_last` on its worker.
    pub(crate) fn left(&self, topic: &Topic, is_last: bool) {
        let mut topics = self.lock();
        let Some(count) = topics.get_mut(topic) else { return };
        count.clients -= 1;
        count.workers -= i64::from(is_last);
        if count.clients <= 0 {
            topics.remove(topic);
        }
        self.len.store(topics.len(), Ordering::Relaxed);
    }

    /// What must be added to the number that the carrying node answers to a message on a channel. Costs O(patterns).
    pub(crate) fn surplus(&self, kind: TopicKind, channel: &[u8]) -> i64 {
        if self.len.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        let mut surplus = self.surplus_by_name(kind, channel);
        if kind == TopicKind::Channel {
            let topics = self.lock();
            let fits = |topic: &Topic| {
                topic.kind == TopicKind::Pattern
                    && glob::is_match(&topic.name, channel, Case::Exact)
            };
            let patterns = topics.iter().filter(|(topic, _)| fits(topic));
            surplus += patterns.map(|(_, count)| count.clients - count.workers).sum::<i64>();
        }
        surplus
    }

    /// What must be added to the number of connections that listen to a channel by its name.
    pub(crate) fn surplus_by_name(&self, kind: TopicKind, channel: &[u8]) -> i64 {
        let topics = self.lock();
        let own = topics.get(&Topic { kind, name: channel.into() }).copied().unwrap_or_default();
        own.clients - own.workers
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Topic, Count>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
