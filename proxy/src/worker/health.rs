//! Nodes that fall silent: found within a bound, asked nothing more, and no burden to the others.
//!
//! 1. A link that is idle is asked `PING` now and then, so that there is always a reply by which a node can be missed.
//! 2. A link that owes a reply for longer than `health.silence_ms` is silent: nothing more is written to it. What was
//!    not written waits with the other held requests, free to go elsewhere; what was written stays, since it may have
//!    run, and of it what only reads gets the time of a held request. The other nodes are asked what they know.
//! 3. When a reply comes the node was only slow, and all goes on. When the cluster has another primary the link is
//!    ended: reads go there, and clients are told of their writes that nobody knows the outcome.
//!
//! A node whose machine is gone without a word is found by the system, which gives a connection up when what it sent
//! is not confirmed in time (`health.unconfirmed_ms`).

use super::Worker;
use super::clock::micros;
use crate::errand::{Lane, LinkKey};
use crate::error::Unavailable;
use crate::link::{Link, PING};
use crate::metrics::label::RefreshReason;
use crate::pinned::Owner;

impl Worker {
    /// Asks idle links, and finds the silent ones. Costs O(links).
    pub(super) fn look_after_links(&mut self) {
        let now_us = self.clock.now_us();
        let silence_us = micros(self.config.health.silence);
        let interval_us = micros(self.config.health.probe_interval);
        let (mut fallen_silent, mut is_any_silent) = (Vec::new(), false);
        let mut to_probe = Vec::new();
        for (key, entry) in &self.links {
            let link = &entry.link;
            if entry.socket.is_none() || !is_watched(link) || link.is_paused() {
                continue;
            }
            let since_us = now_us.saturating_sub(link.heard_us);
            is_any_silent |= link.is_silent;
            if link.is_reply_due() {
                if since_us >= silence_us && !link.is_silent {
                    fallen_silent.push(LinkKey(key));
                }
            } else if interval_us > 0 && since_us >= interval_us && link.in_flight_count() == 0 {
                to_probe.push(LinkKey(key));
            }
        }
        if is_any_silent || !fallen_silent.is_empty() {
            self.refresh.request(RefreshReason::Held);
        }
        for key in to_probe {
            self.links[key.0].link.append_unawaited(PING);
            self.mark_link_dirty(key);
        }
        for key in fallen_silent {
            self.set_silent(key);
        }
    }

    fn set_silent(&mut self, key: LinkKey) {
        let Some(entry) = self.links.get_mut(key.0) else { return };
        let link = &mut entry.link;
        link.is_silent = true;
        let (node, lane) = (link.node, link.lane);
        let mut unsent = Vec::new();
        link.withdraw_unsent(|errand, request| unsent.push((errand, request.to_vec())));
        let sent_reads: Vec<_> =
            link.errands().filter(|errand| errand.may_run_twice()).map(|e| e.waiter).collect();
        if let Some(node) = self.routes.node(node) {
            node.metrics.commands_settled(unsent.len());
            node.metrics.fell_silent();
        }
        let addr = self.node_addr(node);
        tracing::warn!(node = addr, "node owes replies; asking the others about it");
        for (errand, request) in unsent {
            self.hold_request(errand, &request, Unavailable::Silent(addr.clone()));
        }
        if lane == Lane::Reading {
            return self.read_around(key);
        }
        for waiter in sent_reads {
            self.begin_hold(&waiter);
        }
    }

    /// A node was heard on a link.
    #[inline]
    pub(super) fn heard(&mut self, key: LinkKey) {
        let now_us = self.clock.now_us();
        let Some(entry) = self.links.get_mut(key.0) else { return };
        entry.link.heard_us = now_us;
        if entry.link.is_silent {
            entry.link.is_silent = false;
            self.held.wake();
            self.mark_link_dirty(key);
        }
    }

    /// Whether a node owes replies to the clients of this worker.
    pub(super) fn is_silent(&self, link: Option<LinkKey>) -> bool {
        link.and_then(|key| self.links.get(key.0)).is_some_and(|entry| entry.link.is_silent)
    }
}

/// Whether replies on a link come as fast as the node is: nothing on it waits for others, or for data.
fn is_watched(link: &Link) -> bool {
    let is_prompt = matches!(link.lane, Lane::Shared | Lane::Reading | Lane::Lookout);
    link.owner == Owner::Everybody && is_prompt
}
