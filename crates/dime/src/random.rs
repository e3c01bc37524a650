//! Randomness is an argument: this crate has none of its own.

use crate::hash::{hkdf, hmac};
use crate::secret::Secret;

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

/// Octets that follow from a secret and a purpose: the same again for who has both, to be guessed by nobody
/// else. For what is made anew each time it is shown, and must be the same each time.
#[derive(Debug)]
pub struct Derived {
    key: Secret<64>,
    block: Secret<64>,
    /// Octets of `block` that were given out.
    used: usize,
    count: u64,
}

impl Derived {
    /// Of every purpose another sequence. The purposes are unlike one another by their first octets.
    #[must_use]
    pub fn new(secret: &Secret<64>, purpose: &[&[u8]]) -> Self {
        let key = hkdf::<64>(b"", secret.expose(), purpose);
        Self { key, block: Secret::new(&[0; 64]), used: 64, count: 0 }
    }
}

impl Random for Derived {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        for octet in octets {
            if self.used >= 64 {
                self.block = hmac(self.key.expose(), &[&self.count.to_be_bytes()]);
                self.count = self.count.checked_add(1).ok_or(NoRandomness)?;
                self.used = 0;
            }
            *octet = self.block.expose().get(self.used).copied().ok_or(NoRandomness)?;
            self.used += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_octets_are_the_same_again_however_they_are_asked_for() {
        let secret = Secret::new(&[7; 64]);
        let all = |purpose: &[u8], sizes: &[usize]| {
            let mut random = Derived::new(&secret, &[purpose]);
            let mut all = Vec::new();
            for size in sizes {
                let mut piece = vec![0; *size];
                random.fill(&mut piece).unwrap();
                all.extend(piece);
            }
            all
        };
        assert_eq!(all(b"a", &[200]), all(b"a", &[1, 63, 64, 65, 7]));
        assert_ne!(all(b"a", &[200]), all(b"b", &[200]));
    }
}
