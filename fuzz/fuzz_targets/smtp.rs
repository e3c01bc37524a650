//! The body `smtp` under libFuzzer; see tools/testkit/src/fuzz/smtp.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::smtp::body(data));
