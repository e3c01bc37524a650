//! The only place where the server reads the clock and takes randomness for the layers below.

use std::time::SystemTime;

use koi_types::Timestamp;

/// Now.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Fills an array with random octets of the system.
///
/// A system without randomness cannot run a server: the process ends.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0u8; N];
    fill(&mut octets);
    octets
}

/// Overwrites every octet with a random one, or ends the process in the same way.
pub fn fill(octets: &mut [u8]) {
    if let Err(error) = getrandom::fill(octets) {
        tracing::error!(%error, "the system gives no random octets");
        std::process::abort();
    }
}
