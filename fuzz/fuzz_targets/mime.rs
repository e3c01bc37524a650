//! The body `mime` under libFuzzer; see tools/testkit/src/fuzz/mime.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::mime::body(data));
