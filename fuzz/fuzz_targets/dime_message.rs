//! The body `dime_message` under libFuzzer; see tools/testkit/src/fuzz/dime_message.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::dime_message::body(data));
