//! One plain `redis-server`, the oracle, or a bundled node in its place; and what to do on a machine that has none.

use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::binary;
use crate::client::Client;
use crate::guard;
use crate::port::NodePort;
use crate::process::Process;
use crate::wait::wait_for;

/// Whether there is a `redis-server`. Says so aloud when there is none.
///
/// # Panics
/// There is none and the environment has `CI`: there, nothing may be passed over.
pub fn is_installed() -> bool {
    static IS_INSTALLED: LazyLock<bool> = LazyLock::new(|| is_on_path("redis-server"));
    require("redis-server", *IS_INSTALLED)
}

/// Whether a program of the package redis-tools is there; as [`is_installed`].
///
/// # Panics
/// As [`is_installed`].
pub fn has_tool(program: &str) -> bool {
    require(program, is_on_path(program))
}

/// Says aloud that a test is passed over; in CI that is a failure.
///
/// # Panics
/// It is not there and the environment has `CI`.
pub fn require(what: &str, is_there: bool) -> bool {
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "{what} is missing, and CI passes over nothing");
        eprintln!("PASSED OVER: {what} is missing, so this test checked nothing");
    }
    is_there
}

fn is_on_path(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A plain server on a port of its own.
#[derive(Debug)]
pub struct RedisServer {
    _process: Process,
    port: NodePort,
}

impl RedisServer {
    /// Starts a `redis-server` with these further arguments and waits until it answers.
    pub fn start(args: &[&str]) -> RedisServer {
        RedisServer::start_by("redis-server", Command::new("redis-server"), args)
    }

    /// As [`RedisServer::start`], a bundled node.
    pub fn start_bundled(args: &[&str]) -> RedisServer {
        let mut command = binary::command();
        command.arg("node");
        RedisServer::start_by("node", command, args)
    }

    fn start_by(name: &'static str, mut command: Command, args: &[&str]) -> RedisServer {
        let dir = guard::temp_dir("redis");
        let port = NodePort::free();
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"]);
        command.arg(port.number().to_string()).args(args);
        let process = Process::start(name, &dir, &mut command);
        let server = RedisServer { _process: process, port };
        wait_for("the server to answer", || Client::try_connect(server.addr()).ok());
        server
    }

    /// Where it listens.
    pub fn addr(&self) -> (&'static str, u16) {
        ("127.0.0.1", self.port.number())
    }

    /// A new connection to it.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.addr())
    }
}
