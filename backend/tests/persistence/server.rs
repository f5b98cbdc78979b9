//! Servers of either kind as processes with a directory, which several of them may use one after the other.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reddoor_backend::config::Config;
use reddoor_tests::port::NodePort;
pub(crate) use reddoor_tests::redis_server::is_installed as has_redis_server;
use reddoor_tests::role::serve_if_asked;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::tcp_client::Client;

/// How long anything may take before a test gives up. No test gets faster or slower by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Time between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Tells the process of this test binary that it is to be a node, and with which arguments, one a line.
const NODE_ARGS: &str = "REDDOOR_PERSISTENCE_TEST_NODE_ARGS";

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Real,
    Ours,
}

/// Becomes a node for ever if the environment says so.
pub(crate) fn run_if_asked() {
    serve_if_asked(NODE_ARGS, |args| {
        reddoor_backend::run(Config::from_args(args).expect("arguments of a node"))
    });
}

/// What the disk of a server is like.
#[derive(Clone, Copy)]
pub(crate) enum Disk<'a> {
    Sound,
    /// Files may have so many kilobytes.
    Small(u64),
    /// It is what these variables make it.
    Faulty(&'a Environment),
}

/// Names of variables, and their values.
pub(crate) type Environment = [(&'static str, PathBuf); 3];

/// One server process; killed when dropped.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    pub(crate) dir: PathBuf,
    child: Child,
    _reservation: NodePort,
}

impl Server {
    /// Starts a server in a directory and waits until it has read what it finds there.
    pub(crate) fn start(kind: Kind, dir: &Path, directives: &str) -> Server {
        let mut server = Server::spawn(kind, dir, directives, Disk::Sound);
        server.wait_serves();
        server
    }

    /// Starts one whose files may have so many bytes: a disk that is full then.
    pub(crate) fn start_with_full_disk(
        kind: Kind,
        dir: &Path,
        directives: &str,
        kilobytes: u64,
    ) -> Server {
        let mut server = Server::begin(kind, dir, directives, kilobytes);
        server.wait_serves();
        server
    }

    /// As [`Server::start_with_full_disk`], without waiting for anything.
    pub(crate) fn begin(kind: Kind, dir: &Path, directives: &str, kilobytes: u64) -> Server {
        Server::spawn(kind, dir, directives, Disk::Small(kilobytes))
    }

    /// As [`Server::start`], on a disk that fails where it is told to.
    pub(crate) fn start_on(disk: Disk<'_>, dir: &Path, directives: &str) -> Server {
        let mut server = Server::spawn(Kind::Ours, dir, directives, disk);
        server.wait_serves();
        server
    }

    /// As [`Server::start_on`], if it comes so far; otherwise it has ended.
    pub(crate) fn try_on(disk: Disk<'_>, dir: &Path, directives: &str) -> Server {
        let mut server = Server::spawn(Kind::Ours, dir, directives, disk);
        wait_for("a server to serve or to end", || {
            (server.has_ended() || server.serves()).then_some(())
        });
        server
    }

    /// Whether it answers requests, and not only that it reads.
    fn serves(&self) -> bool {
        Client::connect(self.port).is_ok_and(|mut client| client.ask("PING") == "PONG")
    }

    /// From now on its files may have so many bytes; `None` for any number.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        // It may be gone by now.
        let _ = prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None });
    }

    /// Whether its process has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_some())
    }

    /// Ends it as a crash would. Whether it had not ended by itself.
    pub(crate) fn kill_if_there(&mut self) -> bool {
        let was_there = !self.has_ended();
        self.kill();
        was_there
    }

    /// Starts one and hears what it answers to `PING` until it serves, each answer once.
    pub(crate) fn start_listening(
        kind: Kind,
        dir: &Path,
        directives: &str,
    ) -> (Server, Vec<String>) {
        let mut server = Server::spawn(kind, dir, directives, Disk::Sound);
        let mut answers = Vec::new();
        wait_for("a server to serve", || {
            assert!(server.child.try_wait().is_ok_and(|status| status.is_none()), "it ended");
            let answer = Client::connect(server.port).ok()?.ask("PING");
            answers.push(answer);
            answers.dedup();
            (answers.last()? == "PONG").then_some(())
        });
        (server, answers)
    }

    /// Starts one that cannot read what it finds. How it ended, and its log.
    pub(crate) fn start_in_vain(kind: Kind, dir: &Path, directives: &str) -> (ExitStatus, String) {
        let mut server = Server::spawn(kind, dir, directives, Disk::Sound);
        let status = wait_for("a server to give up", || server.child.try_wait().ok().flatten());
        (status, server.log())
    }

    /// Starts one that may or may not be able to read what it finds. Its log.
    pub(crate) fn start_or_fail(kind: Kind, dir: &Path, directives: &str) -> String {
        let mut server = Server::spawn(kind, dir, directives, Disk::Sound);
        wait_for("a server to serve or to give up", || {
            let has_ended = server.child.try_wait().is_ok_and(|status| status.is_some());
            (has_ended || server.serves()).then_some(())
        });
        server.log()
    }

    fn spawn(kind: Kind, dir: &Path, directives: &str, disk: Disk<'_>) -> Server {
        let reservation = NodePort::free();
        let port = reservation.number();
        let port_text = port.to_string();
        let mut args = vec!["--port", &port_text, "--bind", "127.0.0.1", "--dir"];
        args.push(dir.to_str().expect("a directory whose name is text"));
        args.extend(["--enable-debug-command", "yes", "--save", ""]);
        args.extend(directives.split_ascii_whitespace());
        let (program, program_args, variable) = match kind {
            Kind::Real => (PathBuf::from("redis-server"), args.clone(), String::new()),
            Kind::Ours => {
                let this = std::env::current_exe().expect("this test binary");
                (this, vec!["node_process", "--exact", "--nocapture"], args.join("\n"))
            }
        };
        let mut command = match disk {
            Disk::Sound => Command::new(&program),
            Disk::Faulty(environment) => {
                let mut command = Command::new(&program);
                command.envs(environment.iter().cloned());
                command
            }
            Disk::Small(kilobytes) => {
                // The shell's unit is 1024 bytes in bash and 512 in others; a signal would end the server.
                let mut command = Command::new("bash");
                let script = format!("trap '' XFSZ; ulimit -S -f {kilobytes}; exec \"$0\" \"$@\"");
                command.args(["-c", &script]).arg(&program);
                command
            }
        };
        let log = File::options().create(true).append(true).open(log_path(dir)).expect("a log");
        command.args(program_args).env(NODE_ARGS, variable).stdin(Stdio::null());
        if kind == Kind::Real {
            command.env_remove(NODE_ARGS);
        }
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        let child = command.spawn().expect("a server process");
        Server { kind, port, dir: dir.to_owned(), child, _reservation: reservation }
    }

    fn wait_serves(&mut self) {
        let what = format!("{:?} server to serve", self.kind);
        let log = self.log();
        wait_for(&what, || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the {:?} server ended: {status}\n{}", self.kind, self.log());
            }
            self.serves().then_some(())
        });
        drop(log);
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.port).expect("a server that listens")
    }

    /// One request of words, on a connection of its own.
    pub(crate) fn ask(&self, line: &str) -> String {
        self.client().ask(line)
    }

    /// A field of `INFO`.
    pub(crate) fn info(&self, name: &str) -> String {
        let text = self.ask("INFO everything");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
    }

    /// Waits until a field of `INFO` has a value.
    pub(crate) fn wait_info(&self, name: &str, value: &str) {
        let what = format!("{name} of the {:?} server to be {value}", self.kind);
        wait_for(&what, || (self.info(name) == value).then_some(()));
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ends it in good order.
    pub(crate) fn shut_down(mut self, how: &str) {
        self.client().send(how);
        wait_for("a server to end", || self.child.try_wait().ok().flatten());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(log_path(&self.dir)).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- log of the {:?} server\n{}", self.kind, self.log());
        }
    }
}

/// Asks again and again until there is an answer.
pub(crate) fn wait_for<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}

fn log_path(dir: &Path) -> PathBuf {
    dir.join("server.log")
}

/// Runs a tool on a file. Whether it was content, and what it said.
pub(crate) fn check(tool: &str, path: &Path) -> (bool, String) {
    let output = Command::new(tool).arg(path).stdin(Stdio::null()).output().expect("the tool runs");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}
