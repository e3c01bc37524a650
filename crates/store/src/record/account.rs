//! A: the account's own row: its MODSEQ, the numbers it gives out, and what counts towards its quota.

use koi_types::{MailboxId, ModSeq, UidValidity};

use super::{Fields, Record};
use crate::body::Scope;

/// Hot: read and written by every transaction that changes the account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountRecord {
    /// Bodies of this account are shared within this scope.
    pub scope: Scope,
    /// The last one given out; 0 before the first change.
    pub modseq: u64,
    /// When names, roles, subscriptions or keywords changed last: what a cached directory is valid for.
    pub names_modseq: u64,
    /// The change log is complete for everything after this.
    pub log_floor: u64,
    /// The next id for a mailbox; ids are never used again.
    pub next_mailbox: MailboxId,
    /// The highest UIDVALIDITY given out in this account.
    pub last_uidvalidity: u32,
    /// The highest UIDVALIDITY that a name had when it was given up by DELETE or RENAME.
    pub released_uidvalidity: u32,
    /// Keywords there are, numbered from 0.
    pub keywords: u16,
    /// Memberships in mailboxes that exist.
    pub messages: u64,
    /// The sum of their sizes: what a quota of storage counts (RFC 9208 §5.1).
    pub octets: u64,
    /// What an administrator set for this account alone.
    pub own_quota: OwnQuota,
}

/// Limits of one account instead of those of all; `None`: as for all, `u64::MAX`: no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OwnQuota {
    pub octets_max: Option<u64>,
    pub messages_max: Option<u64>,
}

/// Version 1 had no quota of the account's own.
const VERSION_WITH_QUOTA: u8 = 2;

impl AccountRecord {
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            modseq: 0,
            names_modseq: 0,
            log_floor: 0,
            next_mailbox: MailboxId(1),
            last_uidvalidity: 0,
            released_uidvalidity: 0,
            keywords: 0,
            messages: 0,
            octets: 0,
            own_quota: OwnQuota::default(),
        }
    }
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = Record::of_version(VERSION_WITH_QUOTA, 75);
        let record = record.u32(self.scope.0).u64(self.modseq).u64(self.names_modseq).u64(self.log_floor);
        let record =
            record.u32(self.next_mailbox.0).u32(self.last_uidvalidity).u32(self.released_uidvalidity);
        let record = record.u16(self.keywords).u64(self.messages).u64(self.octets);
        let OwnQuota { octets_max, messages_max } = self.own_quota;
        let set = u8::from(octets_max.is_some()) | u8::from(messages_max.is_some()) << 1;
        record.u8(set).u64(octets_max.unwrap_or(0)).u64(messages_max.unwrap_or(0)).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        if let Some(mut f) = Fields::of(record) {
            let account = Self::common(&mut f)?;
            return f.end().map(|()| account);
        }
        let mut f = Fields::of_version(VERSION_WITH_QUOTA, record)?;
        let account = Self::common(&mut f)?;
        let (set, octets_max, messages_max) = (f.u8()?, f.u64()?, f.u64()?);
        if set > 3 {
            return None;
        }
        let own_quota = OwnQuota {
            octets_max: Some(octets_max).filter(|_| set & 1 != 0),
            messages_max: Some(messages_max).filter(|_| set & 2 != 0),
        };
        f.end().map(|()| Self { own_quota, ..account })
    }
    /// What both versions have.
    fn common(f: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            scope: Scope(f.u32()?),
            modseq: f.u64()?,
            names_modseq: f.u64()?,
            log_floor: f.u64()?,
            next_mailbox: MailboxId(f.u32()?),
            last_uidvalidity: f.u32()?,
            released_uidvalidity: f.u32()?,
            keywords: f.u16()?,
            messages: f.u64()?,
            octets: f.u64()?,
            own_quota: OwnQuota::default(),
        })
    }
    /// The modseq the account has come to, which is at least 1 after it was created.
    #[must_use]
    pub fn current(&self) -> ModSeq {
        ModSeq::new(self.modseq).unwrap_or(ModSeq::MIN)
    }
    /// A UIDVALIDITY nobody had in this account: the time in seconds, or one more than the last (RFC 9051
    /// §2.3.1.1).
    pub fn take_uidvalidity(&mut self, now_secs: i64) -> Option<UidValidity> {
        let time = u32::try_from(now_secs).unwrap_or(0);
        let next = self.last_uidvalidity.checked_add(1)?.max(time);
        self.last_uidvalidity = next;
        UidValidity::new(next)
    }
}
