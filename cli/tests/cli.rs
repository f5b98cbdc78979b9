//! The binary as its users meet it: what it prints, how it ends, and that nothing it started stays behind.

#[cfg(test)]
#[path = "cli/house.rs"]
mod house;

#[cfg(test)]
#[path = "cli/node.rs"]
mod node;

use std::fs;
use std::net::TcpListener;

use house::{House, NodePorts, ask, check_refused, processes_naming, reddoor, run, wait_for};
use rustix::process::{Signal, kill_process};

#[test]
fn help_begins_with_examples_and_ends_with_exit_codes() {
    let output = run(&["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    let places = ["Examples:", "Usage:", "--shards", "Exit codes:"].map(|part| help.find(part));
    assert!(places.is_sorted() && places[0].is_some(), "{help}");
    let node = String::from_utf8(run(&["node", "--help"]).stdout).unwrap();
    assert!(node.contains("redis.conf"), "{node}");
}

#[test]
fn the_version_is_the_crate_s() {
    let expect = format!("reddoor {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(run(&["--version"]).stdout).unwrap(), expect);
    // Tools that drive a Redis look for its version here.
    let node = String::from_utf8(run(&["node", "--version"]).stdout).unwrap();
    assert!(node.starts_with(&(expect + "Redis server v=7.0.15 sha=")), "{node}");
}

#[test]
fn unknown_words_and_flags_are_usage_errors() {
    for args in [&["prox"][..], &["--shard", "3"], &["proxy", "--shards", "3"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(64), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("Usage:"), "{args:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_and_nothing_is_touched() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("file"), "").unwrap();
    let below_file = temp.path().join("file/dir");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    check_refused(
        &[
            "--shards",
            "0",
            "--replicas=-1",
            "--listen",
            &addr.to_string(),
            "--admin",
            "127.0.0.1:0",
            "--dir",
            below_file.to_str().unwrap(),
        ],
        64,
        &[
            "reddoor: --shards 0: expected a number, 1 to 100",
            "reddoor: --replicas -1: expected a number, 0 to 5",
            &format!(
                "reddoor: {addr} is taken by another process; choose another one with --listen"
            ),
            &format!(
                "reddoor: cannot write to the directory {}: Not a directory (os error 20)",
                below_file.display()
            ),
        ],
    );
}

#[test]
fn a_taken_port_is_one_line_and_leaves_no_trace() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for (flag, other) in [("--listen", "--admin"), ("--admin", "--listen")] {
        let args = [flag, &addr, other, "127.0.0.1:0", "--dir", dir.to_str().unwrap()];
        let line =
            format!("reddoor: {addr} is taken by another process; choose another one with {flag}");
        check_refused(&args, 1, &[&line]);
    }
    assert!(!dir.exists());
    assert!(processes_naming(&dir).is_empty());
}

#[test]
fn taken_node_ports_are_named_when_they_were_asked_for() {
    let temp = tempfile::tempdir().unwrap();
    let NodePorts(base) = NodePorts::free();
    let _port = TcpListener::bind(("127.0.0.1", base)).unwrap();
    let _bus_port = TcpListener::bind(("127.0.0.1", base + 10_001)).unwrap();
    let (base_text, hint) = (base.to_string(), "choose another --node-port-base");
    check_refused(
        &[
            "--shards=1",
            "--listen=127.0.0.1:0",
            "--admin=127.0.0.1:0",
            "--node-port-base",
            &base_text,
            "--dir",
            temp.path().to_str().unwrap(),
        ],
        1,
        &[
            &format!("reddoor: node port {base} is taken by another process; {hint}"),
            &format!(
                "reddoor: cluster bus port {} is taken by another process; {hint}",
                base + 10_001
            ),
        ],
    );
}

#[test]
fn a_front_door_needs_a_cluster_to_stand_before() {
    let output = run(&["proxy"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr.contains("give --cluster HOST:PORT"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1);
}

#[test]
fn a_cluster_of_somebody_else_s_is_not_overlooked() {
    let output = reddoor()
        .args(["--check-config"])
        .env("REDDOOR_CLUSTER__SEEDS", "10.0.0.1:7000")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8(output.stderr).unwrap().contains("`reddoor proxy`"));
}

#[test]
fn checking_settings_starts_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let output = run(&["--check-config", "--dir", dir.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    assert!(!dir.exists());
    let file = temp.path().join("reddoor.toml");
    fs::write(&file, "[workers]\ncount = \"few\"\n[listen]\naddress = 1\n").unwrap();
    let output =
        run(&["proxy", "--check-config", "--cluster=a:1", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(64));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("workers.count") && stderr.contains("listen.address"), "{stderr}");
}

#[test]
fn settings_are_printed_as_merged_and_without_secrets() {
    let output = reddoor()
        .args(["proxy", "--print-config", "--cluster", "a:1,b:2", "--workers", "3"])
        .env("REDDOOR_WORKERS__COUNT", "2")
        .env("REDDOOR_AUTH__PASSWORD", "hunter2")
        .env("REDDOOR_LOG__LEVEL", "warn")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for line in ["count = 3", "level = \"warn\"", "\"a:1\"", "\"b:2\""] {
        assert!(stdout.contains(line), "{line} in {stdout}");
    }
    assert!(!stdout.contains("hunter2"));
}

#[test]
fn a_wrong_directive_ends_a_node_with_a_usage_error() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("node.conf");
    fs::write(&file, "hz 10\n\nfoo bar \"b c\"\n").unwrap();
    let (file, quoted) = (file.to_str().unwrap(), "port 7999\nport \"abc\n");
    let wrong_quotes = temp.path().join("quotes.conf");
    fs::write(&wrong_quotes, quoted).unwrap();
    let unknown = "Bad directive or wrong number of arguments";
    for (args, line, text, reason) in [
        (&["node", file][..], 3, r#"foo bar "b c""#, unknown),
        (&["node", "--foo", "bar", "x y"], 2, r#"foo "bar" "x y""#, unknown),
        (&["node", "--hz", "1", "--foo"], 3, "foo", unknown),
        (
            &["node", "--port", "abc"],
            2,
            r#"port "abc""#,
            "argument couldn't be parsed into an integer",
        ),
        (
            &["node", wrong_quotes.to_str().unwrap()],
            2,
            "port \"abc",
            "Unbalanced quotes in configuration line",
        ),
    ] {
        let output = run(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{stderr}");
        let expect = format!(
            "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nReading the configuration file, at line {line}\n\
             >>> '{text}'\n{reason}\nreddoor: "
        );
        assert!(stderr.starts_with(&expect), "{stderr}");
    }
}

#[test]
fn a_node_whose_supervisor_is_gone_does_not_begin() {
    let output = reddoor()
        .args(["node", "--port", "0"])
        // The first process of a system is nobody's supervisor here.
        .env("REDDOOR_SUPERVISOR", "999999999")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("ended before its node began"));
}

#[test]
fn a_cluster_starts_stops_and_is_found_again_with_its_data() {
    let temp = tempfile::tempdir().unwrap();
    let ports = NodePorts::free();
    let NodePorts(first) = ports;
    let nodes = [
        format!("127.0.0.1:{first}  primary, slots 0-16383"),
        format!("127.0.0.1:{}  replica of 127.0.0.1:{first}", first + 1),
    ];
    for (round, signal) in [Signal::TERM, Signal::INT].into_iter().enumerate() {
        let house = House::start(temp.path(), ports);
        assert_eq!(house.nodes(), nodes);
        let kept = if round == 0 { ":0" } else { ":5" };
        assert_eq!(ask(house.endpoint, "STRLEN greeting").unwrap(), kept);
        assert_eq!(ask(house.endpoint, "SET greeting hello").unwrap(), "+OK");
        // One for the supervisor and one for each node.
        assert_eq!(processes_naming(temp.path()).len(), 3);
        house.signal(signal);
        let (status, log) = house.wait();
        assert!(status.success(), "{status}: {log}");
        assert_eq!(log.contains("forming a new cluster"), round == 0, "{log}");
        assert!(processes_naming(temp.path()).is_empty());
    }
}

#[test]
fn a_directory_is_held_and_remembered() {
    let temp = tempfile::tempdir().unwrap();
    let house = House::start(temp.path(), NodePorts::free());
    let dir = temp.path().to_str().unwrap();
    let doors = ["--listen=127.0.0.1:0", "--admin=127.0.0.1:0", "--dir", dir];
    let output = run(&doors);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("is in use by another reddoor"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    house.signal(Signal::TERM);
    assert!(house.wait().0.success());
    let output = run(&[&doors[..], &["--shards=5"]].concat());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr.contains("--shards 5: the cluster in"), "{stderr}");
}

#[test]
fn a_node_that_was_killed_is_started_again() {
    let temp = tempfile::tempdir().unwrap();
    let ports = NodePorts::free();
    let house = House::start(temp.path(), ports);
    let dir = temp.path().join(format!("node-{}", ports.0));
    let [old] = processes_naming(&dir)[..] else { panic!("one process for one node") };
    kill_process(old, Signal::KILL).unwrap();
    wait_for("a new process", || processes_naming(&dir).into_iter().find(|new| *new != old));
    wait_for("the new process to serve its slots", || {
        let reply = ask(house.endpoint, "SET greeting hello").ok()?;
        (reply == "+OK").then_some(())
    });
    house.signal(Signal::TERM);
    assert!(house.wait().0.success());
    assert!(processes_naming(temp.path()).is_empty());
}

#[test]
fn nodes_do_not_outlive_a_supervisor_that_was_killed() {
    let temp = tempfile::tempdir().unwrap();
    let house = House::start(temp.path(), NodePorts::free());
    house.signal(Signal::KILL);
    assert!(!house.wait().0.success());
    wait_for("the nodes to end", || processes_naming(temp.path()).is_empty().then_some(()));
}

#[test]
fn a_node_that_hangs_is_killed_at_the_second_signal() {
    let temp = tempfile::tempdir().unwrap();
    let ports = NodePorts::free();
    let house = House::start(temp.path(), ports);
    let node = processes_naming(&temp.path().join(format!("node-{}", ports.0)));
    kill_process(node[0], Signal::STOP).unwrap();
    house.signal(Signal::TERM);
    // Once the other node has ended, the supervisor waits for this one.
    wait_for("the other node to end", || (processes_naming(temp.path()).len() == 2).then_some(()));
    house.signal(Signal::INT);
    assert!(house.wait().0.success());
    assert!(processes_naming(temp.path()).is_empty());
}
