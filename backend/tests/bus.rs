//! Real `redis-server`s and nodes of ours on one cluster bus, each a process of its own.
//!
//! A real server is the oracle: whatever both kinds are asked, they must agree on.

#[path = "bus/process.rs"]
mod process;

#[path = "bus/client.rs"]
mod client;

#[path = "bus/meeting.rs"]
mod meeting;

#[path = "bus/commands.rs"]
mod commands;

#[path = "bus/publishing.rs"]
mod publishing;

#[path = "bus/files.rs"]
mod files;

#[path = "bus/failures.rs"]
mod failures;

#[path = "bus/moving.rs"]
mod moving;

#[path = "bus/tools.rs"]
mod tools;

#[path = "bus/backup.rs"]
mod backup;

#[path = "bus/elections.rs"]
mod elections;

#[path = "bus/directives.rs"]
mod directives;

#[path = "bus/refusals.rs"]
mod refusals;

/// Not a test: the process of a node of ours, which the tests start from their own binary.
#[test]
fn node_process() {
    process::run_if_asked();
}
