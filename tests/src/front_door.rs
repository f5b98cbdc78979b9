//! `reddoor proxy` before a cluster.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::binary;
use crate::client::Client;
use crate::cluster::Cluster;
use crate::guard;
use crate::process::Process;
use crate::wait::{PATIENCE, wait_for, wait_until};

/// A front door in a process of its own.
#[derive(Debug)]
pub struct FrontDoor {
    /// Its process.
    pub process: Process,
    /// Where clients connect.
    pub addr: SocketAddr,
    /// Where metrics and health are served.
    pub admin: SocketAddr,
}

impl FrontDoor {
    /// Starts one before a cluster and waits until it is ready.
    pub fn before(cluster: &Cluster) -> FrontDoor {
        FrontDoor::start(&cluster.seeds(), &[])
    }

    /// Starts one with these settings (`section.key`, value) and waits until it is ready.
    pub fn start(seeds: &str, settings: &[(&str, &str)]) -> FrontDoor {
        let door = FrontDoor::start_unready(seeds, settings);
        door.wait_ready();
        door
    }

    /// Starts one and waits until it serves, though perhaps no cluster is there yet.
    pub fn start_unready(seeds: &str, settings: &[(&str, &str)]) -> FrontDoor {
        FrontDoor::start_at("127.0.0.1:0", seeds, settings)
    }

    /// As [`FrontDoor::start_unready`], where clients expect it.
    pub fn start_at(listen: &str, seeds: &str, settings: &[(&str, &str)]) -> FrontDoor {
        FrontDoor::run(&mut command(listen, "127.0.0.1:0", seeds, settings))
    }

    /// Starts one that takes this one's place, and waits until it has.
    pub fn successor(&self, seeds: &str, settings: &[(&str, &str)]) -> FrontDoor {
        FrontDoor::run(&mut self.successor_command(seeds, settings))
    }

    /// What [`FrontDoor::successor`] runs.
    pub fn successor_command(&self, seeds: &str, settings: &[(&str, &str)]) -> Command {
        let (listen, admin) = (self.addr.to_string(), self.admin.to_string());
        let mut command = command(&listen, &admin, seeds, settings);
        command.arg("--take-over");
        command
    }

    /// Starts `reddoor` without a command: three primaries with a replica each, on six ports from this one on, with
    /// their data in `dir`, and the front door before them.
    pub fn with_own_nodes(dir: &Path, first_port: u16, settings: &[(&str, &str)]) -> FrontDoor {
        let mut command = binary::command();
        command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.args(["--node-port-base", &first_port.to_string(), "--dir"]).arg(dir);
        set(&mut command, &PATIENT);
        set(&mut command, settings);
        FrontDoor::run(&mut command)
    }

    /// As [`FrontDoor::start`], with the settings of a file, which it may be told to read again.
    pub fn start_by_file(seeds: &str, file: &Path) -> FrontDoor {
        let mut command = binary::command();
        command.args(["proxy", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.args(["--cluster", seeds, "--config"]).arg(file);
        set(&mut command, &PATIENT);
        let door = FrontDoor::run(&mut command);
        door.wait_ready();
        door
    }

    /// Starts what `command` runs, and waits until it serves.
    pub fn run(command: &mut Command) -> FrontDoor {
        let mut process = Process::start("front-door", &guard::temp_dir("front-door"), command);
        let report = wait_for("the front door to open", || {
            let end = process.poll_end();
            assert!(end.is_none(), "the front door ended, {end:?}: {}", process.log());
            Some(process.log()).filter(|log| log.contains("\n  stop"))
        });
        let (addr, admin) = (reported(&report, "endpoint"), reported(&report, "admin"));
        FrontDoor { process, addr, admin }
    }

    /// Waits until `/readyz` says yes and the workers have the topology.
    pub fn wait_ready(&self) {
        wait_until("the front door to be ready", || self.http("/readyz").0 == 200);
    }

    /// A new connection to it.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.addr)
    }

    /// A new connection to it that speaks RESP3.
    #[track_caller]
    pub fn client_v3(&self) -> Client {
        let mut client = self.client();
        client.ask("HELLO 3");
        client
    }

    /// Status and body of a path on the admin port.
    pub fn http(&self, path: &str) -> (u16, String) {
        http_get(self.admin, path)
    }

    /// The value of one series of `/metrics`; 0 when it is not there.
    ///
    /// # Panics
    /// Its value is no number.
    pub fn metric(&self, series: &str) -> f64 {
        let (_, text) = self.http("/metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a number"))
    }
}

fn command(listen: &str, admin: &str, seeds: &str, settings: &[(&str, &str)]) -> Command {
    let mut command = binary::command();
    command.args(["proxy", "--listen", listen, "--admin", admin, "--cluster", seeds]);
    set(&mut command, &PATIENT);
    set(&mut command, settings);
    command
}

/// What every front door is told that a test does not tell otherwise: no request fails, and no node is missed or cut
/// off, because a machine is slow or a test holds a node up, unless the test is about it.
const PATIENT: [(&str, &str); 5] = [
    ("cluster.connect_timeout_ms", "60000"),
    ("request.timeout_ms", "80000"),
    ("failover.hold_ms", "80000"),
    ("health.silence_ms", "3600000"),
    ("health.unconfirmed_ms", "3600000"),
];

/// Settings by the environment.
fn set(command: &mut Command, settings: &[(&str, &str)]) {
    for (key, value) in settings {
        let name = key.replace('.', "__").to_uppercase();
        command.env(format!("REDDOOR_{name}"), value);
    }
}

/// The address that stands behind a name in what `reddoor` prints when it is ready.
///
/// # Panics
/// There is none.
pub fn reported(report: &str, name: &str) -> SocketAddr {
    let mut lines = report.lines().map(str::split_ascii_whitespace);
    let addr =
        lines.find_map(|mut words| words.next().filter(|word| *word == name).and(words.next()));
    let addr = addr.unwrap_or_else(|| panic!("no {name} in {report}"));
    addr.parse().unwrap_or_else(|error| panic!("{addr}: {error}"))
}

/// Status and body of one path; status 0 when nobody answers.
pub fn http_get(addr: SocketAddr, path: &str) -> (u16, String) {
    let get = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: reddoor\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    let text = get().unwrap_or_default();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}
