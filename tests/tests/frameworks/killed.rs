//! Queues under load while the front door is killed, or asked to stop, and started again: every job is done, none is
//! lost.

use std::fs;
use std::path::Path;
use std::time::Instant;

use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::guard;
use reddoor_tests::process::Process;
use reddoor_tests::wait::wait_until;

use super::program::Program;
use super::trial::{Verdict, end, versions};

/// Jobs that are given while the load lasts (count).
const JOBS: usize = 600;

/// After so many jobs are done the front door ends.
const ENDS_AFTER: [usize; 4] = [50, 150, 250, 350];

/// A queue with its producer and its workers.
#[derive(Debug)]
pub(crate) struct Load {
    /// As the report names it.
    pub(crate) name: &'static str,
    /// What runs the script.
    pub(crate) program: Program,
    script: &'static str,
    /// Whether it is run without being asked for.
    pub(crate) is_in_ci: bool,
    /// As the report names the settings.
    pub(crate) setup: &'static str,
    settings: &'static [(&'static str, &'static str)],
    environment: &'static [(&'static str, &'static str)],
    ending: Ending,
}

/// How the front door ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// By `SIGKILL`.
    Killed,
    /// By `SIGKILL`, and what the framework had taken at that moment and noted nowhere is lost: a job each time.
    KilledMayLose,
    /// By `SIGTERM`, while the next one takes its place.
    Replaced,
}

impl Ending {
    /// As the report tells it.
    fn name(self) -> &'static str {
        match self {
            Ending::Killed | Ending::KilledMayLose => "killed",
            Ending::Replaced => "replaced",
        }
    }

    /// Jobs that may be lost (count).
    fn lost_max(self) -> usize {
        if self == Ending::KilledMayLose { ENDS_AFTER.len() } else { 0 }
    }
}

/// All of them.
pub(crate) const LOADS: &[Load] = &[
    Load {
        name: "load: reliable queue",
        program: Program::Python,
        script: "reliable_load.py",
        is_in_ci: true,
        setup: "cross_slot.writes = \"emulate\", keys over all slots",
        settings: &[("cross_slot.writes", "emulate")],
        environment: &[("KEYS", "load:")],
        ending: Ending::Killed,
    },
    Load {
        name: "load: reliable queue",
        program: Program::Python,
        script: "reliable_load.py",
        is_in_ci: false,
        setup: "as shipped, keys share a hash tag",
        settings: &[],
        environment: &[("KEYS", "{load}:")],
        ending: Ending::Killed,
    },
    Load {
        name: "load: BullMQ",
        program: Program::Node,
        script: "bullmq_load.mjs",
        is_in_ci: true,
        setup: "its option prefix: '{bull}'",
        settings: &[],
        environment: &[("PREFIX", "{bull}")],
        ending: Ending::Killed,
    },
    Load {
        name: "load: Celery, acks_late",
        program: Program::Python,
        script: "celery_load.py",
        is_in_ci: true,
        setup: "preset celery",
        settings: &[("colocate.presets", "celery")],
        environment: &[],
        ending: Ending::KilledMayLose,
    },
    Load {
        name: "load: Celery, acks_late",
        program: Program::Python,
        script: "celery_load.py",
        is_in_ci: true,
        setup: "preset celery",
        // Clients that are busy have so long to go over to the next front door.
        settings: &[("colocate.presets", "celery"), ("shutdown.takeover_drain_ms", "500")],
        environment: &[],
        ending: Ending::Replaced,
    },
];

impl Load {
    /// Has the front door end under it, several times.
    pub(crate) fn run(&self) -> Verdict {
        let cluster = Cluster::start(Kind::Real, 3);
        let mut door = FrontDoor::start(&cluster.seeds(), self.settings);
        let endpoint = door.addr.to_string();
        let dir = guard::temp_dir("load");
        let done = dir.join("done");
        fs::write(&done, "").expect("a file for what is done");
        let args = [&JOBS.to_string(), done.to_str().expect("a path of letters")];
        let mut command = self.program.command(self.script, &args);
        command.env("ENDPOINT", &endpoint).envs(self.environment.iter().copied());
        command.env("LOST_MAX", self.ending.lost_max().to_string());
        let began = Instant::now();
        let mut process = Process::start_group("load", &dir, &mut command);
        for count in ENDS_AFTER {
            wait_until("jobs to be done", || {
                process.poll_end().is_some() || done_count(&done) >= count
            });
            door = self.end_and_start(door, &cluster);
        }
        let (was_busy, status) = (done_count(&done) < JOBS, process.wait_end());
        let log = process.log();
        let counts = log.lines().find(|line| line.ends_with(" done again"));
        let outcome = format!(
            "{JOBS} jobs, front door {} {} times: {}",
            self.ending.name(),
            ENDS_AFTER.len(),
            counts.unwrap_or("?"),
        );
        let is_right = was_busy && status.success();
        Verdict {
            versions: versions(&log),
            outcome: if is_right { outcome } else { "FAILED".to_owned() },
            took: began.elapsed(),
            complaint: (!is_right).then(|| format!("{status}\n{}", end(&log))),
        }
    }

    /// Another front door where clients expect it, once this one has ended or on its way to that.
    fn end_and_start(&self, mut door: FrontDoor, cluster: &Cluster) -> FrontDoor {
        if self.ending == Ending::Replaced {
            let next = door.successor(&cluster.seeds(), self.settings);
            door.process.wait_end();
            return next;
        }
        door.process.kill();
        FrontDoor::start_at(&door.addr.to_string(), &cluster.seeds(), self.settings)
    }
}

fn done_count(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}
