//! Listpacks: taken bytes read alike from either end, and their elements make a listpack again.

use reddoor_backend::fuzz;

/// See the module.
pub fn check(data: &[u8]) {
    let Some(mut walks) = fuzz::listpack(data) else { return };
    walks.backward.reverse();
    assert_eq!(walks.forward, walks.backward);
    let made = fuzz::listpack(&fuzz::listpack_of(&walks.forward));
    assert_eq!(made.map(|made| made.forward), Some(walks.forward));
}
