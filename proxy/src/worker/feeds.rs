//! Feeds come, carry topics, and go; what they bring is given to whoever listens.

use std::task::{Context, Poll};
use std::time::Duration;

use reddoor_protocol::encode::Resp;
use reddoor_protocol::error::ProtocolError;
use reddoor_protocol::redirect::ClusterError;

use super::Worker;
use super::clients::LinkJob;
use super::clock::micros;
use crate::channels::feed::{Asked, Feed, FeedKey};
use crate::channels::partings::Release;
use crate::channels::push::Push;
use crate::channels::{Carriers, HOME, Topic, TopicId, TopicKind, is_of_node};
use crate::cluster_map::NodeAddr;
use crate::errand::NodeIndex;
use crate::handshake::Login;
use crate::metrics::label::{CloseReason, Limit, Outcome, RefreshReason, Side};
use crate::session::Ending;

/// Silence after which a node that carries topics is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// What the task of a feed is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FeedWants {
    /// Send and receive.
    Serve,
    /// End the connection.
    End,
}

impl Worker {
    /// Sees to it that the right feeds carry a topic.
    pub(super) fn place_topic(&mut self, id: TopicId) {
        let Some(topic) = self.channels.topic(id).cloned() else { return };
        let nodes = self.nodes_to_carry(&topic);
        let is_monitor = topic.kind == TopicKind::Monitor;
        let targets: Vec<FeedKey> =
            nodes.into_iter().filter_map(|node| self.feed_to(node, is_monitor)).collect();
        if targets.is_empty() {
            self.refresh.request(RefreshReason::SlotUncovered);
        }
        let placement = self.channels.place(id, &targets);
        for key in placement.ask {
            self.ask_feed(key, id, &topic);
        }
        for key in placement.let_go {
            self.release_feed(key, &topic);
        }
    }

    /// Looks at the place of every topic again: the routes have changed, or a feed has ended. Costs O(topics).
    pub(super) fn place_all_topics(&mut self) {
        self.topics_due_us = None;
        for id in self.channels.ids() {
            self.place_topic(id);
        }
        self.confirm_due();
    }

    fn nodes_to_carry(&mut self, topic: &Topic) -> Vec<NodeIndex> {
        match topic.carriers() {
            Carriers::EveryPrimary => self.routes.primaries(),
            Carriers::Owner(HOME) => {
                let home = self.routes.owner(HOME).or_else(|| self.routes.any_owner());
                home.into_iter().collect()
            }
            Carriers::Owner(slot) => self.routes.owner(slot).into_iter().collect(),
        }
    }

    /// The feed from a node, made when there is none.
    fn feed_to(&mut self, node: NodeIndex, is_monitor: bool) -> Option<FeedKey> {
        let addr = &self.routes.node(node)?.addr;
        let fits =
            |feed: &&Feed| feed.addr == *addr && feed.is_monitor == is_monitor && !feed.is_closing;
        if let Some(feed) = self.feeds.iter().map(|(_, feed)| feed).find(fits) {
            return Some(feed.key);
        }
        let addr = addr.clone();
        Some(self.add_feed(addr, is_monitor))
    }

    fn add_feed(&mut self, addr: NodeAddr, is_monitor: bool) -> FeedKey {
        self.last_feed += 1;
        let place = self.feeds.vacant_key();
        let key = FeedKey { place, number: self.last_feed };
        self.feeds.insert(Feed::new(key, addr, is_monitor));
        self.new_feeds.push(key);
        self.request_flush();
        key
    }

    pub(super) fn feed_mut(&mut self, key: FeedKey) -> Option<&mut Feed> {
        self.feeds.get_mut(key.place).filter(|feed| feed.key == key)
    }

    /// What is needed to connect a feed; `None` when it is not wanted any more.
    pub(crate) fn feed_job(&mut self, key: FeedKey) -> Option<LinkJob> {
        let feed = self.feeds.get(key.place).filter(|feed| feed.key == key)?;
        let cluster = &self.config.cluster;
        Some(LinkJob {
            is_reading: false,
            addr: feed.addr.as_str().to_owned(),
            login: Login::new(&self.config, Resp::V3),
            is_pinned: false,
            tracking: None,
            timeout: cluster.connect_timeout,
        })
    }

    /// A feed is connected: what waited for it is sent.
    pub(crate) fn feed_connected(&mut self, key: FeedKey) {
        self.feed_failures = 0;
        if let Some(feed) = self.feed_mut(key) {
            feed.is_connected = true;
        }
    }

    /// What the task of a feed is to do; it is woken when that changes.
    pub(crate) fn feed_wants(&mut self, key: FeedKey, cx: &mut Context<'_>) -> FeedWants {
        let Some(feed) = self.feed_mut(key).filter(|feed| !feed.is_closing) else {
            return FeedWants::End;
        };
        if feed.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            feed.waker = Some(cx.waker().clone());
        }
        FeedWants::Serve
    }

    /// Writes what a feed has for its node by `write`, as much as it takes.
    pub(crate) fn send_feed(
        &mut self,
        key: FeedKey,
        mut write: impl FnMut(&[u8]) -> Poll<std::io::Result<usize>>,
    ) -> std::io::Result<()> {
        let Some(feed) = self.feed_mut(key) else { return Ok(()) };
        while !feed.unsent().is_empty() {
            match write(feed.unsent()) {
                Poll::Pending => return Ok(()),
                Poll::Ready(count) => feed.mark_sent(count?),
            }
        }
        Ok(())
    }

    /// Takes what a feed brought.
    ///
    /// # Errors
    /// The node broke the protocol: the feed must be ended.
    pub(crate) fn feed_bytes(&mut self, key: FeedKey, bytes: &[u8]) -> Result<(), ProtocolError> {
        self.clock.tick();
        let limits = self.config.limits.reply_limits();
        let Some(feed) = self.feed_mut(key) else { return Ok(()) };
        let mut unread = std::mem::take(&mut feed.unread);
        unread.extend_from_slice(bytes);
        let mut consumed = 0;
        while consumed < unread.len() {
            let Some(feed) = self.feed_mut(key) else { return Ok(()) };
            let Some(len) = feed.scanner.scan(&unread[consumed..], &limits)? else { break };
            self.take_frame(key, &unread[consumed..consumed + len])?;
            consumed += len;
        }
        unread.drain(..consumed);
        if let Some(feed) = self.feed_mut(key) {
            // Bytes of a whole message are not kept; a long one that is under way is.
            feed.unread = if unread.is_empty() { Vec::new() } else { unread };
        }
        self.settle_partings();
        Ok(())
    }

    fn take_frame(&mut self, key: FeedKey, frame: &[u8]) -> Result<(), ProtocolError> {
        match frame[0] {
            b'>' => self.take_push(key, frame),
            b'+' if frame != b"+PONG\r\n" && frame != b"+OK\r\n" => {
                let monitor = Topic { kind: TopicKind::Monitor, name: Box::default() };
                self.fan_out(key, &monitor, true, frame);
            }
            _ => {
                let feed = self.feed_mut(key);
                let Some(asked) = feed.and_then(Feed::take_asked) else {
                    self.metrics.protocol_error(Side::Node);
                    return Err(ProtocolError::UnrequestedReply);
                };
                self.take_answer(key, asked, frame);
            }
        }
        Ok(())
    }

    fn take_push(&mut self, key: FeedKey, frame: &[u8]) {
        match Push::read(frame) {
            Push::Message { kind, name, channel } => {
                let topic = Topic { kind, name: name.into() };
                if self.maps_keys && is_of_node(channel) {
                    return self.take_event(key, &topic, frame);
                }
                self.fan_out(key, &topic, is_of_node(channel), frame);
            }
            Push::Subscribed { .. } => {
                if let Some(asked) = self.feed_mut(key).and_then(Feed::take_asked) {
                    self.take_answer(key, asked, b"+OK\r\n");
                }
            }
            Push::Unsubscribed { kind, name } => {
                let topic = Topic { kind, name: name.into() };
                let is_asked =
                    self.feed_mut(key).is_some_and(|feed| feed.take_unsubscribed(&topic));
                if !is_asked
                    && let Some(id) = self.channels.find(&topic)
                    && self.channels.has_confirmed(id, key)
                {
                    // Nobody has asked for that: the slot of the channel has left the node.
                    self.channels.dropped(id, key);
                    self.refresh.request(RefreshReason::Moved);
                    self.place_topics_soon();
                }
            }
            Push::Other => {}
        }
    }

    fn take_answer(&mut self, key: FeedKey, asked: Asked, answer: &[u8]) {
        let id = match asked {
            Asked::Ping => {
                if let Some(feed) = self.feed_mut(key) {
                    feed.is_pinged = false;
                }
                return;
            }
            Asked::Unsubscribe(_) => return,
            Asked::Subscribe(id) => id,
        };
        let Some(error) = answer.strip_prefix(b"-") else {
            if self.channels.confirmed(id, key) {
                self.place_topic(id);
                self.confirm_due();
            }
            return;
        };
        self.channels.dropped(id, key);
        if ClusterError::parse(error).is_some() {
            self.refresh.request(RefreshReason::Moved);
            self.place_topics_soon();
        } else {
            self.refuse_topic(id, answer);
        }
    }

    /// Tells clients that what they listen to no more is carried for them no more, or that they have waited enough.
    pub(super) fn settle_partings(&mut self) {
        if self.partings.is_empty() {
            return;
        }
        let feeds = &self.feeds;
        let is_done = |release: &Release| {
            let feed = feeds.get(release.feed.place).filter(|feed| feed.key == release.feed);
            feed.is_none_or(|feed| feed.is_closing || feed.has_answered(release.number))
        };
        for (waiter, reply) in self.partings.take_due(self.clock.now_us(), is_done) {
            self.deliver_as(waiter, &reply, Outcome::Ok);
        }
    }

    /// Tells clients whose topics are all carried now.
    fn confirm_due(&mut self) {
        for (waiter, reply) in self.channels.take_due() {
            self.deliver_as(waiter, &reply, Outcome::Ok);
        }
    }

    /// Gives a message to all who listen. One that does not read is cut, and only that one.
    pub(super) fn fan_out(&mut self, key: FeedKey, topic: &Topic, is_of_node: bool, frame: &[u8]) {
        let Some(id) = self.channels.find(topic) else { return };
        let bytes_max = self.config.limits.subscriber_output_bytes_max;
        let hearers: Vec<_> = self.channels.hearers(id, key, is_of_node).collect();
        self.metrics.messages(hearers.len());
        for (place, client) in hearers {
            let Some(entry) = self.sessions.get_mut(place) else { continue };
            if entry.session.id != client || entry.session.ending != Ending::Open {
                continue;
            }
            entry.session.push(frame);
            if entry.session.buffered_bytes() > bytes_max {
                self.metrics.limit_reached(Limit::SubscriberOutput);
                entry.session.ending = Ending::Now;
                entry.close_reason = CloseReason::OutputLimit;
            }
            self.mark_session_dirty(place);
        }
    }

    /// A feed has ended; what it carried is carried by others soon.
    pub(crate) fn end_feed(&mut self, key: FeedKey) {
        self.clock.tick();
        if self.feed_mut(key).is_none() {
            return;
        }
        let feed = self.feeds.remove(key.place);
        self.channels.feed_ended(key);
        self.settle_partings();
        if !feed.is_closing {
            self.feed_failures = self.feed_failures.saturating_add(1);
            self.refresh.request(RefreshReason::LinkLost);
        }
        self.place_topics_soon();
    }

    fn place_topics_soon(&mut self) {
        let delay_us = micros(self.config.request.retry_delay) << self.feed_failures.min(5);
        // By chance up to a quarter more, lest all workers and front doors come at once.
        let chance_us = self.random() % (delay_us / 4).max(1);
        let due_us = self.clock.now_us() + (delay_us + chance_us).min(1_000_000);
        self.topics_due_us = Some(self.topics_due_us.map_or(due_us, |before| before.min(due_us)));
    }

    /// Places what is due, and finds feeds whose node is silent.
    pub(super) fn look_after_feeds(&mut self) {
        let now_us = self.clock.now_us();
        if self.topics_due_us.is_some_and(|due_us| due_us <= now_us) {
            self.place_all_topics();
        }
        if self.feeds_looked_at_us + micros(PING_INTERVAL) > now_us {
            return;
        }
        self.feeds_looked_at_us = now_us;
        self.look_after_tracking();
        for (_, feed) in &mut self.feeds {
            if feed.is_pinged {
                // Not a word since the last look.
                feed.is_closing = true;
                feed.wake();
                self.refresh.request(RefreshReason::Timeout);
            } else if feed.is_connected {
                feed.ping();
            }
        }
    }
}
