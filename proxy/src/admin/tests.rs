//! The admin port over real sockets.

use std::future::Future;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::config::layer::Overrides;

/// An admin server on a free port, and how to close it.
struct Server {
    addr: SocketAddr,
    state: Arc<AdminState>,
    close: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<()>,
}

fn state() -> Arc<AdminState> {
    let mut overrides = Overrides::default();
    overrides.set("cluster.seeds", "a:1");
    let variables = [("REDDOOR_AUTH__PASSWORD".into(), "hunter2".into())];
    let config = Config::load(None, variables, &overrides).unwrap();
    let doctor = Arc::new(Doctor::new(2));
    Arc::new(AdminState::new(Arc::new(config), Arc::new(Metrics::new(2)), doctor))
}

/// Runs a test against a server, in the kind of runtime that the front door uses.
fn with_server<F: Future<Output = ()>>(test: impl FnOnce(Server) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let state = state();
        let (close, closed) = watch::channel(false);
        let serving = tokio::spawn(serve(listener, Arc::clone(&state), closed));
        // A test that does not close the server drops its sender early, and that would close it.
        let _open = close.clone();
        test(Server { addr, state, close, serving }).await;
    });
}

/// Sends bytes and reads until the server closes.
async fn exchange(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // A server that refuses a request may close before it has read all of it.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

async fn get(addr: SocketAddr, path: &str) -> String {
    exchange(addr, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await
}

#[test]
fn a_front_door_lives_before_it_is_ready() {
    with_server(|server| async move {
        for path in ["/livez", "/healthz"] {
            assert!(get(server.addr, path).await.starts_with("HTTP/1.1 200 OK\r\n"));
        }
        let answer = get(server.addr, "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.ends_with("\r\n\r\nnot ready: no topology yet\n"), "{answer}");
    });
}

#[test]
fn readiness_follows_the_topology_until_the_drain() {
    with_server(|Server { addr, state, .. }| async move {
        state.set_ready();
        let late = "not ready: the workers have not taken the topology over yet\n";
        for worker in state.metrics.workers() {
            assert!(get(addr, "/readyz").await.ends_with(late));
            assert!(get(addr, "/metrics").await.contains("\nreddoor_ready 0\n"));
            worker.map_adopted();
        }
        assert!(get(addr, "/readyz").await.ends_with("\r\n\r\nready\n"));
        assert!(get(addr, "/metrics").await.contains("\nreddoor_ready 1\n"));
        state.set_not_ready("100 of 16384 slots have no owner");
        assert!(
            get(addr, "/readyz").await.ends_with("not ready: 100 of 16384 slots have no owner\n")
        );
        state.set_draining();
        state.set_ready();
        assert!(get(addr, "/readyz").await.ends_with("not ready: draining\n"));
        assert!(get(addr, "/metrics").await.contains("\nreddoor_ready 0\n"));
    });
}

#[test]
fn metrics_are_told_in_the_text_format() {
    with_server(|server| async move {
        let answer = get(server.addr, "/metrics").await;
        assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
        assert!(answer.contains("# TYPE reddoor_clients gauge\nreddoor_clients 0\n"), "{answer}");
        assert!(answer.contains("\nreddoor_workers 2\n"));
        assert!(answer.contains("\nprocess_resident_memory_bytes "));
    });
}

#[test]
fn the_configuration_is_told_without_its_secrets() {
    with_server(|server| async move {
        let answer = get(server.addr, "/config?x=1").await;
        assert!(answer.contains("seeds = [\"a:1\"]"), "{answer}");
        assert!(answer.contains("password = \"(redacted)\"") && !answer.contains("hunter2"));
    });
}

#[test]
fn head_answers_like_get_without_the_body() {
    with_server(|server| async move {
        let answer = exchange(server.addr, "HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            answer.contains("content-length: 3\r\n") && answer.ends_with("\r\n\r\n"),
            "{answer}"
        );
    });
}

#[test]
fn other_paths_and_methods_are_refused_with_what_there_is() {
    with_server(|server| async move {
        let answer = get(server.addr, "/metric").await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        assert!(
            answer.ends_with("/metrics, /livez, /healthz, /readyz, /config, /doctor\n"),
            "{answer}"
        );
        let post = "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
        let answer = exchange(server.addr, post).await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        assert!(answer.contains("allow: GET, HEAD\r\n"), "{answer}");
    });
}

#[test]
fn what_is_no_http_or_too_long_is_refused_and_the_port_lives_on() {
    with_server(|server| async move {
        let answer = exchange(server.addr, "*1\r\n$4\r\nPING\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        let long = format!("GET /livez HTTP/1.1\r\nX: {}", "x".repeat(REQUEST_BYTES_MAX));
        let answer = exchange(server.addr, &long).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
        let many = format!("GET /livez HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat(HEADERS_MAX + 1));
        let answer = exchange(server.addr, &many).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
        assert!(get(server.addr, "/livez").await.ends_with("ok\n"));
    });
}

#[test]
fn connections_that_say_nothing_are_cut_and_make_room() {
    // The clock stands still but when everybody waits: the deadlines pass at once, in their order.
    with_server(|server| async move {
        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            silent.push(TcpStream::connect(server.addr).await.unwrap());
        }
        tokio::time::pause();
        assert!(get(server.addr, "/livez").await.ends_with("ok\n"));
        for mut stream in silent {
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    });
}

#[test]
fn a_closed_server_gives_its_port_back() {
    with_server(|server| async move {
        server.close.send_replace(true);
        server.serving.await.unwrap();
        assert!(TcpListener::bind(server.addr).is_ok());
    });
}
