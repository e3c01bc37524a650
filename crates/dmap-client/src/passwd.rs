//! Changing the password (docs/DIME.md, STACIE-PASSWD): the server verifies the old password's key, and gets
//! what it needs of the new one; the keys of all realms stay what they were.

use std::io::{Read, Write};

use koi_dime::stacie::{Derived, Password, RealmLabel, Salt};
use koi_dime::{Random, Secret};
use koi_proto::dmap::command::{Command, NewShard, Secret as Word, StaciePasswd};

use crate::account::Account;
use crate::error::{Error, Result};
use crate::login::Pin;
use crate::realm::{Realm, wire};
use crate::wallet::{LocalShard, Pending};

/// Characters of a new password; fewer take minutes to derive from, and seconds to guess.
const PASSWORD_CHARACTERS_MIN: u32 = 8;

/// Everything of a new password, derived and not yet sent. Its wallet must be stored before it is: whoever
/// stops between finds the account with one password or the other, and can open everything with either.
#[derive(Debug)]
pub struct NewPassword {
    pin: Pin,
    derived: Derived,
    shards: Vec<NewShard>,
}

impl<S: Read + Write> Account<S> {
    /// Derives, which takes seconds, and notes in the wallet what is about to happen. `bonus` are the rounds
    /// beside those that a short password makes; `BONUS_DEFAULT` is a good value.
    pub fn prepare_password(
        &mut self,
        password: &Password,
        bonus: u32,
        random: &mut dyn Random,
    ) -> Result<NewPassword> {
        if password.characters() < PASSWORD_CHARACTERS_MIN {
            return Err(Error::Password("the new password has fewer than 8 characters"));
        }
        // Before anything is derived: what the server has of realms must be known to be kept.
        let realms = [self.realms(&RealmLabel::mail())?, self.realms(&RealmLabel::meta())?].concat();
        let pin =
            Pin { username: self.pin.username.clone(), salt: Salt(*Secret::random(random)?.expose()), bonus };
        let derived = pin.inputs(password).derive();
        let rewrapped = |realm: &Realm| realm.key.shard_for(&derived.master_key, &realm.label, &pin.salt);
        let mut shards = Vec::new();
        for realm in realms.iter().filter(|realm| !self.is_kept_here(&realm.label)) {
            let (label, shard) = (wire(&realm.label)?, *rewrapped(realm).0.expose());
            shards.push(NewShard { label, serial: Some(realm.serial), shard });
        }
        let mut local = Vec::new();
        for kept in &self.wallet.shards {
            let realm = realms.iter().find(|realm| realm.label == kept.label && realm.serial == kept.serial);
            let realm = realm.ok_or_else(|| Error::NoRealm(kept.label.as_str().to_owned()))?;
            local.push(LocalShard { shard: rewrapped(realm), ..kept.clone() });
        }
        self.wallet.pending = Some(Pending { pin: pin.clone(), shards: local });
        Ok(NewPassword { pin, derived, shards })
    }

    /// Changes the password. Other sessions of the account end; this one goes on.
    pub fn change_password(&mut self, new: NewPassword) -> Result<()> {
        let secret = |octets: &[u8; 64]| Word(octets.to_vec());
        let command = Command::StaciePasswd(Box::new(StaciePasswd {
            password_key: secret(self.password_key.0.expose()),
            bonus: new.pin.bonus,
            salt: Box::new(new.pin.salt.0),
            verification_token: secret(new.derived.verification_token.0.expose()),
            shards: new.shards,
        }));
        match self.connection.run("STACIE-PASSWD", &command) {
            Ok(_) => {}
            Err(error) => {
                // Refused: nothing has changed. With the connection lost, nobody knows.
                if matches!(error, Error::Refused { .. }) {
                    self.wallet.pending = None;
                }
                return Err(error);
            }
        }
        self.wallet.settle(&new.pin);
        self.pin = new.pin;
        self.master_key = new.derived.master_key;
        self.password_key = new.derived.password_key;
        // The keys are the same; only how they are derived has changed.
        self.realms.clear();
        Ok(())
    }
}
