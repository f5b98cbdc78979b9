//! `daemonize yes`: a node in the background, away from the terminal.
//!
//! 1. The process that was started runs itself once more with the same arguments, tells it so by a variable, and ends.
//! 2. The other one begins a session of its own, so that the terminal's end is not its own, and serves.
//!
//! A process that has threads cannot be forked safely, and one that has none yet is the same as a new one.

use std::env;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use anyhow::Context as _;

/// The variable by which a node knows that it is in the background already.
pub(crate) const DAEMON_VARIABLE: &str = "REDDOOR_DAEMON";

/// Starts the process in the background. `input` is what this one has read from standard input, for the other to read.
pub(crate) fn begin(input: Option<&[u8]>) -> anyhow::Result<()> {
    let executable = env::current_exe().context("cannot find my own executable")?;
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut words = env::args_os();
    let mut command = Command::new(executable);
    // By its name it may know that it is a node.
    if let Some(name) = words.next() {
        command.arg0(name);
    }
    let mut child = command
        .args(words)
        .env(DAEMON_VARIABLE, "1")
        .stdin(stdin)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start a process in the background")?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        stdin.write_all(input).context("cannot hand over what standard input said")?;
    }
    Ok(())
}

/// Begins a session without a terminal, which can only fail where there is one already.
pub(crate) fn leave_terminal() {
    let _ = rustix::process::setsid();
}
