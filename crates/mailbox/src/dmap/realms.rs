//! The server's shares of an account's realm keys.

use koi_dime::Secret;
use koi_dime::stacie::{RealmForm, RealmLabel, Shard};
use koi_store::mail::dmap::keys::{self, StoredRealm};
use koi_store::record::dmap::RealmRecord;
use koi_types::Result;

use crate::account::Account;
use crate::outcome::Pending;
use crate::snapshot::Snapshot;

/// A shard that a client brings.
#[derive(Clone, Debug)]
pub struct NewRealm {
    pub label: RealmLabel,
    pub serial: u16,
    pub shard: Shard,
}

/// A shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RealmRow {
    pub label: RealmLabel,
    pub serial: u16,
    pub form: RealmForm,
    pub shard: Shard,
}

impl Account {
    /// Adds a shard; `AlreadyExists` for a serial number that is taken.
    pub fn add_realm(&self, new: &NewRealm) -> Pending<()> {
        if let Err(error) = self.owner_only() {
            return Pending::failed(error);
        }
        let (label, serial) = (new.label.clone(), new.serial);
        let record = RealmRecord { is_legacy: false, shard: *new.shard.0.expose() };
        self.change(move |account| account.add_realm(label.as_str(), serial, &record))
    }
}

impl Snapshot<'_> {
    /// All shards, by label and serial number.
    pub fn realms(&self) -> Result<Vec<RealmRow>> {
        self.owner_looks()?;
        let realms = keys::realms(&*self.view, self.account)?.into_iter();
        let row = |realm: StoredRealm| {
            Some(RealmRow {
                label: RealmLabel::new(&realm.label)?,
                serial: realm.serial,
                form: if realm.record.is_legacy { RealmForm::Shard } else { RealmForm::Salt },
                shard: Shard(Secret::new(&realm.record.shard)),
            })
        };
        Ok(realms.filter_map(row).collect())
    }
}
