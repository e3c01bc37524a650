//! Q and Y, and C of account 0: access rights of others, and flags that are one user's own (RFC 4314 §2).

use koi_types::{ModSeq, Rights, SystemFlags};

use super::{Fields, Record};

/// Q: the rights of one identifier.
#[must_use]
pub fn encode_rights(rights: Rights) -> Vec<u8> {
    Record::new(2).u16(rights.bits()).0
}

/// Q.
#[must_use]
pub fn decode_rights(record: &[u8]) -> Option<Rights> {
    let mut f = Fields::of(record)?;
    let rights = Rights::from_bits(f.u16()?);
    f.end().map(|()| rights)
}

/// C of account 0: how often something has changed.
#[must_use]
pub fn encode_changes(count: u64) -> Vec<u8> {
    Record::new(8).u64(count).0
}

/// C of account 0.
#[must_use]
pub fn decode_changes(record: &[u8]) -> Option<u64> {
    let mut f = Fields::of(record)?;
    let count = f.u64()?;
    f.end().map(|()| count)
}

/// Y: one message as one user has it. It stays when the flags are taken away, because of its modseq.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PerUserRecord {
    /// Only `\\Seen`.
    pub flags: SystemFlags,
    /// When this user changed them last.
    pub modseq: ModSeq,
}

impl PerUserRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Record::new(9).u8(self.flags.0).u64(self.modseq.value()).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let row = Self { flags: SystemFlags(f.u8()?), modseq: ModSeq::new(f.u64()?)? };
        f.end().map(|()| row)
    }
    #[must_use]
    pub const fn is_seen(&self) -> bool {
        self.flags.contains(SystemFlags::SEEN)
    }
}

/// Y with UID 0: all rows of one user in one mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PerUserTotals {
    /// Messages that are `\\Seen` by this user.
    pub seen: u32,
    /// When this user changed anything last.
    pub highest_modseq: u64,
}

impl PerUserTotals {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Record::new(12).u32(self.seen).u64(self.highest_modseq).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let totals = Self { seen: f.u32()?, highest_modseq: f.u64()? };
        f.end().map(|()| totals)
    }
}
