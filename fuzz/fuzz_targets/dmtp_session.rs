//! The body `dmtp_session` under libFuzzer; see tools/testkit/src/fuzz/dmtp_session.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::dmtp_session::body(data));
