//! Links of single clients at work: taken, settled, ended. See [`crate::pinned`] for their story.

use reddoor_protocol::encode::Resp;

use super::dispatch::Asking;
use super::tracking::links::is_tracked;
use super::{LinkEntry, Worker};
use crate::budget::Charge;
use crate::errand::{Errand, Lane, LinkKey, NodeIndex, Purpose, Travel};
use crate::error::{RequestError, Unavailable};
use crate::link::{Guard, Link, PING};
use crate::metrics::label::Limit;
use crate::pinned::{Owner, Pin};
use crate::session::Session;
use crate::session::hold::Watch;

impl Worker {
    /// Sends a request by the client's own link to a node.
    pub(super) fn send_pinned(
        &mut self,
        node: NodeIndex,
        purpose: Purpose,
        errand: Errand,
        request: &[u8],
        asking: Asking,
    ) {
        if self.waiting(&errand.waiter).is_none() {
            return;
        }
        let shared = self.routes.node(node).map(|n| n.links[Lane::Shared.index(errand.resp)]);
        if self.is_silent(shared.flatten()) {
            let addr = self.node_addr(node);
            return self.hold_request(errand, request, Unavailable::Silent(addr));
        }
        let (session, client) = (errand.waiter.session, errand.waiter.client);
        let travel = self.sessions.get(session).map(|entry| entry.session.travel());
        // What the keys of a transaction or a wait become must be heard of like all else.
        let is_tracked = travel == Some(Travel::Pinned(Purpose::Track));
        let own = match purpose {
            Purpose::Move | Purpose::Upload | Purpose::Acks => purpose,
            _ if is_tracked => Purpose::Track,
            _ => purpose,
        };
        let pin = Pin { session, client, purpose: own };
        let key = match self.pin(pin, node, errand.resp) {
            Ok(key) => key,
            Err(NoPin::Limit(max)) => {
                self.metrics.limit_reached(Limit::PinnedLinks);
                let what = "node connections of single clients";
                return self.fail(errand.waiter, &RequestError::Overload { what, max });
            }
            Err(NoPin::Unreachable) => {
                let addr = self.node_addr(node);
                return self.hold_request(errand, request, Unavailable::Unreachable(addr));
            }
        };
        if purpose == Purpose::Watch {
            self.guard(&errand, key, asking);
        } else if matches!(purpose, Purpose::Move | Purpose::Upload) {
            self.links[key.0].link.guard = match asking {
                Asking::No => Guard::Own,
                Asking::Yes => Guard::Importing,
            };
        }
        if purpose == Purpose::Acks {
            // A node waits for what was written before the last command on the connection: any will do.
            self.links[key.0].link.append_unawaited(PING);
        }
        let waits = matches!(purpose, Purpose::Wait | Purpose::Acks);
        let left = waits.then(|| self.with_time_left(&errand, request));
        self.append(key, errand, left.flatten().as_deref().unwrap_or(request), asking);
    }

    /// The client's link to a node: the one it has, one that lies idle, or a new one.
    fn pin(&mut self, pin: Pin, node: NodeIndex, resp: Resp) -> Result<LinkKey, NoPin> {
        if pin.purpose == Purpose::Track {
            return self.tracking_link(pin, node, resp);
        }
        let own = match pin.purpose {
            Purpose::Acks => self.pinned_at(&pin, node),
            _ => self.pinned_to(&pin),
        };
        if let Some(key) = own {
            let link = &self.links[key.0].link;
            if link.node == node && link.resp == resp && !link.is_closing {
                return Ok(key);
            }
            self.unpin(key);
        }
        let key = match self.pinned.take(node, resp) {
            Some(key) => key,
            None => self.make_pinned(node, resp)?,
        };
        self.give_pin(key, pin);
        Ok(key)
    }

    /// Makes a link a client's own.
    pub(super) fn give_pin(&mut self, key: LinkKey, pin: Pin) {
        self.links[key.0].link.owner = Owner::Client(pin);
        if let Some(entry) = self.sessions.get_mut(pin.session) {
            entry.pins.push(key);
        }
    }

    /// A new link for a client, which has to be given it.
    pub(super) fn make_pinned(&mut self, index: NodeIndex, resp: Resp) -> Result<LinkKey, NoPin> {
        let max = self.config.limits.pinned_links_max;
        if self.pinned.count() >= max {
            let idle = self.pinned.oldest_idle().ok_or(NoPin::Limit(max))?;
            self.close_link(idle);
        }
        if !self.may_connect(index) {
            return Err(NoPin::Unreachable);
        }
        let node = self.routes.node_mut(index).ok_or(NoPin::Unreachable)?;
        node.pinned_count += 1;
        let key = LinkKey(self.links.insert(LinkEntry {
            link: Link::new(index, resp, Lane::Shared, Owner::Nobody),
            socket: None,
            waker: None,
            is_write_blocked: false,
            charge: Charge::default(),
        }));
        self.pinned.add();
        self.new_links.push(key);
        self.request_flush();
        Ok(key)
    }

    /// The link that a client has for a purpose.
    pub(super) fn pinned_to(&self, pin: &Pin) -> Option<LinkKey> {
        self.pinned_that(pin, |_| true)
    }

    /// The link to a node that a client has for a purpose.
    fn pinned_at(&self, pin: &Pin, node: NodeIndex) -> Option<LinkKey> {
        self.pinned_that(pin, |link| link.node == node)
    }

    fn pinned_that(&self, pin: &Pin, is_right: impl Fn(&Link) -> bool) -> Option<LinkKey> {
        let entry = self.sessions.get(pin.session)?;
        let is_meant = |key: &&LinkKey| {
            let link = self.links.get(key.0).map(|entry| &entry.link);
            link.is_some_and(|link| link.owner == Owner::Client(*pin) && is_right(link))
        };
        entry.pins.iter().find(is_meant).copied()
    }

    /// The session of a pin, while its client is there.
    pub(super) fn pinned_session(&mut self, pin: &Pin) -> Option<&mut Session> {
        let session = &mut self.sessions.get_mut(pin.session)?.session;
        (session.id == pin.client).then_some(session)
    }

    /// Hands an out-of-band message to the client whose link it came on.
    pub(super) fn push_to(&mut self, pin: Pin, message: &[u8]) {
        if pin.purpose == Purpose::Track {
            return self.invalidated(pin, message);
        }
        if let Some(session) = self.pinned_session(&pin) {
            session.push(message);
            self.mark_session_dirty(pin.session);
        }
    }

    /// Takes a link from its client when nothing of the client is left at the node.
    pub(super) fn settle_pin(&mut self, key: LinkKey) {
        let Some(link) = self.links.get(key.0).map(|entry| &entry.link) else { return };
        let Owner::Client(pin) = link.owner else { return };
        // A node tracks until the client wants it no longer.
        if link.in_flight_count() > 0
            || link.guard != Guard::Nothing
            || pin.purpose == Purpose::Track
        {
            return;
        }
        let guards = |session: &mut Session| matches!(session.watch, Watch::Guarded { link, .. } if link == key);
        if !self.pinned_session(&pin).is_some_and(guards) {
            self.unpin(key);
        }
    }

    /// Settles the links of a session after an answer that may have changed what it holds.
    pub(super) fn settle_pins_of(&mut self, key: usize) {
        let Some(entry) = self.sessions.get(key).filter(|entry| !entry.pins.is_empty()) else {
            return;
        };
        let pin = Pin { session: key, client: entry.session.id, purpose: Purpose::Watch };
        if entry.session.watch == Watch::Nothing
            && let Some(link) = self.pinned_to(&pin)
        {
            self.forget_guards(link);
        }
    }

    /// A link is its client's no more: it is kept for the next one if it is clean, and ended if not.
    pub(super) fn unpin(&mut self, key: LinkKey) {
        let max = self.config.limits.pinned_idle_max;
        let Some(entry) = self.links.get_mut(key.0) else { return };
        let link = &mut entry.link;
        let is_tracked = is_tracked(link);
        let owner = std::mem::replace(&mut link.owner, Owner::Nobody);
        let is_clean = link.in_flight_count() == 0
            && entry.socket.is_some()
            && !link.is_closing
            && std::mem::take(&mut link.guard) == Guard::Nothing
            && !is_tracked;
        let (node, resp) = (link.node, link.resp);
        if let Owner::Client(pin) = owner
            && let Some(entry) = self.sessions.get_mut(pin.session)
        {
            entry.pins.retain(|pinned| *pinned != key);
        }
        if !is_clean || !self.pinned.keep(node, resp, key, max) {
            self.close_link(key);
        }
    }

    /// Ends a link that is not shared.
    pub(super) fn close_link(&mut self, key: LinkKey) {
        let Some(entry) = self.links.get_mut(key.0) else { return };
        if !entry.link.is_closing {
            entry.close();
            self.pinned.remove(key);
        }
    }

    /// Ends the links on which a session has asked what came too late.
    pub(super) fn end_asked_pins(&mut self, key: usize) {
        let Some(entry) = self.sessions.get(key) else { return };
        // Only what may wait there takes something from its node when it is late.
        let may_stay = |link: &Link| is_tracked(link) && entry.session.waits.is_none();
        let is_asked = |link: &&LinkKey| {
            self.links
                .get(link.0)
                .is_some_and(|entry| entry.link.errands_count() > 0 && !may_stay(&entry.link))
        };
        let asked: Vec<LinkKey> = entry.pins.iter().filter(is_asked).copied().collect();
        for link in asked {
            self.close_link(link);
        }
    }

    /// Ends the links to nodes that left the cluster, or that it has given up.
    pub(super) fn end_useless_pins(&mut self) {
        let is_useless = |link: &Link| {
            let is_lost = self.routes.node(link.node).is_none_or(|n| n.is_failed || !n.is_known);
            link.owner != Owner::Everybody && is_lost
        };
        let links = self.links.iter().filter(|(_, entry)| is_useless(&entry.link));
        let useless: Vec<LinkKey> = links.map(|(key, _)| LinkKey(key)).collect();
        for key in useless {
            self.close_link(key);
        }
    }

    /// A link has ended; what its client held at the node is gone.
    pub(super) fn pinned_link_ended(&mut self, key: LinkKey, link: &Link) {
        if link.owner == Owner::Everybody {
            return;
        }
        if !link.is_closing {
            self.pinned.remove(key);
        }
        let Owner::Client(pin) = link.owner else { return };
        let Some(entry) = self.sessions.get_mut(pin.session) else { return };
        entry.pins.retain(|pinned| *pinned != key);
        if let Watch::Guarded { slot, link, is_confirmed, .. } = entry.session.watch
            && entry.session.id == pin.client
            && link == key
        {
            entry.session.watch = if is_confirmed { Watch::Lost(slot) } else { Watch::Nothing };
        }
        if pin.purpose == Purpose::Track {
            self.tracking_link_ended(pin, link.id_at_node.is_some());
        }
    }
}

/// Why a client has no link of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum NoPin {
    /// There are this many, and none is idle.
    Limit(usize),
    /// It is too soon to connect again.
    Unreachable,
}
