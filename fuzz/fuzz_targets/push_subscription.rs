//! The body `push_subscription` under libFuzzer; see tools/testkit/src/fuzz/push_subscription.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| koi_testkit::fuzz::push_subscription::body(data));
