//! The body `dmap_session` under libFuzzer; see tools/testkit/src/fuzz/dmap_session.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::dmap_session::body(data));
