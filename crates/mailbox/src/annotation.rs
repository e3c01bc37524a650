//! Annotations of mailboxes and of the server (RFC 5464): read through a snapshot, set in one transaction.
//!
//! Most are rows of their own. Some are faces of other state; which, and what happens then, is decided in
//! [`special`] and nowhere else. The owner of an account may read and set what is its own, private and
//! shared. Others have to do with the shared entries of a mailbox only, with the rights to it that RFC 5464
//! §3.3 names: private entries are the owner's, and on mailboxes of others there are none for anybody else.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

use koi_store::key;
use koi_store::mail::annotation;
use koi_store::record::log::{Event, LogRecord};
use koi_types::annotation::{Depth, EntryName, Target};
use koi_types::{ModSeq, Result};

use crate::access::{not_allowed, refuse_annotations};
use crate::account::Account;
use crate::outcome::Pending;
use crate::snapshot::{Snapshot, no_such_mailbox};

pub(crate) mod special;

pub use special::value_octets_max;

/// An entry and its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Annotation {
    pub name: EntryName,
    pub value: Box<[u8]>,
}

/// An entry that was found; its value is read when it is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnnotationRow {
    pub name: EntryName,
    /// Of the value.
    pub octets: usize,
    /// The value of an entry that is no row of its own.
    special: Option<Box<[u8]>>,
}

/// What to do with one entry: without a value it is removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnnotationChange {
    pub name: EntryName,
    pub value: Option<Box<[u8]>>,
}

/// An entry whose value is another now, or gone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ChangedAnnotation {
    pub target: Target,
    pub name: EntryName,
}

/// Entries that were changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnnotationNews {
    /// Each once.
    pub changed: Vec<ChangedAnnotation>,
    /// Everything up to here is in it: the next `since`.
    pub upto: ModSeq,
}

impl AnnotationRow {
    /// Whether it is the face of other state, which does not go where annotations go.
    #[must_use]
    pub const fn is_setting(&self) -> bool {
        self.special.is_some()
    }
    /// Whether it is a setting of the account's own that another server can be told.
    #[must_use]
    pub fn is_portable_setting(&self) -> bool {
        self.is_setting() && special::is_portable(&self.name)
    }
}

impl Snapshot<'_> {
    /// The entries at `name` and below it down to `depth`, in the order of their names.
    pub fn annotations(&self, target: Target, name: &EntryName, depth: Depth) -> Result<Vec<AnnotationRow>> {
        if let Target::Mailbox(mailbox) = target {
            self.mailbox_record(mailbox)?.ok_or_else(no_such_mailbox)?;
        }
        self.refuse_annotations(target)?;
        if self.guest.is_some() && name.is_private() {
            return Ok(Vec::new());
        }
        let mut rows = Vec::new();
        annotation::each(&*self.view, self.account, target, name, depth, &mut |name, record| {
            rows.push(AnnotationRow { name, octets: record.value.len(), special: None });
            ControlFlow::Continue(())
        })?;
        let special = special::list(self, target, name, depth)?;
        if !special.is_empty() {
            rows.extend(special.into_iter().map(|Annotation { name, value }| AnnotationRow {
                name,
                octets: value.len(),
                special: Some(value),
            }));
            rows.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Ok(rows)
    }
    fn refuse_annotations(&self, target: Target) -> Result<()> {
        match (&self.guest, target) {
            (None, _) => Ok(()),
            (Some(_), Target::Mailbox(mailbox)) => refuse_annotations(self.rights(mailbox)?),
            (Some(_), Target::Server) => Err(not_allowed()),
        }
    }
    /// The value of an entry that was found, perhaps in another snapshot: `None` when it is gone meanwhile.
    pub fn annotation_value<'v>(
        &self,
        target: Target,
        row: &'v AnnotationRow,
    ) -> Result<Option<Cow<'v, [u8]>>> {
        self.refuse_annotations(target)?;
        if self.guest.is_some() && row.name.is_private() {
            return Ok(None);
        }
        match &row.special {
            Some(value) => Ok(Some(Cow::Borrowed(value))),
            None => {
                let value = annotation::value(&*self.view, self.account, target, &row.name)?;
                Ok(value.map(Cow::Owned))
            }
        }
    }
    /// What others changed after `since`, at a cost that grows with the commits since then, or none when no
    /// annotation changed at all. Commits in `own` are left out. About `max` entries at a time.
    ///
    /// Further back than the change log reaches, entries that were removed are not told.
    pub fn annotation_news(&self, since: ModSeq, own: &[ModSeq], max: usize) -> Result<AnnotationNews> {
        let mut news = AnnotationNews { changed: Vec::new(), upto: self.modseq() };
        if annotation::totals(&*self.view, self.account)?.modseq <= since.value() {
            return Ok(news);
        }
        let mut changed = BTreeSet::new();
        let complete = since.value() >= self.record.log_floor
            && self.read_annotation_log(since, own, max, &mut changed, &mut news.upto)?;
        if !complete {
            news.upto = self.modseq();
            annotation::set_after(&*self.view, self.account, since.value(), &mut |target, name| {
                changed.insert(ChangedAnnotation { target, name });
            })?;
        }
        news.changed = changed.into_iter().collect();
        Ok(news)
    }
    /// Answers whether the log could be read.
    fn read_annotation_log(
        &self,
        since: ModSeq,
        own: &[ModSeq],
        max: usize,
        changed: &mut BTreeSet<ChangedAnnotation>,
        upto: &mut ModSeq,
    ) -> Result<bool> {
        let from = key::log(self.account, since.value().saturating_add(1));
        let end = key::log(self.account, u64::MAX);
        let mut readable = true;
        self.view.scan(&from, &end, &mut |key, row| {
            let (Some(modseq), Some(log)) = (key::modseq_at_end(key), LogRecord::decode(row)) else {
                readable = false;
                return ControlFlow::Break(());
            };
            if own.contains(&modseq) {
                return ControlFlow::Continue(());
            }
            for section in log.sections {
                let Event::Annotations(names) = section.event else { continue };
                let target = section.mailbox.map_or(Target::Server, Target::Mailbox);
                changed.extend(names.into_iter().map(|name| ChangedAnnotation { target, name }));
            }
            if changed.len() < max {
                return ControlFlow::Continue(());
            }
            *upto = modseq;
            ControlFlow::Break(())
        })?;
        Ok(readable)
    }
}

impl Account {
    /// Sets and removes entries, all or none, in the order given. Answers the modseq of the change, or
    /// nothing when everything was so already. A refusal has its kind: `TooLarge`, `LimitReached` (too many),
    /// `OverQuota`, `NoPermission`, `AlreadyExists` and `Unsupported` (a special use that cannot be given),
    /// `InvalidInput` for anything else an entry does not take.
    pub fn set_annotations(&self, target: Target, changes: Vec<AnnotationChange>) -> Pending<Option<ModSeq>> {
        let lent = self.inner.lend();
        // On a full disk too, room can be made.
        let frees = changes.iter().all(|change| change.value.is_none());
        let visitor = self.guest.clone();
        self.commit(move |account| {
            if let Some(guest) = &visitor {
                let Target::Mailbox(mailbox) = target else { return Err(not_allowed()) };
                refuse_annotations(account.rights_of(mailbox, guest.user)?)?;
                if changes.iter().any(|change| change.name.is_private()) {
                    return Err(not_allowed());
                }
            }
            if frees {
                account.frees_space();
            }
            changes.iter().try_for_each(|change| {
                let value = change.value.as_deref();
                match special::set(&lent, account, target, &change.name, value)? {
                    special::Set::Done => account.annotation_changed(target, &change.name),
                    special::Set::NotSpecial => account.set_annotation(target, &change.name, value),
                }
            })
        })
    }
}
