//! Octets that must not outlive their use, nor appear in a log.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

use crate::random::{NoRandomness, Random};

/// `N` secret octets: zeroed when dropped, on the heap so that moving them leaves no copy, compared in
/// constant time, and never printed.
#[derive(Clone)]
pub struct Secret<const N: usize>(Box<[u8; N]>);

/// Octets of any number, zeroed when dropped; never printed by `Debug` of what holds them.
pub type SecretOctets = zeroize::Zeroizing<Vec<u8>>;

impl<const N: usize> Secret<N> {
    #[must_use]
    pub fn new(octets: &[u8; N]) -> Self {
        Self::filled(|own| own.copy_from_slice(octets))
    }
    /// Whatever `fill` writes over zeros.
    pub fn filled(fill: impl FnOnce(&mut [u8; N])) -> Self {
        let mut octets = Box::new([0; N]);
        fill(&mut octets);
        Self(octets)
    }
    /// Octets nobody can guess.
    pub fn random(random: &mut dyn Random) -> Result<Self, NoRandomness> {
        let mut filled = Ok(());
        let secret = Self::filled(|octets| filled = random.fill(octets));
        filled.map(|()| secret)
    }
    /// `None` unless there are exactly `N`.
    #[must_use]
    pub fn from_slice(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok().map(Self::new)
    }
    /// The octets in clear. Whoever copies them zeroes the copy.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }
    pub(crate) fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

/// In constant time.
impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> std::fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compared_and_never_shown() {
        let secret = Secret::new(&[7; 4]);
        assert_eq!(secret, Secret::from_slice(&[7; 4]).unwrap());
        assert_ne!(secret, Secret::new(&[7, 7, 7, 8]));
        assert_eq!(Secret::<4>::from_slice(&[7; 5]), None);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
