//! L: what one commit changed in an account, in sections of one kind and mailbox.
//!
//! Messages are named by UID; an expunged one also by its email, because no other row can tell it afterwards.

use koi_types::{
    AccountId, EmailId, EntryName, MailboxId, MailboxName, ModSeq, SystemFlags, ThreadId, Timestamp, UidSet,
    ZoneOffset,
};

use super::membership::Membership;
use super::runs::{put_runs, take_runs};
use super::{Fields, Record, put_varint};

/// One record.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LogRecord {
    pub committed_at: Timestamp,
    pub sections: Vec<LogSection>,
}

/// What happened to one mailbox, or to messages in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogSection {
    /// Nothing for a subscription to a name without mailbox, and for annotations of the server.
    pub mailbox: Option<MailboxId>,
    pub event: Event,
}

/// Kinds of change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    Added(UidSet),
    Flags(UidSet),
    /// With the emails in the order of the UIDs.
    Expunged {
        uids: UidSet,
        emails: Vec<EmailId>,
    },
    MailboxCreated,
    /// Name or role.
    MailboxRenamed,
    MailboxDeleted,
    /// As older versions wrote it: to the mailbox's name, or to a name that is not told.
    Subscription,
    /// Names of entries that were set or removed.
    Annotations(Vec<EntryName>),
    /// A name was subscribed or unsubscribed, with or without mailbox.
    SubscriptionTo(MailboxName),
    /// Flags of messages as one user has them, who is not the owner.
    PerUser {
        user: AccountId,
        uids: UidSet,
    },
    /// Access rights to the mailbox.
    Rights,
    /// Messages that are `\\Deleted` now and were not before; of added ones: that came so.
    Hidden(UidSet),
    /// Messages that are not `\\Deleted` any more.
    Shown(UidSet),
    /// Of those whose flags changed: `\\Seen` or `\\Draft` did.
    Read(UidSet),
    /// Of those that left: they were not `\\Deleted` then.
    LeftShown(UidSet),
    /// Of emails that are nowhere any more, in threads that are not named after them.
    Threads(Vec<ThreadOf>),
    /// A mailbox that was there before got another UIDVALIDITY.
    UidValidity,
    /// Those that left, in the order of their UIDs, as they were: for clients that were not told yet.
    LeftAs(Vec<LastRow>),
    /// Those that left and that a user who is not the owner had seen.
    LeftSeen {
        user: AccountId,
        uids: UidSet,
    },
    /// A user who is not the owner was subscribed to the mailbox, or unsubscribed.
    SubscriptionOf(AccountId),
    /// The mailbox became the one for what is thrown away, or is not any more: what is unread in others
    /// (RFC 8621 §2, unreadThreads) is another.
    Trash,
}

/// What a client may ask of a message that left, and no other row can tell afterwards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastRow {
    pub flags: SystemFlags,
    pub modseq: ModSeq,
    pub received_at: Timestamp,
    pub received_zone: ZoneOffset,
    pub saved_at: Timestamp,
    /// Ascending.
    pub keywords: Vec<u16>,
}

impl LastRow {
    #[must_use]
    pub fn of(row: &Membership<'_>) -> Self {
        Self {
            flags: row.flags,
            modseq: row.modseq,
            received_at: row.received_at,
            received_zone: row.received_zone,
            saved_at: row.saved_at,
            keywords: row.keywords.iter().collect(),
        }
    }
    fn put(&self, record: Record) -> Record {
        let record = record.u8(self.flags.0).i64(self.received_at.0).i16(self.received_zone.0);
        let mut record = record.i64(self.saved_at.0);
        put_varint(&mut record.0, self.modseq.value());
        put_varint(&mut record.0, self.keywords.len() as u64);
        self.keywords.iter().for_each(|number| put_varint(&mut record.0, u64::from(*number)));
        record
    }
    fn take(fields: &mut Fields<'_>) -> Option<Self> {
        let (flags, received_at) = (SystemFlags(fields.u8()?), Timestamp(fields.i64()?));
        let (received_zone, saved_at) = (ZoneOffset(fields.i16()?), Timestamp(fields.i64()?));
        let modseq = ModSeq::new(fields.varint()?)?;
        let mut keywords = Vec::new();
        for _ in 0..fields.varint()? {
            keywords.push(u16::try_from(fields.varint()?).ok()?);
        }
        Some(Self { flags, modseq, received_at, received_zone, saved_at, keywords })
    }
}

/// Which thread an email is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ThreadOf {
    pub email: EmailId,
    pub thread: ThreadId,
}

const NO_MAILBOX: u32 = u32::MAX;

impl Event {
    const fn number(&self) -> u8 {
        match self {
            Self::Added(_) => 1,
            Self::Flags(_) => 2,
            Self::Expunged { .. } => 3,
            Self::MailboxCreated => 4,
            Self::MailboxRenamed => 5,
            Self::MailboxDeleted => 6,
            Self::Subscription => 7,
            Self::Annotations(_) => 8,
            Self::SubscriptionTo(_) => 9,
            Self::PerUser { .. } => 10,
            Self::Rights => 11,
            Self::Hidden(_) => 12,
            Self::Shown(_) => 13,
            Self::Read(_) => 14,
            Self::LeftShown(_) => 15,
            Self::Threads(_) => 16,
            Self::UidValidity => 20,
            Self::LeftAs(_) => 21,
            Self::LeftSeen { .. } => 22,
            Self::Trash => 23,
            Self::SubscriptionOf(_) => 24,
        }
    }
}

impl LogRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut record = Record::new(24).i64(self.committed_at.0);
        for section in &self.sections {
            record = record.u8(section.event.number()).u32(section.mailbox.map_or(NO_MAILBOX, |m| m.0));
            match &section.event {
                Event::Added(uids)
                | Event::Flags(uids)
                | Event::Hidden(uids)
                | Event::Shown(uids)
                | Event::Read(uids)
                | Event::LeftShown(uids) => put_runs(&mut record.0, uids),
                Event::Threads(emails) => {
                    put_varint(&mut record.0, emails.len() as u64);
                    for each in emails {
                        record = record.octets(&each.email.0).octets(&each.thread.0);
                    }
                }
                Event::Expunged { uids, emails } => {
                    debug_assert_eq!(uids.count(), emails.len() as u64);
                    put_runs(&mut record.0, uids);
                    emails.iter().for_each(|email| record.0.extend_from_slice(&email.0));
                }
                Event::Annotations(names) => {
                    put_varint(&mut record.0, names.len() as u64);
                    record = names.iter().fold(record, |record, name| record.sized(name.as_str().as_bytes()));
                }
                Event::SubscriptionTo(name) => record = record.sized(name.as_str().as_bytes()),
                Event::SubscriptionOf(user) => record = record.u32(user.0),
                Event::PerUser { user, uids } | Event::LeftSeen { user, uids } => {
                    record = record.u32(user.0);
                    put_runs(&mut record.0, uids);
                }
                Event::LeftAs(rows) => {
                    put_varint(&mut record.0, rows.len() as u64);
                    record = rows.iter().fold(record, |record, row| row.put(record));
                }
                Event::MailboxCreated
                | Event::MailboxRenamed
                | Event::MailboxDeleted
                | Event::Subscription
                | Event::Rights
                | Event::UidValidity
                | Event::Trash => {}
            }
        }
        record.0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut fields = Fields::of(record)?;
        let committed_at = Timestamp(fields.i64()?);
        let mut sections = Vec::new();
        while !fields.is_empty() {
            let number = fields.u8()?;
            let mailbox = fields.u32().map(|m| (m != NO_MAILBOX).then_some(MailboxId(m)))?;
            sections.push(LogSection { mailbox, event: event(number, &mut fields)? });
        }
        Some(Self { committed_at, sections })
    }
}

fn event(number: u8, fields: &mut Fields<'_>) -> Option<Event> {
    Some(match number {
        1 => Event::Added(take_runs(fields)?),
        2 => Event::Flags(take_runs(fields)?),
        3 => {
            let uids = take_runs(fields)?;
            let count = usize::try_from(uids.count()).ok()?;
            let octets = fields.octets(count.checked_mul(16)?)?;
            Event::Expunged {
                uids,
                emails: octets.as_chunks::<16>().0.iter().map(|id| EmailId(*id)).collect(),
            }
        }
        4 => Event::MailboxCreated,
        5 => Event::MailboxRenamed,
        6 => Event::MailboxDeleted,
        7 => Event::Subscription,
        8 => {
            let mut names = Vec::new();
            for _ in 0..fields.varint()? {
                names.push(EntryName::new(fields.text()?).ok()?);
            }
            Event::Annotations(names)
        }
        9 => Event::SubscriptionTo(MailboxName::new(fields.text()?).ok()?),
        10 => Event::PerUser { user: AccountId(fields.u32()?), uids: take_runs(fields)? },
        11 => Event::Rights,
        12 => Event::Hidden(take_runs(fields)?),
        13 => Event::Shown(take_runs(fields)?),
        14 => Event::Read(take_runs(fields)?),
        15 => Event::LeftShown(take_runs(fields)?),
        16 => {
            let count = usize::try_from(fields.varint()?).ok()?;
            let octets = fields.octets(count.checked_mul(32)?)?;
            let of = |pair: &[u8; 32]| {
                let (email, thread) = pair.split_at(16);
                Some(ThreadOf {
                    email: EmailId(*email.first_chunk()?),
                    thread: ThreadId(*thread.first_chunk()?),
                })
            };
            Event::Threads(octets.as_chunks::<32>().0.iter().map(of).collect::<Option<_>>()?)
        }
        20 => Event::UidValidity,
        21 => {
            let mut rows = Vec::new();
            for _ in 0..fields.varint()? {
                rows.push(LastRow::take(fields)?);
            }
            Event::LeftAs(rows)
        }
        22 => Event::LeftSeen { user: AccountId(fields.u32()?), uids: take_runs(fields)? },
        23 => Event::Trash,
        24 => Event::SubscriptionOf(AccountId(fields.u32()?)),
        _ => return None,
    })
}
