//! The check `bus_message` on the inputs of libFuzzer.

#![no_main]

use reddoor_fuzz_checks::bus_message;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bus_message::check(data));
