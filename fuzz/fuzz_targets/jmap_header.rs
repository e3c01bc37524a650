//! The body `jmap_header` under libFuzzer; see tools/testkit/src/fuzz/jmap_header.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::jmap_header::body(data));
