//! Seed, keys and tokens (draft-ladar-stacie-03 §4).

use super::{KEY_OCTETS, Nonce, Password, Rounds, Salt, TOKEN_ROUNDS};
use crate::hash::{hmac_fed, sha512_secret};
use crate::octets::be24;
use crate::secret::Secret;

/// What a client derives from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// As the server hashes it: what it said in its challenge.
    pub username: &'a str,
    pub password: &'a Password,
    pub salt: &'a Salt,
    pub bonus: u32,
}

/// What comes of it.
#[derive(Debug)]
pub struct Derived {
    pub master_key: MasterKey,
    pub password_key: PasswordKey,
    pub verification_token: VerificationToken,
}

/// Realm keys are made of it; it never leaves the client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MasterKey(pub Secret<KEY_OCTETS>);

/// Shown to the server only to change the password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasswordKey(pub Secret<KEY_OCTETS>);

/// What the server stores. Who has it can log in, but neither decrypt nor change the password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerificationToken(pub Secret<KEY_OCTETS>);

/// What the client shows at a login. Compared in constant time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginToken(pub Secret<KEY_OCTETS>);

impl Inputs<'_> {
    /// Takes seconds for a short password: 2 × [`Rounds`] hashes.
    #[must_use]
    pub fn derive(&self) -> Derived {
        let seed = self.seed();
        let master_key = self.chain(&seed);
        let password_key = PasswordKey(self.chain(&master_key));
        let verification_token = password_key.verification_token(self.username, self.salt);
        Derived { master_key: MasterKey(master_key), password_key, verification_token }
    }
    pub(super) fn seed(&self) -> Secret<KEY_OCTETS> {
        hmac_fed(&self.salt.0, |update| {
            (0..self.rounds()).for_each(|_| update(self.password.expose().as_bytes()));
        })
    }
    fn rounds(&self) -> u32 {
        Rounds::of(self.password, self.bonus).number()
    }
    fn chain(&self, base: &Secret<KEY_OCTETS>) -> Secret<KEY_OCTETS> {
        let password = self.password.expose().as_bytes();
        chain(self.rounds(), &[base.expose(), self.username.as_bytes(), &self.salt.0, password])
    }
}

impl PasswordKey {
    /// The server's check of a password change: this must be what it has stored.
    #[must_use]
    pub fn verification_token(&self, username: &str, salt: &Salt) -> VerificationToken {
        let base = self.0.expose();
        VerificationToken(chain(TOKEN_ROUNDS, &[base, username.as_bytes(), &salt.0]))
    }
}

impl VerificationToken {
    /// What a client must show that was given this nonce.
    #[must_use]
    pub fn login_token(&self, username: &str, salt: &Salt, nonce: &Nonce) -> LoginToken {
        let base = self.0.expose();
        LoginToken(chain(TOKEN_ROUNDS, &[base, username.as_bytes(), &salt.0, &nonce.0]))
    }
}

/// `x = SHA-512(x || fixed || counter)`, the first time without x; the counter begins at 0.
fn chain(rounds: u32, fixed: &[&[u8]]) -> Secret<KEY_OCTETS> {
    let [a, b, c, d] = std::array::from_fn(|part| fixed.get(part).copied().unwrap_or_default());
    let mut x = sha512_secret(&[a, b, c, d, &be24(0)]);
    for round in 1..rounds {
        x = sha512_secret(&[x.expose(), a, b, c, d, &be24(round)]);
    }
    x
}
