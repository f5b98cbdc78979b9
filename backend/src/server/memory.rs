//! Memory as the system counts it.

use std::fs;

/// Bytes of memory that this process occupies; 0 where the system does not tell.
pub(crate) fn resident_bytes() -> usize {
    let page_bytes = rustix::param::page_size();
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_ascii_whitespace().nth(1).and_then(|field| field.parse::<usize>().ok());
    pages.unwrap_or(0) * page_bytes
}
