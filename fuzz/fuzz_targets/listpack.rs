//! The check `listpack` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::listpack;

libfuzzer_sys::fuzz_target!(|data: &[u8]| listpack::check(data));
