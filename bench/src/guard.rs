//! Nothing this program starts outlives it, however it ends.
//!
//! Three ways out, three answers:
//! 1. A return or a panic drops every [`Server`](crate::process::Server), which kills its process.
//! 2. SIGINT, SIGTERM or SIGHUP removes the working directory and exits.
//! 3. Any other end, SIGKILL included: each child asked the kernel to be killed with its parent.
//!
//! For the third, a child is started through this very program: it makes the request and then
//! replaces itself by the real one, keeping its process id. Asking between fork and exec would need
//! unsafe code; asking before the fork has no effect, as the request is not inherited.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, thread};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The first argument that makes this program a guard; no flag of the command line looks like it.
const GUARD: &str = "--guarded-child-of";

/// A command that will run `program` and die with this process.
///
/// It must be started from the main thread: the kernel watches the thread that started it.
pub(crate) fn command(program: &Path) -> Command {
    // Still the running program after a rebuild replaced the file.
    let mut command = Command::new("/proc/self/exe");
    command.arg(GUARD).arg(std::process::id().to_string()).arg(program);
    // Ctrl-C on a terminal goes to the whole foreground group; only this program shall answer it.
    command.process_group(0);
    command
}

/// Becomes the guarded program, if this process was started to be one; returns `Ok` if it was not.
///
/// # Errors
/// The parent is gone already, or the program cannot be run.
pub(crate) fn become_child() -> Result<()> {
    let mut args = env::args_os().skip(1);
    if args.next().is_none_or(|first| first != GUARD) {
        return Ok(());
    }
    match replace(args)? {}
}

fn replace(mut args: impl Iterator<Item = OsString>) -> Result<Infallible> {
    let parent = args.next().context("no parent named")?;
    let parent: i32 = parent.to_str().context("a parent that is no number")?.parse()?;
    let program = args.next().context("no program named")?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent that died before the request was made sends no signal any more.
    if getppid().map(Pid::as_raw_pid) != Some(parent) {
        bail!("the parent has ended");
    }
    Err(Command::new(&program).args(args).exec()).with_context(|| format!("cannot run {program:?}"))
}

/// On SIGINT, SIGTERM or SIGHUP: removes `folder` and ends this process, and with it its children.
pub(crate) fn end_on_signal(folder: PathBuf) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            eprintln!("stopped by signal {signal}");
            // Best effort: a folder left behind in the temporary directory does no harm.
            let _ = fs::remove_dir_all(&folder);
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}
