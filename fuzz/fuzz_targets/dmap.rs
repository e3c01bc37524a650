//! The body `dmap` under libFuzzer; see tools/testkit/src/fuzz/dmap.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::dmap::body(data));
