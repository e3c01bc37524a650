//! The body `jmap_patch` under libFuzzer; see tools/testkit/src/fuzz/jmap_patch.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::jmap_patch::body(data));
