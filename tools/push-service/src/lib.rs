//! A push service that does as it is told (RFC 8030 §5, over TLS, HTTP/1.1 and HTTP/2), and a device that
//! reads its messages (RFC 8291 §3.4). Only a dev-dependency.
//!
//! [`PushService::start`] listens on loopback with a certificate of an authority of its own. A test says what
//! a resource answers, request by request ([`Behaviour`]), and looks at what came ([`Recorded`]). Nothing
//! here is shared with the code it tests.

// This crate is a test: whatever goes wrong in it is a test that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answer;
mod certificate;
mod device;
mod line;
mod proxy;
mod recorded;
mod service;

pub use device::Device;
pub use proxy::Proxy;
pub use recorded::{Field, Http, Recorded};
pub use service::{Behaviour, Options, PushService};
