//! Strings that count: any string is refused or taken, and a sound one counts the same in either form.

use reddoor_backend::fuzz;

/// Elements whose registers lie far apart.
const ELEMENTS: [&[u8]; 4] = [b"hello", b"2", b"3.0e3", b""];

/// See the module.
pub fn check(data: &[u8]) {
    for element in ELEMENTS {
        if let Some((as_it_is, dense)) = fuzz::hyper_log_log(data, element) {
            assert_eq!(as_it_is, dense);
        }
    }
}
