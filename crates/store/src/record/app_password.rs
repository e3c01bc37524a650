//! Account 0: W, a password that one client of an account uses, and Q, the secret of the folder.

use koi_types::{AccessSet, Timestamp};

use super::{Fields, Record};

/// W: one app password. The password itself is long and random, so a plain hash of it is enough.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppPasswordRecord {
    /// As its owner calls the client; at most `limits::APP_PASSWORD_NAME_OCTETS_MAX`.
    pub name: Box<str>,
    /// What it may be used for.
    pub access: AccessSet,
    /// As the edge made it.
    pub hash: [u8; 32],
    pub created_at: Timestamp,
    /// About when it was last used: written now and then, not at every login.
    pub used_at: Option<Timestamp>,
}

impl AppPasswordRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = Record::new(80).u32(self.access.bits()).octets(&self.hash).i64(self.created_at.0);
        let record = record.u8(u8::from(self.used_at.is_some())).i64(self.used_at.unwrap_or_default().0);
        record.sized(self.name.as_bytes()).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let access = AccessSet::from_bits(f.u32()?);
        let hash = f.array()?;
        let created_at = Timestamp(f.i64()?);
        let used = f.u8()?;
        let used_at = Timestamp(f.i64()?);
        let used_at = match used {
            0 => None,
            1 => Some(used_at),
            _ => return None,
        };
        let name = f.text()?.into();
        f.end().map(|()| Self { name, access, hash, created_at, used_at })
    }
}

/// Q.
#[must_use]
pub fn encode_secret(secret: &[u8; 32]) -> Vec<u8> {
    Record::new(32).octets(secret).0
}

/// Reads a Q record.
#[must_use]
pub fn decode_secret(record: &[u8]) -> Option<[u8; 32]> {
    let mut f = Fields::of(record)?;
    let secret = f.array()?;
    f.end().map(|()| secret)
}
