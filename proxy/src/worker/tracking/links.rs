//! The links of tracked clients: opened where they lack, missed when they end, asked whether their nodes are there.

use reddoor_protocol::encode::{Resp, encode_request};
use reddoor_protocol::error::ProtocolError;

use crate::errand::{Lane, LinkKey, NodeIndex, Purpose, Travel};
use crate::handshake::{self, Login};
use crate::link::ear::Ear;
use crate::link::{Link, PING};
use crate::metrics::label::RefreshReason;
use crate::pinned::{Owner, Pin};
use crate::session::hold::Watch;
use crate::session::tracking::Tracking;
use crate::worker::Worker;
use crate::worker::clients::TrackingJob;
use crate::worker::pins::NoPin;

impl Worker {
    /// The link on which a node tracks for a client; made when there is none.
    pub(in crate::worker) fn tracking_link(
        &mut self,
        pin: Pin,
        node: NodeIndex,
        resp: Resp,
    ) -> Result<LinkKey, NoPin> {
        let links = self.tracking_links(pin.session);
        let link = |key: &LinkKey| &self.links[key.0].link;
        let is_right = |key: &&LinkKey| link(key).node == node && link(key).resp == resp;
        match links.iter().copied().find(|key| is_right(&key)) {
            // What came by a link that ends has to be dropped before more is read.
            Some(key) if link(&key).is_closing => Err(NoPin::Unreachable),
            Some(key) => Ok(key),
            None => {
                let elder = links.iter().copied().find(|key| link(key).resp != resp);
                let made = self.make_pinned(node, resp);
                if let (Err(NoPin::Limit(_)), Some(elder)) = (&made, elder) {
                    // What it would have told is told by the flush that comes of its end.
                    self.close_link(elder);
                    return Err(NoPin::Unreachable);
                }
                let key = made?;
                self.give_pin(key, pin);
                Ok(key)
            }
        }
    }

    /// Has the nodes track by other options on the links that the client has, so that nothing goes untold meanwhile.
    pub(in crate::worker) fn track_on_by(
        &mut self,
        key: usize,
        tracking: &Tracking,
        before: &Tracking,
    ) {
        let options = self.tracking_options(tracking, Some(before));
        for key in self.tracking_links(key) {
            let link = &mut self.links[key.0].link;
            if link.id_at_node.is_none() {
                // On its way it may be tracked by either.
                self.unpin(key);
                continue;
            }
            let mut request = Vec::new();
            let words = handshake::track_request(&options, link.ear_at_node);
            encode_request(&mut request, words.iter().map(Vec::as_slice));
            link.append_unawaited(&request);
            self.mark_link_dirty(key);
        }
    }

    pub(in crate::worker) fn tracking_links(&self, key: usize) -> Vec<LinkKey> {
        let pins = self.sessions.get(key).map_or(&[][..], |entry| &entry.pins);
        let is_tracked =
            |key: &&LinkKey| self.links.get(key.0).is_some_and(|entry| is_tracked(&entry.link));
        pins.iter().filter(is_tracked).copied().collect()
    }

    pub(in crate::worker) fn close_tracking_links(&mut self, key: usize) {
        for link in self.tracking_links(key) {
            let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
                return;
            };
            if let Watch::Guarded { slot, link: guard, .. } = session.watch
                && guard == link
            {
                session.watch = Watch::Lost(slot);
            }
            self.unpin(link);
        }
    }

    /// What a node is to track on a link; `None` on all but those of tracked clients.
    pub(in crate::worker) fn tracking_job(&self, link: &Link) -> Option<TrackingJob> {
        if link.lane == Lane::Lookout {
            return Some(TrackingJob { options: Vec::new(), ear: None });
        }
        let Owner::Client(Pin { session, client, purpose: Purpose::Track }) = link.owner else {
            return None;
        };
        let session = &self.sessions.get(session)?.session;
        let tracking = session.tracking.as_ref().filter(|_| session.id == client)?;
        Some(TrackingJob {
            options: self.tracking_options(tracking, None),
            ear: (link.resp == Resp::V2).then(|| Login::new(&self.config, Resp::V3)),
        })
    }

    /// What a node has told on the ear of a link.
    pub(in crate::worker) fn ear_bytes(
        &mut self,
        key: LinkKey,
        ear: &mut Ear,
        bytes: &[u8],
    ) -> Result<(), ProtocolError> {
        self.clock.tick();
        let Some(Owner::Client(pin)) = self.links.get(key.0).map(|entry| entry.link.owner) else {
            return Ok(());
        };
        let limits = self.config.limits.reply_limits();
        ear.take(bytes, &limits, |message| self.invalidated(pin, message))
    }

    /// A link is connected, and its node tracks on it.
    pub(in crate::worker) fn tracking_link_began(&mut self, pin: Pin, key: LinkKey) {
        let is_late = self.tracking_of(pin).is_some_and(|t| t.is_confirmed && t.is_broadcast());
        let node = self.links[key.0].link.node;
        let tells = |link: &Link| link.node == node && link.id_at_node.is_some();
        let mut others = self.tracking_links(pin.session).into_iter().filter(|other| *other != key);
        if is_late && !others.any(|other| tells(&self.links[other.0].link)) {
            // It was not there when the client was told that all is tracked.
            self.flush_caches(pin.session);
        }
    }

    /// A link has ended on which a client was tracked.
    pub(in crate::worker) fn tracking_link_ended(&mut self, pin: Pin, was_connected: bool) {
        if self.tracking_of(pin).is_none_or(|tracking| !tracking.is_confirmed) {
            return;
        }
        self.are_broadcasts_due = true;
        if was_connected {
            self.flush_caches(pin.session);
        }
    }

    fn tracking_of(&mut self, pin: Pin) -> Option<&mut Tracking> {
        self.pinned_session(&pin)?.tracking.as_deref_mut()
    }

    /// Opens the links that are lacking to clients which hear of keys that they never read. Costs O(slots).
    pub(in crate::worker) fn keep_broadcasts(&mut self) {
        if !std::mem::take(&mut self.are_broadcasts_due) {
            return;
        }
        let primaries = self.routes.primaries();
        let keys: Vec<usize> = self.tracked.iter().copied().collect();
        for key in keys {
            let Some(session) = self.sessions.get(key).map(|entry| &entry.session) else {
                continue;
            };
            let is_kept = |tracking: &Tracking| tracking.is_confirmed && tracking.is_broadcast();
            if session.travel() == Travel::Shared
                || !session.tracking.as_deref().is_some_and(is_kept)
            {
                continue;
            }
            let (client, resp) = (session.id, session.resp);
            let pin = Pin { session: key, client, purpose: Purpose::Track };
            for node in &primaries {
                if self.tracking_link(pin, *node, resp).is_err() {
                    // Again at the next look. What the client reads there until then waits, or is refused.
                    self.are_broadcasts_due = true;
                }
            }
        }
    }

    /// Finds links whose node is silent: nothing else would tell that its messages do not come through.
    pub(in crate::worker) fn look_after_tracking(&mut self) {
        let links = self.links.iter().filter(|(_, entry)| is_tracked(&entry.link));
        let keys: Vec<LinkKey> = links.map(|(key, _)| LinkKey(key)).collect();
        for key in keys {
            let Some(entry) = self.links.get_mut(key.0).filter(|entry| entry.socket.is_some())
            else {
                continue;
            };
            if entry.link.is_pinged {
                self.refresh.request(RefreshReason::Timeout);
                self.close_link(key);
            } else if entry.link.in_flight_count() == 0 {
                entry.link.append_unawaited(PING);
                entry.link.is_pinged = true;
                self.mark_link_dirty(key);
            }
        }
    }
}

/// Whether a node tracks for a client on a link.
pub(in crate::worker) fn is_tracked(link: &Link) -> bool {
    matches!(link.owner, Owner::Client(Pin { purpose: Purpose::Track, .. }))
}
