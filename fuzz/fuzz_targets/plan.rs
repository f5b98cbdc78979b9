//! The check `plan` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::plan;

libfuzzer_sys::fuzz_target!(|data: &[u8]| plan::check(data));
