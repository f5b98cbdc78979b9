//! `reddoor` without a command: a cluster with its front door, started, used and stopped as a new user does.

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use reddoor_tests::client::Client;
use reddoor_tests::cluster::keys;
use reddoor_tests::front_door::{http_get, reported};
use reddoor_tests::port::NodePort;
use reddoor_tests::process::Process;
use reddoor_tests::wait::{wait_for, wait_until};
use reddoor_tests::{binary, guard};
use rustix::process::{Pid, Signal, kill_process};

/// A running `reddoor`.
struct House {
    process: Process,
    report: String,
    endpoint: SocketAddr,
}

/// Where a `reddoor` lives: its data and its ports. These stay from start to start.
struct Ground {
    dir: PathBuf,
    ports: Vec<NodePort>,
}

impl Ground {
    fn new() -> Ground {
        Ground { dir: guard::temp_dir("house"), ports: NodePort::free_run(6) }
    }

    fn start(&self) -> House {
        let base = self.ports[0].number().to_string();
        let mut command = binary::command();
        command.args([
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--node-port-base",
            &base,
            "--dir",
        ]);
        command.arg(self.data());
        // No request fails because a machine is slow that starts six nodes at once.
        command.env("REDDOOR_REQUEST__TIMEOUT_MS", "80000");
        command.env("REDDOOR_FAILOVER__HOLD_MS", "80000");
        let mut process = Process::start("reddoor", &guard::temp_dir("log"), &mut command);
        let report = wait_for("reddoor to be ready", || {
            let end = process.poll_end();
            assert!(end.is_none(), "reddoor ended, {end:?}: {}", process.log());
            Some(process.log()).filter(|log| log.contains("\n  stop"))
        });
        let endpoint = reported(&report, "endpoint");
        House { process, report, endpoint }
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }
}

impl House {
    fn stop(mut self, signal: Signal) {
        self.process.signal(signal);
        let status = self.process.wait_end();
        assert!(status.success(), "{status}: {}", self.process.log());
    }

    /// The node lines of the report, without the times that logs have.
    fn nodes(&self) -> Vec<&str> {
        let start = self.report.find("  nodes").unwrap();
        let text = &self.report[start..];
        let lines = text[..text.find("  data").unwrap()].lines();
        lines
            .map(|line| line.trim_start_matches("  nodes").trim())
            .filter(|line| line.contains("127.0.0.1:"))
            .collect()
    }
}

/// Processes that name this path among their arguments or work below it.
fn processes_in(dir: &Path) -> BTreeSet<i32> {
    let text = dir.to_str().unwrap().as_bytes();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let is_in = |path: PathBuf| {
        let args = fs::read(path.join("cmdline")).unwrap_or_default();
        args.windows(text.len()).any(|part| part == text)
            || fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd.starts_with(dir))
    };
    let found = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        is_in(entry.path()).then_some(pid)
    });
    found.collect()
}

#[test]
fn it_starts_serves_stops_and_finds_its_cluster_again() {
    let ground = Ground::new();
    let mut first_nodes = Vec::new();
    for signal in [Signal::INT, Signal::TERM] {
        let house = ground.start();
        let mut client = Client::connect(house.endpoint);
        assert_eq!(client.ask("SET a 1"), "OK");
        for key in keys("house", 50) {
            assert_eq!(client.ask(&format!("SET {key} of:{key}")), "OK");
        }
        let all = format!("MGET a {}", keys("house", 50).join(" "));
        assert!(client.ask(&all).starts_with("[1, of:house:0, of:house:1, "));
        assert_eq!(http_get(reported(&house.report, "admin"), "/readyz").0, 200);
        let nodes: Vec<String> = house.nodes().into_iter().map(str::to_owned).collect();
        assert_eq!(nodes.len(), 6, "{nodes:?}");
        assert_eq!(nodes.iter().filter(|line| line.contains("primary, slots ")).count(), 3);
        assert!(house.report.contains(ground.data().to_str().unwrap()));
        assert_eq!(processes_in(&ground.data()).len(), 7, "six nodes and who started them");
        if first_nodes.is_empty() {
            first_nodes = nodes;
        } else {
            assert_eq!(nodes, first_nodes, "the same cluster");
        }
        house.stop(signal);
        assert!(processes_in(&ground.data()).is_empty());
    }
}

#[test]
fn a_node_that_dies_is_started_again() {
    let ground = Ground::new();
    let house = ground.start();
    let mut client = Client::connect(house.endpoint);
    let before = processes_in(&ground.data());
    let supervisor = i32::try_from(house.process.id()).unwrap();
    for node in before.iter().filter(|pid| **pid != supervisor).take(2) {
        kill_process(Pid::from_raw(*node).unwrap(), Signal::KILL).unwrap();
        wait_until("another process in its place", || {
            let now = processes_in(&ground.data());
            now.len() == before.len() && !now.contains(node)
        });
    }
    let all = format!("MSET {} 1", keys("again", 50).join(" 1 "));
    wait_until("every slot to be served", || client.ask(&all) == "OK");
    house.stop(Signal::INT);
    assert!(processes_in(&ground.data()).is_empty());
}

/// The second example of the README: one node is killed under load.
#[test]
fn a_killed_primary_is_replaced_with_its_data_and_comes_back_as_a_replica() {
    let ground = Ground::new();
    let house = ground.start();
    let mut client = Client::connect(house.endpoint);
    let keys = keys("kept", 200);
    keys.iter().for_each(|key| assert_eq!(client.ask(&format!("SET {key} of:{key}")), "OK"));
    let port = ground.ports[0].number();
    let mut victim = Client::connect(("127.0.0.1", port));
    assert_eq!(victim.ask("SET {06S} 1"), "OK");
    assert_eq!(victim.ask("WAIT 1 10000"), ":1");
    let info = victim.ask("INFO server");
    let pid = info.lines().find_map(|line| line.strip_prefix("process_id:")?.trim().parse().ok());
    kill_process(Pid::from_raw(pid.expect("a process id")).unwrap(), Signal::KILL).unwrap();
    let killed_at = std::time::Instant::now();
    wait_until("the shard to be served again", || client.ask("SET {06S} 2") == "OK");
    println!("served again {:?} after the primary was killed", killed_at.elapsed());
    for key in &keys {
        assert_eq!(client.ask(&format!("GET {key}")), format!("of:{key}"));
    }
    wait_until("the dead one to come back as a replica", || {
        Client::try_connect(("127.0.0.1", port))
            .is_ok_and(|mut node| node.ask("INFO replication").contains("master_link_status:up"))
    });
    house.stop(Signal::INT);
}

#[test]
fn nothing_outlives_a_supervisor_that_was_killed() {
    let ground = Ground::new();
    let mut house = ground.start();
    house.process.kill();
    wait_until("the nodes to end", || processes_in(&ground.data()).is_empty());
}

#[test]
fn a_taken_port_is_one_clear_line_and_leaves_nothing() {
    let ground = Ground::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for (listen, admin, flag) in
        [(addr.as_str(), "127.0.0.1:0", "--listen"), ("127.0.0.1:0", addr.as_str(), "--admin")]
    {
        let mut command = binary::command();
        command.args(["--listen", listen, "--admin", admin, "--dir"]).arg(ground.data());
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let expect = format!(
            "reddoor: {addr} is taken by another process; choose another one with {flag}\n"
        );
        assert_eq!((output.status.code(), said.as_str()), (Some(1), expect.as_str()));
        assert!(output.stdout.is_empty() && !ground.data().exists());
        assert!(processes_in(&ground.data()).is_empty());
    }
}

#[test]
fn wrong_settings_are_told_all_at_once_with_the_code_that_help_names() {
    let output = binary::command()
        .args(["proxy", "--cluster", "nowhere", "--workers", "many", "--listen", "here"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{said}");
    for key in ["cluster.seeds", "workers.count", "listen.addr"] {
        assert!(said.contains(key), "{key} in {said}");
    }
    let help = binary::command().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("\n  64  ") && help.contains("\n  1   "), "{help}");
}
