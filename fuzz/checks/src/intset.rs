//! Sets of integers: taken bytes have their members in ascending order.

use reddoor_backend::fuzz;

/// See the module.
pub fn check(data: &[u8]) {
    let Some(members) = fuzz::intset(data) else { return };
    assert!(!members.is_empty());
    assert!(members.is_sorted_by(|a, b| a < b), "{members:?}");
}
