//! The counts of one worker's links to one node, and their sums over the workers.
//!
//! Invariant: written by that worker's thread alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cell::{Counter, Gauge};
use super::label::{Connect, Direction, Label};
use super::sample::Family;
use super::worker::WorkerMetrics;

/// Counts of all links of one worker to one node, RESP2, RESP3 and pinned ones together.
#[derive(Debug, Default)]
pub struct NodeMetrics {
    pub(super) links: Gauge,
    pub(super) in_flight: Gauge,
    pub(super) connects: [Counter; Connect::COUNT],
    pub(super) links_lost: Counter,
    pub(super) silences: Counter,
    pub(super) commands: Counter,
    pub(super) error_replies: Counter,
    pub(super) timeouts: Counter,
    pub(super) bytes: [Counter; Direction::COUNT],
}

impl NodeMetrics {
    /// A link was made and the node accepted its handshake.
    pub fn link_connected(&self) {
        self.connects[Connect::Ok.index()].increment();
        self.links.add(1);
    }

    /// A link could not be made, or the node refused its handshake.
    pub fn connect_failed(&self) {
        self.connects[Connect::Failed.index()].increment();
    }

    /// A link that was connected is closed because nobody needs it any more.
    pub fn link_closed(&self) {
        self.links.subtract(1);
    }

    /// A link that was connected broke, or the node sent what is no reply.
    pub fn link_lost(&self) {
        self.links_lost.increment();
        self.links.subtract(1);
    }

    /// The node owed a reply for too long, so nothing more is sent to it until it gives it.
    pub fn fell_silent(&self) {
        self.silences.increment();
    }

    /// `count` commands were queued for this node and now wait for their replies.
    #[inline]
    pub fn commands_sent(&self, count: usize) {
        self.commands.add(count as u64);
        self.in_flight.add(count as u64);
    }

    /// `count` commands wait no longer: their replies came, or their link is gone.
    #[inline]
    pub fn commands_settled(&self, count: usize) {
        self.in_flight.subtract(count as u64);
    }

    /// The node answered a command with an error of any kind, redirects included.
    #[inline]
    pub fn error_reply(&self) {
        self.error_replies.increment();
    }

    /// The node did not answer a command within its deadline.
    #[inline]
    pub fn request_timed_out(&self) {
        self.timeouts.increment();
    }

    /// Bytes came from the node or went to it.
    #[inline]
    pub fn bytes(&self, direction: Direction, count: usize) {
        self.bytes[direction.index()].add(count as u64);
    }
}

/// What all workers together count of each node, at one moment.
pub(super) struct NodeSums(BTreeMap<String, NodeSum>);

#[derive(Default)]
struct NodeSum {
    links: u64,
    in_flight: u64,
    connects: [u64; Connect::COUNT],
    links_lost: u64,
    silences: u64,
    commands: u64,
    error_replies: u64,
    timeouts: u64,
    bytes: [u64; Direction::COUNT],
}

impl NodeSum {
    fn add(&mut self, node: &NodeMetrics) {
        self.links += node.links.value();
        self.in_flight += node.in_flight.value();
        add_each(&mut self.connects, &node.connects);
        self.links_lost += node.links_lost.value();
        self.silences += node.silences.value();
        self.commands += node.commands.value();
        self.error_replies += node.error_replies.value();
        self.timeouts += node.timeouts.value();
        add_each(&mut self.bytes, &node.bytes);
    }
}

impl NodeSums {
    pub(super) fn of(workers: &[Arc<WorkerMetrics>]) -> NodeSums {
        let mut sums: BTreeMap<String, NodeSum> = BTreeMap::new();
        for worker in workers {
            worker.each_node(|addr, node| match sums.get_mut(addr) {
                Some(sum) => sum.add(node),
                None => sums.entry(addr.to_owned()).or_default().add(node),
            });
        }
        NodeSums(sums)
    }

    pub(super) fn families(&self) -> [Family; 9] {
        [
            self.series(
                Family::gauge("reddoor_node_links", "Connections to the node that stand now."),
                |sum| sum.links,
            ),
            self.series(
                Family::gauge(
                    "reddoor_node_commands_in_flight",
                    "Commands sent to the node, or queued for it, that have no reply yet.",
                ),
                |sum| sum.in_flight,
            ),
            self.series_by::<Connect>(
                Family::counter(
                    "reddoor_node_connects_total",
                    "Attempts to connect to the node, by result.",
                ),
                |sum| &sum.connects,
            ),
            self.series(
                Family::counter(
                    "reddoor_node_links_lost_total",
                    "Connections to the node that broke while they stood.",
                ),
                |sum| sum.links_lost,
            ),
            self.series(
                Family::counter(
                    "reddoor_node_silences_total",
                    "Times the node owed a reply for so long that nothing more was sent to it.",
                ),
                |sum| sum.silences,
            ),
            self.series(
                Family::counter("reddoor_node_commands_total", "Commands queued for the node."),
                |sum| sum.commands,
            ),
            self.series(
                Family::counter(
                    "reddoor_node_error_replies_total",
                    "Error replies of the node, redirects included.",
                ),
                |sum| sum.error_replies,
            ),
            self.series(
                Family::counter(
                    "reddoor_node_timeouts_total",
                    "Commands the node did not answer within their deadline.",
                ),
                |sum| sum.timeouts,
            ),
            self.series_by::<Direction>(
                Family::counter(
                    "reddoor_node_bytes_total",
                    "Bytes received from the node (in) and sent to it (out).",
                ),
                |sum| &sum.bytes,
            ),
        ]
    }

    fn series(&self, mut family: Family, value: impl Fn(&NodeSum) -> u64) -> Family {
        for (addr, sum) in &self.0 {
            family.add(&[("node", addr)], value(sum) as f64);
        }
        family
    }

    fn series_by<L: Label>(
        &self,
        mut family: Family,
        values: impl Fn(&NodeSum) -> &[u64],
    ) -> Family {
        for (addr, sum) in &self.0 {
            for (value, &count) in L::VALUES.iter().zip(values(sum)) {
                family.add(&[("node", addr), (L::NAME, value.text())], count as f64);
            }
        }
        family
    }
}

fn add_each(sums: &mut [u64], cells: &[Counter]) {
    for (sum, cell) in sums.iter_mut().zip(cells) {
        *sum += cell.value();
    }
}
