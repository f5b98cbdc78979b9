//! `reddoor node`: one bundled node in this process, and its tie to the supervisor that started it.

use anyhow::{Context, anyhow};
use reddoor_backend::REDIS_VERSION;
use reddoor_backend::config::Config;

use crate::daemon::{self, DAEMON_VARIABLE};
use crate::exit::{Failure, Mistake};
use crate::report;

/// The variable by which a supervisor tells its nodes its process id. A node that finds it dies with that process.
pub(crate) const SUPERVISOR_VARIABLE: &str = "REDDOOR_SUPERVISOR";

const HELP: &str = "\
One bundled node of a Redis Cluster.

Examples:
  reddoor node --port 7001 --dir /var/lib/n1 --cluster-enabled yes
  reddoor node path/redis.conf --port 7001

Usage: reddoor node [CONFIG-FILE] [--DIRECTIVE VALUE...]... [-]

Arguments are those of redis-server: an optional file in the format of redis.conf, then directives of that file as
flags, which win over it. A - in the file's place or at the end stands for standard input. A link to this program that
is named redis-server takes them without the word node.
";

/// Runs a node until it is told to stop.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    match args.first().map(String::as_str) {
        Some("--help" | "-h") => {
            report::print(HELP);
            return Ok(());
        }
        Some("--version" | "-v" | "-V") => {
            report::print(&format!(
                "reddoor {}\nRedis server v={REDIS_VERSION} sha=00000000:0 malloc=libc bits={} build=0\n",
                env!("CARGO_PKG_VERSION"),
                usize::BITS
            ));
            return Ok(());
        }
        _ => {}
    }
    die_with_supervisor()?;
    let config = Config::from_args(args).map_err(|mistakes| {
        // What drives a Redis looks for the words with which one ends; who reads them wants to know all mistakes.
        if let Some(first) = mistakes.first() {
            eprintln!("{}", first.as_of_redis(REDIS_VERSION));
        }
        let lines = mistakes.iter().map(|mistake| Mistake::Setting(mistake.to_string()));
        Failure::Refused(lines.collect())
    })?;
    if config.is_daemon() && std::env::var_os(DAEMON_VARIABLE).is_none() {
        daemon::begin(config.input())?;
        return Ok(());
    }
    if config.is_daemon() {
        daemon::leave_terminal();
    }
    // The node logs by itself, in the form of redis-server and where its own directives say.
    reddoor_backend::run(config).map_err(|error| Failure::Broke(anyhow::Error::from(error)))
}

/// Asks the kernel to end this process when the supervisor ends, however that happens.
///
/// The supervisor may already be gone by the time the kernel is asked, so its process id is compared afterwards.
/// The kernel watches the *thread* that started this process; the supervisor starts nodes from its main thread.
fn die_with_supervisor() -> anyhow::Result<()> {
    let Ok(expected) = std::env::var(SUPERVISOR_VARIABLE) else { return Ok(()) };
    let supervisor: i32 = expected
        .parse()
        .with_context(|| format!("{SUPERVISOR_VARIABLE}={expected}: expected a process id"))?;
    // Killed and not asked to stop: a node that hangs may not outlive its supervisor either.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .context("cannot tie the node to its supervisor")?;
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if parent != Some(supervisor) {
        return Err(anyhow!("the supervisor, process {supervisor}, ended before its node began"));
    }
    Ok(())
}
