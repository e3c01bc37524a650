//! Account 0: who has an account here. D (domain → scope), H (address → account), J (account), Z (counters).

use koi_types::{AccountId, Address, Timestamp};

use super::{Fields, Record};
use crate::body::Scope;

/// J: one account as the directory knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DirectoryRecord {
    pub address: Address,
    /// The stored form of the password as the edge made it (a PHC string); empty when there is none.
    pub verifier: Box<str>,
    pub created_at: Timestamp,
    pub disabled: bool,
    /// Settings nobody has defined yet; kept as they are.
    pub settings: Box<[u8]>,
}

impl DirectoryRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = Record::new(64).u8(u8::from(self.disabled)).i64(self.created_at.0);
        let record = record.sized(self.address.to_string().as_bytes()).sized(self.verifier.as_bytes());
        record.sized(&self.settings).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let disabled = match f.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let created_at = Timestamp(f.i64()?);
        let address = Address::parse(f.text()?)?;
        let verifier = f.text()?.into();
        let settings = f.sized()?.into();
        f.end().map(|()| Self { address, verifier, created_at, disabled, settings })
    }
}

/// Z: what is counted over all accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CountersRecord {
    /// Ids of accounts are never used again.
    pub next_account: AccountId,
    pub next_scope: Scope,
}

impl Default for CountersRecord {
    fn default() -> Self {
        Self { next_account: AccountId(1), next_scope: Scope(1) }
    }
}

impl CountersRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Record::new(8).u32(self.next_account.0).u32(self.next_scope.0).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let counters = Self { next_account: AccountId(f.u32()?), next_scope: Scope(f.u32()?) };
        f.end().map(|()| counters)
    }
}

/// H.
#[must_use]
pub fn encode_account_id(account: AccountId) -> Vec<u8> {
    Record::new(4).u32(account.0).0
}

/// Reads an H record.
#[must_use]
pub fn decode_account_id(record: &[u8]) -> Option<AccountId> {
    let mut f = Fields::of(record)?;
    let account = AccountId(f.u32()?);
    f.end().map(|()| account)
}

/// D.
#[must_use]
pub fn encode_scope(scope: Scope) -> Vec<u8> {
    Record::new(4).u32(scope.0).0
}

/// Reads a D record.
#[must_use]
pub fn decode_scope(record: &[u8]) -> Option<Scope> {
    let mut f = Fields::of(record)?;
    let scope = Scope(f.u32()?);
    f.end().map(|()| scope)
}
