//! Account 0: who has an account here. D (domain → scope), H (address → account), J (account), Z (counters).

use koi_types::{AccountId, Address, Timestamp};

use super::{Fields, Record};
use crate::body::Scope;

/// Version 1 had no SCRAM keys.
const VERSION_WITH_SCRAM: u8 = 2;
/// Version 2 had no STACIE verifier: accounts without one are written in it.
const VERSION_WITH_STACIE: u8 = 3;

/// J: one account as the directory knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DirectoryRecord {
    pub address: Address,
    /// What the account's own password is checked with.
    pub password: PasswordRecord,
    pub created_at: Timestamp,
    pub disabled: bool,
    /// Settings nobody has defined yet; kept as they are.
    pub settings: Box<[u8]>,
}

/// What is stored of one password, made by the edge. All parts are always of the same password. An account
/// that is not `Trustful` has only the last: the others let who has them try passwords, and mail would not
/// open by them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PasswordRecord {
    /// A PHC string; empty when there is no password.
    pub verifier: Box<str>,
    /// Only of accounts that allow SCRAM.
    pub scram: Option<ScramRecord>,
    /// What STACIE logins are checked with.
    pub stacie: Option<StacieRecord>,
}

/// What STACIE logins are checked with (docs/DIME.md). Who has it can log in, but neither decrypt anything
/// nor change the password.
#[derive(Clone, PartialEq, Eq)]
pub struct StacieRecord {
    /// Rounds that the server adds.
    pub bonus: u32,
    pub salt: [u8; 128],
    /// The verification token.
    pub token: [u8; 64],
    /// Another with every verifier of an account: by it a login knows whether it is still good.
    pub serial: u32,
}

impl std::fmt::Debug for StacieRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { bonus, serial, .. } = self;
        f.debug_struct("StacieRecord").field("bonus", bonus).field("serial", serial).finish_non_exhaustive()
    }
}

/// What SCRAM-SHA-256 logins are checked with (RFC 5802 §3).
#[derive(Clone, PartialEq, Eq)]
pub struct ScramRecord {
    pub salt: [u8; 16],
    pub iterations: u32,
    pub stored_key: [u8; 32],
    pub server_key: [u8; 32],
}

impl std::fmt::Debug for ScramRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScramRecord").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

impl From<&str> for PasswordRecord {
    fn from(verifier: &str) -> Self {
        Self { verifier: verifier.into(), scram: None, stacie: None }
    }
}

impl DirectoryRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let stacie = self.password.stacie.as_ref();
        let version = if stacie.is_some() { VERSION_WITH_STACIE } else { VERSION_WITH_SCRAM };
        let record = Record::of_version(version, 192).u8(u8::from(self.disabled)).i64(self.created_at.0);
        let record = record.sized(self.address.to_string().as_bytes());
        let record = record.sized(self.password.verifier.as_bytes()).sized(&self.settings);
        let record = record.u8(u8::from(self.password.scram.is_some()));
        let record = self.password.scram.iter().fold(record, |record, scram| {
            let record = record.octets(&scram.salt).u32(scram.iterations);
            record.octets(&scram.stored_key).octets(&scram.server_key)
        });
        let Some(stacie) = stacie else { return record.0 };
        record.u32(stacie.bonus).u32(stacie.serial).octets(&stacie.salt).octets(&stacie.token).0
    }
    /// Reads every version there was.
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let first = Fields::of_version(1, record);
        let newest = Fields::of_version(VERSION_WITH_STACIE, record);
        let has_stacie = newest.is_some();
        let mut f = first.or(newest).or_else(|| Fields::of_version(VERSION_WITH_SCRAM, record))?;
        let disabled = flag(&mut f)?;
        let created_at = Timestamp(f.i64()?);
        let address = Address::parse(f.text()?)?;
        let verifier = f.text()?.into();
        let settings = f.sized()?.into();
        let has_scram = first.is_none() && flag(&mut f)?;
        let scram = if has_scram { Some(ScramRecord::read(&mut f)?) } else { None };
        let stacie = if has_stacie { Some(StacieRecord::read(&mut f)?) } else { None };
        let password = PasswordRecord { verifier, scram, stacie };
        f.end().map(|()| Self { address, password, created_at, disabled, settings })
    }
}

impl StacieRecord {
    fn read(f: &mut Fields<'_>) -> Option<Self> {
        let (bonus, serial) = (f.u32()?, f.u32()?);
        Some(Self { bonus, serial, salt: f.array()?, token: f.array()? })
    }
}

impl ScramRecord {
    fn read(f: &mut Fields<'_>) -> Option<Self> {
        let salt = f.array()?;
        let iterations = f.u32()?;
        Some(Self { salt, iterations, stored_key: f.array()?, server_key: f.array()? })
    }
}

fn flag(f: &mut Fields<'_>) -> Option<bool> {
    match f.u8()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
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
