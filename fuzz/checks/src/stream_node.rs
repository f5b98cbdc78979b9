//! Nodes of streams: taken bytes have the same entries from either end.

use reddoor_backend::fuzz;

/// See the module.
pub fn check(data: &[u8]) {
    let Some(mut walks) = fuzz::stream_node(data) else { return };
    walks.backward.reverse();
    assert_eq!(walks.forward, walks.backward);
}
