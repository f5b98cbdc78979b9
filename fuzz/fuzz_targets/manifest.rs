//! The check `manifest` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::manifest;

libfuzzer_sys::fuzz_target!(|data: &[u8]| manifest::check(data));
