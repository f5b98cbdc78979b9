//! Tools and client libraries that know nothing of clusters work as with one Redis.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::redis_server::has_tool;
use redis::Commands;

over_clusters!(real | bundled: redis_cli_works, redis_benchmark_runs_through, the_rust_client_works);

/// Runs a program to its end with this input; what it printed on both channels.
fn run(command: &mut Command, input: &str) -> (Output, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let text = text.into_owned();
    (output, text)
}

fn redis_cli_works(kind: Kind) {
    if !has_tool("redis-cli") {
        return;
    }
    let door = FrontDoor::before(Cluster::shared(kind));
    let script = "SET cli:a 1\nGET cli:a\nMSET cli:b 2 cli:c 3\nMGET cli:a cli:b cli:c cli:d\nINCR cli:a\nNOPE\nDEL cli:a cli:b cli:c\n";
    let expect =
        "OK\n1\nOK\n1\n2\n3\n\n2\nERR unknown command 'NOPE', with args beginning with: \n\n3\n";
    for version in ["-2", "-3"] {
        let mut cli = Command::new("redis-cli");
        cli.args([version, "-p", &door.addr.port().to_string()]);
        let (output, text) = run(&mut cli, script);
        assert!(output.status.success(), "{text}");
        assert_eq!(text, expect, "{version}");
    }
    // A mass insert is one unbroken stream of requests.
    let requests: Vec<u8> = (0..5000)
        .flat_map(|n| reddoor_tests::client::request_line(&format!("SET pipe:{n} {n}")))
        .collect();
    let mut cli = Command::new("redis-cli");
    cli.args(["-p", &door.addr.port().to_string(), "--pipe"]);
    let (output, text) = run(&mut cli, std::str::from_utf8(&requests).unwrap());
    assert!(output.status.success() && text.contains("errors: 0, replies: 5000"), "{text}");
}

fn redis_benchmark_runs_through(kind: Kind) {
    if !has_tool("redis-benchmark") {
        return;
    }
    let door = FrontDoor::before(Cluster::shared(kind));
    for flags in [&["-P", "1"][..], &["-P", "16"], &["-P", "4", "-3"]] {
        let mut benchmark = Command::new("redis-benchmark");
        benchmark.args([
            "-p",
            &door.addr.port().to_string(),
            "-n",
            "2000",
            "-c",
            "20",
            "-r",
            "1000",
            "-q",
        ]);
        benchmark.args(["-t", "ping,set,get,incr,mset"]).args(flags);
        let (output, text) = run(&mut benchmark, "");
        assert!(output.status.success(), "{text}");
        assert!(!text.to_lowercase().contains("error") && !text.contains("WARN"), "{text}");
        assert!(text.contains("MSET (10 keys): "), "{text}");
    }
}

fn the_rust_client_works(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    for protocol in ["resp2", "resp3"] {
        let url = format!("redis://{}/?protocol={protocol}", door.addr);
        let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
        let pairs: Vec<(String, usize)> = (0..100).map(|n| (format!("rs:{n}"), n)).collect();
        let keys: Vec<&str> = pairs.iter().map(|(key, _)| key.as_str()).collect();
        let () = connection.mset(&pairs).unwrap();
        let values: Vec<usize> = connection.mget(&keys).unwrap();
        assert_eq!(values, (0..100).collect::<Vec<_>>());
        let missing: Option<String> = connection.get("rs:nope").unwrap();
        assert_eq!(missing, None);
        let mut pipe = redis::pipe();
        for key in &keys {
            pipe.incr(*key, 1).ignore().get(*key);
        }
        let values: Vec<usize> = pipe.query(&mut connection).unwrap();
        assert_eq!(values, (1..101).collect::<Vec<_>>());
        let deleted: usize = connection.del(&keys).unwrap();
        assert_eq!(deleted, 100);
        let error = redis::cmd("NOPE").query::<()>(&mut connection).unwrap_err();
        assert!(error.to_string().contains("unknown command 'NOPE'"), "{error}");
    }
}
