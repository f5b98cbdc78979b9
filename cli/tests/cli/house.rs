//! A `reddoor` under test: started, listened to, signalled, and its traces looked for afterwards.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take before a test gives up. No test gets faster or slower by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The program under test, with an environment that holds no settings.
pub(crate) fn reddoor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reddoor"));
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("REDDOOR_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Runs to the end; what it printed and how it ended.
pub(crate) fn run(args: &[&str]) -> Output {
    reddoor().args(args).output().unwrap()
}

/// Checks that a run is refused with this exit code and exactly these lines on stderr.
#[track_caller]
pub(crate) fn check_refused(args: &[&str], code: i32, lines: &[&str]) {
    let output = run(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr.lines().collect::<Vec<_>>(), lines, "{args:?}");
    assert_eq!(output.status.code(), Some(code), "{args:?}");
    assert!(output.stdout.is_empty(), "stdout is for what was asked for");
}

/// A cluster with its front door, killed when dropped.
pub(crate) struct House {
    child: Child,
    /// What stands behind `endpoint` in the report.
    pub(crate) endpoint: SocketAddr,
    /// The report, line by line.
    pub(crate) report: Vec<String>,
    /// Everything on stderr so far and to come.
    stderr: Receiver<String>,
}

impl House {
    /// Starts one shard and one replica with their data in `dir`, and waits until they are ready.
    pub(crate) fn start(dir: &Path, ports: NodePorts) -> House {
        let base = ports.0.to_string();
        let mut child = reddoor()
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "1"])
            .args(["--shards", "1", "--replicas", "1", "--node-port-base", &base, "--dir"])
            .arg(dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = lines_of(child.stdout.take().unwrap());
        let stderr = lines_of(child.stderr.take().unwrap());
        let mut report = Vec::new();
        while report.last().is_none_or(|line: &String| !line.starts_with("  stop")) {
            match stdout.recv_timeout(PATIENCE) {
                Ok(line) => report.push(line),
                Err(error) => {
                    let _ = child.kill();
                    let told: Vec<String> = stderr.iter().collect();
                    panic!("not ready ({error}): {report:#?} {told:#?}");
                }
            }
        }
        let endpoint = report.iter().find_map(|line| line.strip_prefix("  endpoint  ")).unwrap();
        let endpoint = endpoint.split(' ').next().unwrap().parse().unwrap();
        House { child, endpoint, report, stderr }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; how it ended and what it had logged.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = wait_for("the end", || self.child.try_wait().unwrap());
        (status, self.stderr.iter().collect::<Vec<_>>().join("\n"))
    }

    /// The lines of the report that tell of nodes.
    pub(crate) fn nodes(&self) -> Vec<&str> {
        let first = self.report.iter().position(|line| line.starts_with("  nodes")).unwrap();
        let lines = self.report[first..].iter().take_while(|line| !line.starts_with("  data"));
        lines.map(|line| line.trim_start_matches("  nodes").trim()).collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A run of free ports for two nodes; no two tests get the same.
#[derive(Clone, Copy)]
pub(crate) struct NodePorts(pub(crate) u16);

impl NodePorts {
    const NODES: u16 = 2;

    pub(crate) fn free() -> NodePorts {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        // Below the ports that systems hand out by themselves, begun at a place of this process's own.
        let start = u16::try_from(std::process::id() % 500).unwrap() * 8;
        loop {
            let base = 12_000 + (start + NEXT.fetch_add(Self::NODES, Ordering::Relaxed)) % 8_000;
            let mut ports = (base..base + Self::NODES).flat_map(|port| [port, port + 10_000]);
            if ports.all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
                return NodePorts(base);
            }
        }
    }
}

/// One request as a plain client types it, and the first line of its reply.
pub(crate) fn ask(addr: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{request}\r\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// The running processes that have this path among their arguments, or work below it.
pub(crate) fn processes_naming(path: &Path) -> Vec<Pid> {
    let text = path.to_str().unwrap().as_bytes();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let naming = processes.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        // A process that is gone by now, or only waits to be collected, has neither.
        let args = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let is_named = args.windows(text.len()).any(|part| part == text);
        let works_there =
            || fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(path));
        (is_named || works_there()).then(|| Pid::from_raw(pid))?
    });
    naming.collect()
}

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// A pipe read to its end on a thread of its own, so that waiting for a line can have a deadline.
fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
