//! Publish and subscribe: who listens to which channels and patterns.
//!
//! What is published is written at once into the outbox of everyone who listens. Only a client whose own command is
//! under way cannot be reached so: its messages wait in `absent` until that command lets them through, because they
//! stand before its reply, or inside it in a transaction ([`Call::push`](crate::execute::Call::push)).
//!
//! Invariants: a client stands in a name's list exactly if the name stands in the client's own list; no list is
//! empty; `Client::subscriptions` counts the client's own list.
//! Source: redis `src/pubsub.c`.

mod deliver;

mod message;

use std::collections::{BTreeMap, HashMap};

use reddoor_protocol::slot::Slot;

use crate::client::{Client, ClientId, Seat, Subscriptions};
use crate::data::key::Key;

pub(crate) use deliver::answer;
pub(crate) use message::Message;

/// What is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Channels of the whole cluster.
    Channel,
    /// All channels whose names match.
    Pattern,
    /// Channels that belong to a slot, as keys do.
    Shard,
}

impl Kind {
    fn count_of(self, subscriptions: &mut Subscriptions) -> &mut usize {
        match self {
            Kind::Channel => &mut subscriptions.channels,
            Kind::Pattern => &mut subscriptions.patterns,
            Kind::Shard => &mut subscriptions.shards,
        }
    }
}

const KINDS: [Kind; 3] = [Kind::Channel, Kind::Pattern, Kind::Shard];

/// Everyone who listens.
#[derive(Debug, Default)]
pub(crate) struct PubSub {
    /// Indexed by kind.
    listeners: [HashMap<Key, Listeners>; KINDS.len()],
    /// What each client listens to.
    own: HashMap<ClientId, OwnList>,
    /// Slots of shard channels that somebody listens to, with their number of channels.
    slots: BTreeMap<Slot, usize>,
    /// Messages for clients whose commands are under way, oldest first.
    absent: Vec<(Seat, Message)>,
    last_order: u64,
}

/// Who listens to one name.
type Listeners = BTreeMap<ClientId, Seat>;

/// The names that one client listens to, indexed by kind, with numbers that count up as it subscribes.
type OwnList = [HashMap<Key, u64>; KINDS.len()];

impl PubSub {
    /// How many names of a kind somebody listens to.
    pub(crate) fn len(&self, kind: Kind) -> usize {
        self.listeners[kind as usize].len()
    }

    /// How many clients listen to a name.
    pub(crate) fn listeners_count(&self, kind: Kind, name: &[u8]) -> usize {
        self.listeners[kind as usize].get(name).map_or(0, BTreeMap::len)
    }

    /// The names of a kind that somebody listens to, in no order.
    pub(crate) fn names(&self, kind: Kind) -> impl Iterator<Item = &Key> {
        self.listeners[kind as usize].keys()
    }

    /// Slots of shard channels that somebody listens to.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.slots.keys().copied()
    }

    /// Lets a client listen, once.
    pub(crate) fn subscribe(&mut self, client: &mut Client, kind: Kind, name: &[u8]) {
        let name = Key::from(name);
        let own = self.own.entry(client.id).or_default();
        if own[kind as usize].contains_key(&name) {
            return;
        }
        self.last_order += 1;
        own[kind as usize].insert(name.clone(), self.last_order);
        *kind.count_of(&mut client.subscriptions) += 1;
        if kind == Kind::Shard && !self.listeners[kind as usize].contains_key(&name) {
            *self.slots.entry(Slot::of_key(&name)).or_default() += 1;
        }
        self.listeners[kind as usize].entry(name).or_default().insert(client.id, client.seat);
    }

    /// Lets a client listen no more.
    pub(crate) fn unsubscribe(&mut self, client: &mut Client, kind: Kind, name: &[u8]) {
        let Some(own) = self.own.get_mut(&client.id) else { return };
        if own[kind as usize].remove(name).is_none() {
            return;
        }
        if own.iter().all(HashMap::is_empty) {
            self.own.remove(&client.id);
        }
        *kind.count_of(&mut client.subscriptions) -= 1;
        self.remove_listener(client.id, kind, name);
    }

    /// The names of a kind that a client listens to, in the order in which it subscribed.
    pub(crate) fn own_names(&self, client: ClientId, kind: Kind) -> Vec<Key> {
        let own = self.own.get(&client).map(|own| &own[kind as usize]);
        let mut names: Vec<(&Key, &u64)> = own.into_iter().flatten().collect();
        names.sort_unstable_by_key(|(_, order)| **order);
        names.into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// Lets a client listen to nothing any more, without telling it. To be called for everyone who leaves.
    pub(crate) fn forget(&mut self, client: &mut Client) {
        client.subscriptions = Subscriptions::default();
        let Some(own) = self.own.remove(&client.id) else { return };
        for kind in KINDS {
            for name in own[kind as usize].keys() {
                self.remove_listener(client.id, kind, name);
            }
        }
        self.absent.retain(|(seat, _)| *seat != client.seat);
    }

    fn remove_listener(&mut self, client: ClientId, kind: Kind, name: &[u8]) {
        let Some(listeners) = self.listeners[kind as usize].get_mut(name) else { return };
        listeners.remove(&client);
        if !listeners.is_empty() {
            return;
        }
        self.listeners[kind as usize].remove(name);
        let slot = Slot::of_key(name);
        if kind == Kind::Shard
            && let Some(count) = self.slots.get_mut(&slot)
        {
            *count -= 1;
            if *count == 0 {
                self.slots.remove(&slot);
            }
        }
    }
}
