//! What clients do about channels: begin and cease to listen, publish, watch.

use std::time::Duration;

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::command::policy::{ChannelKind, RequestPolicy};
use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;
use reddoor_protocol::slot::Slot;

use super::Worker;
use super::clock::micros;
use super::dispatch::{Request, errand, outstanding};
use crate::channels::partings::Release;
use crate::channels::{Topic, TopicId, TopicKind};
use crate::errand::Waiter;
use crate::error::RequestError;
use crate::join::{Join, JoinBy, PartKeys};
use crate::metrics::label::{Limit, Outcome};
use crate::session::Session;
use crate::session::identity::Subscriptions;

/// How long `UNSUBSCRIBE` waits for nodes at most: what is wrong after that is a count, while a client that hangs is
/// worse.
const PARTING_PATIENCE: Duration = Duration::from_secs(1);

impl Worker {
    /// `SUBSCRIBE` and its kin: the reply comes once the nodes carry all that is named.
    pub(super) fn begin_listening(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        kind: ChannelKind,
        args: Args<'_>,
    ) {
        let names = args.len() - 1;
        let max = self.config.limits.subscriptions_max;
        if self.channels.listeners_count() + names > max {
            self.metrics.limit_reached(Limit::Subscriptions);
            let error = RequestError::Overload { what: "subscriptions", max }.to_reply();
            return self.answer_error(key, Some(command), &error);
        }
        let mut reply = Vec::new();
        let mut topics = Vec::new();
        let mut new_topics = Vec::new();
        for name in args.iter().skip(1) {
            let topic = Topic { kind: TopicKind::of(kind), name: name.into() };
            let (id, is_new) = self.join_topic(key, topic);
            topics.push(id);
            new_topics.extend(is_new.then_some(id));
            let Some(entry) = self.sessions.get(key) else { return };
            write_change(&entry.session, kind, command.name, Some(name), &mut reply);
        }
        new_topics.into_iter().for_each(|id| self.place_topic(id));
        self.confirm(key, command, topics, reply);
    }

    /// `MONITOR`: answered once every primary tells what it executes.
    pub(super) fn begin_monitoring(&mut self, key: usize, command: &'static CommandSpec) {
        let topic = Topic { kind: TopicKind::Monitor, name: Box::default() };
        let (id, is_new) = self.join_topic(key, topic);
        if is_new {
            self.place_topic(id);
        }
        self.confirm(key, command, vec![id], b"+OK\r\n".to_vec());
    }

    /// `UNSUBSCRIBE` and its kin: the reply comes once the nodes have taken back what nobody here listens to any more,
    /// so that a message published upon it counts right, or when they take too long for that. Without names, it is
    /// about all that the client listens to of this kind.
    pub(super) fn cease_listening(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        kind: ChannelKind,
        args: Args<'_>,
    ) {
        let mut reply = Vec::new();
        let mut releases = Vec::new();
        let topics: Vec<Topic> = if args.len() > 1 {
            let names = args.iter().skip(1);
            names.map(|name| Topic { kind: TopicKind::of(kind), name: name.into() }).collect()
        } else {
            let own = self.channels.topics_of(key).into_iter();
            let own = own.filter_map(|id| self.channels.topic(id));
            own.filter(|topic| topic.kind == TopicKind::of(kind)).cloned().collect()
        };
        for topic in &topics {
            if let Some(id) = self.channels.find(topic) {
                releases.append(&mut self.leave_topic(key, id));
            }
            let Some(entry) = self.sessions.get(key) else { return };
            write_change(&entry.session, kind, command.name, Some(&topic.name), &mut reply);
        }
        if topics.is_empty()
            && let Some(entry) = self.sessions.get(key)
        {
            write_change(&entry.session, kind, command.name, None, &mut reply);
        }
        if !releases.is_empty() {
            return self.part_later(key, command, releases, reply);
        }
        let Some(entry) = self.sessions.get_mut(key) else { return };
        entry.session.aloud(|session| session.answer(|out| out.extend_from_slice(&reply)));
        self.answered_here(key, Some(command), Outcome::Ok);
    }

    fn part_later(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        releases: Vec<Release>,
        reply: Vec<u8>,
    ) {
        let (now_us, timeout) = (self.clock.now_us(), self.config.request.timeout);
        let outstanding = outstanding(command, now_us, timeout);
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let seq = entry.session.aloud(|session| session.expect(outstanding));
        let waiter = Waiter { session: key, client: entry.session.id, seq, part: 0 };
        let patience = PARTING_PATIENCE.min(timeout / 2);
        self.partings.wait(waiter, releases, now_us + micros(patience), reply);
    }

    /// `PUBLISH`: the node counts this worker once, the client is told of all who listen here.
    pub(super) fn publish(
        &mut self,
        key: usize,
        (command, kind, slot): (&'static CommandSpec, ChannelKind, Slot),
        request: &Request<'_>,
    ) {
        let outstanding = outstanding(command, self.clock.now_us(), self.config.request.timeout);
        let channel = request.args.get(1).unwrap_or_default();
        let surplus = self.answerer.shared.listeners.surplus(TopicKind::of(kind), channel);
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let session = &mut entry.session;
        let seq = if surplus == 0 {
            session.expect(outstanding)
        } else {
            let join = Join::new(JoinBy::Surplus(surplus), [PartKeys(Vec::new())].into_iter());
            session.expect_parts(outstanding, Box::new(join))
        };
        let errand = errand(key, session, seq, Some(slot), &outstanding);
        self.forward_request(errand, request);
    }

    /// Nothing more is heard by a session: it is reset, or gone.
    pub(super) fn end_listening(&mut self, key: usize) {
        for id in self.channels.topics_of(key) {
            self.leave_topic(key, id);
        }
    }

    /// Leaves what clients wanted to listen to and could not by their deadline.
    pub(super) fn end_late_listening(&mut self) {
        let mut channels = std::mem::take(&mut self.channels);
        let abandoned = channels.take_abandoned(|waiter| self.waiting(waiter).is_some());
        self.channels = channels;
        for (waiter, topics) in abandoned {
            self.leave_unconfirmed(&waiter, &topics);
        }
    }

    /// A node would not carry a topic: whoever waits for it is told in its words.
    pub(super) fn refuse_topic(&mut self, id: TopicId, error: &[u8]) {
        for waiter in self.channels.waiters(id) {
            self.deliver_as(waiter, error, Outcome::Error);
        }
        self.end_late_listening();
    }

    fn leave_unconfirmed(&mut self, waiter: &Waiter, topics: &[TopicId]) {
        let is_same = |entry: &super::SessionEntry| entry.session.id == waiter.client;
        if !self.sessions.get(waiter.session).is_some_and(is_same) {
            return;
        }
        for id in topics {
            if !self.channels.is_confirmed(*id, waiter.session) {
                self.leave_topic(waiter.session, *id);
            }
        }
    }

    fn join_topic(&mut self, key: usize, topic: Topic) -> (TopicId, bool) {
        let Some(entry) = self.sessions.get_mut(key) else {
            // The caller has just looked the session up.
            return (TopicId::NONE, false);
        };
        if let Some(id) = self.channels.find(&topic)
            && self.channels.is_listening(id, key)
        {
            return (id, false);
        }
        entry.session.subscriptions.add(topic.kind);
        let (id, is_new) = self.channels.listen(topic.clone(), key, entry.session.id);
        self.answerer.shared.listeners.joined(&topic, is_new);
        self.metrics.subscriptions(self.channels.listeners_count());
        (id, is_new)
    }

    /// What nodes are to confirm of that.
    fn leave_topic(&mut self, key: usize, id: TopicId) -> Vec<Release> {
        if !self.channels.is_listening(id, key) {
            return Vec::new();
        }
        let Some(topic) = self.channels.topic(id).cloned() else { return Vec::new() };
        let carriers = self.channels.leave(id, key);
        self.answerer.shared.listeners.left(&topic, carriers.is_some());
        if let Some(entry) = self.sessions.get_mut(key) {
            entry.session.subscriptions.remove(topic.kind);
        }
        let carriers = carriers.into_iter().flatten();
        let releases = carriers.filter_map(|feed| self.release_feed(feed, &topic)).collect();
        self.metrics.subscriptions(self.channels.listeners_count());
        releases
    }

    fn confirm(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        topics: Vec<TopicId>,
        reply: Vec<u8>,
    ) {
        let outstanding = outstanding(command, self.clock.now_us(), self.config.request.timeout);
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let seq = match command.request {
            RequestPolicy::Monitor => entry.session.expect(outstanding),
            _ => entry.session.aloud(|session| session.expect(outstanding)),
        };
        entry.session.hear_after(seq);
        let waiter = Waiter { session: key, client: entry.session.id, seq, part: 0 };
        if let Some(reply) = self.channels.confirm_later(waiter, topics, reply) {
            self.deliver_as(waiter, &reply, Outcome::Ok);
        }
    }
}

impl TopicKind {
    fn of(kind: ChannelKind) -> TopicKind {
        match kind {
            ChannelKind::Channel => TopicKind::Channel,
            ChannelKind::Pattern => TopicKind::Pattern,
            ChannelKind::Shard => TopicKind::Shard,
        }
    }
}

impl Subscriptions {
    fn add(&mut self, kind: TopicKind) {
        match kind {
            TopicKind::Channel => self.channels += 1,
            TopicKind::Pattern => self.patterns += 1,
            TopicKind::Shard => self.shards += 1,
            TopicKind::Monitor => self.is_monitor = true,
        }
    }

    fn remove(&mut self, kind: TopicKind) {
        match kind {
            TopicKind::Channel => self.channels -= 1,
            TopicKind::Pattern => self.patterns -= 1,
            TopicKind::Shard => self.shards -= 1,
            TopicKind::Monitor => self.is_monitor = false,
        }
    }
}

/// Tells a client of one change: what was done, to which channel, and how many it listens to now.
fn write_change(
    session: &Session,
    kind: ChannelKind,
    verb: &str,
    name: Option<&[u8]>,
    out: &mut Vec<u8>,
) {
    let subscriptions = session.subscriptions;
    // Shard channels are counted apart from the others.
    let count = match kind {
        ChannelKind::Shard => subscriptions.shards,
        ChannelKind::Channel | ChannelKind::Pattern => {
            subscriptions.channels + subscriptions.patterns
        }
    };
    let mut reply = ReplyWriter::new(out, session.resp);
    reply.push(3);
    reply.bulk(verb.as_bytes());
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
}

/// What a client of RESP2 that listens is told about any other command.
pub(super) fn not_while_listening(command: &CommandSpec) -> ReplyError {
    ReplyError::new(format!(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
         this context",
        command.name
    ))
}
