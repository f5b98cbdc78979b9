//! The check `stream_node` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::stream_node;

libfuzzer_sys::fuzz_target!(|data: &[u8]| stream_node::check(data));
