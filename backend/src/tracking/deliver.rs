//! How clients are told of keys that they must not rely on any more.
//!
//! A client speaks RESP3 and gets a push, or has named another client that gets it: in RESP2 only while that one is a
//! subscriber. Anybody else is told nothing.

use std::sync::Arc;

use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::command::keys::key_indexes;
use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::encode::{ReplyWriter, Resp};
use reddoor_protocol::request::Args;

use crate::client::{Client, ClientId};
use crate::data::key::Key;
use crate::node::Node;
use crate::pubsub::Message;
use crate::tracking::{Lost, Redirect};

/// Whether what a command reads is remembered.
fn is_read(spec: &CommandSpec) -> bool {
    spec.flags.contains(CommandFlags::READONLY)
        && !spec.flags.contains(CommandFlags::PUBSUB)
        && !SCRIPTS.contains(&spec.id())
}

/// Commands whose own commands are what reads keys.
const SCRIPTS: [CommandId; 3] =
    [CommandId::of("eval_ro"), CommandId::of("evalsha_ro"), CommandId::of("fcall_ro")];

impl Node {
    /// A key has changed: tells whoever has read it, and notes it for those who track its prefix. `by` is the client
    /// that did it, unless nobody did.
    #[inline]
    pub(crate) fn invalidate(&mut self, key: &[u8], by: Option<ClientId>) {
        if !self.tracking.is_idle() {
            self.tracking.note_at_prefixes(key, by);
            self.invalidate_read(key);
        }
    }

    fn invalidate_read(&mut self, key: &[u8]) {
        for client in self.tracking.forget_key(key) {
            let is_current = self.tracking.current == Some(client);
            let Some(tracker) = self.tracking.tracker(client) else { continue };
            if tracker.tracks_prefixes() || tracker.is_no_loop && is_current {
                continue;
            }
            let lost = Lost::Key(Key::from(key));
            if is_current {
                self.tracking.put_off.push(lost);
            } else {
                self.tell_lost(client, &lost, Resp::V3);
            }
        }
    }

    /// All keys of a database, or of all of them, have gone: everyone who tracks must rely on none any more.
    pub(crate) fn invalidate_all(&mut self) {
        if self.tracking.is_idle() {
            return;
        }
        let trackers = self.tracking.trackers.iter();
        let all: Vec<_> = trackers.map(|(client, tracker)| (*client, tracker.seat)).collect();
        for (client, seat) in all {
            if self.tracking.current == Some(client) {
                self.tracking.put_off.push(Lost::AllKeys);
                continue;
            }
            let resp = self.clients.seated(seat).map_or(Resp::V3, |client| client.resp);
            self.tell_lost(client, &Lost::AllKeys, resp);
        }
        self.tracking.clear_table();
    }

    /// Remembers the keys that a command of a client has read.
    pub(crate) fn remember_read(
        &mut self,
        client: ClientId,
        spec: &'static CommandSpec,
        args: Args<'_>,
    ) {
        if !is_read(spec) || !self.tracking.remembers(client) {
            return;
        }
        let mut indexes = Vec::new();
        // What has no keys that could be found has read none.
        let _ = key_indexes(spec, args, &mut indexes);
        for key in indexes.iter().filter_map(|index| args.get(*index as usize)) {
            self.tracking.remember(client, key);
        }
    }

    /// As [`Node::remember_read`], of a script: that it reads anything means that it reads what its client declared.
    pub(crate) fn remember_declared(
        &mut self,
        client: ClientId,
        spec: &CommandSpec,
        declared: &[Box<[u8]>],
    ) {
        if !declared.is_empty() && is_read(spec) && self.tracking.remembers(client) {
            declared.iter().for_each(|key| self.tracking.remember(client, key));
        }
    }

    /// Drops keys of a table that is fuller than the settings allow, the more the longer it has been: whoever has read
    /// them is told as if they had changed.
    pub(crate) fn bound_tracking_table(&mut self) {
        /// Keys that are dropped before a command, at first (count). Source: redis `src/tracking.c`
        /// trackingLimitUsedSlots.
        const KEYS_MAX: usize = 100;
        let len_max = self.config.settings().tracking_keys_max;
        if len_max == 0 || self.tracking.keys_count() <= len_max {
            self.tracking.too_full_count = 0;
            return;
        }
        // The client under way has not begun its command: it is told now, and of its own keys, too.
        let current = self.tracking.current.take();
        for _ in 0..KEYS_MAX.saturating_mul(self.tracking.too_full_count + 1) {
            let Some((key, _)) = self.tracking.table.random(&mut self.tracking.random) else {
                break;
            };
            let key = key.clone();
            self.invalidate_read(&key);
            if self.tracking.keys_count() <= len_max {
                break;
            }
        }
        self.tracking.current = current;
        let is_too_full = self.tracking.keys_count() > len_max;
        self.tracking.too_full_count =
            if is_too_full { self.tracking.too_full_count + 1 } else { 0 };
    }

    /// Tells the client under way what it has changed itself, now that it was answered.
    #[inline]
    pub(crate) fn tell_put_off(&mut self, client: &Client) {
        if self.tracking.put_off.is_empty() {
            return;
        }
        for lost in std::mem::take(&mut self.tracking.put_off) {
            self.tell_lost(client.id, &lost, client.resp);
        }
    }

    /// Ends a turn: tells those who track prefixes of all keys that have changed in it.
    #[inline]
    pub(crate) fn broadcast_invalidations(&mut self) {
        if self.tracking.prefixes.is_empty() {
            return;
        }
        let mut told = Vec::new();
        for at_prefix in self.tracking.prefixes.values_mut() {
            let changed = std::mem::take(&mut at_prefix.changed);
            if changed.is_empty() {
                continue;
            }
            let all = keys_text(changed.keys().map(AsRef::as_ref));
            for client in &at_prefix.clients {
                let tracker = self.tracking.trackers.get(client);
                if tracker.is_none_or(|tracker| !tracker.is_no_loop) {
                    told.push((*client, Arc::clone(&all)));
                    continue;
                }
                let by_others = changed.iter().filter(|(_, by)| **by != Some(*client));
                let by_others: Vec<&[u8]> = by_others.map(|(key, _)| key.as_ref()).collect();
                if !by_others.is_empty() {
                    told.push((*client, keys_text(by_others.into_iter())));
                }
            }
        }
        told.into_iter().for_each(|(client, keys)| self.tell_invalidation(client, keys));
    }

    /// Tells one client. `resp` is its version, in which the null of all keys is written, whoever gets it.
    fn tell_lost(&mut self, client: ClientId, lost: &Lost, resp: Resp) {
        let keys = match lost {
            Lost::Key(key) => keys_text([&**key].into_iter()),
            Lost::AllKeys => {
                let mut bytes = Vec::new();
                ReplyWriter::new(&mut bytes, resp).null();
                bytes.into()
            }
        };
        self.tell_invalidation(client, keys);
    }

    fn tell_invalidation(&mut self, client: ClientId, keys: Arc<[u8]>) {
        let Some(tracker) = self.tracking.trackers.get_mut(&client) else { return };
        let seat = tracker.seat;
        match tracker.redirect {
            None => self.tell_client(seat, Message::Invalidation { keys, is_redirected: false }),
            Some(Redirect { to, seat: other }) if self.clients.is_connected(to, other) => {
                self.tell_client(other, Message::Invalidation { keys, is_redirected: true });
            }
            Some(Redirect { to, .. }) => {
                tracker.is_redirect_broken = true;
                self.tell_client(seat, Message::RedirectBroken(to));
            }
        }
    }
}

/// An array of keys, which is the same in both versions.
fn keys_text<'k>(keys: impl ExactSizeIterator<Item = &'k [u8]>) -> Arc<[u8]> {
    let mut bytes = Vec::new();
    let mut writer = ReplyWriter::new(&mut bytes, Resp::V3);
    writer.array(keys.len());
    keys.for_each(|key| writer.bulk(key));
    bytes.into()
}
