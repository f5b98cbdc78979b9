//! Files of nodes and of real `redis-server`s, read by the other kind, damaged, cut and crashed over.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "bus/client.rs"]
mod tcp_client;

#[path = "persistence/server.rs"]
mod server;

#[path = "persistence/faults.rs"]
mod faults;

#[path = "persistence/data.rs"]
mod data;

#[path = "persistence/snapshots.rs"]
mod snapshots;

#[path = "persistence/append_only.rs"]
mod append_only;

#[path = "persistence/damage.rs"]
mod damage;

#[path = "persistence/crashes.rs"]
mod crashes;

#[path = "persistence/full_disk.rs"]
mod full_disk;

#[path = "persistence/scripts.rs"]
mod scripts;

#[path = "persistence/failing_disk.rs"]
mod failing_disk;

#[path = "persistence/stages.rs"]
mod stages;

/// Not a test: the process of a node of ours, which the tests start from their own binary.
#[test]
fn node_process() {
    server::run_if_asked();
}
