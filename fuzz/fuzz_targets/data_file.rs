//! The check `data_file` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::data_file;

libfuzzer_sys::fuzz_target!(|data: &[u8]| data_file::check(data));
