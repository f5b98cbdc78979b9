//! From a planned request to a link: the node that owns its slot, the connection, the bytes.

use reddoor_protocol::encode::Resp;

use super::dispatch::{Asking, Request};
use super::{LinkEntry, Worker};
use crate::budget::Charge;
use crate::cluster_map::NodeAddr;
use crate::config::reads::ReadFrom;
use crate::errand::{Bound, Caching, Errand, Lane, LinkKey, NodeIndex, Travel, Waiter};
use crate::error::{RequestError, Unavailable};
use crate::link::Link;
use crate::metrics::label::{Limit, RefreshReason};
use crate::pinned::Owner;
use crate::session::Outstanding;

impl Worker {
    /// As [`Worker::forward`], for a request as its client has sent it.
    #[inline]
    pub(super) fn forward_request(&mut self, errand: Errand, request: &Request<'_>) {
        let mut scratch = std::mem::take(&mut self.request);
        self.forward(errand, request.bytes(&mut scratch));
        self.request = scratch;
    }

    /// Sends a request to the node that owns its slot, now or, while none is known, later.
    pub(crate) fn forward(&mut self, errand: Errand, request: &[u8]) {
        if errand.bound != Bound::Free {
            return self.forward_part(errand, request);
        }
        if errand.reading.from != ReadFrom::Primary && !errand.is_scout {
            return self.forward_read(errand, request);
        }
        self.forward_to_owner(errand, request);
    }

    /// As [`Worker::forward`], though a replica might answer.
    #[inline]
    pub(super) fn forward_to_owner(&mut self, errand: Errand, request: &[u8]) {
        if self.must_queue(&errand) {
            return self.hold_request(errand, request, Unavailable::Queued);
        }
        let owner = match errand.slot {
            Some(slot) => self.routes.owner(slot),
            None => self.routes.any_owner(),
        };
        match owner {
            Some(node) => self.send(node, errand, request, Asking::No),
            None => {
                self.refresh.request(RefreshReason::SlotUncovered);
                let reason = errand.slot.map_or(Unavailable::NoNode, Unavailable::NoOwner);
                self.hold_request(errand, request, reason);
            }
        }
    }

    /// Appends a request to a node's link, which is made when there is none.
    #[inline]
    pub(crate) fn send(&mut self, node: NodeIndex, errand: Errand, request: &[u8], asking: Asking) {
        if let Travel::Pinned(purpose) = errand.travel {
            return self.send_pinned(node, purpose, errand, request, asking);
        }
        let Some(key) = self.link_to(node, errand.resp, errand.lane) else {
            let addr = self.node_addr(node);
            return self.hold_request(errand, request, Unavailable::Unreachable(addr));
        };
        if self.links[key.0].link.is_silent {
            let addr = self.node_addr(node);
            return self.hold_request(errand, request, Unavailable::Silent(addr));
        }
        self.append(key, errand, request, asking);
    }

    /// Appends a request to a link.
    #[inline]
    pub(super) fn append(&mut self, key: LinkKey, errand: Errand, request: &[u8], asking: Asking) {
        let Some(entry) = self.links.get_mut(key.0) else { return };
        let link = &mut entry.link;
        let limits = &self.config.limits;
        let overload = if link.in_flight_count() >= limits.link_inflight_max {
            Some((Limit::LinkInflight, "requests in flight to one node", limits.link_inflight_max))
        } else if link.buffered_bytes() > limits.link_output_bytes_max {
            Some((Limit::LinkOutput, "bytes in flight to one node", limits.link_output_bytes_max))
        } else {
            None
        };
        if let Some((limit, what, max)) = overload {
            self.metrics.limit_reached(limit);
            self.fail(errand.waiter, &RequestError::Overload { what, max });
            return;
        }
        let caching = errand.caching.request();
        match asking {
            Asking::Yes => link.append_asking(),
            Asking::No => caching.into_iter().for_each(|request| link.append_unawaited(request)),
        }
        link.append(errand, request);
        if let Some(node) = self.routes.node(link.node) {
            node.metrics.commands_sent(1);
        }
        self.mark_link_dirty(key);
        if asking == Asking::Yes && errand.caching == Caching::Yes {
            // Either of the two takes the other back, so the node will not track what it is asked here.
            self.flush_caches(errand.waiter.session);
        }
    }

    /// The link to a node in this version; made when there is none, `None` while it is too soon to try again.
    #[inline]
    pub(super) fn link_to(&mut self, index: NodeIndex, resp: Resp, lane: Lane) -> Option<LinkKey> {
        if let Some(key) = self.routes.node(index)?.links[lane.index(resp)] {
            return Some(key);
        }
        if !self.may_connect(index) {
            return None;
        }
        let node = self.routes.node_mut(index)?;
        let entry = LinkEntry {
            link: Link::new(index, resp, lane, Owner::Everybody),
            socket: None,
            waker: None,
            is_write_blocked: false,
            charge: Charge::default(),
        };
        let key = LinkKey(self.links.insert(entry));
        node.links[lane.index(resp)] = Some(key);
        self.new_links.push(key);
        self.request_flush();
        Some(key)
    }

    /// What is known of a request, while somebody waits for its reply.
    pub(crate) fn waiting(&self, waiter: &Waiter) -> Option<&Outstanding> {
        let session = &self.sessions.get(waiter.session)?.session;
        if session.id != waiter.client {
            return None;
        }
        session.outstanding(waiter.seq)
    }

    /// The address of a node, for an error.
    pub(crate) fn node_addr(&self, index: NodeIndex) -> String {
        self.routes.node(index).map_or_else(String::new, |node| node.addr.as_str().to_owned())
    }

    /// The node with this address, made known when it was not.
    pub(crate) fn find_or_add_node(&mut self, addr: &NodeAddr) -> Option<NodeIndex> {
        self.routes.find_or_add(addr, |addr| self.metrics.node(addr))
    }
}
