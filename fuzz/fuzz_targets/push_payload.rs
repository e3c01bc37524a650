//! The body `push_payload` under libFuzzer; see tools/testkit/src/fuzz/push_payload.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::push_payload::body(data));
