//! The body `session` under libFuzzer; see tools/testkit/src/fuzz/session.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::session::body(data));
