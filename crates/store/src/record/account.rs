//! A: the account's own row: its MODSEQ, the numbers it gives out, and what counts towards its quota.

use koi_types::{MailboxId, ModSeq, Mode, UidValidity};

use super::{Fields, Record, put_varint};
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
    /// When data of each type changed last.
    pub states: TypeStates,
    /// The change log says of everything after this when a message was seen no more, or again, by those who
    /// are not shown what is `\\Deleted`.
    pub visibility_floor: u64,
    /// What the server may know of its mail.
    pub mode: Mode,
}

/// The modseq at which data of each type changed last (RFC 8620 §5.1, RFC 8621 §1.5); 0 before the first
/// change. None is above the account's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TypeStates {
    /// Emails: what is in them, where they are, and their keywords.
    pub email: u64,
    /// Mailboxes, with their counts.
    pub mailbox: u64,
    /// Which emails threads have.
    pub thread: u64,
    /// A new email came in.
    pub delivery: u64,
    pub identity: u64,
    pub submission: u64,
    pub vacation: u64,
}

impl TypeStates {
    /// All of them at one modseq.
    #[must_use]
    pub const fn all(modseq: u64) -> Self {
        Self {
            email: modseq,
            mailbox: modseq,
            thread: modseq,
            delivery: modseq,
            identity: modseq,
            submission: modseq,
            vacation: modseq,
        }
    }
    const fn list(&self) -> [u64; 7] {
        let Self { email, mailbox, thread, delivery, identity, submission, vacation } = *self;
        [email, mailbox, thread, delivery, identity, submission, vacation]
    }
    /// As distances from the account's modseq: mostly one octet each.
    fn encode(&self, modseq: u64, out: &mut Vec<u8>) {
        self.list().iter().for_each(|state| put_varint(out, modseq.saturating_sub(*state)));
    }
    fn decode(modseq: u64, f: &mut Fields<'_>) -> Option<Self> {
        let mut next = || modseq.checked_sub(f.varint()?);
        Some(Self {
            email: next()?,
            mailbox: next()?,
            thread: next()?,
            delivery: next()?,
            identity: next()?,
            submission: next()?,
            vacation: next()?,
        })
    }
}

/// Limits of one account instead of those of all; `None`: as for all, `u64::MAX`: no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OwnQuota {
    pub octets_max: Option<u64>,
    pub messages_max: Option<u64>,
    pub mailboxes_max: Option<u64>,
}

/// Version 1 had no quota of the account's own.
const VERSION_WITH_QUOTA: u8 = 2;
/// Version 2 had none of mailboxes.
const VERSION_WITH_MAILBOXES: u8 = 3;
/// Version 3 had no states: everything may have changed up to the modseq it was written at.
const VERSION_WITH_STATES: u8 = 4;
/// Version 4 knew no modes, which is `Trustful`: such accounts are written in it.
const VERSION_WITH_MODE: u8 = 5;

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
            states: TypeStates::default(),
            visibility_floor: 0,
            mode: Mode::Trustful,
        }
    }
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let version = if self.mode == Mode::Trustful { VERSION_WITH_STATES } else { VERSION_WITH_MODE };
        let record = Record::of_version(version, 96);
        let record = record.u32(self.scope.0).u64(self.modseq).u64(self.names_modseq).u64(self.log_floor);
        let record =
            record.u32(self.next_mailbox.0).u32(self.last_uidvalidity).u32(self.released_uidvalidity);
        let record = record.u16(self.keywords).u64(self.messages).u64(self.octets);
        let OwnQuota { octets_max, messages_max, mailboxes_max } = self.own_quota;
        let set = [octets_max, messages_max, mailboxes_max];
        let bits = (0..).zip(set).fold(0, |bits, (at, max)| bits | u8::from(max.is_some()) << at);
        let mut octets = set.iter().fold(record.u8(bits), |record, max| record.u64(max.unwrap_or(0))).0;
        self.states.encode(self.modseq, &mut octets);
        put_varint(&mut octets, self.visibility_floor);
        if version == VERSION_WITH_MODE {
            octets.push(self.mode.number());
        }
        octets
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        if let Some(mut f) = Fields::of(record) {
            let account = Self::common(&mut f)?;
            return f.end().map(|()| account);
        }
        let older = Fields::of_version(VERSION_WITH_QUOTA, record);
        let limits = if older.is_some() { 2 } else { 3 };
        let with_mode = Fields::of_version(VERSION_WITH_MODE, record);
        let has_mode = with_mode.is_some();
        let newest = Fields::of_version(VERSION_WITH_STATES, record).or(with_mode);
        let has_states = newest.is_some();
        let mut f = older.or(newest).or_else(|| Fields::of_version(VERSION_WITH_MAILBOXES, record))?;
        let mut account = Self::common(&mut f)?;
        let set = f.u8()?;
        if set >> limits != 0 {
            return None;
        }
        let mut limit = |at: u8| match at < limits {
            true => f.u64().map(|max| Some(max).filter(|_| set >> at & 1 != 0)),
            false => Some(None),
        };
        let own_quota = OwnQuota { octets_max: limit(0)?, messages_max: limit(1)?, mailboxes_max: limit(2)? };
        if has_states {
            account.states = TypeStates::decode(account.modseq, &mut f)?;
            account.visibility_floor = f.varint()?;
        }
        if has_mode {
            account.mode = Mode::from_number(f.u8()?).filter(|mode| *mode != Mode::Trustful)?;
        }
        f.end().map(|()| Self { own_quota, ..account })
    }
    /// What all versions have.
    fn common(f: &mut Fields<'_>) -> Option<Self> {
        let (scope, modseq) = (Scope(f.u32()?), f.u64()?);
        Some(Self {
            scope,
            modseq,
            names_modseq: f.u64()?,
            log_floor: f.u64()?,
            next_mailbox: MailboxId(f.u32()?),
            last_uidvalidity: f.u32()?,
            released_uidvalidity: f.u32()?,
            keywords: f.u16()?,
            messages: f.u64()?,
            octets: f.u64()?,
            own_quota: OwnQuota::default(),
            states: TypeStates::all(modseq),
            visibility_floor: modseq,
            mode: Mode::Trustful,
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
