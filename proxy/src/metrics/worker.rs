//! The counts of one worker: what its clients asked, what they got, and what it took.
//!
//! Invariant: the worker's thread alone writes; a scrape reads from another thread and sees each cell as it is at
//! that moment, so two cells of one scrape may be a few commands apart.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reddoor_protocol::command::CommandId;

use super::cell::{Counter, Gauge};
use super::family;
use super::label::{
    Buffer, CloseReason, CrossSlot, Direction, Limit, Outcome, Redirect, Refusal, Shed, Side,
};
use super::label::{Hedge, ReadDetour, ReadRole};
use super::latency::Histogram;
use super::node::NodeMetrics;

/// How many nodes one worker keeps apart; the rest are counted together under [`NODES_REST`].
///
/// A cluster is said to work up to 1000 nodes; what a broken or hostile node lists must not grow memory further.
pub const NODES_MAX: usize = 2048;

/// The node label of everything past [`NODES_MAX`].
pub const NODES_REST: &str = "other";

/// Counts kept by one worker.
#[derive(Debug)]
pub struct WorkerMetrics {
    pub(super) commands: Box<[[Counter; Outcome::COUNT]]>,
    pub(super) cross_slot: Box<[[Counter; CrossSlot::COUNT]]>,
    pub(super) refused: Box<[[Counter; Refusal::COUNT]]>,
    pub(super) latencies: Box<[Histogram]>,
    pub(super) clients: Gauge,
    pub(super) clients_accepted: Counter,
    pub(super) clients_rejected: Counter,
    pub(super) clients_closed: [Counter; CloseReason::COUNT],
    pub(super) client_bytes: [Counter; Direction::COUNT],
    pub(super) protocol_errors: [Counter; Side::COUNT],
    pub(super) redirects: [Counter; Redirect::COUNT],
    pub(super) retries: Counter,
    pub(super) timeouts: Counter,
    pub(super) outcomes_unknown: Counter,
    pub(super) splits: Counter,
    pub(super) parts: Counter,
    pub(super) subscriptions: Gauge,
    pub(super) messages: Counter,
    pub(super) limits: [Counter; Limit::COUNT],
    pub(super) buffers: [Gauge; Buffer::COUNT],
    pub(super) pinned_links: Gauge,
    pub(super) waiting_clients: Gauge,
    pub(super) tracking_clients: Gauge,
    pub(super) invalidations: Counter,
    pub(super) tracking_flushes: Counter,
    pub(super) held_requests: Gauge,
    pub(super) held_bytes: Gauge,
    pub(super) requests_in_flight: Gauge,
    pub(super) shed: [Counter; Shed::COUNT],
    pub(super) replies_streamed: Counter,
    pub(super) requests_streamed: Counter,
    pub(super) has_map: Gauge,
    pub(super) reads: [Counter; ReadRole::COUNT],
    pub(super) read_detours: [Counter; ReadDetour::COUNT],
    pub(super) hedges: [Counter; Hedge::COUNT],
    nodes: Mutex<BTreeMap<Box<str>, Arc<NodeMetrics>>>,
}

impl WorkerMetrics {
    pub(super) fn new() -> WorkerMetrics {
        WorkerMetrics {
            commands: (0..family::COMMAND_CELLS).map(|_| Default::default()).collect(),
            cross_slot: (0..family::COMMAND_CELLS).map(|_| Default::default()).collect(),
            refused: (0..family::COMMAND_CELLS).map(|_| Default::default()).collect(),
            latencies: (0..family::COUNT).map(|_| Histogram::default()).collect(),
            clients: Gauge::default(),
            clients_accepted: Counter::default(),
            clients_rejected: Counter::default(),
            clients_closed: Default::default(),
            client_bytes: Default::default(),
            protocol_errors: Default::default(),
            redirects: Default::default(),
            retries: Counter::default(),
            timeouts: Counter::default(),
            outcomes_unknown: Counter::default(),
            splits: Counter::default(),
            parts: Counter::default(),
            subscriptions: Gauge::default(),
            messages: Counter::default(),
            limits: Default::default(),
            buffers: Default::default(),
            pinned_links: Gauge::default(),
            waiting_clients: Gauge::default(),
            tracking_clients: Gauge::default(),
            invalidations: Counter::default(),
            tracking_flushes: Counter::default(),
            held_requests: Gauge::default(),
            held_bytes: Gauge::default(),
            requests_in_flight: Gauge::default(),
            shed: Default::default(),
            replies_streamed: Counter::default(),
            requests_streamed: Counter::default(),
            has_map: Gauge::default(),
            reads: Default::default(),
            read_detours: Default::default(),
            hedges: Default::default(),
            nodes: Mutex::default(),
        }
    }

    /// A client connected and is served.
    pub fn client_accepted(&self) {
        self.clients_accepted.increment();
        self.clients.add(1);
    }

    /// A client connected and was turned away, because this limit was reached.
    pub fn client_rejected(&self, limit: Limit) {
        self.clients_rejected.increment();
        self.limit_reached(limit);
    }

    /// The worker goes by a topology from now on.
    pub fn map_adopted(&self) {
        self.has_map.set(1);
    }

    /// A reply was handed on as it came, since it was large.
    pub fn reply_streamed(&self) {
        self.replies_streamed.increment();
    }

    /// A request was handed on as it came, since it was large.
    pub fn request_streamed(&self) {
        self.requests_streamed.increment();
    }

    /// Load was shed so.
    pub fn shed(&self, step: Shed) {
        self.shed[step.index()].increment();
    }

    /// A client that was accepted is gone.
    pub fn client_closed(&self, reason: CloseReason) {
        self.clients_closed[reason.index()].increment();
        self.clients.subtract(1);
    }

    /// One command got its reply, `elapsed` after it was decoded.
    ///
    /// `None`: a command that is not in the table; its name is not kept.
    #[inline]
    pub fn command_done(&self, command: Option<CommandId>, outcome: Outcome, elapsed: Duration) {
        self.commands[family::command_cell(command)][outcome.index()].increment();
        self.latencies[family::of_command(command)].record(elapsed);
    }

    /// A command was refused that one Redis would have run.
    pub fn refused(&self, command: CommandId, reason: Refusal) {
        self.refused[family::command_cell(Some(command))][reason.index()].increment();
    }

    /// A command came whose keys lie in several slots.
    pub fn cross_slot(&self, command: CommandId, result: CrossSlot) {
        self.cross_slot[family::command_cell(Some(command))][result.index()].increment();
    }

    /// Clients listen to so much: pairs of a client and a channel or pattern (count).
    pub fn subscriptions(&self, count: usize) {
        self.subscriptions.set(count as u64);
    }

    /// So many clients were given a message.
    #[inline]
    pub fn messages(&self, count: usize) {
        self.messages.add(count as u64);
    }

    /// Bytes came from clients or went to them.
    #[inline]
    pub fn client_bytes(&self, direction: Direction, count: usize) {
        self.client_bytes[direction.index()].add(count as u64);
    }

    /// Bytes came that are no requests, or no replies; their connection is closed.
    pub fn protocol_error(&self, side: Side) {
        self.protocol_errors[side.index()].increment();
    }

    /// A node answered with a redirect, or asked to come back.
    #[inline]
    pub fn redirect(&self, kind: Redirect) {
        self.redirects[kind.index()].increment();
    }

    /// A command, or a part of one, was sent again: after a redirect, a retry answer or a lost connection.
    #[inline]
    pub fn retry(&self) {
        self.retries.increment();
    }

    /// A command reached its deadline and was answered with an error.
    #[inline]
    pub fn request_timed_out(&self) {
        self.timeouts.increment();
    }

    /// A command was answered with the error that says it may have run.
    #[inline]
    pub fn outcome_unknown(&self) {
        self.outcomes_unknown.increment();
    }

    /// A command was split into `parts` parts.
    #[inline]
    pub fn split(&self, parts: usize) {
        self.splits.increment();
        self.parts.add(parts as u64);
    }

    /// A limit of the configuration was reached.
    #[inline]
    pub fn limit_reached(&self, limit: Limit) {
        self.limits[limit.index()].increment();
    }

    /// The gauge of the bytes that buffers of this kind hold, to be set or moved by their owner.
    #[inline]
    pub fn buffer(&self, buffer: Buffer) -> &Gauge {
        &self.buffers[buffer.index()]
    }

    /// The gauge of node connections that belong to single clients, or wait for one.
    pub fn pinned_links(&self) -> &Gauge {
        &self.pinned_links
    }

    /// The gauge of requests held until a node runs them.
    pub fn held_requests(&self) -> &Gauge {
        &self.held_requests
    }

    /// The gauge of bytes held for clients, as `limits.bytes_max` counts them.
    pub fn held_bytes(&self) -> &Gauge {
        &self.held_bytes
    }

    /// The gauge of commands without a reply, as `limits.requests_max` counts them.
    pub fn requests_in_flight(&self) -> &Gauge {
        &self.requests_in_flight
    }

    /// The gauge of clients whose blocking command waits, or that are paused.
    pub fn waiting_clients(&self) -> &Gauge {
        &self.waiting_clients
    }

    /// The gauge of clients that are told of changed keys.
    pub fn tracking_clients(&self) -> &Gauge {
        &self.tracking_clients
    }

    /// A node told a client of changed keys.
    #[inline]
    pub fn invalidation(&self) {
        self.invalidations.increment();
    }

    /// A client was told to drop all that it has cached.
    pub fn tracking_flush(&self) {
        self.tracking_flushes.increment();
    }

    /// A read that a replica may answer was sent to a node in this role.
    #[inline]
    pub fn read(&self, role: ReadRole) {
        self.reads[role.index()].increment();
    }

    /// A read that a replica may answer went to another node than the policy likes best.
    #[inline]
    pub fn read_detour(&self, reason: ReadDetour) {
        self.read_detours[reason.index()].increment();
    }

    /// A read was slow, and this became of sending it to another node, too.
    pub fn hedge(&self, result: Hedge) {
        self.hedges[result.index()].increment();
    }

    /// The counts of this worker's links to the node at `addr` (`host:port`), made at the first call.
    ///
    /// To be asked for when a node is met and kept; it takes a lock, which only a scrape ever holds too.
    pub fn node(&self, addr: &str) -> Arc<NodeMetrics> {
        let mut nodes = self.lock_nodes();
        if let Some(node) = nodes.get(addr) {
            return Arc::clone(node);
        }
        let name = if nodes.len() < NODES_MAX { addr } else { NODES_REST };
        Arc::clone(nodes.entry(name.into()).or_default())
    }

    /// Forgets the nodes that are not to be kept: they vanish from the exposition.
    ///
    /// To be called when a topology is adopted. [`NODES_REST`] stays. Who still holds the counts of a forgotten
    /// node may go on writing them; nobody reads them any more.
    pub fn retain_nodes(&self, mut keep: impl FnMut(&str) -> bool) {
        self.lock_nodes().retain(|addr, _| **addr == *NODES_REST || keep(addr));
    }

    /// Clients accepted so far.
    pub fn clients_accepted_count(&self) -> u64 {
        self.clients_accepted.value()
    }

    /// Clients turned away so far.
    pub fn clients_rejected_count(&self) -> u64 {
        self.clients_rejected.value()
    }

    /// Bytes from clients or to them so far.
    pub fn client_bytes_count(&self, direction: Direction) -> u64 {
        self.client_bytes[direction.index()].value()
    }

    /// Commands answered so far.
    pub fn commands_count(&self) -> u64 {
        Outcome::ALL.iter().map(|&outcome| self.outcome_count(outcome)).sum()
    }

    /// Commands answered so far that ended this way. Reads a cell for each command of the table.
    pub fn outcome_count(&self, outcome: Outcome) -> u64 {
        self.commands.iter().map(|counts| counts[outcome.index()].value()).sum()
    }

    /// The nodes that this worker has links to, or had since they were last forgotten.
    pub fn node_addrs(&self) -> Vec<String> {
        self.lock_nodes().keys().map(|addr| addr.to_string()).collect()
    }

    /// Shows each node and its counts to `visit`, by address.
    pub(super) fn each_node(&self, mut visit: impl FnMut(&str, &NodeMetrics)) {
        for (addr, node) in self.lock_nodes().iter() {
            visit(addr, node);
        }
    }

    fn lock_nodes(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Arc<NodeMetrics>>> {
        // The map is whole after each step, so a thread that died while it held the lock left nothing half done.
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_counted_in_one_place_however_often_it_is_asked_for() {
        let worker = WorkerMetrics::new();
        worker.node("a:1").commands_sent(2);
        worker.node("a:1").commands_sent(3);
        assert_eq!(worker.node("a:1").commands.value(), 5);
        assert_eq!(worker.node_addrs(), ["a:1"]);
    }

    #[test]
    fn a_node_that_left_the_topology_vanishes() {
        let worker = WorkerMetrics::new();
        let kept = worker.node("a:1");
        let gone = worker.node("b:2");
        worker.retain_nodes(|addr| addr == "a:1");
        gone.commands_sent(1);
        assert_eq!(worker.node_addrs(), ["a:1"]);
        assert!(Arc::ptr_eq(&kept, &worker.node("a:1")));
    }

    #[test]
    fn nodes_past_the_limit_share_one_count() {
        let worker = WorkerMetrics::new();
        for port in 0..NODES_MAX + 10 {
            worker.node(&format!("a:{port}"));
        }
        assert_eq!(worker.node_addrs().len(), NODES_MAX + 1);
        worker.retain_nodes(|_| false);
        assert_eq!(worker.node_addrs(), [NODES_REST]);
    }

    #[test]
    fn clients_are_gauged_from_accept_to_close() {
        let worker = WorkerMetrics::new();
        worker.client_accepted();
        worker.client_accepted();
        worker.client_rejected(Limit::Clients);
        worker.client_closed(CloseReason::Quit);
        assert_eq!(worker.clients.value(), 1);
        assert_eq!(worker.limits[Limit::Clients.index()].value(), 1);
    }
}
