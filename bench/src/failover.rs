//! How long a shard cannot be written to when its primary dies: a cluster of each kind, whose primary is killed in
//! turn, round after round.
//!
//! One round: the primary of the first shard is killed; its replica is asked to take a write again and again until
//! it does; the dead node is started again and becomes the replica, to take over in the next round.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::cluster::Cluster;
use crate::persistence::{PATIENCE, milliseconds};
use crate::resp::{Client, Reply};
use crate::table::Table;
use crate::target::{Starter, Target};

/// After how long nodes hold a silent node for failed, in milliseconds.
const NODE_TIMEOUT_MS: f64 = 2000.0;
const DIRECTIVES: [&str; 2] = ["--cluster-node-timeout", "2000"];

/// Primaries, each with a replica (count).
const SHARDS: usize = 3;

/// Pause between two attempts to write.
const POLL: Duration = Duration::from_millis(5);

/// A key of slot 0, which the first shard has.
const KEY: &str = "{06S}";

/// How much longer than Redis's the middle round may take: replicas wait up to half a second at random, a quarter of
/// the node timeout, and so do nodes before they look at a silent one.
const SCATTER: f64 = 1.15;

/// A cluster with the time of each round, in milliseconds.
struct Side {
    cluster: Cluster,
    /// Places of the first shard's nodes: the primary, and its replica.
    roles: (usize, usize),
    rounds_ms: Vec<f64>,
}

/// Prints how long it took in each kind of cluster. Whether the nodes' middle round is no longer than Redis's, but for
/// [`SCATTER`].
///
/// # Errors
/// A node does not start, or nobody takes over.
pub(crate) fn run(starter: &mut Starter, rounds: u32) -> Result<bool> {
    let mut sides = Vec::new();
    for kind in [Target::Redis, Target::Node] {
        let cluster = Cluster::start(starter, kind, (SHARDS, SHARDS), &DIRECTIVES)?;
        sides.push(Side { cluster, roles: (0, SHARDS), rounds_ms: Vec::new() });
    }
    for round in 1..=rounds {
        for side in &mut sides {
            let ms = side.fail_over(starter)?;
            eprintln!("  {round}/{rounds} {}: {ms:.0} ms", side.cluster.kind().name());
            side.rounds_ms.push(ms);
        }
    }
    let mut table = Table::new(&["nodes", "middle ms", "least", "most", "÷ node timeout"]);
    let mut middles = Vec::new();
    for side in &mut sides {
        let times = &mut side.rounds_ms;
        times.sort_by(f64::total_cmp);
        let middle = times[times.len() / 2];
        let figures = [middle, times[0], times[times.len() - 1]];
        let mut cells = vec![side.cluster.kind().name().to_owned()];
        cells.extend(figures.map(|ms| format!("{ms:.0}")));
        cells.push(format!("{:.2}", middle / NODE_TIMEOUT_MS));
        table.add(cells);
        middles.push(middle);
    }
    println!("\nfrom a primary's death to the first served write, {rounds} rounds");
    print!("{}", table.text());
    Ok(middles[1] <= middles[0] * SCATTER)
}

impl Side {
    fn fail_over(&mut self, starter: &mut Starter) -> Result<f64> {
        let (primary, replica) = self.roles;
        let mut writer = Client::connect(self.cluster.ports()[replica])?;
        let start = Instant::now();
        self.cluster.kill(primary);
        while !is_served(&mut writer)? {
            if start.elapsed() > PATIENCE {
                bail!("the replica does not take over");
            }
            thread::sleep(POLL);
        }
        let ms = milliseconds(start);
        self.cluster.revive(starter, primary)?;
        self.roles = (replica, primary);
        Ok(ms)
    }
}

/// Whether the node takes a write; one that does not yet says that another has the slot, or that the cluster is down.
fn is_served(writer: &mut Client) -> Result<bool> {
    match writer.call(&["SET", KEY, "1"])? {
        Reply::Simple(_) => Ok(true),
        Reply::Error(text) if text.starts_with("MOVED") || text.starts_with("CLUSTERDOWN") => {
            Ok(false)
        }
        other => bail!("SET answered {other:?}"),
    }
}
