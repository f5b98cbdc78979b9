//! What copying costs: how long a replica takes for all keys, and what following a load costs either side.
//!
//! A primary and a replica of either kind each: all four pairings in one run, each in fresh processes.

use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::csv;
use crate::footprint::store;
use crate::measure::Meter;
use crate::persistence::{COMMANDS, PATIENCE, field, milliseconds, wait_serves};
use crate::process::{Server, wait_until};
use crate::resp::Client;
use crate::table::Table;
use crate::target::{Starter, Target};

/// Primary and replica. The first is what the others are compared with.
const PAIRINGS: [(Target, Target); 4] = [
    (Target::Redis, Target::Redis),
    (Target::Node, Target::Redis),
    (Target::Redis, Target::Node),
    (Target::Node, Target::Node),
];

/// Nobody waits for more replicas, and a load may leave much unread without losing its replica.
const DIRECTIVES: [&str; 6] = [
    "--repl-diskless-sync-delay",
    "0",
    "--client-output-buffer-limit",
    "replica 0 0 0",
    "--repl-backlog-size",
    "64mb",
];

/// Requests that a client of the load sends before it reads.
const PIPELINE: u64 = 16;

/// Operations of the load for each of `--ops`: pipelined ones take less time.
const OPS_FACTOR: u64 = 5;

/// One figure of one pairing.
#[derive(Debug)]
struct Figure {
    what: &'static str,
    number: f64,
    /// Whether more is better.
    is_gain: bool,
}

/// Prints the figures of all pairings. Whether those of two nodes are no worse than those of two redis-servers.
///
/// # Errors
/// A server does not start or answers wrongly.
pub(crate) fn run(starter: &mut Starter, meter: &Meter, keys: u64, ops: u64) -> Result<bool> {
    let mut columns = Vec::new();
    for (primary, replica) in PAIRINGS {
        let name = format!("{} > {}", primary.name(), replica.name());
        let mut figures = full_copies(starter, (primary, replica), keys).context(name.clone())?;
        figures.extend(under_load(starter, meter, (primary, replica), ops).context(name.clone())?);
        eprintln!("  {name}: {figures:?}");
        columns.push((name, figures));
    }
    let mut header = vec!["what"];
    header.extend(columns.iter().map(|(name, _)| name.as_str()));
    header.push("nodes ÷ redis");
    let mut table = Table::new(&header);
    let mut is_kept = true;
    for row in 0..columns[0].1.len() {
        let figures: Vec<&Figure> = columns.iter().map(|(_, figures)| &figures[row]).collect();
        let (redis, nodes) = (figures[0], figures[PAIRINGS.len() - 1]);
        let ratio = nodes.number / redis.number;
        is_kept &= if redis.is_gain { ratio >= 1.0 } else { ratio <= 1.0 };
        let mut cells = vec![redis.what.to_owned()];
        cells.extend(figures.iter().map(|figure| format!("{:.2}", figure.number)));
        cells.push(format!("{ratio:.2}"));
        table.add(cells);
    }
    println!("\nreplication of {keys} keys, primary > replica");
    print!("{}", table.text());
    Ok(is_kept)
}

/// A replica of its own for each way of a copy.
fn full_copies(
    starter: &mut Starter,
    (primary, replica): (Target, Target),
    keys: u64,
) -> Result<Vec<Figure>> {
    let (port, _primary) = start(starter, primary, "primary")?;
    let mut client = wait_serves(port)?;
    store(&mut client, &COMMANDS, 0..keys / 2)?;
    let mut figures = Vec::new();
    for (what, diskless) in [("full copy ms", "yes"), ("full copy by a file ms", "no")] {
        client.expect(&["CONFIG", "SET", "repl-diskless-sync", diskless])?;
        let (own_port, _replica) = start(starter, replica, "replica")?;
        let number = copy_ms(&mut wait_serves(own_port)?, port)?;
        figures.push(Figure { what, number, is_gain: false });
    }
    Ok(figures)
}

/// From the command to a link over which the stream comes.
fn copy_ms(replica: &mut Client, primary_port: u16) -> Result<f64> {
    let start = Instant::now();
    replica.expect(&["REPLICAOF", "127.0.0.1", &primary_port.to_string()])?;
    let is_up = wait_until(PATIENCE, || {
        // While it reads what it got it may tell nothing else.
        Ok(field(replica, "replication", "master_link_status").is_ok_and(|status| status == "up"))
    })?;
    if !is_up {
        bail!("the replica gets no link");
    }
    Ok(milliseconds(start))
}

/// What a load costs both sides, until the replica has all of it.
fn under_load(
    starter: &mut Starter,
    meter: &Meter,
    (primary, replica): (Target, Target),
    ops: u64,
) -> Result<Vec<Figure>> {
    let (port, primary) = start(starter, primary, "primary")?;
    let (own_port, replica) = start(starter, replica, "replica")?;
    let mut clients = [wait_serves(port)?, wait_serves(own_port)?];
    copy_ms(&mut clients[1], port)?;
    let ops = ops * OPS_FACTOR;
    let spent = |server: &Server| meter.clock().read(server.pid());
    let before = [spent(&primary)?, spent(&replica)?];
    let text = meter.benchmark(&arguments(port, ops), ops, || {})?;
    let end = Instant::now();
    wait_same_offset(&mut clients)?;
    let behind_ms = milliseconds(end);
    let after = [spent(&primary)?, spent(&replica)?];
    let us = |at: usize| after[at].saturating_sub(before[at]).as_secs_f64() * 1e6 / ops as f64;
    let figure = |what, number, is_gain| Figure { what, number, is_gain };
    Ok(vec![
        figure("SET -P 16 per second", csv::parse(&text)?.ops_per_second, true),
        figure("CPU of the primary µs/op", us(0), false),
        figure("CPU of the replica µs/op", us(1), false),
        figure("behind at the end ms", behind_ms, false),
    ])
}

fn wait_same_offset([primary, replica]: &mut [Client; 2]) -> Result<()> {
    let offset = |client: &mut Client| field(client, "replication", "master_repl_offset");
    let is_same = wait_until(PATIENCE, || Ok(offset(primary)? == offset(replica)?))?;
    if is_same { Ok(()) } else { bail!("the replica does not come as far as its primary") }
}

fn arguments(port: u16, ops: u64) -> Vec<String> {
    let line = format!(
        "-h 127.0.0.1 -p {port} -c 50 -n {ops} -P {PIPELINE} -r 100000 --csv SET key:__rand_int__ {}",
        "v".repeat(32)
    );
    line.split(' ').map(str::to_owned).collect()
}

fn start(starter: &mut Starter, target: Target, role: &str) -> Result<(u16, Server)> {
    starter.start_in(target, &format!("{}-{role}", target.name()), &DIRECTIVES)
}
