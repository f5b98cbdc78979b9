//! Clients and links come and go; deadlines pass.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::time::Duration;

use tokio::net::tcp::OwnedWriteHalf;

use super::clock::micros;
use super::dispatch::may_run_twice;
use super::health::take_watch;
use super::uploads::{self, Lack};
use super::{SessionEntry, Worker};
use crate::budget::Charge;
use crate::cluster_map::ClusterMap;
use crate::directory::Place;
use crate::errand::{ClientId, Lane, LinkKey, Purpose};
use crate::error::{RequestError, Retry};
use crate::handshake::Login;
use crate::metrics::label::{Buffer, CloseReason, Outcome, RefreshReason};
use crate::metrics::worker::WorkerMetrics;
use crate::pinned::Owner;
use crate::session::{Ending, Outstanding, Session};

/// Bytes that a worker keeps to put requests together in: nearly every one is shorter.
const SCRATCH_KEPT_BYTES: usize = 64 * 1024;

/// What the task of a new link needs to connect it.
pub(crate) struct LinkJob {
    /// The node's address.
    pub(crate) addr: String,
    /// What to say first.
    pub(crate) login: Login,
    /// Whether the node is to answer reads though it be a replica.
    pub(crate) is_reading: bool,
    /// Whether the node is to tell how it knows the connection.
    pub(crate) is_pinned: bool,
    /// What the node is to track on it.
    pub(crate) tracking: Option<TrackingJob>,
    /// How long connecting may take.
    pub(crate) timeout: Duration,
}

/// The numbers by which a node knows a connection, where that was asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdsAtNode {
    pub(crate) link: Option<u64>,
    /// Of its ear, where the node tells what it cannot tell on a connection of RESP2.
    pub(crate) ear: Option<u64>,
}

/// What a node is to track for a client.
pub(crate) struct TrackingJob {
    /// The options by which it is asked.
    pub(crate) options: Vec<Vec<u8>>,
    /// What to say first on the connection where it tells, if that is not the one on which it is asked.
    pub(crate) ear: Option<Login>,
}

impl Worker {
    /// Takes a new client in; gives back its place.
    pub(crate) fn add_session(
        &mut self,
        socket: OwnedWriteHalf,
        peer_addr: SocketAddr,
        local_addr: SocketAddr,
    ) -> usize {
        let now_us = self.clock.tick();
        let id = ClientId(self.answerer.shared.next_client_id.fetch_add(1, Ordering::Relaxed));
        let is_authenticated = self.config.auth.password.is_none();
        let session = Session::new(id, peer_addr, local_addr, now_us, is_authenticated);
        self.metrics.client_accepted();
        let key = self.sessions.insert(SessionEntry {
            session,
            socket,
            waker: None,
            is_dirty: false,
            is_write_blocked: false,
            is_paused: false,
            pins: Vec::new(),
            close_reason: CloseReason::ClientLeft,
            charge: Charge::default(),
            is_shed: false,
            allowance: None,
            slowed_until_us: 0,
            is_blocked: false,
        });
        let place = Place { worker: self.peers.own, session: key };
        self.answerer.shared.directory.enter(id, place);
        key
    }

    /// Forgets a client. Replies that still come for it are dropped.
    pub(crate) fn remove_session(&mut self, key: usize) {
        self.end_listening(key);
        if let Some(entry) = self.sessions.try_remove(key) {
            self.count_blocked(entry.is_blocked, false);
            // What waits at a node is given up with its connection, so that nothing is taken for nobody.
            for link in &entry.pins {
                self.close_link(*link);
            }
            if entry.session.tracking.is_some() {
                self.forget_tracked(key);
            }
            self.settle(entry.charge, Charge::default());
            if let Some(link) = entry.session.stream_link() {
                self.resume_stream(link);
            }
            self.leave_waiting(entry.session.id);
            self.answerer.shared.directory.leave(entry.session.id);
            self.answerer.shared.clients_count.fetch_sub(1, Ordering::Relaxed);
            self.metrics.client_closed(entry.close_reason);
        }
    }

    /// What is needed to connect a link; `None` when its node is gone.
    pub(crate) fn link_job(&mut self, key: LinkKey) -> Option<LinkJob> {
        let link = &self.links.get(key.0)?.link;
        let cluster = &self.config.cluster;
        Some(LinkJob {
            addr: self.routes.node(link.node)?.addr.as_str().to_owned(),
            login: Login::new(&self.config, link.resp),
            is_reading: link.lane == Lane::Reading,
            is_pinned: link.owner != Owner::Everybody,
            tracking: self.tracking_job(link),
            timeout: cluster.connect_timeout,
        })
    }

    /// A link is connected: what waited for it is sent.
    pub(crate) fn link_connected(&mut self, key: LinkKey, socket: OwnedWriteHalf, ids: IdsAtNode) {
        let Some(entry) = self.links.get_mut(key.0) else { return };
        entry.link.id_at_node = ids.link;
        entry.link.ear_at_node = ids.ear;
        entry.link.heard_us = self.clock.tick();
        entry.link.connected_us = entry.link.heard_us;
        entry.link.receipts.are_watched = take_watch(&mut self.socket_diag, socket.as_ref());
        entry.socket = Some(socket);
        if let Some(node) = self.routes.node_mut(entry.link.node) {
            node.connect_failures = 0;
            node.connect_after_us = 0;
            node.metrics.link_connected();
        }
        entry.link.is_dirty = false;
        let owner = entry.link.owner;
        self.mark_link_dirty(key);
        let Owner::Client(pin) = owner else { return };
        // What it asked is sent only now.
        self.mark_session_dirty(pin.session);
        if pin.purpose == Purpose::Track {
            self.tracking_link_began(pin, key);
        }
    }

    /// Takes over a new map; links to nodes that left or failed are ended.
    pub(crate) fn adopt(&mut self, map: &ClusterMap) {
        let metrics = &self.metrics;
        let useless = self.routes.adopt(map, |addr| metrics.node(addr));
        for key in useless {
            if let Some(entry) = self.links.get_mut(key.0) {
                entry.close();
            }
        }
        self.number_readers();
        self.end_useless_pins();
        self.held.wake();
        let routes = &self.routes;
        self.metrics.retain_nodes(|addr| routes.has(addr));
        self.metrics.map_adopted();
        self.place_all_topics();
    }

    pub(crate) fn set_flush_waker(&mut self, cx: &Context<'_>) {
        if self.flush_waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            self.flush_waker = Some(cx.waker().clone());
        }
    }

    /// Looks after what is silent, and sends again what is due.
    pub(crate) fn run_retries(&mut self) {
        self.clock.tick();
        self.end_due_pause();
        self.end_due_waits();
        self.end_due_replica_waits();
        self.look_after_links();
        self.end_deposed();
        self.look_for_lost_machines();
        self.hedge_slow_reads();
        self.run_held();
        self.look_after_feeds();
        self.keep_broadcasts();
        self.run_due_steps();
        self.relieve();
        self.end_waiting_behind();
    }

    /// Gives back what large requests have made of the memory that is used again for each.
    fn give_back_scratch(&mut self) {
        for bytes in [&mut self.request, &mut self.mapped.bytes] {
            bytes.clear();
            bytes.shrink_to(SCRATCH_KEPT_BYTES);
        }
    }

    /// Fails what is too late, and measures the buffers. Costs O(clients).
    pub(crate) fn run_deadlines(&mut self) {
        let now_us = self.clock.tick();
        let timeout = self.config.request.timeout;
        let (mut output_bytes, mut input_bytes) = (0, 0);
        let mut late_keys = Vec::new();
        for (key, entry) in &mut self.sessions {
            let metrics = &self.metrics;
            let mut is_late = false;
            let was_over = entry.session.ending == Ending::Now;
            let lack = uploads::lack_of(&entry.session, &entry.pins, &self.links);
            entry.session.expire(now_us, |outstanding, out| {
                is_late = true;
                late_error(outstanding, lack, timeout).write_reply(out);
                count_late(metrics, outstanding, lack, now_us);
            });
            if !was_over && entry.session.ending == Ending::Now {
                entry.close_reason = CloseReason::BrokenReply;
                is_late = true;
            }
            if is_late {
                late_keys.push(key);
            }
            output_bytes += entry.session.buffered_bytes();
            input_bytes += entry.session.unread.as_ref().map_or(0, |unread| unread.bytes.len());
        }
        if !late_keys.is_empty() {
            // A node that does not answer may have been replaced.
            self.refresh.request(RefreshReason::Timeout);
        }
        for key in late_keys {
            self.end_asked_pins(key);
            self.release_guard(key);
            self.leave_waiting_of(key);
            self.drop_late_upload(key);
            self.end_late_tracking(key);
            self.mark_session_dirty(key);
        }
        self.flush_caches_owed();
        self.end_late_listening();
        self.settle_partings();
        self.metrics.pinned_links().set(self.pinned.count() as u64);
        self.give_back_scratch();
        self.measure_held();
        self.measure_load();
        self.measure_buffers(output_bytes, input_bytes);
    }

    fn measure_buffers(&self, client_output: usize, client_input: usize) {
        let node_output: usize = self.links.iter().map(|(_, e)| e.link.buffered_bytes()).sum();
        let node_input: usize = self.links.iter().map(|(_, e)| e.link.unread.len()).sum();
        for (buffer, bytes) in [
            (Buffer::ClientOutput, client_output),
            (Buffer::ClientInput, client_input),
            (Buffer::NodeOutput, node_output),
            (Buffer::NodeInput, node_input),
        ] {
            self.metrics.buffer(buffer).set(bytes as u64);
        }
    }
}

/// The error of a request whose deadline has passed.
fn late_error(outstanding: &Outstanding, lack: Lack, timeout: Duration) -> RequestError {
    if let Lack::Rest(side) = lack {
        return RequestError::Stalled { side, timeout_ms: micros(timeout) / 1000 };
    }
    let timeout_ms = (outstanding.deadline_us - outstanding.started_us) / 1000;
    RequestError::Timeout { timeout_ms, retry: retry_of(outstanding, lack) }
}

/// Whether a request whose deadline has passed may have run.
fn retry_of(outstanding: &Outstanding, lack: Lack) -> Retry {
    match lack {
        Lack::Reply if !may_run_twice(outstanding.command) => Retry::OutcomeUnknown,
        Lack::Reply | Lack::Node | Lack::Rest(_) => Retry::Safe,
    }
}

/// Counts a request whose deadline has passed.
fn count_late(metrics: &WorkerMetrics, outstanding: &Outstanding, lack: Lack, now_us: u64) {
    if retry_of(outstanding, lack) == Retry::OutcomeUnknown {
        metrics.outcome_unknown();
    }
    metrics.request_timed_out();
    let elapsed = Duration::from_micros(now_us - outstanding.started_us);
    metrics.command_done(Some(outstanding.command.id()), Outcome::LocalError, elapsed);
}
