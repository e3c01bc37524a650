//! The body `jmap_pointer` under libFuzzer; see tools/testkit/src/fuzz/jmap_pointer.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::jmap_pointer::body(data));
