//! The store by itself beside a bare log: what a delivery costs before any protocol.

pub(crate) mod koi;
pub(crate) mod load;
pub(crate) mod log;

use crate::failure::Outcome;

/// Something that makes a delivery durable before it returns.
pub(crate) trait Durable: Sync {
    /// Stores a body for an account; durable when it returns.
    fn deliver(&self, account: u32, body: &[u8]) -> Outcome<()>;
}
