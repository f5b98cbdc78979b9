//! Nodes that fall silent: found within a bound, asked nothing more, and no burden to the others.
//!
//! 1. A link that is idle is asked `PING` now and then, so that there is always a reply by which a node can be missed.
//! 2. A link that owes a reply for longer than `health.silence_ms` is silent: nothing more is written to it. What was
//!    not written waits with the other held requests, free to go elsewhere; what was written stays, since it may have
//!    run, and of it what only reads gets the time of a held request. The other nodes are asked what they know.
//! 3. When a reply comes the node was only slow, and all goes on. When the cluster has another primary the node has a
//!    moment more ([`DEPOSED_MIN`]): one that hands over on purpose holds what it is sent, and then says where to go
//!    with it. After that the link is ended: reads go there, and clients are told of their writes that nobody knows the
//!    outcome.
//!
//! A node whose machine is gone without a word is found by looks at the connections on which something is not
//! confirmed: when the other end owes the system an answer for `health.unconfirmed_ms`, the connection is given up. A
//! node that lives and reads nothing keeps its connection, however full that is, since its machine goes on answering.
//! Between its questions for room the system leaves as much time as there was no room before, so a machine that goes
//! in that state is missed after that much longer. Where the system tells nothing, it sees to all that by itself
//! (`TCP_USER_TIMEOUT`), and does not make that difference.

use std::net::Shutdown;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;

use super::Worker;
use super::clock::micros;
use crate::errand::{Lane, LinkKey};
use crate::error::Unavailable;
use crate::link::{Link, PING};
use crate::metrics::label::RefreshReason;
use crate::pinned::Owner;
use crate::socket_diag::SocketDiag;

/// Looks at a link in the time after which it is given up (count).
const LOOKS: u32 = 8;

/// Time for which a silent node is heard that owns nothing any more, if `health.silence_ms` is not longer. The others
/// may have known of its successor before itself.
const DEPOSED_MIN: Duration = Duration::from_millis(500);

/// No machine is given up before. One that has no room answers twice in a second at most (Linux,
/// `tcp_invalid_ratelimit`), and the next question comes up to a second after one that was passed over so.
const UNCONFIRMED_MIN: Duration = Duration::from_millis(1500);

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

    /// Ends links to silent nodes that own nothing any more, and had time to say so. Costs O(links).
    pub(super) fn end_deposed(&mut self) {
        let now_us = self.clock.now_us();
        let grace_us = micros(self.config.health.silence.max(DEPOSED_MIN));
        for (_, entry) in &mut self.links {
            let link = &mut entry.link;
            if !link.is_silent || self.routes.is_owner(link.node) {
                link.deposed_us = None;
            } else if now_us - *link.deposed_us.get_or_insert(now_us) >= grace_us {
                entry.close();
            }
        }
    }

    /// Gives up links whose other machine confirms nothing any more. Costs system calls for each link that has sent
    /// something which is not known to be confirmed, and was not heard since the last time.
    pub(super) fn look_for_lost_machines(&mut self) {
        let is_off = self.config.health.unconfirmed.is_zero();
        let bound = self.config.health.unconfirmed.max(UNCONFIRMED_MIN);
        let (now_us, interval_us) = (self.clock.now_us(), micros(bound / LOOKS));
        if is_off || now_us.saturating_sub(self.receipts_looked_at_us) < interval_us {
            return;
        }
        self.receipts_looked_at_us = now_us;
        for (_, entry) in &mut self.links {
            let is_heard = now_us.saturating_sub(entry.link.heard_us) < interval_us;
            let Some(socket) = entry.socket.as_ref().filter(|_| !is_heard) else { continue };
            if !entry.link.is_receipt_due() {
                continue;
            }
            let Some(delivery) = self.socket_diag.look(socket.as_ref()) else { continue };
            let sent = entry.link.sent_in_all();
            let due = entry.link.receipts.take(&delivery, sent, now_us);
            if due < bound {
                continue;
            }
            let addr = self.routes.node(entry.link.node).map_or("", |node| node.addr.as_str());
            tracing::warn!(node = addr, ?due, "node's machine confirms nothing; giving it up");
            give_up(socket.as_ref());
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

/// Takes the watch over a connection from the system, if that tells what is needed for it.
pub(super) fn take_watch(diag: &mut SocketDiag, stream: &TcpStream) -> bool {
    let is_told = diag.look(stream).is_some();
    is_told && SockRef::from(stream).set_tcp_user_timeout(None).is_ok()
}

/// Ends a connection so that its reader sees the end, and the system does not go on sending what it holds.
fn give_up(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    // It may have ended meanwhile, which its reader sees as well.
    let _ = socket.set_linger(Some(Duration::ZERO));
    let _ = socket.shutdown(Shutdown::Both);
}

/// Whether replies on a link come as fast as the node is: nothing on it waits for others, or for data.
fn is_watched(link: &Link) -> bool {
    let is_prompt = matches!(link.lane, Lane::Shared | Lane::Reading | Lane::Lookout);
    link.owner == Owner::Everybody && is_prompt
}
