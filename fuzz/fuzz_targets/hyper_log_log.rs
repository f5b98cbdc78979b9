//! The check `hyper_log_log` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::hyper_log_log;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hyper_log_log::check(data));
