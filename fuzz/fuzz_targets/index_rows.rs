//! The body `index_rows` under libFuzzer; see tools/testkit/src/fuzz/index_rows.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::index_rows::body(data));
