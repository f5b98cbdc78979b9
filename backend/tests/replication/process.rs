//! Servers as processes: started on free ports in directories of their own, killed when dropped.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reddoor_backend::config::Config;
use reddoor_protocol::encode::encode_request;
use reddoor_protocol::frame::ReplyLimits;
use reddoor_protocol::value::{self, Value};
use reddoor_tests::port::NodePort;
pub(crate) use reddoor_tests::redis_server::is_installed as has_redis_server;
use reddoor_tests::role::serve_if_asked;

/// How long anything may take before a test gives up. No test gets faster or slower by it.
const PATIENCE: Duration = Duration::from_secs(90);

/// Time between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Tells the process of this test binary that it is to be a node, and with which arguments, one a line.
const NODE_ARGS: &str = "REDDOOR_REPLICATION_TEST_NODE_ARGS";

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

/// One server.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    settings: String,
    child: Child,
    dir: tempfile::TempDir,
    _reservation: NodePort,
}

impl Server {
    /// Starts a server with these settings beside those that all have, and waits until it answers.
    pub(crate) fn start(kind: Kind, settings: &str) -> Server {
        Server::start_in(kind, settings, |_| {})
    }

    /// As [`Server::start`], with a copy of a snapshot to read.
    pub(crate) fn start_with_file(kind: Kind, settings: &str, file: &Path) -> Server {
        Server::start_in(kind, settings, |dir| {
            std::fs::copy(file, dir.join("dump.rdb")).expect("a copy");
        })
    }

    fn start_in(kind: Kind, settings: &str, prepare: impl Fn(&Path)) -> Server {
        let dir = tempfile::tempdir().expect("a temporary directory");
        prepare(dir.path());
        let reservation = NodePort::free();
        let port = reservation.number();
        let child = spawn(kind, port, settings, dir.path());
        let settings = settings.to_owned();
        let mut server = Server { kind, port, settings, child, dir, _reservation: reservation };
        assert!(server.answers(), "it starts");
        server
    }

    /// Kills it as a machine that loses power would, and starts it at the same port.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.kind, self.port, &self.settings, self.dir.path());
        assert!(self.answers(), "it starts again");
    }

    /// Ends it in good order by a command, and starts it at the same port with these settings, too.
    pub(crate) fn end_and_restart(&mut self, how: &str, more: &str) {
        self.client().send(how);
        wait_until(|| "a server to end".to_owned(), || self.has_ended());
        self.add_settings(more);
        self.restart();
    }

    /// Settings for the next start.
    pub(crate) fn add_settings(&mut self, more: &str) {
        self.settings = format!("{} {more}", self.settings);
    }

    /// Sends a signal: `STOP` lets it stand still, `CONT` go on.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill");
        assert!(status.success(), "kill -s {name}");
    }

    /// Lets it stand still. Afterwards none of its threads does anything more.
    pub(crate) fn stop(&self) {
        self.signal("STOP");
        let tasks = format!("/proc/{}/task", self.child.id());
        let stands = |task: std::io::Result<std::fs::DirEntry>| {
            let stat = task.and_then(|task| std::fs::read_to_string(task.path().join("stat")));
            stat.is_ok_and(|stat| stat.contains(") T "))
        };
        wait_until(
            || "a process to stand still".to_owned(),
            || std::fs::read_dir(&tasks).expect("its threads").all(stands),
        );
    }

    /// Where its snapshot lies.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("dump.rdb")
    }

    /// Takes its directory away: from now on it can keep nothing.
    pub(crate) fn lose_directory(&self) {
        std::fs::remove_dir_all(self.dir.path()).expect("a directory that can be removed");
    }

    /// Whether its process has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_some())
    }

    fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it answers; not if it has ended.
    fn answers(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)) {
                let mut client = Client { stream, received: Vec::new() };
                if client.ask("PING") == "PONG" {
                    return true;
                }
            }
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return false;
            }
            assert!(Instant::now() < deadline, "{:?} does not start", self.kind);
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    pub(crate) fn client(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a server that listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        Client { stream, received: Vec::new() }
    }

    /// One request of words, on a connection of its own.
    pub(crate) fn ask(&self, line: &str) -> String {
        self.client().ask(line)
    }

    pub(crate) fn info(&self, section: &str) -> String {
        self.ask(&format!("INFO {section}"))
    }

    /// One field of `INFO`.
    pub(crate) fn field(&self, section: &str, name: &str) -> String {
        field_of(&self.info(section), name).to_owned()
    }
}

/// One field of what `INFO` answered.
pub(crate) fn field_of<'a>(info: &'a str, name: &str) -> &'a str {
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {info}")).trim()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            let end = log.len().saturating_sub(4000);
            eprintln!(
                "--- log of the {:?} server {}\n{}",
                self.kind,
                self.port,
                log.get(end..).unwrap_or(&log)
            );
        }
    }
}

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    /// A request of words; the reply as text.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.send(line);
        self.receive()
    }

    pub(crate) fn call(&mut self, words: &[&[u8]]) -> Value {
        self.send_words(words);
        self.reply()
    }

    /// Sends a request of words and does not wait for the reply.
    pub(crate) fn send(&mut self, line: &str) {
        self.send_words(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
    }

    pub(crate) fn send_words(&mut self, words: &[&[u8]]) {
        let mut bytes = Vec::new();
        encode_request(&mut bytes, words.iter().copied());
        self.stream.write_all(&bytes).expect("a server that reads");
    }

    /// The reply to what was sent, as text.
    pub(crate) fn receive(&mut self) -> String {
        show(&self.reply())
    }

    /// The reply to what was sent first of all that is unanswered.
    pub(crate) fn reply(&mut self) -> Value {
        use std::io::Read as _;
        loop {
            let parsed = value::parse(&self.received, &ReplyLimits::default()).expect("a reply");
            if let Some((value, len)) = parsed {
                self.received.drain(..len);
                return value;
            }
            let mut buf = [0; 64 * 1024];
            let count = self.stream.read(&mut buf).expect("a reply in time");
            assert!(count > 0, "the server closed the connection");
            self.received.extend_from_slice(&buf[..count]);
        }
    }
}

/// A reply as text.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Bulk(text) | Value::Simple(text) | Value::Error(text) => {
            String::from_utf8_lossy(text).into_owned()
        }
        Value::Integer(number) => number.to_string(),
        Value::Null => "(nil)".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Asks again and again until a condition holds.
pub(crate) fn wait_until(what: impl Fn() -> String, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {}", what());
        std::thread::park_timeout(LOOK_EVERY);
    }
}

fn spawn(kind: Kind, port: u16, settings: &str, dir: &Path) -> Child {
    let all = format!(
        "--port {port} --bind 127.0.0.1 --enable-debug-command yes --repl-diskless-sync-delay 0 {settings}"
    );
    let mut args: Vec<&str> = all.split_ascii_whitespace().collect();
    let dir_text = dir.to_str().expect("a directory whose name is text");
    args.extend(["--save", "", "--dir", dir_text]);
    let mut command = match kind {
        Kind::Real => {
            let mut command = Command::new("redis-server");
            command.args(&args);
            command
        }
        Kind::Ours => {
            let mut command = Command::new(std::env::current_exe().expect("this test binary"));
            command
                .args(["node_process", "--exact", "--nocapture"])
                .env(NODE_ARGS, args.join("\n"));
            command
        }
    };
    let log = File::options().create(true).append(true).open(dir.join("log")).expect("a log");
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log);
    command.spawn().expect("a server process")
}

/// `redis-cli --replica`: prints the stream of a server.
pub(crate) struct Listening {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Listening {
    pub(crate) fn start(port: &str) -> Listening {
        let mut child = Command::new("redis-cli")
            .args(["-p", port, "--replica"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-cli");
        let output = child.stdout.take().expect("its output");
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(output).lines();
            lines
                .map_while(Result::ok)
                .take_while(|line| sender.send(line.clone()).is_ok())
                .count();
        });
        Listening { child, lines }
    }

    /// Whether a line with this word comes in time.
    pub(crate) fn hears(&mut self, word: &str, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(word) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        false
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
