//! The check `request` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::request;

libfuzzer_sys::fuzz_target!(|data: &[u8]| request::check(data));
