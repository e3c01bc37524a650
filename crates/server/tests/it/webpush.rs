//! The sender of pushes against a push service on loopback, over real TLS and both versions of HTTP.

mod answers;
mod jmap;
mod outbox;
mod reach;
mod rig;
