//! The front door: plain Redis clients in, any Redis Cluster behind.
//!
//! ```text
//! client socket → decode → plan → route → node connection → merge → encode → client socket
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`config`], [`metrics`], [`error`] | the bottom: settings, counters, what can break |
//! | `token_bucket` | how often something may happen |
//! | `budget` | how many bytes clients hold, and how hard that presses |
//! | `rates` | how many commands addresses and users may run |
//! | `key_mapping` | client's key → stored key, and back in replies |
//! | `transaction` | what is queued since `MULTI`, and the runs it becomes |
//! | `scripts` | loaded scripts, remembered for nodes that lack them |
//! | `join` | replies to parts → one reply |
//! | `cross_slot` | commands whose keys lie in several slots |
//! | `fan_out` | one request to many nodes: who is asked, what they answered, what comes next |
//! | `scan` | how far a client's scan of the whole cluster got |
//! | `walk` | over all keys of one database of several |
//! | `errand` | a request on its way: who waits, where and how it travels |
//! | `session` | one client: replies in their order |
//! | `link` | one node connection: requests and their replies |
//! | `held` | requests that no node runs just now |
//! | `pinned` | node connections that belong to one client for a while |
//! | `cluster_map`, `routes`, `refresh` | slot → node, shared and per worker, and the sign to look again |
//! | `replicas` | how far replicas are behind |
//! | `reading`, `readers` | what replicas may be asked, and which of them is |
//! | `channels` | who listens to what, and which nodes carry it |
//! | `directory` | which worker serves a client |
//! | `local` | what the front door answers itself |
//! | `doctor` | what a plain cluster would not have run, for the operator |
//! | `permissions` | what the operator allows to clients |
//! | `plan` | what is to be done with a request |
//! | `peers` | what workers tell each other |
//! | [`drain`] | how clients are sent away |
//! | `handshake` | a fresh connection to a node |
//! | `socket_diag` | whether the machine at the other end confirms what is sent |
//! | `worker` | one thread: everything above, wired to sockets |
//! | `keeper` | the topology, asked of several nodes |
//! | `admin` | `/metrics` and health over HTTP |
//! | [`front_door`] | all of it, started and stopped |
//! | `fuzz` | doors for the checks of `fuzz/` |

pub mod config;
pub mod error;
pub mod metrics;

mod token_bucket;

mod budget;

mod rates;

mod key_mapping;

mod transaction;

mod scripts;

mod join;

mod cross_slot;

mod fan_out;

mod scan;

mod walk;

mod errand;

mod session;

mod link;

mod held;

mod pinned;

mod cluster_map;

mod routes;

mod refresh;

mod replicas;

mod readers;

mod reading;

mod channels;

mod directory;

mod doctor;

mod local;

mod permissions;

mod plan;

mod peers;

pub mod drain;

mod handshake;

mod socket_diag;

mod worker;

mod keeper;

pub mod admin;

pub mod front_door;

#[doc(hidden)]
pub mod fuzz;
