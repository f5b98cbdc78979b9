//! The node processes: started, restarted when they die, stopped together.
//!
//! Invariants: a node runs in a process group of its own, so that a terminal's Ctrl-C reaches the supervisor
//! alone and the order of stopping is the supervisor's; dropping [`Nodes`] kills what still runs.
//!
//! All functions must be called on the main thread: a node dies with the *thread* that started it
//! (see [`crate::node`]), and only the main thread lives as long as the process.

use std::convert::Infallible;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use reddoor_proxy::config::{LogLevel, Permission};
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};
use tracing::{error, info, warn};

use super::backoff::Backoff;
use super::data_dir::{DataDir, NODES_CONF};
use super::layout::Layout;
use crate::node::SUPERVISOR_VARIABLE;
use crate::signals::StopSignals;

/// How long a node may take to stop by itself before it is killed: it writes all its data down first.
const STOP_MAX: Duration = Duration::from_secs(600);
/// After this silence the others hold a node for lost. They are all on one machine, where nothing but load makes a
/// node silent.
const NODE_TIMEOUT: Duration = Duration::from_secs(3);
/// A node that died and has a replica stays away for so long: the replica, which has its data, takes over. Back at
/// once it would be a primary without data, and the replica would copy that.
const HANDOVER: Duration = Duration::from_secs(8);
/// A node's log is put aside at the node's start when it is larger (bytes).
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Lines of a dead node's log that are shown.
const LOG_LINES_SHOWN: usize = 10;

/// All nodes of one cluster, in the order of their layout.
#[derive(Debug)]
pub(crate) struct Nodes {
    nodes: Vec<Node>,
    /// How long a node that died stays away at least.
    pause_min: Duration,
    /// Fires when a child process ended; several ends may share one firing.
    child_ended: SignalStream,
}

/// What an operator wants of all nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wishes {
    /// How much they log.
    pub(crate) level: LogLevel,
    /// Whether clients of the front door may change them: then `DEBUG` is open to it, too.
    pub(crate) changes: Permission,
}

/// One node and its process.
#[derive(Debug)]
struct Node {
    spec: NodeSpec,
    state: State,
    backoff: Backoff,
}

#[derive(Debug)]
enum State {
    /// As far as is known; the process is asked each time a child ended.
    Running(Child),
    /// Died, and is started again at this time.
    Waiting(Instant),
    /// Stopped on request.
    Stopped,
}

/// What a node is started with.
#[derive(Clone, Debug)]
struct NodeSpec {
    /// This program's own file.
    program: PathBuf,
    port: u16,
    dir: PathBuf,
    /// How much it logs, in the words of redis.conf.
    log_level: &'static str,
    /// Who may use `DEBUG`, in the words of redis.conf.
    debug_command: &'static str,
}

impl Nodes {
    /// Starts every node of the layout. When one cannot be started, those before it are killed.
    pub(crate) fn start(layout: &Layout, dir: &DataDir, wishes: Wishes) -> Result<Nodes> {
        let child_ended = signal(SignalKind::child()).context("cannot listen for signals")?;
        let program = std::env::current_exe().context("cannot find the program's own file")?;
        let pause_min = if layout.shape.replicas > 0 { HANDOVER } else { Duration::ZERO };
        let mut nodes = Nodes { nodes: Vec::new(), pause_min, child_ended };
        for &port in &layout.ports {
            let spec = NodeSpec {
                program: program.clone(),
                port,
                dir: dir.node_dir(port),
                log_level: node_log_level(wishes.level),
                debug_command: match wishes.changes {
                    Permission::Refuse => "no",
                    Permission::Allow => "local",
                },
            };
            let child = spec.spawn().with_context(|| format!("cannot start node {port}"))?;
            info!(port, pid = child.id(), "node started");
            let state = State::Running(child);
            nodes.nodes.push(Node { spec, state, backoff: Backoff::default() });
        }
        Ok(nodes)
    }

    /// Where the nodes listen for clients.
    pub(crate) fn addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.nodes.iter().map(|node| addr_of(node.spec.port))
    }

    /// Fails as soon as a node is dead, with its exit and the last lines of its log; otherwise never returns.
    pub(crate) async fn first_death(&mut self) -> anyhow::Error {
        loop {
            for node in &mut self.nodes {
                if let Some(status) = node.exit() {
                    let tail = log_tail(&node.spec.log_path());
                    return anyhow::anyhow!("node {} ended: {status}{tail}", node.spec.port);
                }
            }
            self.child_ended.recv().await;
        }
    }

    /// Starts nodes again that died, each after a pause that grows; never returns.
    pub(crate) async fn keep_running(&mut self) -> Infallible {
        loop {
            let now = Instant::now();
            let pause_min = self.pause_min;
            let next = self.nodes.iter_mut().filter_map(|node| node.revive(now, pause_min)).min();
            match next {
                None => _ = self.child_ended.recv().await,
                Some(at) => tokio::select! {
                    _ = self.child_ended.recv() => {}
                    () = tokio::time::sleep_until(at.into()) => {}
                },
            }
        }
    }

    /// Asks all nodes to stop, and kills those that do not in time, or all at the next stop signal.
    pub(crate) async fn stop(mut self, signals: &mut StopSignals) {
        for node in &mut self.nodes {
            node.ask_to_stop();
        }
        tokio::select! {
            () = self.all_ended() => return,
            () = signals.recv() => warn!("asked again to stop: killing the nodes that still run"),
            () = tokio::time::sleep(STOP_MAX) => {}
        }
        for node in &mut self.nodes {
            if matches!(node.state, State::Running(_)) {
                warn!(port = node.spec.port, "node did not stop, killing it");
                node.kill();
            }
        }
    }

    async fn all_ended(&mut self) {
        loop {
            // Every node is asked: asking is what collects a process that ended.
            let running = self.nodes.iter_mut().filter_map(|node| node.poll_running()).count();
            if running == 0 {
                return;
            }
            self.child_ended.recv().await;
        }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            node.kill();
        }
    }
}

impl Node {
    /// How the process ended, once it has.
    fn exit(&mut self) -> Option<ExitStatus> {
        let State::Running(child) = &mut self.state else { return None };
        child.try_wait().ok().flatten()
    }

    /// `Some` while the process runs.
    fn poll_running(&mut self) -> Option<()> {
        if self.exit().is_some() {
            self.state = State::Stopped;
        }
        matches!(self.state, State::Running(_)).then_some(())
    }

    /// One round of keeping the node alive. Returns when it wants another one, `None` for when a child ends.
    fn revive(&mut self, now: Instant, pause_min: Duration) -> Option<Instant> {
        if let Some(status) = self.exit() {
            let pause = self.backoff.died(now).max(pause_min);
            warn!(port = self.spec.port, %status, ?pause, "node ended, starting it again");
            self.state = State::Waiting(now + pause);
        }
        let State::Waiting(at) = self.state else { return None };
        if now < at {
            return Some(at);
        }
        match self.spec.spawn() {
            Ok(child) => {
                info!(port = self.spec.port, pid = child.id(), "node started again");
                self.backoff.started(now);
                self.state = State::Running(child);
                None
            }
            Err(error) => {
                let pause = self.backoff.died(now);
                error!(port = self.spec.port, %error, ?pause, "node cannot be started, trying again");
                self.state = State::Waiting(now + pause);
                Some(now + pause)
            }
        }
    }

    fn ask_to_stop(&mut self) {
        // A process that ended may have left its id to another one, which must not get the signal.
        if self.poll_running().is_none() {
            self.state = State::Stopped;
        }
        if let State::Running(child) = &self.state
            && let Err(error) = kill_process(Pid::from_child(child), Signal::TERM)
        {
            warn!(port = self.spec.port, %error, "cannot ask the node to stop");
        }
    }

    fn kill(&mut self) {
        if let State::Running(child) = &mut self.state {
            // An error means that it has ended and was collected before.
            let _ = child.kill();
            let _ = child.wait();
            self.state = State::Stopped;
        }
    }
}

impl NodeSpec {
    fn spawn(&self) -> io::Result<Child> {
        let log_file = open_log(&self.log_path())?;
        let mut command = Command::new(&self.program);
        command
            .arg("node")
            .args(["--port", &self.port.to_string()])
            .args(["--bind", &Ipv4Addr::LOCALHOST.to_string()])
            .args(["--cluster-enabled", "yes"])
            .args(["--cluster-config-file", NODES_CONF])
            .args(["--cluster-node-timeout", &NODE_TIMEOUT.as_millis().to_string()])
            .args(["--loglevel", self.log_level])
            .args(["--enable-debug-command", self.debug_command])
            .arg("--dir")
            .arg(&self.dir)
            .env(SUPERVISOR_VARIABLE, std::process::id().to_string())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log_file.try_clone()?)
            .stderr(log_file);
        command.spawn()
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("node.log")
    }
}

/// The address of a supervised node: all of them live on this machine and are reached through the front door.
pub(crate) fn addr_of(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A level in the words of redis.conf, which has no way to be silent.
fn node_log_level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Off | LogLevel::Error | LogLevel::Warn => "warning",
        LogLevel::Info => "notice",
        LogLevel::Debug => "verbose",
        LogLevel::Trace => "debug",
    }
}

/// Opens a log to append to, after putting a large one aside; two of them is all that is kept.
fn open_log(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
        fs::rename(path, path.with_extension("log.old"))?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// The last lines of a log, each on a line of its own and indented; where the whole log is comes first.
fn log_tail(path: &Path) -> String {
    let log = fs::read(path).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
    let mut tail = format!("; its log is {}", path.display());
    for line in shown {
        tail.push_str("\n    ");
        tail.push_str(line);
    }
    tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_log_is_its_last_lines() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("node.log");
        let lines: String = (0..50).map(|n| format!("line {n}\n")).collect();
        fs::write(&path, lines).unwrap();
        let tail = log_tail(&path);
        assert_eq!(tail.lines().count(), 1 + LOG_LINES_SHOWN);
        assert!(tail.ends_with("\n    line 49"), "{tail}");
        assert!(log_tail(&temp.path().join("none")).starts_with("; its log is"));
    }

    #[test]
    fn a_large_log_is_put_aside() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("node.log");
        File::create(&path).unwrap().set_len(LOG_BYTES_MAX + 1).unwrap();
        assert_eq!(open_log(&path).unwrap().metadata().unwrap().len(), 0);
        assert!(temp.path().join("node.log.old").exists());
    }
}
