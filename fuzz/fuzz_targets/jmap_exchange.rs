//! The body `jmap_exchange` under libFuzzer; see tools/testkit/src/fuzz/jmap_exchange.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::jmap_exchange::body(data));
