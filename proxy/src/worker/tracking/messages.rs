//! What tracked clients are told: keys that have changed, or that nothing is known any more.

use reddoor_protocol::encode::Resp;

use crate::directory::Place;
use crate::errand::{ClientId, Travel};
use crate::peers::PeerMessage;
use crate::pinned::Pin;
use crate::session::Session;
use crate::worker::Worker;

/// How the message of a node begins that names keys, or null for all.
pub(in crate::worker) const INVALIDATE: &[u8] = b">2\r\n$10\r\ninvalidate\r\n";

/// How it begins for a client of RESP2 that listens to channels.
const INVALIDATE_V2: &[u8] = b"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n";

/// Nothing is known of what was cached.
const FLUSH: &[u8] = b">2\r\n$10\r\ninvalidate\r\n_\r\n";

impl Worker {
    /// A node has told a client that keys have changed.
    pub(in crate::worker) fn invalidated(&mut self, pin: Pin, message: &[u8]) {
        if !message.starts_with(INVALIDATE) {
            return;
        }
        if self.maps_keys {
            if let Some(message) = self.map_invalidation(&pin, message) {
                self.tell_invalidated(pin, &message);
            }
            return;
        }
        self.tell_invalidated(pin, message);
    }

    fn tell_invalidated(&mut self, pin: Pin, message: &[u8]) {
        self.metrics.invalidation();
        let Some(session) = self.pinned_session(&pin) else { return };
        match session.tracking.as_ref().and_then(|tracking| tracking.redirect) {
            Some(other) => self.redirect_message(pin.session, other, message),
            None => {
                session.push_stale(message);
                self.mark_session_dirty(pin.session);
            }
        }
    }

    /// A client of this worker is told of keys that another has read.
    pub(in crate::worker) fn hear_invalidation(
        &mut self,
        place: Place,
        client: ClientId,
        message: &[u8],
    ) {
        let Some(entry) = self.sessions.get_mut(place.session) else { return };
        let session = &mut entry.session;
        if session.id != client {
            return;
        }
        match (session.resp, message.strip_prefix(INVALIDATE)) {
            (Resp::V3, _) => session.push_stale(message),
            // As in a Redis, whatever the channels are that it listens to.
            (Resp::V2, Some(keys)) if session.subscriptions.count() > 0 => {
                let keys = if keys == b"_\r\n" { b"$-1\r\n" } else { keys };
                session.push_stale(&[INVALIDATE_V2, keys].concat());
            }
            (Resp::V2, _) => return,
        }
        self.mark_session_dirty(place.session);
    }

    fn redirect_message(&mut self, key: usize, other: ClientId, message: &[u8]) {
        let place = self.answerer.shared.directory.find(other);
        let is_told = match place {
            Some(place) if place.worker == self.peers.own => {
                self.hear_invalidation(place, other, message);
                true
            }
            Some(place) => {
                let message = message.into();
                let told = PeerMessage::Invalidated { place, client: other, message };
                self.peers.send(place.worker, told)
            }
            None => true,
        };
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        let Some(tracking) = &mut session.tracking else { return };
        // A worker that has too many messages waiting is told later, of everything at once.
        tracking.owes_flush |= !is_told;
        if place.is_none() {
            tracking.is_redirect_broken = true;
            if session.resp == Resp::V3 {
                session.push(&redirect_broken(other));
                self.mark_session_dirty(key);
            }
        }
    }

    /// A client is told that nothing is known of what it has cached.
    pub(in crate::worker) fn flush_caches(&mut self, key: usize) {
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        if session.travel() == Travel::Shared {
            return;
        }
        self.metrics.tracking_flush();
        match session.tracking.as_ref().and_then(|tracking| tracking.redirect) {
            Some(other) => self.redirect_message(key, other, FLUSH),
            None => {
                session.push_flush(FLUSH);
                self.mark_session_dirty(key);
            }
        }
    }

    /// A slot has got another owner, who tells of what is written from now on only to those that have read it there.
    pub(in crate::worker) fn flush_caches_if_moved(&mut self) {
        if !self.routes.take_moved() {
            return;
        }
        self.are_broadcasts_due = true;
        self.stir_all();
        let is_confirmed = |session: &Session| {
            session.tracking.as_ref().is_some_and(|tracking| tracking.is_confirmed)
        };
        self.flush_caches_where(is_confirmed);
    }

    /// Tells what could not be told before.
    pub(in crate::worker) fn flush_caches_owed(&mut self) {
        self.flush_caches_where(|session| {
            session.tracking.as_ref().is_some_and(|t| t.is_confirmed && t.owes_flush)
        });
    }

    fn flush_caches_where(&mut self, is_meant: impl Fn(&Session) -> bool) {
        let sessions = self.tracked.iter().filter_map(|key| Some((*key, self.sessions.get(*key)?)));
        let meant = sessions.filter(|(_, entry)| is_meant(&entry.session));
        let keys: Vec<usize> = meant.map(|(key, _)| key).collect();
        for key in keys {
            if let Some(tracking) = &mut self.sessions[key].session.tracking {
                tracking.owes_flush = false;
            }
            self.flush_caches(key);
        }
    }
}

/// Tells a client that the one which was to be told in its place is gone.
fn redirect_broken(other: ClientId) -> Vec<u8> {
    format!(">2\r\n$21\r\ntracking-redir-broken\r\n:{}\r\n", other.0).into_bytes()
}
