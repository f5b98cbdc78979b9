//! Clients that take too much memory, alone or together.

use std::io::Write as _;
use std::net::TcpStream;

use crate::process::{Kind, Server, wait_until};

/// A connection that sends the beginning of a large request.
fn half_request(server: &Server, name: &str, first: &str, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
    // What is announced counts, too.
    let announced = bytes + 10;
    let begin = format!("CLIENT SETNAME {name}\r\n{first}*2\r\n$4\r\nECHO\r\n${announced}\r\n");
    stream.write_all(begin.as_bytes()).expect("it reads");
    stream.write_all(&vec![b'x'; bytes]).expect("it reads");
    stream
}

/// Whether a client of this name is connected.
fn has(server: &Server, name: &str) -> bool {
    server.ask("CLIENT LIST").contains(&format!("name={name} "))
}

/// What a client has sent of a request that is not whole.
fn query_bytes(server: &Server, name: &str) -> usize {
    let list = server.ask("CLIENT LIST");
    let line = list.lines().find(|line| line.contains(&format!("name={name} ")));
    let field = line.and_then(|line| line.split(' ').find_map(|word| word.strip_prefix("qbuf=")));
    field.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}

fn wait_for_count(server: &Server, name: &str, count: &str) {
    wait_until(
        || format!("{name}:{count}, not {}", server.field("stats", name)),
        || server.field("stats", name) == count,
    );
}

#[test]
fn the_largest_clients_go_when_all_take_too_much() {
    let server = Server::start(Kind::Ours, "");
    let _spared = half_request(&server, "spared", "CLIENT NO-EVICT on\r\n", 800_000);
    let _largest = half_request(&server, "largest", "", 600_000);
    let large = half_request(&server, "large", "", 300_000);
    for name in ["spared", "largest", "large"] {
        wait_until(|| format!("{name} to have sent"), || query_bytes(&server, name) > 290_000);
    }
    assert_eq!(server.ask("CONFIG SET maxmemory-clients 500000"), "OK");
    wait_for_count(&server, "evicted_clients", "1");
    wait_until(|| "the largest to go".to_owned(), || !has(&server, "largest"));
    assert!(has(&server, "large") && has(&server, "spared"));
    // Another goes as soon as it is too large.
    drop(large);
    let _next = half_request(&server, "next", "", 600_000);
    wait_for_count(&server, "evicted_clients", "2");
    wait_until(|| "the next to go".to_owned(), || !has(&server, "next"));
    assert_eq!(server.ask("PING"), "PONG");
}

/// What one read brought is answered in portions no larger than clients may hold, or keys would go for them.
#[test]
fn a_client_that_asks_for_too_much_goes_before_any_key() {
    let settings = "--maxmemory-clients 256kb --maxmemory-policy allkeys-random";
    let server = Server::start(Kind::Ours, settings);
    assert_eq!(server.ask(&format!("SET k {}", "x".repeat(50_000))), "OK");
    let used: usize = server.field("memory", "used_memory").parse().unwrap();
    assert_eq!(server.ask(&format!("CONFIG SET maxmemory {}", used + 1_500_000)), "OK");
    let mut greedy = TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
    // The system takes some megabytes before anything is left unsent. It may be cut off while it still asks.
    let _ = greedy.write_all(&b"GET k\r\n".repeat(2000));
    wait_for_count(&server, "evicted_clients", "1");
    assert_eq!(server.field("stats", "evicted_keys"), "0");
}

#[test]
fn a_listener_that_reads_too_little_for_long_is_cut_off() {
    let server = Server::start(Kind::Ours, "--client-output-buffer-limit pubsub 0 100kb 1");
    let mut listener = server.client();
    listener.ask("SUBSCRIBE c");
    let message = "x".repeat(50_000);
    // The system takes some of it before anything is left unsent.
    wait_until(
        || "the listener to be cut off".to_owned(),
        || server.ask(&format!("PUBLISH c {message}")) == "0",
    );
    wait_for_count(&server, "client_output_buffer_limit_disconnections", "1");
}

/// A reply is measured before it is sent: a client may not have so much at once, however fast it reads.
#[test]
fn a_reply_beyond_the_limit_is_not_sent() {
    let server = Server::start(Kind::Ours, "--client-output-buffer-limit normal 100kb 0 0");
    let mut client = server.client();
    assert_eq!(client.ask(&format!("SET a {}", "x".repeat(90_000))), "OK");
    assert_eq!(client.ask("GET a").len(), 90_000);
    assert_eq!(client.ask(&format!("APPEND a {}", "x".repeat(20_000))), "110000");
    client.send("GET a");
    wait_for_count(&server, "client_output_buffer_limit_disconnections", "1");
}
