//! One framework in one setup: a fresh front door over empty nodes, a script, and what became of it.

use std::time::{Duration, Instant};

use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::guard;
use reddoor_tests::process::Process;
use reddoor_tests::redis_server::RedisServer;

use super::framework::{Expected, Framework, Setup};

/// Seconds that anything in a script may take which is to be refused: it is told so at once, or never.
const PATIENCE_REFUSED: &str = "12";

/// Lines of a failed script's log that are shown.
const LOG_LINES_SHOWN: usize = 40;

/// What the scripts speak to.
#[derive(Debug)]
pub(crate) struct Scene {
    nodes: Nodes,
}

#[derive(Debug)]
enum Nodes {
    Cluster(Cluster),
    One(RedisServer),
}

/// What became of a trial.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// Of the framework and its client, as the script tells them.
    pub(crate) versions: String,
    /// In a few words.
    pub(crate) outcome: String,
    /// How long the script ran.
    pub(crate) took: Duration,
    /// What is not as it should be.
    pub(crate) complaint: Option<String>,
}

impl Scene {
    /// Three primaries.
    pub(crate) fn of(kind: Kind) -> Scene {
        Scene { nodes: Nodes::Cluster(Cluster::start(kind, 3)) }
    }

    /// No front door and no cluster.
    pub(crate) fn one(kind: Kind) -> Scene {
        let server = match kind {
            Kind::Real => RedisServer::start(&[]),
            Kind::Bundled => RedisServer::start_bundled(&[]),
        };
        Scene { nodes: Nodes::One(server) }
    }

    /// Runs a framework's script.
    pub(crate) fn try_out(&self, framework: &Framework, setup: &Setup) -> Verdict {
        match &self.nodes {
            Nodes::Cluster(cluster) => {
                cluster.nodes.iter().for_each(|node| assert_eq!(node.ask("FLUSHALL"), "OK"));
                let door = FrontDoor::start(&cluster.seeds(), setup.settings);
                run(framework, setup, &door.addr.to_string(), setup.expected)
            }
            Nodes::One(server) => {
                server.client().ask("FLUSHALL");
                let (host, port) = server.addr();
                run(framework, setup, &format!("{host}:{port}"), Expected::Works)
            }
        }
    }
}

fn run(framework: &Framework, setup: &Setup, endpoint: &str, expected: Expected) -> Verdict {
    let mut command = framework.program.command(framework.script, &[]);
    command.env("ENDPOINT", endpoint).envs(setup.environment.iter().copied());
    if let Expected::Refused(_) = expected {
        command.env("PATIENCE", PATIENCE_REFUSED);
    }
    let began = Instant::now();
    let mut process =
        Process::start_group(framework.name, &guard::temp_dir("framework"), &mut command);
    let status = process.wait_end();
    let (took, log) = (began.elapsed(), process.log());
    let is_refused = |text: &str| !status.success() && log.to_lowercase().contains(text);
    let (outcome, is_right) = match expected {
        Expected::Works => ("works", status.success()),
        Expected::Refused(text) => ("refused", is_refused(text)),
    };
    Verdict {
        versions: versions(&log),
        outcome: if is_right { outcome.to_owned() } else { "FAILED".to_owned() },
        took,
        complaint: (!is_right).then(|| format!("expected: {expected:?}, {status}\n{}", end(&log))),
    }
}

/// What the script says it uses.
pub(crate) fn versions(log: &str) -> String {
    let mut lines = log.lines();
    lines.find_map(|line| line.strip_prefix("version ")).unwrap_or("unknown").to_owned()
}

/// The last lines of a log.
pub(crate) fn end(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}
