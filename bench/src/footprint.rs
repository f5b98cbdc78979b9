//! Memory by type: the same million of small collections, and one large collection, in a fresh process of each kind.
//!
//! What a process holds depends on what it held before, so every row starts its own.

use std::ops::Range;

use anyhow::{Result, bail};

use crate::resp::{Client, Reply, encode};
use crate::table::Table;
use crate::target::{Running, Starter, Target};
use crate::usage::resident_bytes;

/// Bytes of commands sent before their replies are read; the replies fit in the socket's buffers.
const CHUNK_BYTES: usize = 64 * 1024;

/// What is stored: commands with `{n}` for the number of the key or of the element.
#[derive(Debug)]
struct Footprint {
    name: &'static str,
    about: &'static str,
    commands: &'static [&'static str],
}

const FOOTPRINTS: &[Footprint] = &[
    row("strings", "N keys of 32 bytes", &["SET s:{n} vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"]),
    row("lists", "N lists of 3", &["RPUSH l:{n} one two three"]),
    row("sets", "N sets of 3 integers", &["SADD i:{n} 1 2 {n}"]),
    row("set-texts", "N sets of 3 texts", &["SADD t:{n} one two three"]),
    row("hashes", "N hashes of 5 fields", &["HSET h:{n} a 1 b 2 c three d four e {n}"]),
    row("sorted-sets", "N sorted sets of 3", &["ZADD z:{n} 1 one 2 two 3 three"]),
    row(
        "streams",
        "N streams of 3",
        &["XADD x:{n} 1-1 f v", "XADD x:{n} 1-2 f v", "XADD x:{n} 1-3 f v"],
    ),
    row("one-list", "one list of N", &["RPUSH list element:{n}"]),
    row("one-set", "one set of N texts", &["SADD set member:{n}"]),
    row("one-hash", "one hash of N fields", &["HSET hash field:{n} value:{n}"]),
    row("one-sorted-set", "one sorted set of N", &["ZADD zset {n} member:{n}"]),
    row("one-stream", "one stream of N", &["XADD stream {n}-1 field value"]),
];

const fn row(
    name: &'static str,
    about: &'static str,
    commands: &'static [&'static str],
) -> Footprint {
    Footprint { name, about, commands }
}

/// Stores `keys` of each kind in a redis-server and in a bundled node, and prints what they hold. Whether the node
/// holds no more in every row.
///
/// # Errors
/// A server does not start or answers wrongly.
pub(crate) fn run(starter: &mut Starter, keys: u64) -> Result<bool> {
    let mut table = Table::new(&["keys", "what", "redis MB", "node MB", "÷ redis"]);
    let mut is_kept = true;
    for footprint in FOOTPRINTS {
        let redis = resident(starter, Target::Redis, footprint, keys)?;
        let node = resident(starter, Target::Node, footprint, keys)?;
        let ratio = node / redis;
        is_kept &= ratio <= 1.0;
        eprintln!("  {}: redis {:.1} MB, node {:.1} MB", footprint.name, redis / 1e6, node / 1e6);
        table.add(vec![
            footprint.name.to_owned(),
            footprint.about.replace('N', &keys.to_string()),
            format!("{:.1}", redis / 1e6),
            format!("{:.1}", node / 1e6),
            format!("{ratio:.2}"),
        ]);
    }
    println!("\nresident memory, each row in fresh processes");
    print!("{}", table.text());
    Ok(is_kept)
}

/// Bytes that a fresh process holds when all is stored.
fn resident(
    starter: &mut Starter,
    target: Target,
    footprint: &Footprint,
    keys: u64,
) -> Result<f64> {
    let running: Running = starter.start(target)?;
    store(&mut Client::connect(running.port)?, footprint.commands, 1..keys + 1)?;
    Ok(resident_bytes(running.pid())? as f64)
}

/// Sends commands once for each number, which stands in them for `{n}`.
///
/// # Errors
/// The server refuses one, or is gone.
pub(crate) fn store(client: &mut Client, commands: &[&str], mut numbers: Range<u64>) -> Result<()> {
    while !numbers.is_empty() {
        send_some(client, commands, &mut numbers)?;
    }
    Ok(())
}

fn send_some(client: &mut Client, commands: &[&str], numbers: &mut Range<u64>) -> Result<()> {
    let (mut requests, mut pending) = (Vec::new(), 0);
    while requests.len() < CHUNK_BYTES
        && let Some(number) = numbers.next()
    {
        for command in commands {
            let command = command.replace("{n}", &number.to_string());
            encode(&mut requests, &command.split(' ').collect::<Vec<_>>());
            pending += 1;
        }
    }
    client.send(&requests)?;
    for _ in 0..pending {
        if let Reply::Error(error) = client.receive()? {
            bail!("{commands:?}: {error}");
        }
    }
    Ok(())
}
