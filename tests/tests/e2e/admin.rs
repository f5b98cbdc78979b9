//! What operators see from outside: metrics that move with what happens, health, readiness.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::redis_server::require;
use reddoor_tests::{guard, over_clusters};

over_clusters!(real | bundled: metrics_move_with_what_happens);

fn metrics_move_with_what_happens(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut client = door.client();
    for line in [
        "SET metric:a 1",
        "GET metric:a",
        "GET metric:a",
        "MGET metric:a metric:b metric:c",
        "PING",
        "NOPE",
    ] {
        client.ask(line);
    }
    client.ask("INCRBY metric:a x");
    let count = |family, command, result| {
        let labels = format!("family=\"{family}\",command=\"{command}\",result=\"{result}\"");
        door.metric(&format!("reddoor_commands_total{{{labels}}}"))
    };
    assert_eq!(count("string", "set", "ok"), 1.0);
    assert_eq!(count("string", "get", "ok"), 2.0);
    assert_eq!(count("string", "mget", "ok"), 1.0);
    assert_eq!(count("string", "incrby", "error"), 1.0);
    assert_eq!(count("connection", "ping", "ok"), 1.0);
    assert_eq!(count("other", "other", "local_error"), 1.0);
    assert_eq!(door.metric("reddoor_split_commands_total"), 1.0);
    assert_eq!(door.metric("reddoor_split_parts_total"), 3.0);
    assert_eq!(door.metric("reddoor_clients"), 1.0);
    assert_eq!(door.metric("reddoor_ready"), 1.0);
    assert_eq!(door.metric("reddoor_topology_slots_covered"), 16384.0);
    assert_eq!(door.metric("reddoor_topology_nodes{role=\"primary\"}"), 3.0);
    assert_eq!(door.metric("reddoor_command_duration_seconds_count{family=\"string\"}"), 5.0);
    assert!(door.metric("reddoor_client_bytes_total{direction=\"in\"}") > 100.0);
    assert!(door.metric("process_resident_memory_bytes") > 0.0);
}

#[test]
fn every_family_is_there_from_the_start() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let families = |text: &str| -> BTreeSet<String> {
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        types.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    };
    let before = families(&door.http("/metrics").1);
    assert!(before.len() > 30, "{before:?}");
    let mut client = door.client();
    client.send_line("GET k");
    node.next_call().reply("$-1\r\n");
    client.reply();
    assert_eq!(families(&door.http("/metrics").1), before);
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    let has_promtool = Command::new("promtool").arg("--version").output().is_ok();
    if !require("promtool", has_promtool) {
        return;
    }
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .current_dir(guard::temp_dir("promtool"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (_, text) = door.http("/metrics");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn paths_answer_as_probes_expect() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    for (path, status) in [
        ("/healthz", 200),
        ("/livez", 200),
        ("/readyz", 200),
        ("/metrics", 200),
        ("/config", 200),
        ("/nope", 404),
    ] {
        assert_eq!(door.http(path).0, status, "{path}");
    }
}

#[test]
fn no_client_data_is_logged() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("log.level", "trace")]);
    let mut client = door.client();
    client.ask("CLIENT SETNAME private-name");
    client.send_line("SET private-key private-value");
    node.next_call().cut();
    client.reply();
    client.send_line("GET private-key");
    node.next_call().reply("private-garbage\r\n");
    node.next_call().reply("$13\r\nprivate-value\r\n");
    client.reply();
    client.send_bytes(b"*1\r\n+private-request\r\n");
    client.read_to_end();
    let hurried = [("log.level", "trace"), ("request.timeout_ms", "200")];
    let hurried = FrontDoor::start(&node.addr().to_string(), &hurried);
    assert!(hurried.client().ask("SET private-key private-value").starts_with("-TIMEOUT "));
    for log in [door.process.log(), hurried.process.log()] {
        assert!(!log.contains("private"), "{log}");
    }
}
