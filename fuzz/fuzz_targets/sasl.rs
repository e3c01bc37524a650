//! The body `sasl` under libFuzzer; see tools/testkit/src/fuzz/sasl.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::sasl::body(data));
