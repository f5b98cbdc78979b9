//! The check `restore` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::restore;

libfuzzer_sys::fuzz_target!(|data: &[u8]| restore::check(data));
