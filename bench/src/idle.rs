//! What a cluster costs that nobody uses: processor time of its nodes, and messages of its bus, while nothing is asked.
//!
//! The clusters of both kinds stand at the same time, so whatever else the machine does falls on both alike.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cluster::Cluster;
use crate::forming::text;
use crate::resp::Client;
use crate::table::Table;
use crate::target::{Starter, Target};
use crate::usage::CpuClock;

/// Primaries and replicas (counts): thirty nodes.
const NODES: (usize, usize) = (15, 15);

/// What two node timeouts of the default are: until then news of the forming is told.
const SETTLE: Duration = Duration::from_secs(30);

/// What a cluster has spent so far.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    processor: Duration,
    messages: u64,
}

/// Prints processor time and messages per node and second of both kinds. Whether the nodes' processor time is no more
/// than Redis's.
///
/// # Errors
/// A node does not start, or is gone.
pub(crate) fn run(starter: &mut Starter, clock: CpuClock, seconds: u64) -> Result<bool> {
    let mut clusters = Vec::new();
    for kind in [Target::Redis, Target::Node] {
        clusters.push(Cluster::start(starter, kind, NODES, &[])?);
        eprintln!("  {}: {} nodes agree", kind.name(), NODES.0 + NODES.1);
    }
    thread::sleep(SETTLE);
    let spent_of_all = || clusters.iter().map(|c| spent(c, clock)).collect::<Result<Vec<_>>>();
    let (before, start) = (spent_of_all()?, Instant::now());
    thread::sleep(Duration::from_secs(seconds));
    let (after, elapsed) = (spent_of_all()?, start.elapsed());
    let node_seconds = elapsed.as_secs_f64() * (NODES.0 + NODES.1) as f64;
    let mut table = Table::new(&["nodes", "CPU ms per node and second", "messages sent"]);
    let mut costs = Vec::new();
    for ((cluster, before), after) in clusters.iter().zip(&before).zip(&after) {
        let ms = (after.processor - before.processor).as_secs_f64() * 1e3 / node_seconds;
        let messages = (after.messages - before.messages) as f64 / node_seconds;
        let name = cluster.kind().name().to_owned();
        table.add(vec![name, format!("{ms:.2}"), format!("{messages:.1}")]);
        costs.push(ms);
    }
    println!("\n{} idle nodes for {} s", NODES.0 + NODES.1, elapsed.as_secs());
    print!("{}", table.text());
    println!("  nodes ÷ redis: {:.2}", costs[1] / costs[0]);
    Ok(costs[1] <= costs[0])
}

fn spent(cluster: &Cluster, clock: CpuClock) -> Result<Spent> {
    let mut all = Spent::default();
    for (pid, port) in cluster.pids().into_iter().zip(cluster.ports()) {
        all.processor += clock.read(pid)?;
        let info = text(&mut Client::connect(port)?, &["CLUSTER", "INFO"])?;
        let mut lines = info.lines();
        let sent = lines.find_map(|line| line.strip_prefix("cluster_stats_messages_sent:"));
        all.messages +=
            sent.context("no count of messages in CLUSTER INFO")?.trim().parse::<u64>()?;
    }
    Ok(all)
}
