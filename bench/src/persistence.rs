//! What saving and reading costs: how long a snapshot holds clients up, how much memory it takes under writes, and
//! how long a start takes with either kind of file.
//!
//! Both kinds of servers hold the same keys; each reads the files that it wrote itself.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::footprint::store;
use crate::process::wait_until;
use crate::resp::{Client, Reply};
use crate::table::Table;
use crate::target::{Starter, Target};

/// What is stored: of strings and of small collections, half each.
pub(crate) const COMMANDS: [&str; 2] =
    ["SET s:{n} vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv", "HSET h:{n} a 1 b 2 c three d four e {n}"];

/// Snapshots taken (count); the middle one is told.
const SNAPSHOTS: usize = 5;

/// How long a server may take to write or to read all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// What one server needed. Times in milliseconds.
#[derive(Debug, Default)]
struct Costs {
    /// How long `BGSAVE` took to answer.
    pause_ms: f64,
    /// How long the snapshot then took in the background.
    snapshot_ms: f64,
    /// Memory copied while a client overwrote keys, in bytes.
    copied_bytes: f64,
    /// From the process's start to its first answer, with each file.
    load_rdb_ms: f64,
    load_aof_ms: f64,
}

/// Prints the costs of both kinds. Whether the node's are no greater.
///
/// # Errors
/// A server does not start or answers wrongly.
pub(crate) fn run(starter: &mut Starter, keys: u64) -> Result<bool> {
    let redis = costs(starter, Target::Redis, keys).context("redis-server")?;
    let node = costs(starter, Target::Node, keys).context("node")?;
    let rows = [
        ("snapshot pause ms", redis.pause_ms, node.pause_ms),
        ("snapshot in all ms", redis.snapshot_ms, node.snapshot_ms),
        ("copied under writes MB", redis.copied_bytes / 1e6, node.copied_bytes / 1e6),
        ("start with RDB ms", redis.load_rdb_ms, node.load_rdb_ms),
        ("start with AOF of commands ms", redis.load_aof_ms, node.load_aof_ms),
    ];
    let mut table = Table::new(&["what", "redis", "node", "÷ redis"]);
    for (what, redis, node) in rows {
        let figure = |number: f64| format!("{number:.1}");
        let ratio = format!("{:.2}", node / redis);
        table.add(vec![what.to_owned(), figure(redis), figure(node), ratio]);
    }
    println!("\npersistence of {keys} keys");
    print!("{}", table.text());
    Ok(rows.iter().all(|(_, redis, node)| node <= redis))
}

fn costs(starter: &mut Starter, target: Target, keys: u64) -> Result<Costs> {
    let mut costs = Costs::default();
    let (port, server) = starter.start_again(target, &[])?;
    let mut client = wait_serves(port)?;
    store(&mut client, &COMMANDS, 0..keys / 2)?;
    snapshots(&mut client, &mut costs)?;
    costs.copied_bytes = copied_under_writes(&mut client, keys)?;
    // A file of commands, as it is after a day of appending.
    client.expect(&["CONFIG", "SET", "aof-use-rdb-preamble", "no"])?;
    client.expect(&["BGREWRITEAOF"])?;
    wait_info(&mut client, "aof_rewrite_in_progress", "0")?;
    drop(server);
    costs.load_rdb_ms = start_ms(starter, target, &[])?;
    costs.load_aof_ms = start_ms(starter, target, &["--appendonly", "yes"])?;
    eprintln!("  {}: {costs:?}", target.name());
    Ok(costs)
}

/// Takes snapshots, none of which is disturbed.
fn snapshots(client: &mut Client, costs: &mut Costs) -> Result<()> {
    let (mut pauses, mut times) = (Vec::new(), Vec::new());
    for _ in 0..SNAPSHOTS {
        let start = Instant::now();
        client.expect(&["BGSAVE"])?;
        pauses.push(milliseconds(start));
        wait_info(client, "rdb_bgsave_in_progress", "0")?;
        times.push(milliseconds(start));
    }
    (costs.pause_ms, costs.snapshot_ms) = (middle(pauses), middle(times));
    Ok(())
}

/// Overwrites keys all over while a snapshot is taken. What it says was copied, in bytes.
fn copied_under_writes(client: &mut Client, keys: u64) -> Result<f64> {
    client.expect(&["BGSAVE"])?;
    let command = ["SET s:{n} wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"];
    let mut first = 0;
    while field(client, "persistence", "rdb_bgsave_in_progress")? == "1" {
        let end = (first + keys / 50).min(keys / 2);
        store(client, &command, first..end)?;
        first = if end == keys / 2 { 0 } else { end };
    }
    Ok(field(client, "persistence", "rdb_last_cow_size")?.parse()?)
}

/// How long a server takes until it serves what it has read.
fn start_ms(starter: &mut Starter, target: Target, directives: &[&str]) -> Result<f64> {
    let start = Instant::now();
    let (port, _server) = starter.start_again(target, directives)?;
    let mut client = wait_serves(port)?;
    let took = milliseconds(start);
    let Reply::Integer(size) = client.expect(&["DBSIZE"])? else { bail!("DBSIZE is a number") };
    if size == 0 {
        bail!("{} has read nothing", target.name());
    }
    Ok(took)
}

/// Waits until a server serves what it has read.
///
/// # Errors
/// It does not in time.
pub(crate) fn wait_serves(port: u16) -> Result<Client> {
    let end = Instant::now() + PATIENCE;
    loop {
        let client = Client::connect(port).and_then(|mut client| {
            client.expect(&["PING"])?;
            Ok(client)
        });
        match client {
            Ok(client) => return Ok(client),
            Err(error) if Instant::now() >= end => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn wait_info(client: &mut Client, name: &str, value: &str) -> Result<()> {
    let is_there = wait_until(PATIENCE, || Ok(field(client, "persistence", name)? == value))?;
    if is_there { Ok(()) } else { bail!("{name} does not become {value}") }
}

/// A field of a section of `INFO`.
///
/// # Errors
/// The server is gone, or tells no such field.
pub(crate) fn field(client: &mut Client, section: &str, name: &str) -> Result<String> {
    let Reply::Bulk(text) = client.expect(&["INFO", section])? else { bail!("INFO is no text") };
    let text = String::from_utf8_lossy(&text).into_owned();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    Ok(value.with_context(|| format!("no {name} in INFO"))?.trim().to_owned())
}

/// Time since then, in milliseconds.
pub(crate) fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// The one in the middle.
fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_neither_the_best_nor_the_worst() {
        assert_eq!(middle(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(middle(vec![]), 0.0);
    }
}
