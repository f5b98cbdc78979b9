//! What the nodes of a large cluster to which nothing happens tell each other, in bytes.
//!
//! `SIM_NODES=1000 cargo test --release -p reddoor-backend --lib crowd -- --nocapture` measures a thousand of them, in
//! some minutes and 10 GB of memory.

use super::asked_for;
use super::network::{Network, Weather};
use crate::cluster::core::*;

/// The default of `cluster-node-timeout`, in milliseconds.
const TIMEOUT_MS: u64 = 15_000;

/// Nodes that a build measures (count).
const NODES: u64 = 40;

/// Bytes of a message before its gossip, and of each member that it tells of.
const HEADER_BYTES: u64 = 2_256;
const GOSSIP_BYTES: u64 = 104;

#[test]
fn idle_nodes_of_a_crowd_tell_no_more_than_their_deadlines_ask_for() {
    let count = asked_for("SIM_NODES").unwrap_or(NODES);
    let settings = CoreSettings { node_timeout_ms: TIMEOUT_MS, ..CoreSettings::sample() };
    let nodes = usize::try_from(count).expect("so many fit in memory");
    let mut network = Network::acquainted(nodes, 1, settings);
    network.weather = Weather { delay_ms_max: 5, ..Weather::default() };
    // One after the other, or the first messages of all would be under way at once.
    for index in 0..nodes {
        network.restart(index);
        network.step();
    }
    network.run_until("agreement", 4 * TIMEOUT_MS, Network::agrees);
    network.run_ms(TIMEOUT_MS);
    let before = network.sent_bytes;
    network.run_ms(TIMEOUT_MS);
    assert!(network.agrees(), "nobody is suspected");
    let bytes = (network.sent_bytes - before) * 1_000 / TIMEOUT_MS / count;
    println!("{count} idle nodes send {bytes} bytes per node and second");
    // At the most each of the others is pinged twice in a node timeout, and one more each second; and answered as often.
    let message_bytes = HEADER_BYTES + GOSSIP_BYTES * (count / 10).max(3);
    let messages_max = 2 * (2 * (count - 1) + TIMEOUT_MS / 1_000);
    assert!(bytes <= messages_max * message_bytes * 1_000 / TIMEOUT_MS, "{bytes} bytes");
}
