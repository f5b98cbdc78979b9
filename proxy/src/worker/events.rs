//! What nodes notify of stored keys, given to the clients who listen for their own; see
//! [`key_mapping::events`](crate::key_mapping::events).
//!
//! A topic of which nodes tell by themselves is asked for by the one pattern that all notifications fit. A pattern of
//! a client may fit ordinary channels as well, so it is asked for, too; what it brings of notifications is dropped.

use super::Worker;
use crate::channels::feed::FeedKey;
use crate::channels::partings::Release;
use crate::channels::{Topic, TopicId, TopicKind};
use crate::key_mapping::events;

impl Worker {
    /// Asks a feed for a topic.
    pub(super) fn ask_feed(&mut self, key: FeedKey, id: TopicId, topic: &Topic) {
        let is_notified = self.is_notified(topic);
        let Some(feed) = self.feed_mut(key) else { return };
        if !is_notified {
            return feed.subscribe(id, topic);
        }
        let all = events::all();
        if topic.kind == TopicKind::Pattern && *topic != all {
            feed.subscribe(TopicId::NONE, topic);
        }
        feed.subscribe(id, &all);
    }

    /// Tells a feed that nobody listens to a topic any more, or that others carry it.
    /// What it is to confirm; `None` if there is nothing it could.
    pub(super) fn release_feed(&mut self, key: FeedKey, topic: &Topic) -> Option<Release> {
        let all = events::all();
        let is_notified = self.is_notified(topic);
        let is_needed = is_notified && {
            let topics = self.channels.ids().into_iter();
            let mut topics = topics.filter_map(|id| self.channels.topic(id));
            topics.any(|other| other != topic && self.is_notified(other))
        };
        let feed = self.feed_mut(key)?;
        let asked_before = feed.last_asked();
        if !is_notified || topic.kind == TopicKind::Pattern && *topic != all {
            feed.unsubscribe(topic);
        }
        if is_notified && !is_needed {
            feed.unsubscribe(&all);
        }
        let number = feed.last_asked();
        (number > asked_before).then_some(Release { feed: key, number })
    }

    /// Whether nodes tell of it by themselves, under other names.
    fn is_notified(&self, topic: &Topic) -> bool {
        self.maps_keys && topic.is_told_by_nodes()
    }

    /// A feed brought a notification: gives it to whoever listens for the client's key.
    pub(super) fn take_event(&mut self, key: FeedKey, topic: &Topic, frame: &[u8]) {
        if *topic != events::all() {
            return;
        }
        let Some(event) = self.answerer.mapping.event(frame) else { return };
        for topic in self.channels.hearing(&event.channel) {
            let pattern = (topic.kind == TopicKind::Pattern).then_some(&*topic.name);
            self.fan_out(key, &topic, true, &event.message(pattern));
        }
    }
}
