//! The body `compressed_session` under libFuzzer; see tools/testkit/src/fuzz/compressed_session.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::compressed_session::body(data));
