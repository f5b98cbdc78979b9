//! The check `intset` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::intset;

libfuzzer_sys::fuzz_target!(|data: &[u8]| intset::check(data));
