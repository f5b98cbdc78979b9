//! `INFO`: the front door's own sections, under the names that tools look for.

use std::fmt::Write;
use std::sync::atomic::Ordering;
use std::time::UNIX_EPOCH;

use reddoor_protocol::request::Args;

use super::{Answered, Answerer, REDIS_VERSION, Requester};
use crate::metrics::label::{Direction, Outcome};

/// Writes one section, without its heading.
type Section = fn(&Answerer, &mut String);

/// Every section in its order, with its heading.
const SECTIONS: &[(&str, Section)] = &[
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Stats", stats),
    ("Replication", replication),
    ("Cluster", cluster),
    ("Proxy", proxy),
];

pub(super) fn info(answerer: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    let text = text(answerer, args);
    requester.reply(|reply| reply.verbatim("txt", text.as_bytes()))
}

/// The sections asked for; without arguments all of them.
fn text(answerer: &Answerer, args: Args<'_>) -> String {
    let is_wanted = |name: &str| {
        let names = [name, "all", "default", "everything"];
        args.len() < 2
            || args
                .iter()
                .skip(1)
                .any(|arg| names.iter().any(|name| arg.eq_ignore_ascii_case(name.as_bytes())))
    };
    let mut text = String::new();
    for (name, write) in SECTIONS.iter().filter(|(name, _)| is_wanted(name)) {
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        text.push_str(&format!("# {name}\r\n"));
        write(answerer, &mut text);
    }
    text
}

fn field(text: &mut String, name: &str, value: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{name}:{value}\r\n");
}

fn server(answerer: &Answerer, text: &mut String) {
    let uptime = answerer.shared.started.elapsed().as_secs();
    field(text, "redis_version", REDIS_VERSION);
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
    field(text, "blocked_clients", 0);
    field(text, "tracking_clients", 0);
}

fn memory(_: &Answerer, text: &mut String) {
    let resident = resident_bytes().unwrap_or(0);
    field(text, "used_memory", resident);
    field(text, "used_memory_rss", resident);
    field(text, "maxmemory", 0);
    field(text, "maxmemory_policy", "noeviction");
}

/// Bytes of memory that the process holds, as the system counts them.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

fn stats(answerer: &Answerer, text: &mut String) {
    let workers = &answerer.shared.metrics;
    let sum = |value: &dyn Fn(&crate::metrics::worker::WorkerMetrics) -> u64| -> u64 {
        workers.iter().map(|worker| value(worker)).sum()
    };
    field(text, "total_connections_received", sum(&|w| w.clients_accepted_count()));
    field(text, "total_commands_processed", sum(&|w| w.commands_count()));
    field(text, "total_net_input_bytes", sum(&|w| w.client_bytes_count(Direction::In)));
    field(text, "total_net_output_bytes", sum(&|w| w.client_bytes_count(Direction::Out)));
    field(text, "rejected_connections", sum(&|w| w.clients_rejected_count()));
    let errors = sum(&|w| w.outcome_count(Outcome::Error) + w.outcome_count(Outcome::LocalError));
    field(text, "total_error_replies", errors);
}

/// To its clients the front door is one primary.
fn replication(_: &Answerer, text: &mut String) {
    field(text, "role", "master");
    field(text, "connected_slaves", 0);
}

fn cluster(_: &Answerer, text: &mut String) {
    field(text, "cluster_enabled", 0);
}

fn proxy(answerer: &Answerer, text: &mut String) {
    field(text, "workers", answerer.config.workers.count);
    let nodes: std::collections::BTreeSet<String> =
        answerer.shared.metrics.iter().flat_map(|worker| worker.node_addrs()).collect();
    field(text, "known_nodes", nodes.len());
    for (index, addr) in nodes.iter().enumerate() {
        field(text, &format!("node{index}"), format_args!("addr={addr}"));
    }
}
