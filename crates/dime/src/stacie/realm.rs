//! Realm keys: the keys of one purpose, which stay the same when the password changes, because the server
//! keeps a shard of each (draft-ladar-stacie-03 §4, §6).

use super::{KEY_OCTETS, MasterKey, Salt};
use crate::hash::{hkdf, sha512_secret};
use crate::octets::xor_into;
use crate::secret::Secret;

/// Characters of a label.
const LABEL_OCTETS_MAX: usize = 32;

/// What a realm is for: 1 to 32 letters, digits or `-`, in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RealmLabel(String);

impl RealmLabel {
    /// Upper case becomes lower case.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_label = (1..=LABEL_OCTETS_MAX).contains(&text.len())
            && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        is_label.then(|| Self(text.to_ascii_lowercase()))
    }
    /// Private keys and mail.
    #[must_use]
    pub fn mail() -> Self {
        Self(String::from("mail"))
    }
    /// META blocks.
    #[must_use]
    pub fn meta() -> Self {
        Self(String::from("meta"))
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The server's share of a realm key; without the password it says nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shard(pub Secret<KEY_OCTETS>);

/// How label and shard become a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RealmForm {
    /// With the account's salt: what is made today.
    Salt,
    /// With the shard where the salt is now: what Lavabit made first. Read, never made.
    Shard,
}

/// Vector key (16 octets), tag key (16), cipher key (32).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RealmKey(pub Secret<KEY_OCTETS>);

impl RealmKey {
    /// For keys that a server keeps encrypted: no password is in it, but a secret of the site. `label` says
    /// what it encrypts.
    #[must_use]
    pub fn of_site(secret: &Secret<KEY_OCTETS>, label: &str) -> Self {
        Self(hkdf(b"", secret.expose(), &[b"DIME key of a site\0", label.as_bytes()]))
    }
    #[must_use]
    pub fn derive(
        master_key: &MasterKey,
        label: &RealmLabel,
        salt: &Salt,
        shard: &Shard,
        form: RealmForm,
    ) -> Self {
        let middle = match form {
            RealmForm::Salt => salt.0.as_slice(),
            RealmForm::Shard => shard.0.expose(),
        };
        Self(masked(&shard.0, master_key, label, middle))
    }
    /// The shard under which another master key gives this same realm key in the form [`RealmForm::Salt`].
    #[must_use]
    pub fn shard_for(&self, new_master_key: &MasterKey, label: &RealmLabel, new_salt: &Salt) -> Shard {
        Shard(masked(&self.0, new_master_key, label, &new_salt.0))
    }
}

fn masked(
    octets: &Secret<KEY_OCTETS>,
    master_key: &MasterKey,
    label: &RealmLabel,
    middle: &[u8],
) -> Secret<KEY_OCTETS> {
    let mut mask = sha512_secret(&[master_key.0.expose(), label.0.as_bytes(), middle]);
    xor_into(mask.expose_mut(), octets.expose());
    mask
}
