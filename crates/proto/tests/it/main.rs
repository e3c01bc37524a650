//! The decoders from outside: examples of the standards and lines of known clients, cut everywhere, and any
//! octets at all.

mod clients;
mod imap_examples;
mod octets;
mod round_trip;
mod seen;
mod smtp_examples;
