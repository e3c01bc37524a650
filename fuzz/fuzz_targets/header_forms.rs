//! The body `header_forms` under libFuzzer; see tools/testkit/src/fuzz/header_forms.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::header_forms::body(data));
