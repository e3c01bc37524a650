//! Reading an account: one consistent view, for one step of a session.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use koi_store::body::BodyRef;
use koi_store::key::{self, table};
use koi_store::kv::View;
use koi_store::mail::{Quota, per_user};
use koi_store::record::account::AccountRecord;
use koi_store::record::corrupt;
use koi_store::record::email::EmailRecord;
use koi_store::record::mailbox::MailboxRecord;
use koi_store::record::membership::Membership;
use koi_types::{
    AccountId, EmailId, ErrorKind, MailError, MailboxId, MailboxName, ModSeq, NumSet, Result, Rights, Role,
    SystemFlags, Uid, UidSet,
};

use crate::access::{Visitor, may_ask, not_allowed};
use crate::emails::attachments::Attachments;
use crate::emails::log::KeptLogs;
use crate::hierarchy::{Hierarchy, NameNode, NamedMailbox};
use crate::names::{Names, NamesCache};
use crate::outcome::Changes;
use crate::own_flags::own_view;
use crate::row::{EmailRow, KeywordTable, MailboxRow, MessageRow};
use crate::service::{Env, Inner, Options};
use crate::uids::{KeptUids, UidsCache};

/// A view of one account. It pins pages of the store: drop it at the end of the step.
pub struct Snapshot<'a> {
    pub(crate) view: Box<dyn View + 'a>,
    pub(crate) account: AccountId,
    pub(crate) record: AccountRecord,
    names: Arc<Names>,
    names_cache: &'a NamesCache,
    uids: &'a UidsCache,
    pub(crate) attachments: &'a Attachments,
    pub(crate) logs: &'a KeptLogs,
    /// Who looks, if it is not the owner.
    pub(crate) guest: Visitor,
    quota: Quota,
    pub(crate) options: &'a Options,
    pub(crate) env: &'a dyn Env,
}

/// What a scan could not read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[must_use = "rows that cannot be read were left out"]
pub struct Scanned {
    /// Messages whose row is corrupt; they were not visited.
    pub corrupt: UidSet,
}

/// Runs of UIDs closer than this are read in one scan: passing over a row costs less than beginning a scan.
const GAP_MAX: u32 = 64;

impl<'a> Snapshot<'a> {
    pub(crate) fn open(inner: &'a Inner, account: AccountId, guest: Visitor) -> Result<Self> {
        let view = inner.kv.view()?;
        let key = key::account(account);
        let missing = || MailError::new(ErrorKind::NotFound, "no such account");
        let row = view.get(&key)?.ok_or_else(missing)?;
        let record = AccountRecord::decode(&row).ok_or_else(|| corrupt("account", &key))?;
        drop(row);
        let names = inner.names.read(&*view, account, &record)?;
        let quota = inner.options.quota.with_own(record.own_quota);
        Ok(Self {
            view,
            account,
            record,
            names,
            names_cache: &inner.names,
            uids: &inner.uids,
            attachments: &inner.attachments,
            logs: &inner.logs,
            guest,
            quota,
            options: &inner.options,
            env: &*inner.env,
        })
    }
    /// How far the account has come.
    #[must_use]
    pub fn modseq(&self) -> ModSeq {
        self.record.current()
    }
    /// Messages and octets that count towards the quota.
    #[must_use]
    pub const fn usage(&self) -> &AccountRecord {
        &self.record
    }
    /// Mailboxes there are: what a quota of them counts (RFC 9208 §5.3).
    #[must_use]
    pub fn mailboxes_count(&self) -> u64 {
        self.names.hierarchy.nodes().filter(|node| node.mailbox.is_some()).count() as u64
    }
    /// What bounds the account: its own limits, or those of all.
    #[must_use]
    pub const fn quota(&self) -> Quota {
        self.quota
    }
    /// All mailboxes in the order of their names.
    pub fn mailboxes(&self) -> Result<Vec<MailboxRow>> {
        let mut records = std::collections::HashMap::new();
        let range = key::all(self.account, table::MAILBOX);
        self.view.scan(&range.from, &range.end, &mut |key, row| {
            if let (Some(id), Some(record)) = (key::mailbox_of(key), MailboxRecord::decode(row)) {
                records.insert(id, record);
            }
            ControlFlow::Continue(())
        })?;
        let mut rows = Vec::new();
        for node in self.names.hierarchy.nodes() {
            let record = node.mailbox.and_then(|mailbox| records.get(&mailbox.id));
            if let (Some(mailbox), Some(record)) = (node.mailbox, record) {
                rows.extend(self.row(node, mailbox, record)?);
            }
        }
        Ok(rows)
    }
    /// The mailbox of a name, as whoever looks knows it. Of one that a guest may not read the counters are
    /// not told; `rights` says what it may.
    pub fn mailbox_named(&self, name: &MailboxName) -> Result<Option<MailboxRow>> {
        let inner = self.guest.as_ref().map(|guest| guest.inner(name));
        let name = match &inner {
            None => name,
            Some(Some(inner)) => inner,
            Some(None) => return Ok(None),
        };
        self.names.hierarchy.node(name).map_or(Ok(None), |node| self.mailbox_of(node))
    }
    /// The mailbox of a name for something that needs these rights. `NoPermission` for who has not all of
    /// them but may look it up; nothing for others, as if there were none (RFC 4314 §6).
    pub fn mailbox_for(&self, name: &MailboxName, needed: Rights) -> Result<Option<MailboxRow>> {
        let Some(row) = self.mailbox_named(name)? else { return Ok(None) };
        if row.rights.contains(needed) {
            return Ok(Some(row));
        }
        if row.rights.contains(Rights::LOOKUP) { Err(not_allowed()) } else { Ok(None) }
    }
    /// A mailbox by its id; of a guest only one that it may read.
    pub fn mailbox(&self, id: MailboxId) -> Result<Option<MailboxRow>> {
        let row = self.names.hierarchy.mailbox(id).map_or(Ok(None), |node| self.mailbox_of(node))?;
        Ok(row.filter(|row| row.rights.contains(Rights::READ)))
    }
    /// A node as a guest sees it, if it may see it.
    fn row(
        &self,
        node: &NameNode,
        mailbox: NamedMailbox,
        record: &MailboxRecord,
    ) -> Result<Option<MailboxRow>> {
        let own = mailbox_row(node, mailbox, record);
        let Some(guest) = &self.guest else { return Ok(Some(own)) };
        let rights = self.rights(mailbox.id)?;
        // A node of `all_names` has the name that the user sees.
        let name = if mailbox.owner.is_some() { Some(node.name.clone()) } else { guest.outer(&node.name) };
        let Some(name) = name.filter(|_| may_ask(rights)) else { return Ok(None) };
        let row = MailboxRow { name, role: None, subscribed: false, rights, ..own };
        if !rights.contains(Rights::READ) {
            return Ok(Some(MailboxRow {
                messages: 0,
                unseen: 0,
                deleted: 0,
                octets: 0,
                deleted_octets: Some(0),
                ..row
            }));
        }
        let totals = per_user::totals(&*self.view, self.account, mailbox.id, guest.user.id)?;
        let own_modseq = ModSeq::new(totals.highest_modseq).unwrap_or(ModSeq::MIN);
        let highest_modseq = row.highest_modseq.max(own_modseq);
        let unseen = row.messages.saturating_sub(totals.seen);
        Ok(Some(MailboxRow { highest_modseq, unseen, ..row }))
    }
    /// The names of another account in this view.
    pub(crate) fn names_of(&self, owner: AccountId, record: &AccountRecord) -> Result<Arc<Names>> {
        self.names_cache.read(&*self.view, owner, record)
    }
    /// The mailbox of a name, as [`Snapshot::hierarchy`] shows it, also of an older snapshot: its counters
    /// are those of now, its name is that of then. `None` when it is gone.
    pub fn mailbox_of(&self, node: &NameNode) -> Result<Option<MailboxRow>> {
        let of_this = |mailbox: &NamedMailbox| mailbox.owner.is_none_or(|owner| owner == self.account);
        let Some(mailbox) = node.mailbox.filter(of_this) else { return Ok(None) };
        match self.mailbox_record(mailbox.id)? {
            Some(record) => self.row(node, mailbox, &record),
            None => Ok(None),
        }
    }
    pub(crate) fn mailbox_record(&self, id: MailboxId) -> Result<Option<MailboxRecord>> {
        let key = key::mailbox(self.account, table::MAILBOX, id);
        let Some(row) = self.view.get(&key)? else { return Ok(None) };
        MailboxRecord::decode(&row).map(Some).ok_or_else(|| corrupt("mailbox", &key))
    }
    /// The mailbox with a role.
    #[must_use]
    pub fn with_role(&self, role: Role) -> Option<MailboxId> {
        self.names.hierarchy.with_role(role)
    }
    /// The role of a mailbox.
    pub(crate) fn role_of(&self, mailbox: MailboxId) -> Option<Role> {
        self.names.hierarchy.mailbox(mailbox).and_then(NameNode::role)
    }
    /// All names of the account itself as a hierarchy, in order. It stays as it is while the account changes.
    #[must_use]
    pub fn hierarchy(&self) -> Arc<Hierarchy> {
        Arc::clone(&self.names.hierarchy)
    }
    /// Octets that EXPUNGE would give back: the sizes of the messages with `\Deleted` (RFC 9208 §4.1.4).
    /// Counted as they come and go; a mailbox that an older version left with such messages is scanned until
    /// they are gone.
    pub fn deleted_octets(&self, mailbox: &MailboxRow) -> Result<u64> {
        if let Some(octets) = mailbox.deleted_octets {
            return Ok(octets);
        }
        let mut octets = 0u64;
        if mailbox.deleted > 0 {
            let mut all = NumSet::new();
            all.insert_range(1..=u32::MAX);
            // Rows that cannot be read would not be expunged either.
            let _ = self.messages(mailbox.id, &all, |row| {
                if row.flags.contains(SystemFlags::DELETED) {
                    octets = octets.saturating_add(u64::from(row.octets));
                }
                ControlFlow::Continue(())
            })?;
        }
        Ok(octets)
    }
    /// Subscribed names in order, whether or not there is such a mailbox.
    pub fn subscriptions(&self) -> impl Iterator<Item = &MailboxName> {
        self.names.hierarchy.nodes().filter(|node| node.subscribed).map(|node| &node.name)
    }
    /// The keywords of the account and their numbers.
    #[must_use]
    pub fn keywords(&self) -> Arc<KeywordTable> {
        Arc::clone(&self.names.keywords)
    }
    /// The UIDs in a mailbox: without holes it costs nothing, with holes what has changed since somebody last
    /// asked, and a scan only when the log does not reach so far back.
    pub fn uids(&self, mailbox: MailboxId) -> Result<UidSet> {
        self.require(mailbox, Rights::READ)?;
        let record = self.mailbox_record(mailbox)?.ok_or_else(no_such_mailbox)?;
        if record.messages == record.uidnext.value() - 1 {
            let mut uids = UidSet::new();
            uids.0.insert_range(1..=record.messages);
            return Ok(uids);
        }
        let kept = self.uids.of(self.account, mailbox);
        if let Some(kept) = kept.as_ref().filter(|kept| kept.modseq == record.highest_modseq) {
            return Ok(UidSet::clone(&kept.uids));
        }
        let followed = kept.map(|kept| self.follow(mailbox, &record, &kept)).transpose()?.flatten();
        let uids = followed.map_or_else(|| self.scan_uids(mailbox), Ok)?;
        self.uids.keep(self.account, mailbox, record.highest_modseq, &uids);
        Ok(uids)
    }
    /// Brings a set up to date from the change log; `None` when it is newer than this view, or too old.
    fn follow(&self, mailbox: MailboxId, record: &MailboxRecord, kept: &KeptUids) -> Result<Option<UidSet>> {
        if kept.modseq > record.highest_modseq {
            return Ok(None);
        }
        // Reading so much of the log costs about what a scan does.
        let max = record.messages as usize / 2 + 1024;
        let Changes::Listed(changed) = self.changes(mailbox, kept.modseq, max)? else { return Ok(None) };
        let mut uids = UidSet(kept.uids.0.difference(&changed.vanished.0));
        uids.0.extend(&changed.added.0);
        Ok((uids.count() == u64::from(record.messages)).then_some(uids))
    }
    fn scan_uids(&self, mailbox: MailboxId) -> Result<UidSet> {
        let mut uids = UidSet::new();
        let range = key::below(&key::mailbox(self.account, table::MEMBERSHIP, mailbox));
        self.view.scan(&range.from, &range.end, &mut |key, _| {
            if let Some(uid) = key::uid_at_end(key) {
                uids.insert(uid);
            }
            ControlFlow::Continue(())
        })?;
        Ok(uids)
    }
    /// Visits those of `uids` that are in the mailbox, ascending, until the visitor breaks. Nothing is
    /// allocated per row; rows that cannot be read are left out and named in the answer.
    pub fn messages(
        &self,
        mailbox: MailboxId,
        uids: &NumSet,
        visit: impl FnMut(&MessageRow<'_>) -> ControlFlow<()>,
    ) -> Result<Scanned> {
        match &self.guest {
            None => self.everybodys(mailbox, uids, visit),
            Some(guest) => self.messages_of(guest.user.id, mailbox, uids, visit),
        }
    }
    /// The same without regard to who looks.
    pub(crate) fn everybodys(
        &self,
        mailbox: MailboxId,
        uids: &NumSet,
        mut visit: impl FnMut(&MessageRow<'_>) -> ControlFlow<()>,
    ) -> Result<Scanned> {
        let mut scanned = Scanned::default();
        let mut runs = uids.runs().peekable();
        let mut group: Vec<Range<u64>> = Vec::new();
        while let Some(run) = runs.next() {
            group.push(u64::from(*run.start())..u64::from(*run.end()) + 1);
            let last = *run.end();
            if runs.peek().is_some_and(|next| next.start() - last <= GAP_MAX) {
                continue;
            }
            if self.scan_group(mailbox, &group, &mut scanned, &mut visit)?.is_break() {
                break;
            }
            group.clear();
        }
        Ok(scanned)
    }
    fn scan_group(
        &self,
        mailbox: MailboxId,
        group: &[Range<u64>],
        scanned: &mut Scanned,
        visit: &mut dyn FnMut(&MessageRow<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            return Ok(ControlFlow::Continue(()));
        };
        let from = key::membership(self.account, mailbox, u32::try_from(first.start).unwrap_or(u32::MAX));
        let end = key::membership_end(self.account, mailbox, u32::try_from(last.end - 1).unwrap_or(u32::MAX));
        let mut wanted = group.iter();
        let mut run = wanted.next();
        let mut flow = ControlFlow::Continue(());
        self.view.scan(&from, &end, &mut |key, row| {
            let Some(uid) = key::uid_at_end(key) else { return ControlFlow::Continue(()) };
            let number = u64::from(uid.value());
            while run.is_some_and(|run| run.end <= number) {
                run = wanted.next();
            }
            if run.is_none_or(|run| number < run.start) {
                return ControlFlow::Continue(());
            }
            match Membership::decode(row) {
                Some(membership) => flow = visit(&MessageRow { uid, membership }),
                None => scanned.corrupt.insert(uid),
            }
            flow
        })?;
        Ok(flow)
    }
    /// Reads one message's row; `None` when it is not there, `Corrupt` when it cannot be read.
    pub fn message<T>(
        &self,
        mailbox: MailboxId,
        uid: Uid,
        read: impl FnOnce(&MessageRow<'_>) -> T,
    ) -> Result<Option<T>> {
        self.require(mailbox, Rights::READ)?;
        let key = key::membership(self.account, mailbox, uid.value());
        let Some(row) = self.view.get(&key)? else { return Ok(None) };
        let membership = Membership::decode(&row).ok_or_else(|| corrupt("membership", &key))?;
        let own = match &self.guest {
            None => return Ok(Some(read(&MessageRow { uid, membership }))),
            Some(guest) => per_user::row(&*self.view, self.account, mailbox, guest.user.id, uid)?,
        };
        Ok(Some(read(&MessageRow { uid, membership: own_view(membership, own) })))
    }
    /// The first message without `\Seen`.
    pub fn first_unseen(&self, mailbox: MailboxId) -> Result<Option<Uid>> {
        let record = self.mailbox_record(mailbox)?.ok_or_else(no_such_mailbox)?;
        let unseen = match &self.guest {
            None => record.unseen,
            Some(guest) => {
                let totals = per_user::totals(&*self.view, self.account, mailbox, guest.user.id)?;
                record.messages.saturating_sub(totals.seen)
            }
        };
        if unseen == 0 {
            return Ok(None);
        }
        let mut first = None;
        let mut from = NumSet::new();
        // Up to where everything is seen, is known of the owner only.
        let seen_upto = if self.guest.is_none() { record.unseen_from } else { Uid::MIN };
        from.insert_range(seen_upto.value()..=u32::MAX);
        let _ = self.messages(mailbox, &from, |row| {
            if row.flags.contains(SystemFlags::SEEN) {
                return ControlFlow::Continue(());
            }
            first = Some(row.uid);
            ControlFlow::Break(())
        })?;
        Ok(first)
    }
    /// An email by its id; also one that was expunged and is in its grace.
    pub fn email(&self, id: EmailId) -> Result<Option<EmailRow<'_>>> {
        let key = key::email(self.account, id);
        let Some(record) = self.view.get(&key)? else { return Ok(None) };
        let email = EmailRecord::decode(&record).ok_or_else(|| corrupt("email", &key))?;
        // The two opaque records end the row: structure last, its four octets of length before it.
        let structure = record.len() - email.structure.len()..record.len();
        let envelope_end = structure.start - 4;
        let envelope = envelope_end - email.envelope.len()..envelope_end;
        let (thread, body, received_at, sent_at) =
            (email.thread, email.body, email.received_at, email.sent_at);
        Ok(Some(EmailRow { id, thread, body, received_at, sent_at, record, envelope, structure }))
    }
    /// Appends octets of a body to `out`; a range past the end is cut.
    pub fn read_body(&self, body: &BodyRef, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        self.view.read_body(body, range, out)
    }
}

fn mailbox_row(node: &NameNode, mailbox: NamedMailbox, record: &MailboxRecord) -> MailboxRow {
    MailboxRow {
        id: mailbox.id,
        name: node.name.clone(),
        role: mailbox.role,
        subscribed: node.subscribed,
        created_at: mailbox.created_at,
        uidvalidity: record.uidvalidity,
        uidnext: record.uidnext,
        highest_modseq: record.highest_modseq,
        created_modseq: record.created_modseq,
        messages: record.messages,
        unseen: record.unseen,
        deleted: record.deleted,
        octets: record.octets,
        deleted_octets: record.deleted_octets,
        rights: mailbox.rights,
    }
}

pub(crate) fn no_such_mailbox() -> MailError {
    MailError::new(ErrorKind::NotFound, "no such mailbox")
}
