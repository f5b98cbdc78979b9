//! A server process: its log, its signals, its end.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

use crate::guard;
use crate::wait::wait_for;

/// Lines of its log that a failing test shows.
const LOG_LINES_SHOWN: usize = 25;

/// A process, killed when dropped. If that happens because a test fails, the end of its log is shown.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    has_ended: bool,
    /// Whether the processes that it starts end with it.
    leads_group: bool,
}

impl Process {
    /// Starts `command` with everything it prints going to `<dir>/<name>.log`.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(name: &str, dir: &Path, command: &mut Command) -> Process {
        Process::run(name, dir, command, false)
    }

    /// As [`Process::start`], for a program that starts others: when it ends, or is killed, they are killed, too.
    ///
    /// # Panics
    /// As [`Process::start`].
    pub fn start_group(name: &str, dir: &Path, command: &mut Command) -> Process {
        Process::run(name, dir, command.process_group(0), true)
    }

    fn run(name: &str, dir: &Path, command: &mut Command, leads_group: bool) -> Process {
        let log = dir.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log).expect("a log file");
        let err = out.try_clone().expect("a second handle of the log");
        let child = command
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let process = Process { name: name.to_owned(), child, log, has_ended: false, leads_group };
        guard::watch(process.guarded());
        process
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it printed so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// It has ended.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal)
            .unwrap_or_else(|error| panic!("cannot signal {}: {error}", self.name));
    }

    /// What the guard kills: its number, that of a group with a sign before it.
    fn guarded(&self) -> i64 {
        let id = i64::from(self.child.id());
        if self.leads_group { -id } else { id }
    }

    /// How it ended, if it has.
    pub fn poll_end(&mut self) -> Option<ExitStatus> {
        if self.leads_group && !self.has_ended {
            self.end_group();
        }
        let status = self.child.try_wait().expect("a child can be waited for");
        if status.is_some() && !self.has_ended {
            self.has_ended = true;
            guard::release(self.guarded());
        }
        status
    }

    /// Kills what is left of its group once it has ended. It is not collected before that, so its number, which is
    /// the group's, cannot be another's.
    fn end_group(&self) {
        let pid = Pid::from_child(&self.child);
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if matches!(waitid(WaitId::Pid(pid), look), Ok(Some(_))) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    /// Waits for its end.
    pub fn wait_end(&mut self) -> ExitStatus {
        let what = format!("{} to end", self.name);
        wait_for(&what, || self.poll_end())
    }

    /// Kills it; returns when it is gone.
    pub fn kill(&mut self) {
        if self.poll_end().is_none() {
            let _ = self.child.kill();
            self.wait_end();
        }
    }

    /// Memory that it holds now, in bytes, as the system counts it.
    ///
    /// # Panics
    /// It has ended.
    pub fn resident_bytes(&self) -> usize {
        self.memory("VmRSS:")
    }

    /// The most memory that it ever held, in bytes, as the system counts it.
    ///
    /// # Panics
    /// It has ended.
    pub fn resident_bytes_peak(&self) -> usize {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a known name");
        let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let shown = lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n");
            eprintln!("---- the last lines of {} ----\n{shown}", self.name);
        }
    }
}
