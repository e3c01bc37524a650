//! The body `dime_dmtp` under libFuzzer; see tools/testkit/src/fuzz/dime_dmtp.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::dime_dmtp::body(data));
