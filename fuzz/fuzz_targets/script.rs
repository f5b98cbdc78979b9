//! The check `script` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::script;

libfuzzer_sys::fuzz_target!(|data: &[u8]| script::check(data));
