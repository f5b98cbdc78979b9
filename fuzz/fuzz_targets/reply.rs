//! The check `reply` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::reply;

libfuzzer_sys::fuzz_target!(|data: &[u8]| reply::check(data));
