//! The check `inline` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::inline;

libfuzzer_sys::fuzz_target!(|data: &[u8]| inline::check(data));
