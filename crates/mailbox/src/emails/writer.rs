//! How one email is changed inside a transaction (RFC 8621 §4.6). Everything that may be refused is looked at
//! before anything is written.

use std::collections::BTreeSet;

use koi_store::mail::{AccountTxn, EmailMessage, FlagChange, FlagOp, NewEmail};
use koi_types::{
    EmailId, ErrorKind, Keyword, MailError, MailboxId, Rights, SystemFlags, UidSet, ZoneOffset, limits,
};

use super::filter::EmailKeyword;
use super::write::{EmailChange, EmailChanged, EmailCreation, EmailRefused, EmailUpdate, SetUpdate};
use crate::access::{Visitor, acting};
use crate::coi;
use crate::service::Lent;

type Changed = std::result::Result<EmailChanged, EmailRefused>;

/// Changes emails of one account in one transaction.
pub(super) struct Writer<'w, 't> {
    pub(super) account: &'w mut AccountTxn<'t>,
    pub(super) lent: &'w Lent,
    pub(super) visitor: &'w Visitor,
    /// Seen chat has moved.
    pub(super) settled: &'w mut bool,
}

impl From<MailError> for EmailRefused {
    fn from(error: MailError) -> Self {
        Self::Failed(error)
    }
}

/// Messages of an email in one mailbox.
#[derive(Clone)]
struct Placed {
    mailbox: MailboxId,
    uids: UidSet,
}

/// The keywords of an email as one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Keywords {
    flags: SystemFlags,
    keywords: BTreeSet<Keyword>,
}

impl Writer<'_, '_> {
    pub(super) fn change(&mut self, new: EmailId, change: &EmailChange) -> Changed {
        match change {
            EmailChange::Create(creation) => self.create(new, creation),
            EmailChange::Update { email, update } => self.update(*email, update),
            EmailChange::Destroy(email) => self.destroy(*email),
        }
    }
    fn rights(&self, mailbox: MailboxId) -> std::result::Result<Rights, EmailRefused> {
        Ok(match self.visitor {
            None => Rights::ALL,
            Some(guest) => self.account.rights_of(mailbox, guest.user)?,
        })
    }
    fn require(&self, mailbox: MailboxId, needed: Rights) -> std::result::Result<(), EmailRefused> {
        let rights = self.rights(mailbox)?;
        if rights.contains(needed) { Ok(()) } else { Err(EmailRefused::Forbidden) }
    }
    /// There is such a mailbox, and messages may be put into it.
    fn require_target(&self, mailbox: MailboxId) -> std::result::Result<(), EmailRefused> {
        let missing = EmailRefused::MailboxNotFound(mailbox);
        if !self.account.mailbox_exists(mailbox)? || !self.rights(mailbox)?.contains(Rights::LOOKUP) {
            return Err(missing);
        }
        self.require(mailbox, Rights::INSERT)
    }
    fn require_keywords(&mut self, keywords: &BTreeSet<Keyword>) -> std::result::Result<(), EmailRefused> {
        let list: Vec<Keyword> = keywords.iter().cloned().collect();
        let fits = list.len() <= limits::KEYWORDS_PER_MESSAGE_MAX && self.account.may_use_keywords(&list)?;
        if fits { Ok(()) } else { Err(EmailRefused::TooManyKeywords) }
    }
    fn require_room(&self, messages: usize, octets: u32) -> std::result::Result<(), EmailRefused> {
        let all = u64::from(octets).saturating_mul(messages as u64);
        match self.account.has_room_for(messages as u64, all) {
            Err(error) if error.kind == ErrorKind::OverQuota => Err(EmailRefused::OverQuota),
            other => Ok(other?),
        }
    }
    fn create(&mut self, email: EmailId, creation: &EmailCreation) -> Changed {
        let mut keywords = Keywords::default();
        creation.keywords.iter().for_each(|keyword| keywords.add(keyword));
        if !self.account.mode().keeps_clear_mail() {
            return Err(EmailRefused::Forbidden);
        }
        let mut mailboxes = creation.mailboxes.iter().copied();
        let Some(first) = mailboxes.next() else { return Err(EmailRefused::NoMailbox) };
        creation.mailboxes.iter().try_for_each(|mailbox| self.require_target(*mailbox))?;
        let message = &creation.message;
        if message.chat.is_some() && coi::marks(self.account, &self.lent.options, first)? {
            keywords.keywords.extend(Keyword::new(coi::CHAT));
        }
        self.require_keywords(&keywords.keywords)?;
        self.require_room(creation.mailboxes.len(), message.octets)?;
        let list: Vec<Keyword> = keywords.keywords.iter().cloned().collect();
        let new = NewEmail {
            email,
            body: &message.body,
            octets: message.octets,
            facts: &message.facts,
            flags: keywords.flags,
            keywords: &list,
            received_at: creation.received_at.unwrap_or(self.account.now()),
            received_zone: ZoneOffset(0),
        };
        let appended = match acting(self.visitor, self.account, first, Rights::INSERT)? {
            None => self.account.append(first, &new)?,
            Some(guest) => self.account.append_as(guest, first, &new)?,
        };
        let uids: UidSet = [appended.uid].into_iter().collect();
        let mut placed = vec![Placed { mailbox: first, uids }];
        for mailbox in mailboxes {
            let Some(Placed { mailbox: from, uids }) = placed.first().cloned() else { break };
            let copied = match acting(self.visitor, self.account, mailbox, Rights::INSERT)? {
                None => self.account.copy(from, &uids, mailbox)?,
                Some(guest) => self.account.copy_as(guest, from, &uids, mailbox)?,
            };
            placed.push(Placed { mailbox, uids: copied.to });
        }
        self.settle(placed)?;
        if self.visitor.is_none()
            && let Some(message_id) = message.message_id
        {
            self.account.client_appended(first, message_id)?;
        }
        Ok(EmailChanged::Created { email, thread: appended.thread, octets: message.octets })
    }
    /// Seen chat may have to go on from INBOX.
    fn settle(&mut self, placed: Vec<Placed>) -> std::result::Result<(), EmailRefused> {
        if self.visitor.is_some() {
            return Ok(());
        }
        for Placed { mailbox, uids } in placed {
            *self.settled |= coi::settle(self.account, &self.lent.options, mailbox, &uids)?.is_some();
        }
        Ok(())
    }
    /// The messages that are shown to whoever asks; `NotFound` when there is none.
    fn shown(&mut self, email: EmailId) -> std::result::Result<Vec<EmailMessage>, EmailRefused> {
        let readable = Rights::LOOKUP.union(Rights::READ);
        let mut shown = Vec::new();
        let user = self.visitor.as_ref().map(|guest| guest.user.id);
        for message in self.account.messages_of(email, user)? {
            let hidden = message.flags.contains(SystemFlags::DELETED);
            if !hidden && self.rights(message.mailbox)?.contains(readable) {
                shown.push(message);
            }
        }
        if shown.is_empty() { Err(EmailRefused::NotFound) } else { Ok(shown) }
    }
    fn update(&mut self, email: EmailId, update: &EmailUpdate) -> Changed {
        let shown = self.shown(email)?;
        let before: BTreeSet<MailboxId> = shown.iter().map(|message| message.mailbox).collect();
        let after = update.mailboxes.as_ref().map_or_else(|| before.clone(), |to| changed(&before, to));
        if after.is_empty() {
            return Err(EmailRefused::NoMailbox);
        }
        let added: Vec<MailboxId> = after.difference(&before).copied().collect();
        added.iter().try_for_each(|mailbox| self.require_target(*mailbox))?;
        let removal = Rights::DELETE_MESSAGES.union(Rights::EXPUNGE);
        before.difference(&after).try_for_each(|mailbox| self.require(*mailbox, removal))?;
        let octets = shown.first().map_or(0, |message| message.octets);
        // What only moves adds nothing (RFC 9208 §4.3.1).
        let removed = shown.iter().filter(|message| !after.contains(&message.mailbox)).count();
        self.require_room(added.len().saturating_sub(removed), octets)?;
        let wanted = self.keywords_after(&shown, update)?;
        self.write_update(&shown, update, &after, added, &wanted)?;
        Ok(EmailChanged::Updated)
    }
    /// The keywords the email will have, if it may.
    fn keywords_after(
        &mut self,
        shown: &[EmailMessage],
        update: &EmailUpdate,
    ) -> std::result::Result<Keywords, EmailRefused> {
        let merged = Keywords::merged(shown);
        let wanted = update.keywords.as_ref().map_or_else(|| merged.clone(), |to| merged.changed(to));
        if wanted != merged || update.keywords.is_some() {
            let mut needed = Rights::NONE;
            let differs = |flag| wanted.flags.contains(flag) != merged.flags.contains(flag);
            if differs(SystemFlags::SEEN) {
                needed = needed.union(Rights::SEEN);
            }
            let others = wanted.flags.without(SystemFlags::SEEN) != merged.flags.without(SystemFlags::SEEN);
            if others || wanted.keywords != merged.keywords {
                needed = needed.union(Rights::WRITE);
            }
            shown.iter().try_for_each(|message| self.require(message.mailbox, needed))?;
        }
        self.require_keywords(&wanted.keywords)?;
        if let Some(update) = &update.keywords {
            self.require_own_flags(shown, update, &wanted)?;
        }
        Ok(wanted)
    }
    /// A guest's own `\Seen` can be kept wherever it changes.
    fn require_own_flags(
        &mut self,
        shown: &[EmailMessage],
        update: &SetUpdate<EmailKeyword>,
        wanted: &Keywords,
    ) -> std::result::Result<(), EmailRefused> {
        let Some(guest) = self.visitor else { return Ok(()) };
        let seen = EmailKeyword::Flag(SystemFlags::SEEN);
        let is_named = match update {
            SetUpdate::Replace(_) => true,
            SetUpdate::Patch { add, remove } => add.contains(&seen) || remove.contains(&seen),
        };
        let is_seen = |flags: SystemFlags| flags.contains(SystemFlags::SEEN);
        let changes = |message: &&EmailMessage| is_named && is_seen(message.flags) != is_seen(wanted.flags);
        for message in shown.iter().filter(changes) {
            if !self.account.has_room_for_own_flags(message.mailbox, guest.user.id)? {
                return Err(EmailRefused::TooManyKeywords);
            }
        }
        Ok(())
    }
    /// What a copy gets: like one that IMAP makes, it is new where no more users can keep flags of their own.
    fn for_copy(
        &mut self,
        mailbox: MailboxId,
        change: &FlagChange,
    ) -> std::result::Result<FlagChange, EmailRefused> {
        let mut change = change.clone();
        if let Some(guest) = self.visitor
            && change.system.contains(SystemFlags::SEEN)
            && !self.account.has_room_for_own_flags(mailbox, guest.user.id)?
        {
            change.system = change.system.without(SystemFlags::SEEN);
        }
        Ok(change)
    }
    fn write_update(
        &mut self,
        shown: &[EmailMessage],
        update: &EmailUpdate,
        after: &BTreeSet<MailboxId>,
        added: Vec<MailboxId>,
        wanted: &Keywords,
    ) -> std::result::Result<(), EmailRefused> {
        let copies = self.put_elsewhere(shown, after, added)?;
        let replace = wanted.replacing();
        for copy in &copies {
            let change = self.for_copy(copy.mailbox, &replace)?;
            self.set_flags(copy.mailbox, &copy.uids, &[change])?;
        }
        let mut settled = copies;
        if let Some(update) = &update.keywords {
            let changes = match update {
                SetUpdate::Replace(_) => vec![replace],
                SetUpdate::Patch { add, remove } => patching(add, remove),
            };
            for message in shown.iter().filter(|message| after.contains(&message.mailbox)) {
                let (mailbox, uids) = (message.mailbox, [message.uid].into_iter().collect());
                self.set_flags(mailbox, &uids, &changes)?;
                settled.push(Placed { mailbox, uids });
            }
        }
        self.settle(settled)
    }
    /// Moves messages out of mailboxes that go into those that come, as far as there are some; the rest is
    /// copied, or taken out.
    fn put_elsewhere(
        &mut self,
        shown: &[EmailMessage],
        after: &BTreeSet<MailboxId>,
        added: Vec<MailboxId>,
    ) -> std::result::Result<Vec<Placed>, EmailRefused> {
        let placed = |message: &EmailMessage| Placed {
            mailbox: message.mailbox,
            uids: [message.uid].into_iter().collect(),
        };
        let mut source = shown.iter().find(|message| after.contains(&message.mailbox)).map(placed);
        let gone = shown.iter().filter(|message| !after.contains(&message.mailbox));
        let mut gone: Vec<Placed> = gone.map(placed).collect();
        let mut copies = Vec::new();
        for mailbox in added {
            let guest = acting(self.visitor, self.account, mailbox, Rights::INSERT)?;
            let copied = match (gone.pop(), &source, guest) {
                (Some(from), _, None) => self.account.move_(from.mailbox, &from.uids, mailbox)?,
                (Some(from), _, Some(guest)) => {
                    self.account.move_as(guest, from.mailbox, &from.uids, mailbox)?
                }
                (None, Some(from), None) => self.account.copy(from.mailbox, &from.uids, mailbox)?,
                (None, Some(from), Some(guest)) => {
                    self.account.copy_as(guest, from.mailbox, &from.uids, mailbox)?
                }
                (None, None, _) => return Err(EmailRefused::NotFound),
            };
            let copy = Placed { mailbox, uids: copied.to };
            source.get_or_insert_with(|| copy.clone());
            copies.push(copy);
        }
        for from in gone {
            self.account.remove(from.mailbox, &from.uids)?;
        }
        Ok(copies)
    }
    fn set_flags(
        &mut self,
        mailbox: MailboxId,
        uids: &UidSet,
        changes: &[FlagChange],
    ) -> std::result::Result<(), EmailRefused> {
        let guest = acting(self.visitor, self.account, mailbox, Rights::LOOKUP)?;
        for change in changes {
            match guest {
                None => self.account.set_flags(mailbox, uids, change, None)?,
                Some(guest) => self.account.set_flags_as(guest, mailbox, uids, change, None)?,
            };
        }
        Ok(())
    }
    /// All messages go, those of its owner also where they are `\Deleted`.
    fn destroy(&mut self, email: EmailId) -> Changed {
        let shown = self.shown(email)?;
        let removal = Rights::DELETE_MESSAGES.union(Rights::EXPUNGE);
        shown.iter().try_for_each(|message| self.require(message.mailbox, removal))?;
        let all = match self.visitor {
            None => self.account.messages_of(email, None)?,
            Some(_) => shown,
        };
        self.account.frees_space();
        for message in all {
            let uids: UidSet = [message.uid].into_iter().collect();
            self.account.remove(message.mailbox, &uids)?;
        }
        Ok(EmailChanged::Destroyed)
    }
}

fn changed<T: Clone + Ord>(before: &BTreeSet<T>, update: &SetUpdate<T>) -> BTreeSet<T> {
    match update {
        SetUpdate::Replace(all) => all.iter().cloned().collect(),
        SetUpdate::Patch { add, remove } => {
            let mut after = before.clone();
            after.retain(|one| !remove.contains(one));
            after.extend(add.iter().cloned());
            after
        }
    }
}

/// What a patch does to each message.
fn patching(add: &[EmailKeyword], remove: &[EmailKeyword]) -> Vec<FlagChange> {
    let change = |op, list: &[EmailKeyword]| {
        let mut keywords = Keywords::default();
        list.iter().for_each(|keyword| keywords.add(keyword));
        (!list.is_empty()).then(|| FlagChange { op, ..keywords.replacing() })
    };
    [change(FlagOp::Remove, remove), change(FlagOp::Add, add)].into_iter().flatten().collect()
}

impl Keywords {
    fn replacing(&self) -> FlagChange {
        let keywords = self.keywords.iter().cloned().collect();
        FlagChange { op: FlagOp::Replace, system: self.flags, keywords }
    }
    fn add(&mut self, keyword: &EmailKeyword) {
        match keyword {
            EmailKeyword::Flag(flag) => self.flags = self.flags.union(*flag),
            EmailKeyword::Keyword(keyword) => {
                self.keywords.insert(keyword.clone());
            }
        }
    }
    fn remove(&mut self, keyword: &EmailKeyword) {
        match keyword {
            EmailKeyword::Flag(flag) => self.flags = self.flags.without(*flag),
            EmailKeyword::Keyword(keyword) => {
                self.keywords.remove(keyword);
            }
        }
    }
    /// As one email shows those of several messages.
    fn merged(messages: &[EmailMessage]) -> Self {
        let mut merged = Self::default();
        let mut seen = SystemFlags::SEEN;
        for message in messages {
            merged.flags = merged.flags.union(message.flags);
            seen = SystemFlags(seen.0 & message.flags.0);
            merged.keywords.extend(message.keywords.iter().cloned());
        }
        merged.flags = merged.flags.without(SystemFlags::SEEN.union(SystemFlags::DELETED)).union(seen);
        merged
    }
    fn changed(&self, update: &SetUpdate<EmailKeyword>) -> Self {
        match update {
            SetUpdate::Replace(all) => {
                let mut keywords = Self::default();
                all.iter().for_each(|keyword| keywords.add(keyword));
                keywords
            }
            SetUpdate::Patch { add, remove } => {
                let mut keywords = self.clone();
                remove.iter().for_each(|keyword| keywords.remove(keyword));
                add.iter().for_each(|keyword| keywords.add(keyword));
                keywords
            }
        }
    }
}
