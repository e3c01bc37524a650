//! What a snapshot shows: plain rows. Nothing here reads anything.

use std::borrow::Cow;
use std::ops::{Deref, Range};

use koi_store::body::BodyRef;
use koi_store::record::email::SentAt;
use koi_store::record::membership::Membership;
use koi_types::{
    EmailId, Keyword, MailboxId, MailboxName, ModSeq, Rights, Role, ThreadId, Timestamp, Uid, UidValidity,
};

/// A mailbox, its name and its counters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailboxRow {
    pub id: MailboxId,
    pub name: MailboxName,
    pub role: Option<Role>,
    pub subscribed: bool,
    pub created_at: Timestamp,
    pub uidvalidity: UidValidity,
    /// Greater than every UID that was ever given out here.
    pub uidnext: Uid,
    pub highest_modseq: ModSeq,
    pub created_modseq: ModSeq,
    pub messages: u32,
    pub unseen: u32,
    pub deleted: u32,
    /// Sum of the sizes of its messages.
    pub octets: u64,
    /// Of those with `\Deleted`; nothing where an older version did not count it.
    pub(crate) deleted_octets: Option<u64>,
    /// What whoever looks may do with it.
    pub rights: Rights,
}

/// A message of a mailbox, borrowed for one visit: `row.flags`, `row.modseq`, … are those of [`Membership`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageRow<'r> {
    pub uid: Uid,
    pub membership: Membership<'r>,
}

impl<'r> Deref for MessageRow<'r> {
    type Target = Membership<'r>;

    fn deref(&self) -> &Membership<'r> {
        &self.membership
    }
}

/// An email: what was found out about it at delivery, and where its octets are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailRow<'s> {
    pub id: EmailId,
    pub thread: ThreadId,
    pub body: BodyRef,
    pub received_at: Timestamp,
    /// The Date field, if it could be read.
    pub sent_at: Option<SentAt>,
    pub(crate) record: Cow<'s, [u8]>,
    pub(crate) envelope: Range<usize>,
    pub(crate) structure: Range<usize>,
}

impl EmailRow<'_> {
    /// For `koi_message::Envelope::decode`.
    #[must_use]
    pub fn envelope(&self) -> &[u8] {
        self.record.get(self.envelope.clone()).unwrap_or_default()
    }
    /// For `koi_message::Structure::decode`.
    #[must_use]
    pub fn structure(&self) -> &[u8] {
        self.record.get(self.structure.clone()).unwrap_or_default()
    }
}

/// The keywords of an account and their numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeywordTable {
    pub(crate) by_number: Vec<Option<Keyword>>,
}

impl KeywordTable {
    /// The keyword of a number from [`MessageRow`]; `None` when its row is missing or corrupt.
    #[must_use]
    pub fn keyword(&self, number: u16) -> Option<&Keyword> {
        self.by_number.get(usize::from(number))?.as_ref()
    }
    #[must_use]
    pub fn number(&self, keyword: &Keyword) -> Option<u16> {
        let at = self.by_number.iter().position(|k| k.as_ref() == Some(keyword))?;
        u16::try_from(at).ok()
    }
    /// Every keyword that was ever set in this account.
    pub fn iter(&self) -> impl Iterator<Item = &Keyword> {
        self.by_number.iter().flatten()
    }
}
