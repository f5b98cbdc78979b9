//! The front door as its users meet it: real processes, clients that see every byte, a file for each promise.
//!
//! A test that ends with `::real` runs over `redis-server` nodes, with `::bundled` over `reddoor node`.
//! Where a test must decide what a node does and when, the node is a fake one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod across_shards;
mod activation;
mod admin;
mod all_workers;
mod blocking;
mod blocking_moves;
mod broken_nodes;
mod channels;
mod clients;
mod colocation;
mod cross_slot;
mod cross_slot_moves;
mod cross_slot_waits;
mod databases;
mod deadlines;
mod differences;
mod doctor;
mod drains;
mod failover;
mod growing_out;
mod guarded_transactions;
mod holds;
mod limits;
mod local;
mod login;
mod lost_links;
mod memory;
mod mixed_cluster;
mod mixed_faults;
mod order;
mod overload;
mod pauses;
mod protocol_errors;
mod redirects;
mod redis_cli;
mod reload;
mod replica_reads;
mod replica_reads_refused;
mod replica_waits;
mod retries;
mod routing;
mod scan;
mod scripts;
mod silent_machines;
mod split;
mod streamed_replies;
mod streamed_requests;
mod take_overs;
mod tools;
mod topology;
mod tracking;
mod tracking_moves;
mod transaction_moves;
mod transactions;
mod whole;
