//! redis-cli in the modes beyond single commands: what it prints before the front door is what it prints before one
//! Redis.

use std::fs;
use std::process::{Command, Stdio};

use reddoor_tests::client::Client;
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::guard::temp_dir;
use reddoor_tests::over_clusters;
use reddoor_tests::process::Process;
use reddoor_tests::redis_server::{self, RedisServer, has_tool};
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: the_keyspace_is_walked, what_is_printed_is_the_same, what_never_ends_keeps_telling,
    one_node_is_not_copied);

/// Keys of several types, over several slots.
const DATA: &[&str] = &[
    "FLUSHALL",
    "MSET cli:a 1 cli:b 22 cli:c 333 other 4",
    "RPUSH cli:l x y z",
    "HSET cli:h f v",
    "SADD cli:s m",
    "ZADD cli:z 1 m 2 n",
];

fn cli(port: u16, args: &[&str]) -> Command {
    let mut command = Command::new("redis-cli");
    command.args(["-p", &port.to_string()]).args(args).stdin(Stdio::null());
    command
}

/// What redis-cli prints on both channels until it ends.
fn printed(port: u16, args: &[&str]) -> String {
    let output = cli(port, args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    text.into_owned()
}

fn fill(mut client: Client) {
    DATA.iter().for_each(|line| drop(client.ask(line)));
}

fn the_keyspace_is_walked(kind: Kind) {
    if !has_tool("redis-cli") || !redis_server::is_installed() {
        return;
    }
    let (cluster, redis) = (Cluster::start(kind, 3), RedisServer::start(&[]));
    let door = FrontDoor::before(&cluster);
    fill(door.client());
    fill(redis.client());
    let ports = [redis.addr().1, door.addr.port()];
    let [theirs, ours] = ports.map(|port| summary(&printed(port, &["--bigkeys"])));
    assert_eq!(ours, theirs);
    assert!(ours.contains(&"Biggest   list found '\"cli:l\"' has 3 items".to_owned()), "{ours:?}");
    // Bytes are each node's own.
    let [theirs, ours] = ports.map(|port| summary(&printed(port, &["--memkeys"])));
    assert_eq!((ours.len(), &ours[1]), (theirs.len(), &theirs[1]));
    let [theirs, ours] = ports.map(|port| {
        let text = printed(port, &["--scan", "--pattern", "cli:?"]);
        let mut keys: Vec<String> = text.lines().map(str::to_owned).collect();
        keys.sort();
        keys
    });
    assert_eq!(ours, theirs);
    // Without an LFU policy there is nothing to tell.
    let [theirs, ours] = ports.map(|port| {
        let text = printed(port, &["--hotkeys"]);
        text.lines().find(|line| line.starts_with("Error: ")).map(str::to_owned)
    });
    assert!(ours.is_some());
    assert_eq!(ours, theirs);
}

/// The lines of what a walk found in the end, in no order: the largest of a type is told with the first type seen.
fn summary(text: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|line| !line.contains("summary"));
    let mut lines: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    assert!(lines.len() > 6, "{text}");
    lines.sort();
    lines
}

fn what_is_printed_is_the_same(kind: Kind) {
    if !has_tool("redis-cli") || !redis_server::is_installed() {
        return;
    }
    let (cluster, redis) = (Cluster::start(kind, 3), RedisServer::start(&[]));
    let door = FrontDoor::before(&cluster);
    fill(door.client());
    fill(redis.client());
    let script = temp_dir("cli").join("script.lua");
    fs::write(&script, "return {KEYS[1], ARGV[1], redis.call('GET', KEYS[1])}").unwrap();
    let script = script.to_str().unwrap();
    let runs: &[&[&str]] = &[
        &["--csv", "MGET", "cli:a", "cli:b", "cli:none"],
        &["--no-raw", "LRANGE", "cli:l", "0", "-1"],
        &["--no-raw", "MGET", "cli:a", "cli:none"],
        &["-3", "--no-raw", "HGETALL", "cli:h"],
        &["-3", "--json", "HGETALL", "cli:h"],
        &["-3", "--no-raw", "ZRANGE", "cli:z", "0", "-1", "WITHSCORES"],
        &["-d", ";", "LRANGE", "cli:l", "0", "-1"],
        &["-r", "3", "-i", "0.01", "INCR", "cli:a"],
        &["-c", "GET", "cli:b"],
        &["-e", "LPUSH", "cli:a", "x"],
        &["--quoted-input", "GET", "\"cli\\x3ab\""],
        &["--eval", script, "cli:b", ",", "arg"],
    ];
    for args in runs {
        let [theirs, ours] = [redis.addr().1, door.addr.port()].map(|port| printed(port, args));
        assert_eq!(ours, theirs, "{args:?}");
    }
    let measured = printed(door.addr.port(), &["--latency", "-i", "0.05"]);
    let figures: Vec<f64> = measured.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert!(figures.len() == 4 && figures[3] > 0.0, "{measured}");
}

/// Starts redis-cli in a mode that goes on until it is killed. Its lines are not held back, as at a terminal.
fn start(port: u16, args: &[&str]) -> Process {
    let mut command = Command::new("stdbuf");
    command.args(["-oL", "redis-cli", "-p", &port.to_string()]).args(args).stdin(Stdio::null());
    Process::start("redis-cli", &temp_dir("cli"), &mut command)
}

fn what_never_ends_keeps_telling(kind: Kind) {
    if !has_tool("redis-cli") {
        return;
    }
    let door = FrontDoor::before(Cluster::shared(kind));
    let (port, mut client) = (door.addr.port(), door.client());
    let stat = start(port, &["--stat", "-i", "0.02"]);
    wait_until("three lines of figures", || {
        let log = stat.log();
        let lines = log.lines().filter(|line| line.contains(" (+"));
        lines.filter(|line| line.split_whitespace().count() >= 6).count() > 3
    });
    if Cluster::shared(kind).nodes[0].serves("MONITOR") {
        let monitor = start(port, &["MONITOR"]);
        wait_until("MONITOR to begin", || monitor.log().starts_with("OK"));
        client.ask("GET cli:monitored");
        wait_until("a command to be told", || monitor.log().contains("\"GET\" \"cli:monitored\""));
    }
    for greeting in ["-2", "-3"] {
        let subscriber = start(port, &[greeting, "SUBSCRIBE", "cli:news"]);
        wait_until("a subscription", || subscriber.log().contains("subscribe\ncli:news\n1"));
        assert_eq!(client.ask("PUBLISH cli:news hi"), ":1");
        wait_until("a message", || subscriber.log().contains("message\ncli:news\nhi"));
        drop(subscriber);
        wait_until("nobody to listen", || client.ask("PUBLISH cli:news hi") == ":0");
    }
}

/// A stream of one node's data would be taken for all of it.
fn one_node_is_not_copied(kind: Kind) {
    if !has_tool("redis-cli") {
        return;
    }
    let door = FrontDoor::before(Cluster::shared(kind));
    let file = temp_dir("cli").join("copy.rdb");
    let file = file.to_str().unwrap();
    let unserved = "-UNSERVED command 'sync' is not served by this front door";
    for (args, words) in [
        (&["--rdb", file][..], unserved),
        (&["--replica"], unserved),
        (&["--functions-rdb", file], "UNSERVED command 'replconf'"),
    ] {
        let output = cli(door.addr.port(), args).output().unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(words), "{args:?}: {text}");
    }
}
