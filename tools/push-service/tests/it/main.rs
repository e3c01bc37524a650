//! The push service as curl sees it, which is nobody's code here: every behaviour, over both versions of
//! HTTP.

// This is a test: whatever goes wrong in it is a test that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod behaviours;
mod curl;
mod faults;
