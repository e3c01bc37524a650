//! Realms: keys that come of the password and of a shard the server keeps, and stay the same when the
//! password changes (docs/DIME.md).

use std::io::{Read, Write};

use koi_dime::stacie::{RealmForm, RealmKey, RealmLabel, Shard};
use koi_dime::{Random, Secret};
use koi_proto::dmap::command::{AddRealm, Command};
use koi_proto::dmap::id::Label;
use koi_proto::dmap::response::{self, ShardForm};
use koi_proto::dmap::{Code, Mode, Response};

use crate::account::Account;
use crate::error::{Error, Result};
use crate::wallet::LocalShard;

/// One key of a realm.
#[derive(Clone, Debug)]
pub struct Realm {
    pub label: RealmLabel,
    /// Which of the keys of this label; envelopes name theirs.
    pub serial: u16,
    pub key: RealmKey,
}

impl<S: Read + Write> Account<S> {
    /// All keys of a realm, the newest last; none when there is no such realm.
    pub fn realms(&mut self, label: &RealmLabel) -> Result<Vec<Realm>> {
        let known: Vec<Realm> = self.realms.iter().filter(|realm| realm.label == *label).cloned().collect();
        if !known.is_empty() {
            return Ok(known);
        }
        let mut found = match self.is_kept_here(label) {
            true => self.local_realms(label),
            false => self.server_realms(label)?,
        };
        found.sort_by_key(|realm| realm.serial);
        self.realms.extend(found.iter().cloned());
        Ok(found)
    }
    /// The newest key of a realm, which is made if there is none.
    pub fn realm(&mut self, label: &RealmLabel, random: &mut dyn Random) -> Result<Realm> {
        match self.realms(label)?.pop() {
            Some(realm) => Ok(realm),
            None => self.new_realm(label, random),
        }
    }
    /// The key that an envelope names.
    pub fn realm_of(&mut self, label: &RealmLabel, serial: u16) -> Result<Realm> {
        let realms = self.realms(label)?;
        let found = realms.into_iter().find(|realm| realm.serial == serial);
        found.ok_or_else(|| Error::NoRealm(format!("{} {serial}", label.as_str())))
    }

    /// In PARANOID nothing from which private keys come lies on the server, not even a shard.
    pub(crate) fn is_kept_here(&self, label: &RealmLabel) -> bool {
        self.mode == Mode::Paranoid && *label == RealmLabel::mail()
    }

    fn new_realm(&mut self, label: &RealmLabel, random: &mut dyn Random) -> Result<Realm> {
        let shard = Shard(Secret::random(random)?);
        if self.is_kept_here(label) {
            self.wallet.shards.push(LocalShard { label: label.clone(), serial: 0, shard: shard.clone() });
        } else {
            let add = AddRealm { label: wire(label)?, serial: 0, shard: *shard.0.expose() };
            self.connection.run("ADDREALM", &Command::AddRealm(Box::new(add)))?;
        }
        let realm = self.derived(label, 0, &shard, RealmForm::Salt);
        self.realms.push(realm.clone());
        Ok(realm)
    }
    fn server_realms(&mut self, label: &RealmLabel) -> Result<Vec<Realm>> {
        let command = Command::GetRealm { label: wire(label)? };
        let answer = match self.connection.run("GETREALM", &command) {
            Err(error) if error.is(&Code::NonExistent) => return Ok(Vec::new()),
            answer => answer?,
        };
        let said = answer.data.into_iter().filter_map(|response| match response {
            Response::Realm(realm) if realm.label.as_str().eq_ignore_ascii_case(label.as_str()) => {
                Some(realm)
            }
            _ => None,
        });
        Ok(said.map(|realm| self.realm_said(label, &realm)).collect())
    }
    fn realm_said(&self, label: &RealmLabel, said: &response::Realm) -> Realm {
        let form = match said.form {
            ShardForm::Salt => RealmForm::Salt,
            ShardForm::Shard => RealmForm::Shard,
        };
        self.derived(label, said.serial, &Shard(Secret::new(&said.shard)), form)
    }
    fn local_realms(&self, label: &RealmLabel) -> Vec<Realm> {
        let local = self.wallet.shards.iter().filter(|local| local.label == *label);
        local.map(|local| self.derived(label, local.serial, &local.shard, RealmForm::Salt)).collect()
    }
    fn derived(&self, label: &RealmLabel, serial: u16, shard: &Shard, form: RealmForm) -> Realm {
        let key = RealmKey::derive(&self.master_key, label, &self.pin.salt, shard, form);
        Realm { label: label.clone(), serial, key }
    }
}

/// A label as the protocol writes it.
pub(crate) fn wire(label: &RealmLabel) -> Result<Label> {
    Label::new(label.as_str()).ok_or_else(|| Error::NoRealm(label.as_str().to_owned()))
}
