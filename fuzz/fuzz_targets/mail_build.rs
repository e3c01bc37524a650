//! The body `mail_build` under libFuzzer; see tools/testkit/src/fuzz/mail_build.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::mail_build::body(data));
