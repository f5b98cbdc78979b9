//! The check `primary` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::primary;

libfuzzer_sys::fuzz_target!(|data: &[u8]| primary::check(data));
