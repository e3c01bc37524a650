//! The body `smtp_session` under libFuzzer; see tools/testkit/src/fuzz/smtp_session.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::smtp_session::body(data));
