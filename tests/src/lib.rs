//! What end-to-end tests are built from: real processes on free ports, and clients that see every byte.
//!
//! | module | what it holds |
//! |---|---|
//! | [`asked`] | the command line of programs without a harness |
//! | [`wait`] | conditions with a deadline, in place of sleeps |
//! | [`role`] | a test binary that is a server, too |
//! | [`port`] | ports that no other test has |
//! | [`guard`] | nothing that was started outlives the tests |
//! | [`process`] | a server process: its log, its signals, its end |
//! | [`binary`] | the `reddoor` under test, built and up to date |
//! | [`client`] | a RESP client of its own |
//! | [`redis_server`] | one plain `redis-server`, the oracle |
//! | [`cluster`] | clusters of real and of bundled nodes |
//! | [`front_door`] | `reddoor proxy` before a cluster |
//! | [`fake_node`] | a node that does exactly what a test tells it |
//! | [`relay`] | a way to a node that can be spoilt |
//! | [`namespace`] | network namespaces, whose cables can be cut |
//! | [`load`] | clients at work while something happens |
//! | [`account`] | clients whose acknowledged writes are counted and looked for |
//! | [`cluster_tool`] | `redis-cli --cluster` |
//!
//! Invariants: a test waits for conditions, never for time; a failing test shows the logs of what it started.

pub mod asked;

pub mod wait;

pub mod role;

pub mod port;

pub mod guard;

pub mod process;

pub mod binary;

pub mod client;

pub mod redis_server;

pub mod cluster;

pub mod front_door;

pub mod fake_node;

pub mod relay;

pub mod namespace;

pub mod load;

pub mod account;

pub mod cluster_tool;
