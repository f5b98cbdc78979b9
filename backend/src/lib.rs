//! The bundled node: one single-threaded, Redis-compatible server process that owns slots of a Redis Cluster.
//!
//! One thread owns all data; sessions run on it and execute directly on the state, so there is no lock and no
//! channel between a request and its data:
//!
//! client socket → `session` (decode) → `execute` (look up, check) → `commands` → `data` → reply → socket
//!
//! | module | what it holds |
//! |---|---|
//! | [`config`] | the directives of redis.conf, from files, arguments and `CONFIG SET` |
//! | [`error`] | why a node could not start or go on |
//! | `log` | log lines in the form that tools grep |
//! | `durable` | files that are there after a crash |
//! | `server` | listeners, the periodic tick, signals, the end |
//! | `session` | one client's socket: reading, executing, writing, waiting |
//! | `client`, `clients` | what is known of one client, and of all |
//! | `acl` | users and what they may do |
//! | `node` | all state of the node |
//! | `propagate` | what changes become for those who repeat them |
//! | `replication` | this node as a primary and as a replica of others |
//! | `unexpected` | errors in answer to what is done again |
//! | `execute` | the one door through which commands reach the state |
//! | `scripting` | Lua: scripts and functions |
//! | `commands` | one handler for each command |
//! | `data` | keys, values, expiry |
//! | `cluster` | slot ownership and the cluster bus |
//! | `memory` | how much memory is in use |
//! | `eviction` | staying within a limit of memory |
//! | `notify` | keyspace notifications |
//! | `persistence` | what outlives the process: snapshots, the append-only file |
//! | `fork` | a child process with the node's memory as it was |
//! | `blocking` | clients that wait for keys |
//! | `pubsub` | clients that listen to channels |
//! | [`scratch`] | a node without sockets, for one command over copies of keys |
//! | `monitor` | clients that see every command; `redact` hides what nobody may see |
//! | `tracking` | clients that are told which keys change |
//! | `fuzz` | doors for the checks of `fuzz/` |
//! | `latency` | what held the node up, and how long commands take |
//! | `watch`, `slow_log`, `stats`, `clock` | what they say |

pub mod config;

pub mod error;

mod log;

mod clock;

mod memory;

mod durable;

mod data;

mod acl;

mod client;

mod clients;

mod watch;

mod blocking;

mod pubsub;

mod tracking;

mod redact;

mod slow_log;

mod latency;

mod monitor;

mod stats;

mod propagate;

mod dial;

mod crash;

mod replication;

mod unexpected;

mod node;

mod notify;

mod eviction;

mod fork;

mod persistence;

mod scripting;

mod execute;

mod commands;

mod cluster;

mod session;

pub mod scratch;

mod server;

#[doc(hidden)]
pub mod fuzz;

use crate::config::Config;
use crate::error::RunError;

/// The version of Redis as which a node answers.
pub const REDIS_VERSION: &str = server::REDIS_VERSION;

/// Runs a node until SIGTERM, SIGINT or `SHUTDOWN`; blocks the calling thread.
///
/// SIGHUP is survived. Log lines go where the settings say.
///
/// # Errors
/// [`RunError`]: the node could not start, or could not end as it was told to; the process should exit with 1.
pub fn run(config: Config) -> Result<(), RunError> {
    server::run(config)
}
