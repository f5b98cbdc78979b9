//! Client libraries of other languages, unmodified, pointed at the one endpoint: what applications do with them works.

mod fred;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::{FrontDoor, http_get};
use reddoor_tests::guard::temp_dir;
use reddoor_tests::over_clusters;
use reddoor_tests::port::NodePort;
use reddoor_tests::process::Process;
use reddoor_tests::redis_server::require;
use reddoor_tests::wait::wait_for;

over_clusters!(real | bundled: redis_py_works, ioredis_works, node_redis_works, php_redis_works, ruby_redis_works, the_exporter_scrapes);

/// Scripts and packages of the client libraries.
fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// Whether this command ends well; if not, the test cannot be run here.
fn has(what: &str, program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).current_dir(clients()).stdout(Stdio::null()).stderr(Stdio::null());
    require(what, command.status().is_ok_and(|status| status.success()))
}

/// Whether the nodes track for clients, as the last argument of a script.
fn tracking(kind: Kind) -> &'static str {
    let reply = Cluster::shared(kind).nodes[0].ask("CLIENT TRACKING ON");
    if reply == "OK" { "1" } else { "0" }
}

/// Runs a script before a front door; it must end well and say nothing.
fn check(kind: Kind, program: &str, script: &str, more: &[&str]) {
    check_with(kind, &[], program, script, more);
}

/// As [`check`], with these settings of the front door.
fn check_with(kind: Kind, settings: &[(&str, &str)], program: &str, script: &str, more: &[&str]) {
    let door = FrontDoor::start(&Cluster::shared(kind).seeds(), settings);
    let mut command = Command::new(program);
    command.current_dir(clients()).arg(script);
    command.args([&door.addr.ip().to_string(), &door.addr.port().to_string()]);
    let output = command.args(more).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.is_empty(), "{program} {script} {more:?}: {text}");
}

/// The Python that has the package `redis`: named by `REDDOOR_TEST_PYTHON`, or in `target/python`.
fn redis_py_works(kind: Kind) {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin/python");
    let python = std::env::var("REDDOOR_TEST_PYTHON").unwrap_or(usual.display().to_string());
    let what = "the Python package redis (REDDOOR_TEST_PYTHON, target/python)";
    if has(what, &python, &["-c", "import redis"]) {
        // The library keeps no cache before any Redis below 7.4, though 7.0 says all that it needs.
        let settings = [("compat.redis_version", "7.4.0")];
        for protocol in ["2", "3"] {
            check_with(kind, &settings, &python, "redis_py.py", &[protocol, tracking(kind)]);
        }
    }
}

fn ioredis_works(kind: Kind) {
    if has("the npm package ioredis in tests/clients", "node", &["-e", "require('ioredis')"]) {
        check(kind, "node", "ioredis.mjs", &[]);
    }
}

fn node_redis_works(kind: Kind) {
    if has("the npm package redis in tests/clients", "node", &["-e", "require('redis')"]) {
        for resp in ["2", "3"] {
            check(kind, "node", "node_redis.mjs", &[resp]);
        }
    }
}

fn php_redis_works(kind: Kind) {
    if has("php with phpredis", "php", &["-r", "exit(class_exists('Redis') ? 0 : 1);"]) {
        check(kind, "php", "php_redis.php", &[]);
    }
}

fn ruby_redis_works(kind: Kind) {
    if has("ruby with the gem redis", "ruby", &["-e", "require 'redis'"]) {
        check(kind, "ruby", "ruby_redis.rb", &[]);
    }
}

fn the_exporter_scrapes(kind: Kind) {
    if !has("prometheus-redis-exporter", "prometheus-redis-exporter", &["--version"]) {
        return;
    }
    let door = FrontDoor::before(Cluster::shared(kind));
    let port = NodePort::free();
    let addr = format!("127.0.0.1:{}", port.number());
    let mut command = Command::new("prometheus-redis-exporter");
    command.args(["-redis.addr", &format!("redis://{}", door.addr), "-web.listen-address", &addr]);
    let exporter = Process::start("exporter", &temp_dir("exporter"), &mut command);
    let metrics = wait_for("the exporter to scrape", || {
        let (_, text) = http_get(addr.parse().unwrap(), "/metrics");
        text.contains("\nredis_up ").then_some(text)
    });
    for line in ["redis_up 1", "redis_connected_clients ", "redis_uptime_in_seconds "] {
        assert!(metrics.contains(&format!("\n{line}")), "{line}: {metrics}");
    }
    assert!(metrics.contains("redis_exporter_last_scrape_error{err=\"\"} 0"), "{metrics}");
    drop(exporter);
}
