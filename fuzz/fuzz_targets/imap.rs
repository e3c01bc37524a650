//! The body `imap` under libFuzzer; see tools/testkit/src/fuzz/imap.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::imap::body(data));
