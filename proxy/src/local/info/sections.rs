//! The sections of `INFO`: what the front door says in each, and which of them nodes have figures for.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::UNIX_EPOCH;

use super::super::Answerer;
use super::counters;
use super::field;

/// Whose figures a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The front door's alone.
    FrontDoor,
    /// The front door's and, of other names, the sums of the nodes'.
    Both,
    /// The sums of the nodes' alone.
    Nodes,
}

/// One section.
#[derive(Debug)]
pub(super) struct Section {
    /// Its heading, and its name in a request.
    pub(super) name: &'static str,
    /// Whose figures it holds.
    pub(super) source: Source,
    /// Whether it is told unasked.
    pub(super) is_default: bool,
    /// Writes what the front door says, without the heading.
    pub(super) write: fn(&Answerer, &mut String),
}

const fn section(
    name: &'static str,
    source: Source,
    is_default: bool,
    write: fn(&Answerer, &mut String),
) -> Section {
    Section { name, source, is_default, write }
}

/// Every section in its order.
pub(super) const SECTIONS: &[Section] = &[
    section("Server", Source::FrontDoor, true, server),
    section("Clients", Source::FrontDoor, true, clients),
    section("Memory", Source::Nodes, true, nothing),
    section("Persistence", Source::Both, true, persistence),
    section("Stats", Source::Both, true, counters::write),
    section("Replication", Source::FrontDoor, true, replication),
    section("CPU", Source::Nodes, true, nothing),
    section("Modules", Source::FrontDoor, true, nothing),
    section("Commandstats", Source::Nodes, false, nothing),
    section("Errorstats", Source::Nodes, true, nothing),
    section("Latencystats", Source::Nodes, false, nothing),
    section("Cluster", Source::FrontDoor, true, cluster),
    section("Keyspace", Source::Nodes, true, nothing),
    section("Proxy", Source::FrontDoor, true, proxy),
];

fn nothing(_: &Answerer, _: &mut String) {}

/// What tools wait for before they send anything: there is nothing to be loaded here, and nodes that load are
/// waited for request by request.
fn persistence(_: &Answerer, text: &mut String) {
    field(text, "loading", 0);
    field(text, "async_loading", 0);
}

/// The addresses of the nodes that any worker knows.
pub(super) fn node_addrs(answerer: &Answerer) -> BTreeSet<String> {
    answerer.shared.metrics.iter().flat_map(|worker| worker.node_addrs()).collect()
}

fn server(answerer: &Answerer, text: &mut String) {
    let uptime = answerer.shared.started.elapsed().as_secs();
    field(text, "redis_version", &answerer.config.compat.redis_version);
    field(text, "redis_mode", "standalone");
    field(text, "reddoor_version", env!("CARGO_PKG_VERSION"));
    field(text, "os", std::env::consts::OS);
    field(text, "arch_bits", usize::BITS);
    field(text, "multiplexing_api", "epoll");
    field(text, "process_id", std::process::id());
    field(text, "run_id", &answerer.shared.run_id);
    field(text, "tcp_port", answerer.shared.port);
    let started = answerer.shared.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    field(text, "server_time_usec", started.as_micros() + u128::from(uptime) * 1_000_000);
    field(text, "uptime_in_seconds", uptime);
    field(text, "uptime_in_days", uptime / 86_400);
    field(text, "io_threads_active", u8::from(answerer.config.workers.count > 1));
}

fn clients(answerer: &Answerer, text: &mut String) {
    field(text, "connected_clients", answerer.shared.clients_count.load(Ordering::Relaxed));
    field(text, "cluster_connections", 0);
    field(text, "maxclients", answerer.config.listen.clients_max);
    let blocked = answerer.shared.metrics.iter().map(|worker| worker.waiting_clients().value());
    field(text, "blocked_clients", blocked.sum::<u64>());
    let tracking = answerer.shared.metrics.iter().map(|worker| worker.tracking_clients().value());
    field(text, "tracking_clients", tracking.sum::<u64>());
}

/// Bytes of memory that the process holds, as the system counts them.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// To its clients the front door is one primary, without replicas that they could ask.
fn replication(answerer: &Answerer, text: &mut String) {
    field(text, "role", "master");
    field(text, "connected_slaves", 0);
    field(text, "master_failover_state", "no-failover");
    field(text, "master_replid", &answerer.shared.run_id);
    field(text, "master_replid2", "0".repeat(answerer.shared.run_id.len()));
    field(text, "master_repl_offset", 0);
    field(text, "second_repl_offset", -1);
    field(text, "repl_backlog_active", 0);
    field(text, "repl_backlog_size", 0);
    field(text, "repl_backlog_first_byte_offset", 0);
    field(text, "repl_backlog_histlen", 0);
}

fn cluster(_: &Answerer, text: &mut String) {
    field(text, "cluster_enabled", 0);
}

fn proxy(answerer: &Answerer, text: &mut String) {
    field(text, "workers", answerer.config.workers.count);
    field(text, "proxy_memory_rss", resident_bytes().unwrap_or(0));
    let nodes = node_addrs(answerer);
    field(text, "known_nodes", nodes.len());
    for (index, addr) in nodes.iter().enumerate() {
        field(text, &format!("node{index}"), format_args!("addr={addr}"));
    }
}
