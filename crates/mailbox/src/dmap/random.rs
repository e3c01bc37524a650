//! Randomness of the edge, as D/MIME asks for it.

use koi_dime::{NoRandomness, Random};

use crate::service::Env;

/// Octets of an [`Env`].
pub(crate) struct EnvRandom<'a>(pub(crate) &'a dyn Env);

impl Random for EnvRandom<'_> {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        self.0.fill(octets);
        Ok(())
    }
}
