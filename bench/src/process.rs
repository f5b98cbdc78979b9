//! A child process with its log: started guarded, killed when dropped.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::guard;
use crate::resp::{Client, Reply};

/// How long a server may take until it answers.
const START_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause between two looks at something that is not ready.
const POLL: Duration = Duration::from_millis(20);

/// A running server. Dropping it kills the process and waits for its end.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `program` in `folder`, which is made, with everything it prints in `folder/log`.
    pub(crate) fn start<S: AsRef<OsStr>>(
        name: &str,
        program: &Path,
        args: &[S],
        folder: &Path,
    ) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let log = folder.join("log");
        let out = File::create(&log)?;
        let child = guard::command(program)
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(out.try_clone()?)
            .stdout(out)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// The process id, of the server itself and not of a shell around it.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `command` on `port` gets a reply that is no error.
    ///
    /// # Errors
    /// The process ended, or [`START_TIMEOUT`] passed; the message holds the end of its log.
    pub(crate) fn wait_until_serving(&mut self, port: u16, command: &[&str]) -> Result<()> {
        let mut last = "no connection was accepted".to_owned();
        let served = wait_until(START_TIMEOUT, || {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}{}", self.name, self.log_tail());
            }
            match Client::connect(port).and_then(|mut client| client.call(command)) {
                Ok(Reply::Error(text)) => last = text,
                Ok(_) => return Ok(true),
                Err(error) => last = format!("{error:#}"),
            }
            Ok(false)
        })?;
        if !served {
            bail!("{} does not serve: {last}{}", self.name, self.log_tail());
        }
        Ok(())
    }

    /// The last lines of the log, for an error message.
    fn log_tail(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let tail = &lines[lines.len().saturating_sub(6)..];
        tail.iter().map(|line| format!("\n    | {line}")).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either may fail only because the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until `ready` says yes (true) or the time is up (false).
pub(crate) fn wait_until(
    timeout: Duration,
    mut ready: impl FnMut() -> Result<bool>,
) -> Result<bool> {
    let end = Instant::now() + timeout;
    while !ready()? {
        if Instant::now() >= end {
            return Ok(false);
        }
        thread::sleep(POLL);
    }
    Ok(true)
}

/// Runs a child to its end, looking at `watch` meanwhile; kills it when `timeout` passes.
pub(crate) fn run_to_end(
    child: Child,
    timeout: Duration,
    mut watch: impl FnMut(),
) -> Result<ExitStatus> {
    let mut child = KilledOnDrop(child);
    let mut status = None;
    wait_until(timeout, || {
        watch();
        status = child.0.try_wait()?;
        Ok(status.is_some())
    })?;
    status.with_context(|| format!("no end after {} s", timeout.as_secs()))
}

struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
