//! The body `dmap_client` under libFuzzer; see tools/testkit/src/fuzz/dmap_client.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::dmap_client::body(data));
