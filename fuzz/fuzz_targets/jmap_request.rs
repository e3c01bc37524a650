//! The body `jmap_request` under libFuzzer; see tools/testkit/src/fuzz/jmap_request.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::jmap_request::body(data));
