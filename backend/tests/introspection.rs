//! What a node tells of itself beside what a redis-server tells: `INFO`, `LATENCY`, `MEMORY`, `DEBUG`, and the tools
//! that read them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "the tests of the bus use the rest of it")]
#[path = "bus/client.rs"]
mod tcp_client;

#[allow(dead_code, reason = "the tests of what is kept on disk use the rest of it")]
#[path = "persistence/server.rs"]
mod server;

#[path = "introspection/data.rs"]
mod data;

#[path = "introspection/info.rs"]
mod info;

#[path = "introspection/latency.rs"]
mod latency;

#[path = "introspection/memory.rs"]
mod memory;

#[path = "introspection/debug.rs"]
mod debug;

#[path = "introspection/live_settings.rs"]
mod live_settings;

#[path = "introspection/tools.rs"]
mod tools;

use server::{Kind, Server};

/// What a redis-server and a node of ours tell, each started with these directives in a directory of its own.
fn told_by_both<T>(directives: &str, tell: impl Fn(&Server) -> T) -> [T; 2] {
    [Kind::Real, Kind::Ours].map(|kind| {
        let dir = tempfile::tempdir().unwrap();
        tell(&Server::start(kind, dir.path(), directives))
    })
}

/// Not a test: the process of a node of ours, which the tests start from their own binary.
#[test]
fn node_process() {
    server::run_if_asked();
}
