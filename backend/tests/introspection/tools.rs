//! `redis-cli` in the modes that look at a server, and the exporter for Prometheus, with a node as with a redis-server.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use reddoor_tests::port::NodePort;

use crate::data::fill;
use crate::server::{Server, check, has_redis_server, wait_for};
use crate::told_by_both;

/// Runs `redis-cli` to its end. What it printed.
fn cli(server: &Server, args: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("timeout")
        .args(["90", "redis-cli", "-p", &server.port.to_string()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("redis-cli");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?} of {:?}: {text}{errors}", server.kind);
    text
}

/// The first lines that hold a word, of a mode that goes on for ever.
fn first_lines(server: &Server, args: &[&str], word: &str, count: usize) -> Vec<String> {
    let mut child = Command::new("timeout")
        .args(["90", "stdbuf", "-oL", "redis-cli", "-p", &server.port.to_string()])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-cli");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let found: Vec<String> = lines.filter(|line| line.contains(word)).take(count).collect();
    // It may have ended because nobody reads it.
    let _ = child.kill();
    let _ = child.wait();
    assert_eq!(found.len(), count, "{args:?} of {:?}", server.kind);
    found
}

/// Both kinds with the same data.
fn with_both<T>(directives: &str, look: impl Fn(&Server) -> T) -> Option<[T; 2]> {
    has_redis_server().then(|| {
        told_by_both(directives, |server| {
            fill(server);
            look(server)
        })
    })
}

#[test]
fn the_biggest_keys_are_the_same() {
    let told = with_both("", |server| {
        let text = cli(server, &["--bigkeys"], b"");
        let (_, summary) = text.split_once("summary").expect("a summary");
        summary.to_owned()
    });
    if let Some([theirs, ours]) = told {
        assert_eq!(ours, theirs);
        assert!(ours.contains("Biggest"), "{ours}");
    }
}

#[test]
fn keys_are_found_by_memory_by_use_and_by_name() {
    let told = with_both("--maxmemory-policy allkeys-lfu", |server| {
        let memory = cli(server, &["--memkeys", "--memkeys-samples", "0"], b"");
        // Two orders of hash tables differ, and so does the memory, but not how many keys there are of a type.
        let counts = memory.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        let counts: Vec<String> =
            counts.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
        let hot = cli(server, &["--hotkeys"], b"");
        assert!(hot.contains("Sampled "), "{hot}");
        let names = cli(server, &["--scan", "--pattern", "*a*"], b"");
        let mut names: Vec<String> = names.lines().map(str::to_owned).collect();
        names.sort();
        (counts, names)
    });
    if let Some([theirs, ours]) = told {
        assert_eq!(ours, theirs);
        assert!(!ours.0.is_empty() && !ours.1.is_empty());
    }
}

#[test]
fn load_and_delay_are_shown_as_they_go() {
    let told = with_both("", |server| {
        let delay = cli(server, &["--latency"], b"");
        assert_eq!(delay.trim().split(' ').count(), 4, "{delay}");
        let history = first_lines(server, &["--latency-history", "-i", "1"], "seconds range", 1);
        // A second, or what became of it on a busy machine.
        let (_, range) = history[0].split_once("-- ").expect("a range");
        let range: f64 = range.split(' ').next().unwrap().parse().unwrap();
        assert!(range >= 1.0, "{history:?}");
        let load = first_lines(server, &["--stat", "-i", "0.1"], "(+", 3);
        // Keys, memory, clients, blocked, requests and connections.
        assert!(load.iter().all(|line| line.split_ascii_whitespace().count() == 7), "{load:?}");
        load[0].split_ascii_whitespace().next().unwrap().to_owned()
    });
    if let Some([theirs, ours]) = told {
        assert_eq!(ours, theirs, "keys");
    }
}

#[test]
fn a_cache_is_tried_out() {
    let told = with_both("--maxmemory 20mb --maxmemory-policy allkeys-lru", |server| {
        first_lines(server, &["--lru-test", "1000"], "Hits: ", 2).len()
    });
    assert!(told.is_none_or(|told| told == [2, 2]));
}

#[test]
fn requests_by_the_number_go_in_and_files_come_out() {
    let told = with_both("", |server| {
        let requests: String = (0..10_000).map(|n| format!("SET piped:{n} {n}\r\n")).collect();
        let piped = cli(server, &["--pipe"], requests.as_bytes());
        let library = "#!lua name=mine\nredis.register_function('f', function() return 1 end)";
        cli(server, &["-x", "FUNCTION", "LOAD"], library.as_bytes());
        let dir = tempfile::tempdir().unwrap();
        for mode in ["--rdb", "--functions-rdb"] {
            let file = dir.path().join(mode);
            let said = cli(server, &[mode, file.to_str().unwrap()], b"");
            let (is_whole, report) = check("redis-check-rdb", &file);
            assert!(is_whole, "{mode} of {:?}: {said}{report}", server.kind);
            assert!(report.contains("keys read"), "{report}");
        }
        piped.lines().last().unwrap().to_owned()
    });
    if let Some([theirs, ours]) = told {
        assert_eq!(ours, theirs);
        assert_eq!(ours, "errors: 0, replies: 10000");
    }
}

/// An exporter of what a server tells; killed when dropped.
struct Exporter {
    child: Child,
    port: u16,
    _reservation: NodePort,
}

impl Exporter {
    /// Starts one; `None` where it is not installed.
    fn start(server: &Server) -> Option<Exporter> {
        let reservation = NodePort::free();
        let port = reservation.number();
        let child = Command::new("prometheus-redis-exporter")
            .args(["-redis.addr", &format!("redis://127.0.0.1:{}", server.port)])
            .args(["-web.listen-address", &format!("127.0.0.1:{port}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        child.ok().map(|child| Exporter { child, port, _reservation: reservation })
    }

    /// The names of everything that it tells of the server.
    fn names(&self) -> Option<BTreeSet<String>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let lines = text.lines().filter(|line| line.starts_with("redis_"));
        let names = lines.map(|line| line.split(['{', ' ']).next().unwrap().to_owned());
        Some(names.collect())
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn dashboards_find_every_name() {
    let told = with_both("", |server| {
        for request in ["SET a 1", "GET a", "GET nosuch", "NOSUCH"] {
            server.ask(request);
        }
        let exporter = Exporter::start(server)?;
        Some(wait_for("the exporter to answer", || exporter.names()))
    });
    match told {
        Some([Some(theirs), Some(ours)]) => {
            assert_eq!(ours, theirs);
            assert!(ours.contains("redis_memory_used_bytes"), "{ours:?}");
        }
        Some(_) => eprintln!("PASSED OVER: prometheus-redis-exporter is missing"),
        None => {}
    }
}
