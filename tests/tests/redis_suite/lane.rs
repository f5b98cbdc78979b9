//! A copy of the tests with what they are run against, and what they said.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::process::Process;
use reddoor_tests::redis_server::require;
use reddoor_tests::{binary, guard};

use super::unit::{Unit, When};

/// How long a unit may take before it is ended. None gets faster or slower by it.
const PATIENCE: Duration = Duration::from_secs(240);

/// Time between two looks whether a unit has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The tests look for free ports themselves; each lane does so in a range of its own, and a node's bus port lies
/// 10 000 above, clear of those that other tests take.
const FIRST_PORT: u16 = 13_000;
const PORTS: u16 = 1_000;
const LANES: u16 = 6;

/// Lines of what the tests said that a complaint shows.
const LINES_SHOWN: usize = 60;

/// What the tests are run against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// A bundled node for each server that they start.
    Node,
    /// The front door before three bundled nodes.
    Bundled,
    /// The front door before three redis-servers.
    Real,
}

impl Over {
    pub(crate) const ALL: [Over; 3] = [Over::Node, Over::Bundled, Over::Real];

    /// As it is chosen and reported.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Over::Node => "node",
            Over::Bundled => "bundled",
            Over::Real => "real",
        }
    }

    /// How many units run at a time. Before one cluster it is one: each begins with `FLUSHALL`.
    pub(crate) fn lanes(self) -> usize {
        if self == Over::Node { 2 } else { 1 }
    }

    /// When a unit is run over it.
    pub(crate) fn when(self, unit: &Unit) -> When {
        if self == Over::Node { unit.at_nodes } else { unit.at_doors }
    }

    /// The tests that are left out.
    fn skipped(self) -> PathBuf {
        here().join("redis_suite").join(if self == Over::Node { "node.skip" } else { "door.skip" })
    }
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn installed() -> PathBuf {
    here().join("../target/redis-suite")
}

/// Whether the tests are here. Says so aloud when they are not.
///
/// # Panics
/// They are not and the environment has `CI`.
pub(crate) fn is_installed() -> bool {
    let is_there = installed().join("installed").exists();
    require("Redis's own tests (tests/redis_suite/install gets them; they need tclsh)", is_there)
}

/// A copy of the tests, which write into their own directory.
#[derive(Debug)]
pub(crate) struct Lane {
    over: Over,
    dir: PathBuf,
    first_port: u16,
    door: Option<(Cluster, FrontDoor)>,
}

/// What became of a unit.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// Tests that passed (count).
    pub(crate) passed: usize,
    /// Tests that were left out because they are in the list (count).
    pub(crate) left_out: usize,
    /// How long the unit ran.
    pub(crate) took: Duration,
    /// What is not as it should be.
    pub(crate) complaint: Option<String>,
}

impl Lane {
    /// Copies the tests, and starts what they need beside themselves.
    pub(crate) fn start(over: Over) -> Lane {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed) % LANES;
        let first_port = FIRST_PORT + number * PORTS;
        let dir = guard::temp_dir("redis-suite");
        let copied = Command::new("cp").arg("-r").arg(installed().join(".")).arg(&dir).status();
        assert!(copied.is_ok_and(|status| status.success()), "the tests can be copied");
        provide_programs(&dir.join("src"));
        let before = |kind| {
            let cluster = Cluster::start_with_replicas(kind, 3);
            let door = FrontDoor::start(&cluster.seeds(), &[("admin.commands", "allow")]);
            Some((cluster, door))
        };
        let door = match over {
            Over::Node => None,
            Over::Bundled => before(Kind::Bundled),
            Over::Real => before(Kind::Real),
        };
        Lane { over, dir, first_port, door }
    }

    /// Runs a unit to its end.
    pub(crate) fn run(&self, unit: &Unit) -> Verdict {
        let mut command = Command::new("tclsh");
        command.args(["tests/test_helper.tcl", "--clients", "1", "--single", unit.name]);
        command.arg("--skipfile").arg(self.over.skipped());
        command.args(["--baseport", &self.first_port.to_string()]);
        command.args(["--portcount", &(PORTS - 100).to_string()]);
        if let Some((_, door)) = &self.door {
            command.args(["--host", "127.0.0.1", "--port", &door.addr.port().to_string()]);
            command.args([
                "--singledb",
                "--cluster-mode",
                "--ignore-digest",
                "--tags",
                "-needs:repl",
            ]);
        }
        let began = Instant::now();
        let mut process =
            Process::start_group(&unit.name.replace('/', "-"), &self.dir, &mut command);
        let status = loop {
            match process.poll_end() {
                Some(status) => break status.to_string(),
                None if began.elapsed() > PATIENCE => break format!("no end in {PATIENCE:?}"),
                None => thread::park_timeout(LOOK_EVERY),
            }
        };
        let (took, said) = (began.elapsed(), plain(&process.log()));
        let count = |mark: &str| said.lines().filter(|line| line.starts_with(mark)).count();
        let is_right = said.contains("All tests passed without errors");
        Verdict {
            passed: count("[ok]"),
            left_out: count("[skip]"),
            took,
            complaint: (!is_right).then(|| format!("{status}\n{}", complaints(&said))),
        }
    }
}

/// The programs that the tests look for beside themselves: a bundled node for a redis-server, and Redis's own tools.
fn provide_programs(dir: &Path) {
    fs::create_dir_all(dir).expect("a directory");
    symlink(binary::path(), dir.join("redis-server")).expect("a link");
    for tool in ["redis-cli", "redis-benchmark", "redis-check-aof", "redis-check-rdb"] {
        symlink(Path::new("/usr/bin").join(tool), dir.join(tool)).expect("a link");
    }
}

/// What was said, without colours.
fn plain(said: &str) -> String {
    let mut parts = said.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

/// The lines that tell what failed.
fn complaints(said: &str) -> String {
    let is_usual =
        |line: &str| ["[ok]", "[ignore]", "[skip]"].iter().any(|mark| line.starts_with(mark));
    let lines: Vec<&str> = said.lines().filter(|line| !is_usual(line)).collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
}
