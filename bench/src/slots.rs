//! How fast slots move: `redis-cli --cluster reshard` moves some from one primary to another one and back, in a cluster
//! of each kind.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::cluster::Cluster;
use crate::find;
use crate::footprint::store;
use crate::forming::{id_of, wait_agreed};
use crate::guard;
use crate::persistence::PATIENCE;
use crate::process::run_to_end;
use crate::resp::{Client, Reply};
use crate::table::Table;
use crate::target::{Starter, Target};

/// Slots that move at once (count).
const SLOTS_MOVED: usize = 500;

/// What is stored: strings of 32 bytes.
const COMMANDS: [&str; 1] = ["SET s:{n} vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"];

/// A cluster with keys, and how fast they moved in each round (keys per second).
struct Side {
    cluster: Cluster,
    speeds: Vec<f64>,
}

/// Prints how fast keys move in each kind of cluster. Whether the nodes' middle speed is no less than Redis's.
///
/// # Errors
/// There is no redis-cli, a node does not start, or slots do not move.
pub(crate) fn run(starter: &mut Starter, rounds: u32, keys: u64) -> Result<bool> {
    let redis_cli = find::on_path("redis-cli")
        .context("redis-cli is not on PATH (Debian package redis-tools)")?;
    let mut sides = Vec::new();
    for kind in [Target::Redis, Target::Node] {
        sides.push(Side { cluster: filled(starter, kind, keys)?, speeds: Vec::new() });
    }
    for round in 1..=rounds {
        for side in &mut sides {
            let (from, to) = if round % 2 == 1 { (0, 1) } else { (1, 0) };
            let speed = side.reshard(&redis_cli, from, to)?;
            eprintln!("  {round}/{rounds} {}: {speed:.0} keys/s", side.cluster.kind().name());
            side.speeds.push(speed);
        }
    }
    let mut table = Table::new(&["nodes", "keys/s", "least", "most"]);
    let mut middles = Vec::new();
    for side in &mut sides {
        let speeds = &mut side.speeds;
        speeds.sort_by(f64::total_cmp);
        let figures = [speeds[speeds.len() / 2], speeds[0], speeds[speeds.len() - 1]];
        let mut cells = vec![side.cluster.kind().name().to_owned()];
        cells.extend(figures.map(|speed| format!("{speed:.0}")));
        table.add(cells);
        middles.push(figures[0]);
    }
    println!("\nredis-cli reshard of {SLOTS_MOVED} slots out of {keys} keys, {rounds} rounds");
    print!("{}", table.text());
    println!("  nodes ÷ redis: {:.2}", middles[1] / middles[0]);
    Ok(middles[1] >= middles[0])
}

/// A primary with all slots and keys, and one with none.
fn filled(starter: &mut Starter, kind: Target, keys: u64) -> Result<Cluster> {
    // A primary that gives its last slot away would become a replica.
    let stays = ["--cluster-allow-replica-migration", "no"];
    let mut cluster = Cluster::start(starter, kind, (1, 0), &stays)?;
    store(&mut Client::connect(cluster.ports()[0])?, &COMMANDS, 0..keys)?;
    cluster.grow(starter)?;
    Ok(cluster)
}

impl Side {
    /// Moves slots; gives back keys per second.
    fn reshard(&self, redis_cli: &Path, from: usize, to: usize) -> Result<f64> {
        let ports = self.cluster.ports();
        let (from, to) = (ports[from], ports[to]);
        let (before, start) = (keys_of(to)?, Instant::now());
        let mut command = guard::command(redis_cli);
        command.args(["--cluster", "reshard", &format!("127.0.0.1:{to}"), "--cluster-yes"]);
        command.args(["--cluster-from", &id_of(from)?, "--cluster-to", &id_of(to)?]);
        command.args(["--cluster-slots", &SLOTS_MOVED.to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = run_to_end(child.spawn().context("redis-cli")?, PATIENCE, || {})?;
        if !status.success() {
            bail!("redis-cli reshard ended with {status}");
        }
        let speed = (keys_of(to)? - before) as f64 / start.elapsed().as_secs_f64();
        wait_agreed(&ports, ports.len())?;
        Ok(speed)
    }
}

fn keys_of(port: u16) -> Result<i64> {
    match Client::connect(port)?.expect(&["DBSIZE"])? {
        Reply::Integer(keys) => Ok(keys),
        other => bail!("DBSIZE answered {other:?}"),
    }
}
