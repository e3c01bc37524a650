//! What a login was checked with, as it is kept over a restart: a hash that says whether it is the same
//! still, and nothing else.

use koi_sessions::Login;

use super::{Entry, Held, Proven};

/// Stands for what a login was checked with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeptProof {
    pub digest: [u8; 32],
    /// The number of the app password it came with.
    pub app_password: Option<u32>,
}

impl Proven {
    /// What is kept of it, beside the login itself.
    #[must_use]
    pub fn keep(&self) -> KeptProof {
        KeptProof { digest: self.held.digest(), app_password: self.app_password() }
    }
    /// A login of before. Whether it still holds is asked with each use, as of all that last.
    #[must_use]
    pub fn kept(login: Login, proof: KeptProof) -> Self {
        Self { login, held: Held::Kept(proof) }
    }
}

impl KeptProof {
    /// Whether the account still has it.
    pub(super) fn is_of(&self, entry: &Entry) -> bool {
        let is_it = |held: &Held| held.digest() == self.digest;
        if let Some(number) = self.app_password {
            let mut all = entry.app_passwords.iter().filter(|one| one.number == number);
            return all.any(|one| is_it(&Held::App { number, hash: one.record.hash }));
        }
        is_it(&Held::Password(entry.verifier.clone()))
            || entry.scram.as_ref().is_some_and(|scram| is_it(&Held::Scram(scram.keys.clone())))
            || entry.stacie.is_some_and(|serial| is_it(&Held::Stacie { serial }))
    }
}

impl Held {
    fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        match self {
            Self::Kept(proof) => return proof.digest,
            Self::Password(verifier) => hasher.update(b"password\0").update(verifier.as_bytes()),
            Self::Scram(keys) => hasher.update(b"scram\0").update(&keys.stored_key).update(&keys.server_key),
            Self::App { number, hash } => hasher.update(b"app\0").update(&number.to_le_bytes()).update(hash),
            Self::Stacie { serial } => hasher.update(b"stacie\0").update(&serial.to_le_bytes()),
        };
        *hasher.finalize().as_bytes()
    }
}
