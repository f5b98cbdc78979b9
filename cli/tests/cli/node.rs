//! One node as service managers and scripts start it: in the background, watched, with settings from a pipe.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::house::{ask, reddoor, wait_for};

/// How long a notification may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn free_addr() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits until the node serves.
fn wait_serves(addr: SocketAddr) {
    wait_for("the node to serve", || {
        ask(addr, "PING").ok().filter(|reply| reply.starts_with("+PONG"))
    });
}

fn pid_in(file: &Path) -> Pid {
    let text = wait_for("the pid file", || {
        fs::read_to_string(file).ok().filter(|text| text.ends_with('\n'))
    });
    Pid::from_raw(text.trim().parse().unwrap()).unwrap()
}

/// A process that is nobody's child; killed when dropped.
struct Background(Pid);

impl Drop for Background {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        let _ = kill_process(self.0, Signal::KILL);
    }
}

#[test]
fn a_node_in_the_background_leaves_its_number_and_takes_it_away() {
    let temp = tempfile::tempdir().unwrap();
    let (pid_file, log) = (temp.path().join("node.pid"), temp.path().join("node.log"));
    let addr = free_addr();
    let settings = format!("port {}\nbind 127.0.0.1\nsave \"\"\ndaemonize yes\n", addr.port());
    let mut child = reddoor()
        .args(["node", "-", "--dir"])
        .arg(temp.path())
        .arg("--pidfile")
        .arg(&pid_file)
        .arg("--logfile")
        .arg(&log)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(settings.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let node = Background(pid_in(&pid_file));
    wait_serves(addr);
    kill_process(node.0, Signal::TERM).unwrap();
    let log = wait_for("the node to end", || {
        fs::read_to_string(&log).ok().filter(|log| log.contains("bye bye..."))
    });
    wait_for("its number to be gone", || (!pid_file.exists()).then_some(()));
    let lines = [" PID: ", "Ready to accept connections", "Received SIGTERM", "bye bye..."];
    let places = lines.map(|line| log.find(line));
    assert!(places.is_sorted() && places[0].is_some(), "{log}");
}

#[test]
fn under_the_name_of_a_redis_server_it_is_a_node() {
    let temp = tempfile::tempdir().unwrap();
    let [program, file, pid_file] =
        ["redis-server", "redis.conf", "node.pid"].map(|name| temp.path().join(name));
    symlink(env!("CARGO_BIN_EXE_reddoor"), &program).unwrap();
    let addr = free_addr();
    let settings = format!(
        "port {}\nbind 127.0.0.1\nsave \"\"\ndaemonize yes\npidfile {}\n",
        addr.port(),
        pid_file.display()
    );
    fs::write(&file, settings).unwrap();
    let mut command = Command::new(&program);
    let status = command.arg(&file).arg("--dir").arg(temp.path()).status().unwrap();
    assert!(status.success());
    let node = Background(pid_in(&pid_file));
    wait_serves(addr);
    kill_process(node.0, Signal::TERM).unwrap();
    wait_for("it to be gone", || (!pid_file.exists()).then_some(()));
}

#[test]
fn a_service_manager_hears_when_the_node_serves_and_when_it_ends() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let hear = || {
        let mut bytes = [0; 200];
        let count = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    };
    let addr = free_addr();
    let mut child = reddoor()
        .args(["node", "--supervised", "systemd", "--save", "", "--bind", "127.0.0.1", "--port"])
        .arg(addr.port().to_string())
        .arg("--dir")
        .arg(temp.path())
        .env("NOTIFY_SOCKET", &path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert!(hear().contains("READY=1\n"));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(hear(), "STOPPING=1\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_taken_port_is_told_in_the_words_that_tools_look_for() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let output = reddoor()
        .args(["node", "--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()])
        .output()
        .unwrap();
    let log = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    for words in [
        format!(
            "# Warning: Could not create server TCP listening socket 127.0.0.1:{port}: bind: Address already in use"
        ),
        format!("# Failed listening on port {port} (TCP), aborting."),
    ] {
        assert!(log.contains(&words), "{log}");
    }
}
