//! One account inside one transaction: its counters, its new MODSEQ, and the log of what changes.

use std::collections::BTreeSet;

use koi_types::{
    AccountId, CommitNotice, EmailId, EntryName, ErrorKind, Keyword, MailError, MailboxId, ModSeq, Result,
    SystemFlags, Timestamp, Uid, UidSet,
};

use super::annotation::CountedAnnotations;
use super::emails::Finished;
use super::per_user::UserRows;
use super::visibility::{Touched, Visibility};
use crate::key;
use crate::kv::Txn;
use crate::record::account::{AccountRecord, OwnQuota};
use crate::record::corrupt;
use crate::record::log::{Event, LastRow, LogRecord, LogSection, ThreadOf};
use crate::record::mailbox::MailboxRecord;
use crate::record::membership::Membership;
use crate::record::runs::encode_vanished;

/// What bounds an account; an administrator's setting, `u64::MAX` for no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    pub octets_max: u64,
    pub messages_max: u64,
    pub mailboxes_max: u64,
}

impl Quota {
    pub const UNLIMITED: Self =
        Self { octets_max: u64::MAX, messages_max: u64::MAX, mailboxes_max: u64::MAX };

    /// These limits, but where the account has its own.
    #[must_use]
    pub fn with_own(self, own: OwnQuota) -> Self {
        Self {
            octets_max: own.octets_max.unwrap_or(self.octets_max),
            messages_max: own.messages_max.unwrap_or(self.messages_max),
            mailboxes_max: own.mailboxes_max.unwrap_or(self.mailboxes_max),
        }
    }
}

/// Changes to one account. Nothing is visible, and no MODSEQ is used up, unless [`AccountTxn::finish`] is
/// called.
pub struct AccountTxn<'t> {
    pub(super) txn: &'t mut dyn Txn,
    pub(super) id: AccountId,
    pub(super) record: AccountRecord,
    /// All changes of this transaction have it.
    pub(super) modseq: ModSeq,
    pub(super) now: Timestamp,
    pub(super) quota: Quota,
    pub(super) keywords: Option<Vec<Option<Keyword>>>,
    pub(super) names_changed: bool,
    /// Whether any email of the account is a contact storage message; nothing before that was asked.
    pub(super) has_contacts: Option<bool>,
    /// Something new is to be pushed.
    pub(super) pushes: bool,
    /// There is something new to be sent to another organisation.
    pub(in crate::mail) sends: bool,
    /// How many annotations a target has, once that was counted.
    pub(super) annotations: Option<CountedAnnotations>,
    /// New emails join threads.
    pub(super) joins_threads: bool,
    /// One has.
    pub(super) has_joined: bool,
    /// Types of data that change.
    pub(super) touched: Touched,
    /// Mailboxes where no further user can keep flags of its own.
    pub(super) crowded: BTreeSet<MailboxId>,
    open: Vec<OpenMailbox>,
    events: Vec<LogSection>,
}

/// A mailbox the transaction looked at, and what happened in it.
pub(super) struct OpenMailbox {
    pub(super) id: MailboxId,
    pub(super) record: MailboxRecord,
    uidnext_before: Uid,
    added: UidSet,
    flags: UidSet,
    expunged: Vec<Gone>,
    visibility: Visibility,
    /// Users that are not the owner, whose own flags changed.
    pub(super) users: Vec<UserRows>,
    /// Created, or counters changed without a message having changed.
    touched: bool,
}

struct Gone {
    uid: Uid,
    email: EmailId,
    last: LastRow,
}

/// Position of an [`OpenMailbox`]; valid in its own `AccountTxn` only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct At(usize);

impl<'t> AccountTxn<'t> {
    /// `NotFound` when there is no such account, or it was removed: its rows are still there for a while, but
    /// what is written now would be lost with them. `quota` is that of all accounts; `now` is when the caller
    /// submitted the transaction.
    pub fn open(txn: &'t mut dyn Txn, id: AccountId, quota: Quota, now: Timestamp) -> Result<Self> {
        let key = key::account(id);
        let missing = || MailError::new(ErrorKind::NotFound, "no such account");
        if txn.get(&key::directory(key::table::global::REMOVED, id))?.is_some() {
            return Err(missing());
        }
        let stored = txn.get(&key)?.ok_or_else(missing)?;
        let record = AccountRecord::decode(&stored).ok_or_else(|| corrupt("account", &key))?;
        drop(stored);
        Self::with_record(txn, id, record, quota, now)
    }
    pub(super) fn with_record(
        txn: &'t mut dyn Txn,
        id: AccountId,
        record: AccountRecord,
        quota: Quota,
        now: Timestamp,
    ) -> Result<Self> {
        let modseq = record.modseq.checked_add(1).and_then(ModSeq::new).filter(|m| m.value() < 1 << 63);
        let modseq = modseq.ok_or_else(|| MailError::new(ErrorKind::LimitReached, "MODSEQ is used up"))?;
        let quota = quota.with_own(record.own_quota);
        Ok(Self {
            txn,
            id,
            record,
            modseq,
            now,
            quota,
            keywords: None,
            names_changed: false,
            has_contacts: None,
            pushes: false,
            sends: false,
            annotations: None,
            joins_threads: false,
            has_joined: false,
            touched: Touched::default(),
            crowded: BTreeSet::new(),
            open: Vec::new(),
            events: Vec::new(),
        })
    }
    /// Sets the account's own limits, for what is written from now on. It has no MODSEQ; those who tell of
    /// Quotas (RFC 9425 §6) hear that there is something to look at.
    pub fn set_quota(&mut self, own: OwnQuota) -> Result<()> {
        self.record.own_quota = own;
        self.txn.put(&key::account(self.id), &self.record.encode())?;
        let (account, modseq) = (self.id, self.record.current());
        self.txn.notice(CommitNotice { account, modseq, pushes: false, sends: false });
        Ok(())
    }
    /// Says that the transaction gives back more room than it takes; see [`Txn::frees_space`].
    pub fn frees_space(&mut self) {
        self.txn.frees_space();
    }
    /// Reads the mailbox's counters, once.
    pub(super) fn mailbox(&mut self, id: MailboxId) -> Result<At> {
        if let Some(at) = self.open.iter().position(|open| open.id == id) {
            return Ok(At(at));
        }
        let key = key::mailbox(self.id, key::table::MAILBOX, id);
        let stored = self.txn.get(&key)?.ok_or_else(no_such_mailbox)?;
        let record = MailboxRecord::decode(&stored).ok_or_else(|| corrupt("mailbox", &key))?;
        drop(stored);
        Ok(self.opened(id, record, false))
    }
    pub(super) fn opened(&mut self, id: MailboxId, record: MailboxRecord, touched: bool) -> At {
        self.open.push(OpenMailbox {
            id,
            uidnext_before: record.uidnext,
            record,
            added: UidSet::new(),
            flags: UidSet::new(),
            expunged: Vec::new(),
            visibility: Visibility::default(),
            users: Vec::new(),
            touched,
        });
        At(self.open.len() - 1)
    }
    /// Forgets a mailbox that was deleted in this transaction, so that its counters are not written again.
    pub(super) fn closed(&mut self, id: MailboxId) {
        self.open.retain(|open| open.id != id);
    }
    pub(super) fn at(&mut self, at: At) -> Result<&mut OpenMailbox> {
        self.open.get_mut(at.0).ok_or_else(|| MailError::new(ErrorKind::Internal, "mailbox is not open"))
    }
    pub(super) fn event(&mut self, mailbox: Option<MailboxId>, event: Event) {
        self.events.push(LogSection { mailbox, event });
    }
    /// Adds a name to the annotations of a mailbox, or of the server, that changed.
    pub(super) fn log_annotation(&mut self, mailbox: Option<MailboxId>, name: &EntryName) {
        let of_mailbox = self.events.iter_mut().filter(|section| section.mailbox == mailbox);
        let mut names = of_mailbox.filter_map(|section| match &mut section.event {
            Event::Annotations(names) => Some(names),
            _ => None,
        });
        match names.next() {
            Some(names) => names.push(name.clone()),
            None => self.event(mailbox, Event::Annotations(vec![name.clone()])),
        }
    }
    /// The MODSEQ this transaction gives what it changes.
    #[must_use]
    pub const fn modseq(&self) -> ModSeq {
        self.modseq
    }
    /// Which account it is.
    #[must_use]
    pub const fn id(&self) -> AccountId {
        self.id
    }
    /// When the transaction was submitted.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }
    /// Writes counters and log. Answers the new MODSEQ, or nothing when nothing changed.
    pub fn finish(self) -> Result<Option<ModSeq>> {
        self.finish_telling().map(|finished| finished.modseq)
    }
    /// The same, and tells the states of all types.
    pub fn finish_telling(mut self) -> Result<Finished> {
        for at in 0..self.open.len() {
            let gone = self.at(At(at))?.expunged.iter().map(|gone| gone.uid).collect();
            self.forget_own_flags(At(at), &gone)?;
        }
        let mut sections = std::mem::take(&mut self.events);
        for mut open in std::mem::take(&mut self.open) {
            self.write_totals(open.id, &open.users)?;
            open.log_users(&mut sections);
            if open.is_changed() {
                open.touch_types(&mut self.touched);
                open.record.highest_modseq = self.modseq;
                self.write_mailbox(&open)?;
                open.log(&mut sections);
            }
        }
        if sections.is_empty() && !self.names_changed && !self.touched.is_setting() {
            if self.pushes || self.sends {
                let (account, modseq) = (self.id, self.record.current());
                let (pushes, sends) = (self.pushes, self.sends);
                self.txn.notice(CommitNotice { account, modseq, pushes, sends });
            }
            return Ok(Finished { modseq: None, states: self.record.states });
        }
        self.record.modseq = self.modseq.value();
        if self.names_changed {
            self.record.names_modseq = self.modseq.value();
        }
        self.touched.by_sections(&sections);
        self.take_states();
        let log = LogRecord { committed_at: self.now, sections };
        self.txn.put(&key::log(self.id, self.modseq.value()), &log.encode())?;
        self.txn.put(&key::account(self.id), &self.record.encode())?;
        let (account, modseq) = (self.id, self.modseq);
        let (pushes, sends) = (self.pushes, self.sends);
        self.txn.notice(CommitNotice { account, modseq, pushes, sends });
        Ok(Finished { modseq: Some(self.modseq), states: self.record.states })
    }
    fn write_mailbox(&mut self, open: &OpenMailbox) -> Result<()> {
        if open.record.uidnext < open.uidnext_before {
            return Err(MailError::new(ErrorKind::Internal, "UIDNEXT would go down"));
        }
        let key = key::mailbox(self.id, key::table::MAILBOX, open.id);
        self.txn.put(&key, &open.record.encode())?;
        if open.expunged.is_empty() {
            return Ok(());
        }
        let uids: UidSet = open.expunged.iter().map(|gone| gone.uid).collect();
        let key = key::vanished(self.id, open.id, self.modseq.value());
        self.txn.put(&key, &encode_vanished(&uids))
    }
}

impl OpenMailbox {
    fn is_changed(&self) -> bool {
        self.touched || !self.added.is_empty() || !self.flags.is_empty() || !self.expunged.is_empty()
    }
    /// Its row changes though no message does.
    pub(super) fn touch(&mut self) {
        self.touched = true;
    }
    pub(super) fn log_added(&mut self, uid: Uid, flags: SystemFlags) {
        self.added.insert(uid);
        self.visibility.came(uid, flags);
    }
    pub(super) fn log_flags(&mut self, uid: Uid, old: SystemFlags, new: SystemFlags) {
        self.flags.insert(uid);
        self.visibility.flags_changed(uid, old, new);
    }
    /// With its thread, if the email is nowhere any more and the thread has another name.
    pub(super) fn log_expunged(&mut self, uid: Uid, row: &Membership<'_>, thread: Option<ThreadOf>) {
        self.expunged.push(Gone { uid, email: row.email, last: LastRow::of(row) });
        self.visibility.left(uid, row.flags, thread);
    }
    /// Which types of data change by what happened here.
    fn touch_types(&self, touched: &mut Touched) {
        let came_or_went =
            !self.added.is_empty() || !self.expunged.is_empty() || self.visibility.is_changed();
        touched.email |= came_or_went || !self.flags.is_empty();
        touched.thread |= came_or_went;
        touched.mailbox |= came_or_went || self.visibility.is_read_changed();
    }
    fn log_users(&mut self, sections: &mut Vec<LogSection>) {
        for rows in self.users.drain(..) {
            let user = rows.user();
            let events =
                [Event::PerUser { user, uids: rows.changed }, Event::LeftSeen { user, uids: rows.left_seen }];
            let says_something = |event: &Event| match event {
                Event::PerUser { uids, .. } | Event::LeftSeen { uids, .. } => !uids.is_empty(),
                _ => true,
            };
            let said = events.into_iter().filter(says_something);
            sections.extend(said.map(|event| LogSection { mailbox: Some(self.id), event }));
        }
    }
    fn log(mut self, sections: &mut Vec<LogSection>) {
        let mailbox = Some(self.id);
        if !self.added.is_empty() {
            sections.push(LogSection { mailbox, event: Event::Added(self.added) });
        }
        if !self.flags.is_empty() {
            sections.push(LogSection { mailbox, event: Event::Flags(self.flags) });
        }
        self.visibility.log_flags(self.id, sections);
        if !self.expunged.is_empty() {
            self.expunged.sort_unstable_by_key(|gone| gone.uid);
            let uids = self.expunged.iter().map(|gone| gone.uid).collect();
            let emails = self.expunged.iter().map(|gone| gone.email).collect();
            let last = self.expunged.into_iter().map(|gone| gone.last).collect();
            sections.push(LogSection { mailbox, event: Event::Expunged { uids, emails } });
            sections.push(LogSection { mailbox, event: Event::LeftAs(last) });
            self.visibility.log_left(self.id, sections);
        }
    }
}

pub(super) fn no_such_mailbox() -> MailError {
    MailError::new(ErrorKind::NotFound, "no such mailbox")
}
