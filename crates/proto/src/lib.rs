//! Wire formats and connection state of every protocol. Pure, sans-I/O.
//!
//! Bytes in, values out, and back. Nothing here knows that mailboxes exist, opens a socket, reads a clock or
//! makes a random number. A protocol module does not import a sibling: what two of them share is in `line`
//! and `sasl`.

pub mod deflate;
pub mod dmap;
pub mod imap;
pub mod jmap;
pub mod line;
pub mod sasl;
pub mod smtp;
