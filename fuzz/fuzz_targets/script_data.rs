//! The check `script_data` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::script_data;

libfuzzer_sys::fuzz_target!(|data: &[u8]| script_data::check(data));
