//! The check `append_only` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::append_only;

libfuzzer_sys::fuzz_target!(|data: &[u8]| append_only::check(data));
