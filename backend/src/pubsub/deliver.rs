//! How messages reach those who listen.

use std::rc::Rc;

use reddoor_protocol::command::glob::{self, Case};
use reddoor_protocol::encode::ReplyWriter;
use reddoor_protocol::slot::Slot;

use crate::client::{Client, Close, Seat, Subscriptions};
use crate::execute::Call;
use crate::node::Node;
use crate::pubsub::{Kind, Message, PubSub};

impl Node {
    /// Tells a message to everyone of this node who listens. How many times it was told.
    pub(crate) fn publish(&mut self, kind: Kind, channel: &[u8], text: &[u8]) -> usize {
        let name = if kind == Kind::Shard { b"smessage".as_slice() } else { b"message" };
        let mut count = 0;
        if let Some(listeners) = self.pubsub.listeners[kind as usize].get(channel) {
            let message = Message::of(&[name, channel, text]);
            let seats: Vec<Seat> = listeners.values().copied().collect();
            count += seats.len();
            self.deliver(&seats, &message);
        }
        if kind == Kind::Channel && self.pubsub.len(Kind::Pattern) > 0 {
            count += self.publish_by_pattern(channel, text);
        }
        count
    }

    fn publish_by_pattern(&mut self, channel: &[u8], text: &[u8]) -> usize {
        let patterns = self.pubsub.listeners[Kind::Pattern as usize].iter();
        let matching: Vec<(Message, Vec<Seat>)> = patterns
            .filter(|(pattern, _)| glob::is_match(pattern, channel, Case::Exact))
            .map(|(pattern, listeners)| {
                let message = Message::of(&[b"pmessage", pattern, channel, text]);
                (message, listeners.values().copied().collect())
            })
            .collect();
        matching.iter().for_each(|(message, seats)| self.deliver(seats, message));
        matching.iter().map(|(_, seats)| seats.len()).sum()
    }

    fn deliver(&mut self, seats: &[Seat], message: &Message) {
        seats.iter().for_each(|seat| self.tell_client(*seat, message.clone()));
    }

    /// Tells one client; while its own command is under way, as soon as that lets messages through.
    pub(crate) fn tell_client(&mut self, seat: Seat, message: Message) {
        let Some(client) = self.clients.seated(seat) else {
            self.pubsub.absent.push((seat, message));
            return;
        };
        if client.close == Some(Close::Now) {
            return;
        }
        let mut outbox = std::mem::take(&mut client.outbox);
        message.append(client, &mut outbox);
        client.outbox = outbox;
        client.wake();
        let limit = client.output_limit(&self.config.settings().output_limits);
        if limit.hard_bytes > 0 && client.unsent_bytes() >= limit.hard_bytes {
            self.end_unread(seat);
        }
        self.clients.recount(seat);
    }

    /// Ends the subscriptions to shard channels whose slots this node does not serve any more, and says so.
    ///
    /// Source: redis `src/cluster.c` removeChannelsInSlot.
    pub(crate) fn release_shard_channels(&mut self) {
        let Some(cluster) = self.cluster.as_ref().map(Rc::clone) else { return };
        let is_lost = |slot: &Slot| !cluster.borrow().serves_channels_of(*slot);
        let lost: Vec<Slot> = self.pubsub.slots().filter(is_lost).collect();
        if lost.is_empty() {
            return;
        }
        let names = self.pubsub.names(Kind::Shard).cloned();
        let names: Vec<_> = names.filter(|name| lost.contains(&Slot::of_key(name))).collect();
        for name in &names {
            let listeners = self.pubsub.listeners[Kind::Shard as usize].get(&**name);
            let seats: Vec<Seat> = listeners.into_iter().flatten().map(|(_, seat)| *seat).collect();
            for seat in seats {
                let Some(client) = self.clients.seated(seat) else { continue };
                self.pubsub.unsubscribe(client, Kind::Shard, name);
                let answer = answer(client, b"sunsubscribe", Some(name), Kind::Shard);
                client.outbox.extend_from_slice(&answer);
                client.wake();
            }
        }
    }
}

/// The answer to a subscription or its end; without a name there was none to end.
pub(crate) fn answer(client: &Client, word: &[u8], name: Option<&[u8]>, kind: Kind) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ReplyWriter::new(&mut bytes, client.resp);
    writer.push(3);
    writer.bulk(word);
    writer.bulk_or_null(name);
    let Subscriptions { channels, patterns, shards } = client.subscriptions;
    let count = match kind {
        Kind::Channel | Kind::Pattern => channels + patterns,
        Kind::Shard => shards,
    };
    writer.integer(i64::try_from(count).unwrap_or(i64::MAX));
    bytes
}

impl PubSub {
    /// Whether messages wait for clients whose commands are under way.
    #[inline]
    pub(crate) fn has_absent(&self) -> bool {
        !self.absent.is_empty()
    }

    /// Appends the messages that wait for one client.
    pub(crate) fn let_through(&mut self, client: &Client, out: &mut Vec<u8>) {
        self.absent.retain(|(seat, message)| {
            let is_other = *seat != client.seat;
            if !is_other {
                message.append(client, out);
            }
            is_other
        });
    }
}

impl Call<'_> {
    /// Publishes; a client that listens to itself hears it before its reply.
    pub(crate) fn publish(&mut self, kind: Kind, channel: &[u8], text: &[u8]) -> usize {
        let count = self.node.publish(kind, channel, text);
        self.push_absent();
        count
    }

    /// Writes a message for the client itself, which it gets even if it wants no replies.
    pub(crate) fn push(&mut self, message: Vec<u8>) {
        self.node.pubsub.absent.push((self.client.seat, Message::Push(message.into())));
        self.push_absent();
    }

    /// Writes the messages that came of looking keys up, which happens before the reply: before what there is of it.
    pub(crate) fn push_of_look_ups(&mut self) {
        let reply = self.reply.out().split_off(self.reply_start);
        self.push_absent();
        self.reply_start = self.reply.out().len();
        self.reply.raw(&reply);
    }

    /// Writes the messages that wait for the client, unless what is written now is going to be left out.
    pub(crate) fn push_absent(&mut self) {
        if self.node.pubsub.has_absent() && self.client.wants_replies() {
            self.node.pubsub.let_through(self.client, self.reply.out());
        }
    }
}
