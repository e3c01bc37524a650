//! STACIE: one password becomes a proof of login and keys the server never sees (draft-ladar-stacie-03,
//! docs/DIME.md).
//!
//! What the client derives takes long by design, and is one call here: callers run it where nothing waits.
//! Must not: decide who may log in, or remember a nonce. A nonce is good for one attempt, failed or not.

pub mod envelope;
pub mod exchange;

mod derive;
mod password;
mod realm;
mod username;

pub use derive::{Derived, Inputs, LoginToken, MasterKey, PasswordKey, VerificationToken};
pub use password::{BadPassword, PASSWORD_OCTETS_MAX, Password, Rounds};
pub use realm::{RealmForm, RealmKey, RealmLabel, Shard};
pub use username::{BadUsername, USERNAME_OCTETS_MAX, Username};

use crate::hash::{hkdf, hmac};
use crate::secret::Secret;

/// Rounds of the slowest password, and of the quickest.
pub const ROUNDS_MIN: u32 = 8;
pub const ROUNDS_MAX: u32 = 1 << 24;
/// Rounds that make a token.
pub const TOKEN_ROUNDS: u32 = 8;
/// Octets of a salt and of a nonce.
pub const SALT_OCTETS: usize = 128;
/// Octets of a key, a token or a shard.
pub const KEY_OCTETS: usize = 64;
/// The bonus a client takes from a server it does not know; a larger one keeps it busy.
pub const BONUS_MAX: u32 = 1 << 22;
/// The bonus a server gives: a long password alone makes only eight rounds. Two chains of so many hashes of
/// three blocks cost who guesses as much as 390,000 iterations of PBKDF2-HMAC-SHA512.
pub const BONUS_DEFAULT: u32 = 1 << 17;

/// What an account's derivation is salted with. The server gives it to whoever claims to be the user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Salt(pub [u8; SALT_OCTETS]);

/// Random octets for one attempt to log in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nonce(pub [u8; SALT_OCTETS]);

impl Salt {
    /// What a user who does not exist has as salt: the same at each attempt, and no different from another.
    /// `secret` is the site's own and never changes.
    #[must_use]
    pub fn of_nobody(secret: &Secret<KEY_OCTETS>, username: &str) -> Self {
        let salt = hkdf::<SALT_OCTETS>(
            b"",
            secret.expose(),
            &[b"DIME stacie salt of nobody\0", username.as_bytes()],
        );
        Self(*salt.expose())
    }
}

impl Nonce {
    /// The nonce of STACIE-PLUS: the half that the channel takes part in. `exporter` is `tls-exporter` of RFC
    /// 9266 §2.
    #[must_use]
    pub fn bound_to(&self, exporter: &[u8; 32]) -> Self {
        let bound = hmac(&self.0, &[b"DMAP channel binding\0", exporter]);
        let mut octets = self.0;
        let half = octets.iter_mut().skip(KEY_OCTETS);
        half.zip(bound.expose()).for_each(|(to, from)| *to = *from);
        Self(octets)
    }
}
