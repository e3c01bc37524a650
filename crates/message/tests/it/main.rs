//! Tests of the crate as a whole: the museum of difficult messages, oracles, properties, hostile input.

// A test fails by panicking; clippy knows that only inside of `#[test]` functions.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod build;
mod hostile;
mod imap;
mod jmap;
mod museum;
mod oracle;
mod properties;
mod python;
mod show;
