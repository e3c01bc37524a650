//! Emails as a whole, wherever their messages are: what JMAP changes (RFC 8621 §4.6).

use std::borrow::Cow;

use koi_types::{
    AccountId, EmailId, ErrorKind, Keyword, MailError, MailboxId, ModSeq, Result, SystemFlags, Uid, limits,
};

use super::account::AccountTxn;
use super::{per_user, places};
use crate::key::{self, table};
use crate::record::account::TypeStates;
use crate::record::corrupt;
use crate::record::email::Place;
use crate::record::log::Event;
use crate::record::mailbox::NameRecord;
use crate::record::membership::Membership;

/// One message of an email.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailMessage {
    pub mailbox: MailboxId,
    pub uid: Uid,
    pub flags: SystemFlags,
    pub keywords: Vec<Keyword>,
    pub octets: u32,
}

/// What a transaction came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finished {
    /// Nothing when nothing changed.
    pub modseq: Option<ModSeq>,
    /// As they are now.
    pub states: TypeStates,
}

impl AccountTxn<'_> {
    /// When data of each type changed last, before this transaction.
    #[must_use]
    pub const fn states(&self) -> TypeStates {
        self.record.states
    }
    /// All messages of an email in mailboxes that exist, with `\\Seen` as `user` has it, if that is not the
    /// owner; none when there is no such email. Rows that cannot be read are left out.
    pub fn messages_of(&mut self, email: EmailId, user: Option<AccountId>) -> Result<Vec<EmailMessage>> {
        let mut messages = Vec::new();
        for place in places::all(&*self.txn, self.id, email)? {
            if !self.has_mailbox(place.mailbox)? {
                continue;
            }
            let key = key::membership(self.id, place.mailbox, place.uid.value());
            let Some(row) = self.txn.get(&key)?.map(Cow::into_owned) else { continue };
            let Some(row) = Membership::decode(&row).filter(|row| row.email == email) else { continue };
            let keywords = self.keywords_of(&row)?;
            let Place { mailbox, uid } = place;
            let flags = match user {
                None => row.flags,
                Some(user) => {
                    let own = per_user::row(&*self.txn, self.id, mailbox, user, uid)?;
                    let own = own.map_or(SystemFlags::NONE, |own| own.flags);
                    row.flags.without(SystemFlags::SEEN).union(own)
                }
            };
            messages.push(EmailMessage { mailbox, uid, flags, keywords, octets: row.octets });
        }
        Ok(messages)
    }
    /// Whether there is such a mailbox.
    pub fn mailbox_exists(&self, mailbox: MailboxId) -> Result<bool> {
        self.has_mailbox(mailbox)
    }
    /// `OverQuota` when so much more does not fit: ask before anything is written.
    pub fn has_room_for(&self, messages: u64, octets: u64) -> Result<()> {
        let octets = self.record.octets.saturating_add(octets);
        let messages = self.record.messages.saturating_add(messages);
        if octets > self.quota.octets_max || messages > self.quota.messages_max {
            return Err(MailError::new(ErrorKind::OverQuota, "the account is over its quota"));
        }
        Ok(())
    }
    /// Whether the account may have all of these keywords.
    pub fn may_use_keywords(&mut self, keywords: &[Keyword]) -> Result<bool> {
        let mut new = 0;
        for keyword in keywords {
            new += usize::from(self.known_keyword(keyword)?.is_none());
        }
        Ok(usize::from(self.record.keywords) + new <= limits::KEYWORDS_PER_ACCOUNT_MAX)
    }
    /// The name of a mailbox, its role and its place among its siblings.
    pub fn named(&self, mailbox: MailboxId) -> Result<Option<NameRecord>> {
        let key = key::mailbox(self.id, table::MAILBOX_NAME, mailbox);
        let Some(row) = self.txn.get(&key)? else { return Ok(None) };
        NameRecord::decode(&row).map(Some).ok_or_else(|| corrupt("mailbox name", &key))
    }
    /// Changes where a mailbox is shown among its siblings.
    pub fn set_sort_order(&mut self, mailbox: MailboxId, sort_order: u32) -> Result<()> {
        let Some(record) = self.named(mailbox)? else { return Err(super::account::no_such_mailbox()) };
        if record.sort_order != sort_order {
            let key = key::mailbox(self.id, table::MAILBOX_NAME, mailbox);
            self.txn.put(&key, &NameRecord { sort_order, ..record }.encode())?;
            self.event(Some(mailbox), Event::MailboxRenamed);
            self.names_changed = true;
        }
        Ok(())
    }
    /// Messages of a mailbox that are not `\Deleted`.
    pub fn shown_messages(&mut self, mailbox: MailboxId) -> Result<u32> {
        let at = self.mailbox(mailbox)?;
        let record = &self.at(at)?.record;
        Ok(record.messages.saturating_sub(record.deleted))
    }
    /// Whether there are mailboxes below a name.
    pub fn has_mailboxes_below(&self, name: &koi_types::MailboxName) -> Result<bool> {
        self.has_names_below(name)
    }
}
