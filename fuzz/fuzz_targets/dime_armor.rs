//! The body `dime_armor` under libFuzzer; see tools/testkit/src/fuzz/dime_armor.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::dime_armor::body(data));
