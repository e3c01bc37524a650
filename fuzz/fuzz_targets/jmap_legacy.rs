//! The body `jmap_legacy` under libFuzzer; see tools/testkit/src/fuzz/jmap_legacy.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::jmap_legacy::body(data));
