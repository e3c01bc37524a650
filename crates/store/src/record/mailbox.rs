//! C and N: a mailbox. C is hot (counters, written by every delivery), N is cold (its name and role).

use koi_types::{MailboxName, ModSeq, Role, Timestamp, Uid, UidValidity};

use super::{Fields, Record, VERSION};

/// The hot row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailboxRecord {
    pub uidvalidity: UidValidity,
    pub uidnext: Uid,
    /// The largest modseq of anything that happened in this mailbox (RFC 7162 §3.1.2.1).
    pub highest_modseq: ModSeq,
    pub created_modseq: ModSeq,
    /// The record of vanished UIDs is complete for everything after this.
    pub vanished_floor: u64,
    /// All messages with a smaller UID are `\Seen`.
    pub unseen_from: Uid,
    pub messages: u32,
    pub unseen: u32,
    /// Messages with `\Deleted`.
    pub deleted: u32,
    /// Sum of the sizes.
    pub octets: u64,
    /// Of those with `\Deleted`. Version 1 did not count it: nothing until such a mailbox has none.
    pub deleted_octets: Option<u64>,
    /// What is kept of its messages for DMAP, beside `octets`.
    pub dmap_octets: u64,
}

/// Version 1 did not know the sizes of deleted messages.
const VERSION_WITH_DELETED_OCTETS: u8 = 2;
/// Version 2 knew nothing of DMAP: mailboxes that have nothing of it are written in it.
const VERSION_WITH_DMAP: u8 = 3;

impl MailboxRecord {
    #[must_use]
    pub fn new(uidvalidity: UidValidity, modseq: ModSeq) -> Self {
        Self {
            uidvalidity,
            uidnext: Uid::MIN,
            highest_modseq: modseq,
            created_modseq: modseq,
            vanished_floor: 0,
            unseen_from: Uid::MIN,
            messages: 0,
            unseen: 0,
            deleted: 0,
            octets: 0,
            deleted_octets: Some(0),
            dmap_octets: 0,
        }
    }
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let version = match (self.dmap_octets, self.deleted_octets) {
            (0, None) => VERSION,
            (0, Some(_)) => VERSION_WITH_DELETED_OCTETS,
            _ => VERSION_WITH_DMAP,
        };
        let record = Record::of_version(version, 80);
        let record = record.u32(self.uidvalidity.value()).u32(self.uidnext.value());
        let record = record.u64(self.highest_modseq.value()).u64(self.created_modseq.value());
        let record = record.u64(self.vanished_floor).u32(self.unseen_from.value());
        let record = record.u32(self.messages).u32(self.unseen).u32(self.deleted).u64(self.octets);
        if version == VERSION_WITH_DMAP {
            let known = self.deleted_octets.is_some();
            let record = record.u8(u8::from(known)).u64(self.deleted_octets.unwrap_or(0));
            return record.u64(self.dmap_octets).0;
        }
        self.deleted_octets.into_iter().fold(record, Record::u64).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let newest = Fields::of_version(VERSION_WITH_DMAP, record);
        let newer = Fields::of_version(VERSION_WITH_DELETED_OCTETS, record);
        let (has_dmap, counts_deleted) = (newest.is_some(), newer.is_some());
        let mut f = newest.or(newer).or_else(|| Fields::of(record))?;
        let mut mailbox = Self {
            uidvalidity: UidValidity::new(f.u32()?)?,
            uidnext: Uid::new(f.u32()?)?,
            highest_modseq: ModSeq::new(f.u64()?)?,
            created_modseq: ModSeq::new(f.u64()?)?,
            vanished_floor: f.u64()?,
            unseen_from: Uid::new(f.u32()?)?,
            messages: f.u32()?,
            unseen: f.u32()?,
            deleted: f.u32()?,
            octets: f.u64()?,
            deleted_octets: None,
            dmap_octets: 0,
        };
        if has_dmap {
            let known = match f.u8()? {
                0 => false,
                1 => true,
                _ => return None,
            };
            mailbox.deleted_octets = Some(f.u64()?).filter(|_| known);
            mailbox.dmap_octets = f.u64()?;
        } else if counts_deleted {
            mailbox.deleted_octets = Some(f.u64()?);
        }
        f.end().map(|()| mailbox)
    }
}

/// The cold row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameRecord {
    pub name: MailboxName,
    pub role: Option<Role>,
    pub created_at: Timestamp,
    /// Where it is shown among its siblings (RFC 8621 §2).
    pub sort_order: u32,
}

/// Version 1 had no order, which is 0.
const VERSION_WITH_ORDER: u8 = 2;

impl NameRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let octets = 20 + self.name.as_str().len();
        let record = match self.sort_order {
            0 => Record::new(octets),
            order => Record::of_version(VERSION_WITH_ORDER, octets).u32(order),
        };
        let record = record.u8(self.role.map_or(0, |role| role as u8)).i64(self.created_at.0);
        record.sized(self.name.as_str().as_bytes()).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let ordered = Fields::of_version(VERSION_WITH_ORDER, record);
        let (mut f, sort_order) = match ordered {
            Some(mut f) => {
                let order = f.u32()?;
                (f, order)
            }
            None => (Fields::of(record)?, 0),
        };
        let role = match f.u8()? {
            0 => None,
            number => Some(Role::from_number(number)?),
        };
        let created_at = Timestamp(f.i64()?);
        let text = f.text()?;
        let name = MailboxName::new(text).ok().filter(|name| name.as_str() == text)?;
        f.end().map(|()| Self { name, role, created_at, sort_order })
    }
}
