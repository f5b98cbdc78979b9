//! The counts of all workers summed and named for Prometheus.
//!
//! Every family is present in each scrape, at zero if need be, so that a rule can tell "never happened" from
//! "renamed". Two grow as they are used: a command gets its series at its first call, a node when it is met.

use std::sync::Arc;
use std::time::Instant;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use super::Counts;
use super::cell::{Counter, Gauge};
use super::family;
use super::label::{Buffer, CrossSlot, Direction, Label, Limit, Outcome, Redirect, RefreshReason};
use super::label::{CloseReason, RefreshResult, Refusal, Shed, Side};
use super::label::{Hedge, LeftOut, ReadDetour, ReadRole};
use super::latency::HistogramSum;
use super::node::NodeSums;
use super::sample::Family;
use super::topology::TopologyMetrics;
use super::worker::WorkerMetrics;

/// Collects every family that starts with `reddoor_`.
pub(super) struct DataPath {
    counts: Arc<Counts>,
}

impl DataPath {
    pub(super) fn new(counts: Arc<Counts>) -> DataPath {
        DataPath { counts }
    }
}

impl Collector for DataPath {
    /// None: families are made anew at each scrape, and a test sees to it that they are distinct.
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let workers = Workers(&self.counts.workers);
        let mut families = Vec::from(process(&self.counts));
        families.extend(workers.clients());
        families.extend(workers.commands());
        families.extend(workers.resends());
        families.extend(workers.listening());
        families.extend(workers.tracking());
        families.extend(workers.limits());
        families.extend(workers.load());
        families.extend(workers.reads());
        families.extend(topology(&self.counts.topology, Instant::now()));
        families.extend(replicas(&self.counts.topology));
        families.extend(NodeSums::of(workers.0).families());
        families.into_iter().map(Family::build).collect()
    }
}

/// The counts of all workers, to be read as one.
struct Workers<'a>(&'a [Arc<WorkerMetrics>]);

impl Workers<'_> {
    fn clients(&self) -> [Family; 6] {
        let mut connections = Family::counter(
            "reddoor_client_connections_total",
            "Client connections that arrived, by what became of them.",
        );
        let accepted = self.total(|worker| &worker.clients_accepted);
        connections.add(&[("result", "accepted")], accepted);
        connections.add(&[("result", "rejected")], self.total(|worker| &worker.clients_rejected));
        [
            self.gauge("reddoor_clients", "Clients connected now.", |worker| &worker.clients),
            connections,
            self.counters_by::<CloseReason>(
                "reddoor_client_disconnections_total",
                "Client connections that ended, by reason.",
                |worker| &worker.clients_closed,
            ),
            self.counters_by::<Direction>(
                "reddoor_client_bytes_total",
                "Bytes received from clients (in) and sent to them (out).",
                |worker| &worker.client_bytes,
            ),
            self.counters_by::<Side>(
                "reddoor_protocol_errors_total",
                "Connections closed because what came over them was not the protocol, by sender.",
                |worker| &worker.protocol_errors,
            ),
            self.gauges_by::<Buffer>(
                "reddoor_buffer_bytes",
                "Bytes held in buffers of connections now, by kind of buffer.",
                |worker| &worker.buffers,
            ),
        ]
    }

    fn commands(&self) -> [Family; 4] {
        let mut commands = Family::counter(
            "reddoor_commands_total",
            "Commands answered, by family, command and result; commands not in the table are \"other\".",
        );
        let mut cross_slot = Family::counter(
            "reddoor_cross_slot_commands_total",
            "Commands whose keys lie in several slots, by what became of them.",
        );
        let mut refused = Family::counter(
            "reddoor_refused_commands_total",
            "Commands refused that one Redis would have run, by reason.",
        );
        for cell in 0..family::COMMAND_CELLS {
            self.command::<Outcome, _>(&mut commands, cell, |worker| &worker.commands[cell]);
            self.command::<CrossSlot, _>(&mut cross_slot, cell, |worker| &worker.cross_slot[cell]);
            self.command::<Refusal, _>(&mut refused, cell, |worker| &worker.refused[cell]);
        }
        let mut durations = Family::histogram(
            "reddoor_command_duration_seconds",
            "Time from a command decoded to its reply queued for the client, by family.",
        );
        for index in 0..family::COUNT {
            let mut sum = HistogramSum::default();
            self.0.iter().for_each(|worker| sum.add(&worker.latencies[index]));
            durations.add_histogram(&[("family", family::name(index))], &sum);
        }
        [commands, cross_slot, refused, durations]
    }

    /// Adds the series of one command, if it was ever called.
    fn command<L: Label, const COUNT: usize>(
        &self,
        into: &mut Family,
        cell: usize,
        cells: impl Fn(&WorkerMetrics) -> &[Counter; COUNT],
    ) {
        let count_of = |index: usize| self.total(|worker| &cells(worker)[index]);
        let counts: Vec<f64> = (0..COUNT).map(count_of).collect();
        if cell != family::UNKNOWN_CELL && counts.iter().all(|count| *count == 0.0) {
            return;
        }
        let (family, name) = family::labels_of_cell(cell);
        for (value, count) in L::VALUES.iter().zip(counts) {
            let labels = [("family", family), ("command", name), (L::NAME, value.text())];
            into.add(&labels, count);
        }
    }

    fn resends(&self) -> [Family; 6] {
        [
            self.counters_by::<Redirect>(
                "reddoor_redirects_total",
                "Answers of nodes that sent a command elsewhere or asked to come back, by kind.",
                |worker| &worker.redirects,
            ),
            self.counter(
                "reddoor_retries_total",
                "Commands, or parts of commands, held to be sent to a node once more.",
                |worker| &worker.retries,
            ),
            self.counter(
                "reddoor_request_timeouts_total",
                "Commands that reached their deadline and were answered with an error.",
                |worker| &worker.timeouts,
            ),
            self.counter(
                "reddoor_outcomes_unknown_total",
                "Commands answered with the error that says they may have run.",
                |worker| &worker.outcomes_unknown,
            ),
            self.counter(
                "reddoor_split_commands_total",
                "Commands split because their keys lie in several slots.",
                |worker| &worker.splits,
            ),
            self.counter(
                "reddoor_split_parts_total",
                "Parts that commands were split into.",
                |worker| &worker.parts,
            ),
        ]
    }

    fn listening(&self) -> [Family; 2] {
        [
            self.gauge(
                "reddoor_subscriptions",
                "Channels, patterns and MONITOR that clients listen to now, each counted for each client.",
                |worker| &worker.subscriptions,
            ),
            self.counter(
                "reddoor_messages_total",
                "Messages given to clients that listen.",
                |worker| &worker.messages,
            ),
        ]
    }

    fn tracking(&self) -> [Family; 3] {
        [
            self.gauge(
                "reddoor_tracking_clients",
                "Clients that are told of changes to keys which they may have cached.",
                |worker| &worker.tracking_clients,
            ),
            self.counter(
                "reddoor_invalidations_total",
                "Messages of nodes about changed keys to tracked clients.",
                |worker| &worker.invalidations,
            ),
            self.counter(
                "reddoor_tracking_flushes_total",
                "Times a tracked client was told to drop all that it has cached.",
                |worker| &worker.tracking_flushes,
            ),
        ]
    }

    fn limits(&self) -> [Family; 4] {
        [
            self.gauge(
                "reddoor_pinned_links",
                "Node connections that belong to single clients, or wait for the next one.",
                |worker| &worker.pinned_links,
            ),
            self.gauge(
                "reddoor_waiting_clients",
                "Clients whose blocking command waits, or that CLIENT PAUSE holds back.",
                |worker| &worker.waiting_clients,
            ),
            self.gauge(
                "reddoor_held_requests",
                "Commands, or parts of commands, held now until a node runs them.",
                |worker| &worker.held_requests,
            ),
            self.counters_by::<Limit>(
                "reddoor_limits_reached_total",
                "Times a limit of the configuration was reached, by the name of its setting.",
                |worker| &worker.limits,
            ),
        ]
    }

    fn load(&self) -> [Family; 5] {
        [
            self.gauge(
                "reddoor_held_bytes",
                "Bytes held for clients now, as limits.bytes_max counts them.",
                |worker| &worker.held_bytes,
            ),
            self.gauge(
                "reddoor_requests_in_flight",
                "Commands of clients without a reply now.",
                |worker| &worker.requests_in_flight,
            ),
            self.counters_by::<Shed>(
                "reddoor_shed_total",
                "Times load was shed to keep within limits.bytes_max, by step.",
                |worker| &worker.shed,
            ),
            self.counter(
                "reddoor_replies_streamed_total",
                "Replies handed on to clients as they came, since they were large.",
                |worker| &worker.replies_streamed,
            ),
            self.counter(
                "reddoor_requests_streamed_total",
                "Requests handed on to nodes as they came, since they were large.",
                |worker| &worker.requests_streamed,
            ),
        ]
    }

    fn reads(&self) -> [Family; 3] {
        [
            self.counters_by::<ReadRole>(
                "reddoor_reads_total",
                "Reads that a replica may answer, by the role of the node that was asked; asked twice, they count twice.",
                |worker| &worker.reads,
            ),
            self.counters_by::<ReadDetour>(
                "reddoor_read_detours_total",
                "Reads that went to another node than the policy likes best, by reason.",
                |worker| &worker.read_detours,
            ),
            self.counters_by::<Hedge>(
                "reddoor_read_hedges_total",
                "Reads that were slow, by what became of sending them to another node, too.",
                |worker| &worker.hedges,
            ),
        ]
    }

    fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        cell: impl Fn(&WorkerMetrics) -> &Counter,
    ) -> Family {
        let mut family = Family::counter(name, help);
        family.add(&[], self.total(cell));
        family
    }

    fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        cell: impl Fn(&WorkerMetrics) -> &Gauge,
    ) -> Family {
        let mut family = Family::gauge(name, help);
        family.add(&[], self.level(cell));
        family
    }

    fn counters_by<L: Label>(
        &self,
        name: &'static str,
        help: &'static str,
        cells: impl Fn(&WorkerMetrics) -> &[Counter],
    ) -> Family {
        let mut family = Family::counter(name, help);
        for (index, value) in L::VALUES.iter().enumerate() {
            family.add(&[(L::NAME, value.text())], self.total(|worker| &cells(worker)[index]));
        }
        family
    }

    fn gauges_by<L: Label>(
        &self,
        name: &'static str,
        help: &'static str,
        cells: impl Fn(&WorkerMetrics) -> &[Gauge],
    ) -> Family {
        let mut family = Family::gauge(name, help);
        for (index, value) in L::VALUES.iter().enumerate() {
            family.add(&[(L::NAME, value.text())], self.level(|worker| &cells(worker)[index]));
        }
        family
    }

    fn total(&self, cell: impl Fn(&WorkerMetrics) -> &Counter) -> f64 {
        self.0.iter().map(|worker| cell(worker).value()).sum::<u64>() as f64
    }

    fn level(&self, cell: impl Fn(&WorkerMetrics) -> &Gauge) -> f64 {
        self.0.iter().map(|worker| cell(worker).value()).sum::<u64>() as f64
    }
}

fn process(counts: &Counts) -> [Family; 3] {
    let mut build_info =
        Family::gauge("reddoor_build_info", "Always 1; the version is in the label.");
    build_info.add(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    let mut workers = Family::gauge("reddoor_workers", "Worker threads of the front door.");
    workers.add(&[], counts.workers.len() as f64);
    let mut ready = Family::gauge(
        "reddoor_ready",
        "1 while /readyz says yes: the topology covers the slots, all workers go by it, and no drain is under way.",
    );
    let is_ready = counts.ready.value() > 0 && counts.have_workers_maps();
    ready.add(&[], f64::from(u8::from(is_ready)));
    [build_info, workers, ready]
}

fn topology(topology: &TopologyMetrics, now: Instant) -> [Family; 5] {
    let mut refreshes = Family::counter(
        "reddoor_topology_refreshes_total",
        "Topology refreshes, by what set them off and how they ended.",
    );
    for &reason in RefreshReason::ALL {
        for &result in RefreshResult::ALL {
            let count = topology.refreshes[reason.index()][result.index()].value();
            let labels = [("reason", reason.as_str()), ("result", result.as_str())];
            refreshes.add(&labels, count as f64);
        }
    }
    let mut age = Family::gauge(
        "reddoor_topology_age_seconds",
        "Time since a node last told or confirmed the topology; before the first time, since the start.",
    );
    age.add(&[], topology.age_seconds(now));
    let mut epoch = Family::gauge("reddoor_topology_epoch", "Epoch of the topology in use.");
    epoch.add(&[], topology.epoch.value() as f64);
    let mut nodes = Family::gauge("reddoor_topology_nodes", "Nodes of the topology, by role.");
    nodes.add(&[("role", "primary")], topology.primaries.value() as f64);
    nodes.add(&[("role", "replica")], topology.replicas.value() as f64);
    let mut slots = Family::gauge(
        "reddoor_topology_slots_covered",
        "Slots of the topology that have an owner, of 16384.",
    );
    slots.add(&[], topology.slots_covered.value() as f64);
    [refreshes, age, epoch, nodes, slots]
}

fn replicas(topology: &TopologyMetrics) -> [Family; 2] {
    let mut readable = Family::gauge(
        "reddoor_replicas_readable",
        "Replicas that are near enough to their primary's state to be read from.",
    );
    readable.add(&[], topology.replicas_readable.value() as f64);
    let mut left_out = Family::gauge(
        "reddoor_replicas_left_out",
        "Replicas that are not read from now, by reason; 0 while no setting reads from replicas.",
    );
    for (reason, count) in LeftOut::ALL.iter().zip(&topology.replicas_left_out) {
        left_out.add(&[(LeftOut::NAME, reason.as_str())], count.value() as f64);
    }
    [readable, left_out]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use reddoor_protocol::command::CommandId;

    use crate::metrics::Metrics;
    use crate::metrics::label::{Direction, Limit, Outcome, Redirect};

    /// The value of each of these series in the text, in their order.
    fn values(text: &str, series: &[&str]) -> Vec<String> {
        let value = |series: &&str| {
            let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("no {series} in {text}")).to_owned()
        };
        series.iter().map(value).collect()
    }

    #[test]
    fn a_scrape_sums_over_the_workers() {
        let metrics = Metrics::new(3);
        for (index, worker) in metrics.workers().iter().enumerate() {
            worker.client_accepted();
            worker.client_bytes(Direction::In, 10 * index);
            worker.redirect(Redirect::Ask);
            worker.limit_reached(Limit::LinkInflight);
            worker.node("n:1").commands_sent(2);
        }
        let series = [
            "reddoor_workers",
            "reddoor_clients",
            "reddoor_client_bytes_total{direction=\"in\"}",
            "reddoor_redirects_total{kind=\"ask\"}",
            "reddoor_redirects_total{kind=\"moved\"}",
            "reddoor_limits_reached_total{limit=\"link_inflight_max\"}",
            "reddoor_node_commands_in_flight{node=\"n:1\"}",
        ];
        let text = metrics.exposition().unwrap();
        assert_eq!(values(&text, &series), ["3", "3", "30", "3", "0", "3", "6"]);
    }

    #[test]
    fn a_command_is_told_once_it_was_called_and_an_unknown_one_without_its_name() {
        let metrics = Metrics::new(1);
        let worker = &metrics.workers()[0];
        worker.command_done(Some(CommandId::of("get")), Outcome::Ok, Duration::from_micros(60));
        worker.command_done(Some(CommandId::of("get")), Outcome::Error, Duration::from_micros(110));
        worker.command_done(None, Outcome::LocalError, Duration::ZERO);
        let text = metrics.exposition().unwrap();
        let series = [
            "reddoor_commands_total{family=\"string\",command=\"get\",result=\"ok\"}",
            "reddoor_commands_total{family=\"string\",command=\"get\",result=\"error\"}",
            "reddoor_commands_total{family=\"other\",command=\"other\",result=\"local_error\"}",
            "reddoor_command_duration_seconds_bucket{family=\"string\",le=\"0.00005\"}",
            "reddoor_command_duration_seconds_bucket{family=\"string\",le=\"0.0001\"}",
            "reddoor_command_duration_seconds_bucket{family=\"string\",le=\"0.00025\"}",
            "reddoor_command_duration_seconds_bucket{family=\"string\",le=\"+Inf\"}",
            "reddoor_command_duration_seconds_sum{family=\"string\"}",
            "reddoor_command_duration_seconds_count{family=\"hash\"}",
        ];
        assert_eq!(values(&text, &series), ["1", "1", "1", "0", "1", "2", "2", "0.00017", "0"]);
        assert!(!text.contains("command=\"set\""));
    }

    #[test]
    fn a_family_is_told_once_and_no_series_twice() {
        let metrics = Metrics::new(2);
        metrics.workers()[0].node("n:1");
        metrics.workers()[1].node("n:1");
        let text = metrics.exposition().unwrap();
        let mut seen = BTreeSet::new();
        for line in text.lines().filter(|line| !line.starts_with("# HELP")) {
            let series = line.rsplit_once(' ').map_or(line, |(series, _)| series);
            assert!(seen.insert(series), "{series} is told twice");
        }
    }

    #[test]
    fn a_node_that_left_is_told_no_more() {
        let metrics = Metrics::new(1);
        let worker = &metrics.workers()[0];
        worker.node("gone:1");
        worker.node("here:1");
        worker.retain_nodes(|addr| addr == "here:1");
        let text = metrics.exposition().unwrap();
        assert!(text.contains("node=\"here:1\"") && !text.contains("gone:1"));
    }
}
