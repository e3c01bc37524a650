//! META blocks: sealed under the realm `meta`, bound to what they belong to, never older than what was seen
//! (docs/DIME.md, META).

use std::io::{Read, Write};

use koi_dime::meta::{Meta, MetaType, binding};
use koi_dime::stacie::{RealmLabel, envelope};
use koi_dime::{Random, Secret};

use crate::account::Account;
use crate::error::{Error, Result};
use crate::realm::Realm;

/// A block as the server stores it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedMeta(pub Vec<u8>);

/// Opens a block that belongs to `object`: all octets of a message, the name of a mailbox as the server has
/// it, or the address of a signet. `seen` is the highest revision this client knows of it.
pub fn open_meta(realm: &Realm, sealed: &SealedMeta, object: &[u8], seen: Option<u64>) -> Result<Meta> {
    let plaintext = envelope::open(&realm.key, &sealed.0)?;
    let meta = Meta::parse(&plaintext).map_err(|_| Error::Meta("a META block is malformed"))?;
    if !meta.is_bound_to(object) {
        return Err(Error::Meta("a META block belongs to something else"));
    }
    match (meta.revision(), seen) {
        (None, _) => Err(Error::Meta("a META block has no revision")),
        (Some(found), Some(seen)) if found < seen => {
            Err(Error::Meta("a META block is older than what was seen"))
        }
        _ => Ok(meta),
    }
}

/// Seals a block for `object`, one revision further.
pub fn seal_meta(realm: &Realm, meta: &Meta, object: &[u8], random: &mut dyn Random) -> Result<SealedMeta> {
    let too_large = |_| Error::Meta("a META block would be too large");
    let revision = meta.revision().unwrap_or(0).saturating_add(1);
    let mut next = meta.clone();
    next.set(MetaType::REVISION, &revision.to_be_bytes()).map_err(too_large)?;
    next.set(MetaType::BINDING, &binding(object)).map_err(too_large)?;
    let vector_shard = Secret::<16>::random(random)?;
    envelope::seal(&realm.key, realm.serial, vector_shard.expose(), &next.plaintext())
        .map(SealedMeta)
        .map_err(Error::Envelope)
}

impl<S: Read + Write> Account<S> {
    /// Opens a block under the key it names.
    pub fn read_meta(&mut self, sealed: &SealedMeta, object: &[u8], seen: Option<u64>) -> Result<Meta> {
        let serial = envelope::serial(&sealed.0)?;
        let realm = self.realm_of(&RealmLabel::meta(), serial)?;
        open_meta(&realm, sealed, object, seen)
    }
    /// Seals a block under the newest key, which is made if there is none.
    pub fn write_meta(&mut self, meta: &Meta, object: &[u8], random: &mut dyn Random) -> Result<SealedMeta> {
        let realm = self.realm(&RealmLabel::meta(), random)?;
        seal_meta(&realm, meta, object, random)
    }
}
