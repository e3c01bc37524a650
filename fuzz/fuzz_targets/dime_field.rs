//! The body `dime_field` under libFuzzer; see tools/testkit/src/fuzz/dime_field.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::dime_field::body(data));
