//! Who listens to what on one worker, and which nodes have to carry it.
//!
//! Many clients share one subscription on a node: a *topic* is what is listened to, its *listeners* are sessions,
//! its *carriers* are [`feed`]s, connections to nodes on which it is subscribed.
//!
//! In: sessions that begin and cease to listen, feeds that confirm or end, targets named by whoever knows the routes.
//! Out: what feeds are to be asked for, whose confirmations are complete, who gets a message.
//!
//! A topic moves from old carriers to new ones so: it is asked for on the new ones while the old ones go on; once
//! all of them have confirmed, messages are taken from the new ones and the old ones are let go. So a failover or a
//! moved slot loses what was published while no carrier stood, as every Redis would, and nothing else.
//!
//! Invariants: every topic has a listener; a session is among a topic's listeners exactly if the topic is among its
//! own. A listener gets nothing before its confirmation.
//! Not here: sockets, routes, what a session's reply looks like.

pub(crate) mod feed;

pub(crate) mod partings;

pub(crate) mod push;

pub(crate) mod counts;

use std::collections::{HashMap, HashSet};

use reddoor_protocol::command::glob::{self, Case};
use reddoor_protocol::slot::Slot;

use self::feed::FeedKey;
use crate::errand::{ClientId, Waiter};
use crate::key_mapping;

/// The slot whose owner carries channels and patterns, and takes what is published to them.
///
/// Every node passes such messages on to all others, so any would do; that all front doors choose the same one
/// gives all messages of the cluster one order, as on one Redis.
pub(crate) const HOME: Slot = Slot::ZERO;

/// What can be listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TopicKind {
    /// A channel.
    Channel,
    /// All channels that fit a pattern.
    Pattern,
    /// A shard channel.
    Shard,
    /// What all primaries execute (`MONITOR`).
    Monitor,
}

/// Something that is listened to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Topic {
    pub(crate) kind: TopicKind,
    /// Of the channel, or the pattern; empty for `MONITOR`.
    pub(crate) name: Box<[u8]>,
}

/// A topic's number on its worker: never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TopicId(u64);

impl TopicId {
    /// The number of no topic.
    pub(crate) const NONE: TopicId = TopicId(0);
}

/// Which nodes have to carry a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carriers {
    /// The owner of this slot.
    Owner(Slot),
    /// All primaries: each tells of its own keys only.
    EveryPrimary,
}

impl Topic {
    /// Which nodes have to carry it.
    pub(crate) fn carriers(&self) -> Carriers {
        match self.kind {
            TopicKind::Monitor => Carriers::EveryPrimary,
            TopicKind::Shard => Carriers::Owner(key_mapping::slot_of(&self.name)),
            TopicKind::Channel if is_of_node(&self.name) => Carriers::EveryPrimary,
            TopicKind::Pattern if may_fit_of_node(&self.name) => Carriers::EveryPrimary,
            TopicKind::Channel | TopicKind::Pattern => Carriers::Owner(HOME),
        }
    }

    /// Whether nodes tell of it by themselves, each of its own keys.
    pub(crate) fn is_told_by_nodes(&self) -> bool {
        self.kind != TopicKind::Monitor && self.carriers() == Carriers::EveryPrimary
    }
}

/// Beginnings of the channels that each node publishes about its own keys, to its own listeners.
const OF_NODE: [&[u8]; 2] = [b"__keyspace@", b"__keyevent@"];

/// Whether a channel tells of one node's keys.
pub(crate) fn is_of_node(channel: &[u8]) -> bool {
    OF_NODE.iter().any(|start| channel.starts_with(start))
}

/// Whether a pattern may fit such a channel: what stands before its first wildcard decides.
fn may_fit_of_node(pattern: &[u8]) -> bool {
    let is_wild = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'\\');
    let literal = &pattern[..pattern.iter().position(is_wild).unwrap_or(pattern.len())];
    OF_NODE.iter().any(|start| start.starts_with(literal) || literal.starts_with(start))
}

/// What is known of a topic.
#[derive(Debug)]
struct Entry {
    topic: Topic,
    /// By the session's place, which of them also hear what comes.
    listeners: HashMap<usize, Listener>,
    /// On which feeds it was asked for, and whether they have confirmed.
    carriers: HashMap<FeedKey, bool>,
    /// The feed whose ordinary messages are taken: others bring the same ones.
    source: Option<FeedKey>,
}

#[derive(Clone, Copy, Debug)]
struct Listener {
    client: ClientId,
    is_confirmed: bool,
}

/// A command that waits until all its topics are carried.
#[derive(Debug)]
struct Confirmation {
    waiter: Waiter,
    topics: Vec<TopicId>,
    reply: Vec<u8>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    entries: HashMap<TopicId, Entry>,
    by_topic: HashMap<Topic, TopicId>,
    /// What each session listens to, by its place.
    sessions: HashMap<usize, HashSet<TopicId>>,
    confirmations: Vec<Confirmation>,
    last_id: u64,
    /// Pairs of topic and listener (count).
    listeners_count: usize,
}

/// What is to be done on feeds after a topic's targets were looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Placement {
    /// Feeds on which it must be subscribed.
    pub(crate) ask: Vec<FeedKey>,
    /// Feeds that carry it no longer.
    pub(crate) let_go: Vec<FeedKey>,
}

impl Channels {
    /// Pairs of topic and listener (count).
    pub(crate) fn listeners_count(&self) -> usize {
        self.listeners_count
    }

    /// All topics, in no order.
    pub(crate) fn ids(&self) -> Vec<TopicId> {
        self.entries.keys().copied().collect()
    }

    /// The topic of a number.
    pub(crate) fn topic(&self, id: TopicId) -> Option<&Topic> {
        self.entries.get(&id).map(|entry| &entry.topic)
    }

    /// The number of a topic that somebody listens to.
    pub(crate) fn find(&self, topic: &Topic) -> Option<TopicId> {
        self.by_topic.get(topic).copied()
    }

    /// Who hears a message on this channel: the channel itself and all patterns that fit. Costs O(topics).
    pub(crate) fn hearing(&self, channel: &[u8]) -> Vec<Topic> {
        let hears = |topic: &&Topic| match topic.kind {
            TopicKind::Channel => *topic.name == *channel,
            TopicKind::Pattern => glob::is_match(&topic.name, channel, Case::Exact),
            TopicKind::Shard | TopicKind::Monitor => false,
        };
        self.by_topic.keys().filter(hears).cloned().collect()
    }

    /// A session listens to a topic from now on; whether the topic is new to this worker. Once per topic only.
    pub(crate) fn listen(
        &mut self,
        topic: Topic,
        session: usize,
        client: ClientId,
    ) -> (TopicId, bool) {
        let found = self.find(&topic);
        let id = found.unwrap_or_else(|| {
            self.last_id += 1;
            let id = TopicId(self.last_id);
            self.by_topic.insert(topic.clone(), id);
            let (listeners, carriers) = (HashMap::new(), HashMap::new());
            self.entries.insert(id, Entry { topic, listeners, carriers, source: None });
            id
        });
        if let Some(entry) = self.entries.get_mut(&id) {
            let listener = Listener { client, is_confirmed: false };
            let before = entry.listeners.insert(session, listener);
            self.listeners_count += usize::from(before.is_none());
            self.sessions.entry(session).or_default().insert(id);
        }
        (id, found.is_none())
    }

    /// Whether a session listens to a topic, confirmed or not.
    pub(crate) fn is_listening(&self, id: TopicId, session: usize) -> bool {
        self.sessions.get(&session).is_some_and(|topics| topics.contains(&id))
    }

    /// Whether a session hears what comes for a topic.
    pub(crate) fn is_confirmed(&self, id: TopicId, session: usize) -> bool {
        let listener = self.entries.get(&id).and_then(|entry| entry.listeners.get(&session));
        listener.is_some_and(|listener| listener.is_confirmed)
    }

    /// What a session listens to, in no order.
    pub(crate) fn topics_of(&self, session: usize) -> Vec<TopicId> {
        self.sessions.get(&session).map(|ids| ids.iter().copied().collect()).unwrap_or_default()
    }

    /// A session no longer listens. Once nobody does, the feeds that carried the topic.
    pub(crate) fn leave(&mut self, id: TopicId, session: usize) -> Option<Vec<FeedKey>> {
        if let Some(topics) = self.sessions.get_mut(&session) {
            topics.remove(&id);
            if topics.is_empty() {
                self.sessions.remove(&session);
            }
        }
        let entry = self.entries.get_mut(&id)?;
        self.listeners_count -= usize::from(entry.listeners.remove(&session).is_some());
        if !entry.listeners.is_empty() {
            return None;
        }
        let entry = self.entries.remove(&id)?;
        self.by_topic.remove(&entry.topic);
        Some(entry.carriers.into_keys().collect())
    }

    /// The confirmation of these topics is `reply`: given back when it is due at once, otherwise once all are carried.
    pub(crate) fn confirm_later(
        &mut self,
        waiter: Waiter,
        topics: Vec<TopicId>,
        reply: Vec<u8>,
    ) -> Option<Vec<u8>> {
        let confirmation = Confirmation { waiter, topics, reply };
        if self.is_due(&confirmation) {
            return Some(self.confirm(confirmation));
        }
        self.confirmations.push(confirmation);
        None
    }

    /// The confirmations that are due now, with whom to give them.
    pub(crate) fn take_due(&mut self) -> Vec<(Waiter, Vec<u8>)> {
        let waiting = std::mem::take(&mut self.confirmations);
        let (due, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|c| self.is_due(c));
        self.confirmations = waiting;
        due.into_iter().map(|c| (c.waiter, self.confirm(c))).collect()
    }

    /// Takes off the confirmations that nobody waits for any more, and tells whose topics are to be left.
    pub(crate) fn take_abandoned(
        &mut self,
        is_waiting: impl Fn(&Waiter) -> bool,
    ) -> Vec<(Waiter, Vec<TopicId>)> {
        let waiting = std::mem::take(&mut self.confirmations);
        let (waiting, abandoned): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|c| is_waiting(&c.waiter));
        self.confirmations = waiting;
        abandoned.into_iter().map(|c| (c.waiter, c.topics)).collect()
    }

    /// Who waits for the confirmation of a topic.
    pub(crate) fn waiters(&self, id: TopicId) -> Vec<Waiter> {
        let waiting = self.confirmations.iter().filter(|c| c.topics.contains(&id));
        waiting.map(|c| c.waiter).collect()
    }

    fn is_due(&self, confirmation: &Confirmation) -> bool {
        confirmation.topics.iter().all(|id| self.is_carried(*id))
    }

    /// Whether all that has to carry a topic does; one that nobody listens to any more needs nothing.
    fn is_carried(&self, id: TopicId) -> bool {
        let Some(entry) = self.entries.get(&id) else { return true };
        !entry.carriers.is_empty() && entry.carriers.values().all(|is_confirmed| *is_confirmed)
    }

    fn confirm(&mut self, confirmation: Confirmation) -> Vec<u8> {
        let Waiter { session, client, .. } = confirmation.waiter;
        for id in &confirmation.topics {
            let entry = self.entries.get_mut(id);
            let listener = entry.and_then(|entry| entry.listeners.get_mut(&session));
            if let Some(listener) = listener.filter(|listener| listener.client == client) {
                listener.is_confirmed = true;
            }
        }
        confirmation.reply
    }

    /// Compares a topic's carriers with the feeds that should carry it. Old ones go on until the new ones have
    /// confirmed.
    pub(crate) fn place(&mut self, id: TopicId, targets: &[FeedKey]) -> Placement {
        let Some(entry) = self.entries.get_mut(&id) else { return Placement::default() };
        let mut placement = Placement::default();
        for target in targets {
            if !entry.carriers.contains_key(target) {
                entry.carriers.insert(*target, false);
                placement.ask.push(*target);
            }
        }
        let is_ready = !targets.is_empty() && targets.iter().all(|t| entry.carriers[t]);
        if is_ready {
            entry.source = targets.first().copied();
            let gone = entry.carriers.keys().filter(|key| !targets.contains(key));
            placement.let_go.extend(gone.copied());
            entry.carriers.retain(|key, _| targets.contains(key));
        }
        placement
    }

    /// A feed has confirmed a topic. Whether somebody still listens to it; if so its place is to be looked at again.
    pub(crate) fn confirmed(&mut self, id: TopicId, feed: FeedKey) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        if let Some(is_confirmed) = entry.carriers.get_mut(&feed) {
            *is_confirmed = true;
        }
        true
    }

    /// Whether a feed carries a topic.
    pub(crate) fn has_confirmed(&self, id: TopicId, feed: FeedKey) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.carriers.get(&feed) == Some(&true))
    }

    /// A feed does not carry a topic any more, or would not.
    pub(crate) fn dropped(&mut self, id: TopicId, feed: FeedKey) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.carriers.remove(&feed);
        }
    }

    /// A feed has ended. Costs O(topics).
    pub(crate) fn feed_ended(&mut self, feed: FeedKey) {
        self.entries.values_mut().for_each(|entry| {
            entry.carriers.remove(&feed);
        });
    }

    /// Who hears a message that a feed brought; `is_of_node` when only the node that it came from tells of it.
    pub(crate) fn hearers(
        &self,
        id: TopicId,
        feed: FeedKey,
        is_of_node: bool,
    ) -> impl Iterator<Item = (usize, ClientId)> {
        let entry = self.entries.get(&id).filter(|entry| is_of_node || entry.source == Some(feed));
        let listeners = entry.into_iter().flat_map(|entry| &entry.listeners);
        let hears = listeners.filter(|(_, listener)| listener.is_confirmed);
        hears.map(|(session, listener)| (*session, listener.client))
    }
}

#[cfg(test)]
mod tests;
