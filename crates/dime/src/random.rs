//! Randomness is an argument: this crate has none of its own.

/// There were no random octets to be had. Nothing was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoRandomness;

impl std::fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the system gives no random octets")
    }
}

impl std::error::Error for NoRandomness {}

/// A source of octets nobody can guess. Outside tests it is the operating system's.
pub trait Random {
    /// Overwrites every octet.
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness>;
}
