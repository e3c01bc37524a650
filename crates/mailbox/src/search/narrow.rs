//! What the index says, for a plan: which messages cannot match, and which few may.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use koi_store::key::{self, table};
use koi_store::record::email::EmailRecord;
use koi_store::record::membership::Membership;
use koi_types::{EmailId, MailboxId, ModSeq, NumSet, Result};

use crate::index::lookup::TextFilter;
use crate::row::MessageRow;
use crate::snapshot::Snapshot;

/// So few emails are looked up one by one, instead of going through all messages of the mailbox.
const EMAILS_MAX: usize = 2048;
/// Places of one email in one mailbox that are looked at; whoever has more copies waits a little longer.
const PLACES_MAX: usize = 1024;

/// One text of a plan, as the index sees it.
#[derive(Default)]
pub(super) struct Indexed {
    pieces: Vec<Box<[u8]>>,
    filter: Option<Arc<TextFilter>>,
}

impl Indexed {
    pub(super) fn new(pieces: Vec<Box<[u8]>>) -> Self {
        Self { pieces, filter: None }
    }
    /// What the index is asked for.
    pub(super) fn pieces(&self) -> &[Box<[u8]>] {
        &self.pieces
    }
    pub(super) fn answer(&mut self, filter: Option<Arc<TextFilter>>) {
        self.filter = filter;
    }
    pub(super) fn excludes(&self, row: &MessageRow<'_>) -> bool {
        self.filter.as_ref().is_some_and(|filter| filter.excludes(row))
    }
    /// The same of an email of which it is known whether it came too late for the index.
    pub(super) fn excludes_email(&self, email: EmailId, came_later: bool) -> bool {
        !came_later && self.filter.as_ref().is_some_and(|filter| filter.excludes_email(email))
    }
    pub(super) fn candidates(&self) -> Option<Candidates> {
        let (emails, modseq) = self.filter.as_ref()?.emails()?;
        (emails.len() <= EMAILS_MAX).then(|| Candidates { emails: emails.clone(), modseq })
    }
}

/// The only emails that may match, of those that came up to a MODSEQ.
pub(super) struct Candidates {
    pub(super) emails: HashSet<EmailId>,
    modseq: ModSeq,
}

impl Candidates {
    pub(super) fn joined(mut self, other: Self) -> Self {
        self.emails.extend(other.emails);
        // All filters of a search have the same.
        self.modseq = self.modseq.min(other.modseq);
        self
    }
    /// The UIDs in a mailbox of these emails, and of everything that came later; nothing when it is not
    /// worth the looking up.
    pub(super) fn uids(&self, snapshot: &Snapshot<'_>, mailbox: MailboxId) -> Result<Option<NumSet>> {
        if self.emails.len() > EMAILS_MAX {
            return Ok(None);
        }
        let Some(mut uids) = self.later(snapshot, mailbox)? else { return Ok(None) };
        let (view, account) = (&*snapshot.view, snapshot.account);
        for email in &self.emails {
            let first =
                view.get(&key::email(account, *email))?.and_then(|row| EmailRecord::first_place(&row));
            if let Some(first) = first.filter(|first| first.mailbox == mailbox) {
                uids.insert(first.uid.value());
            }
            let mut places = 0;
            let further = key::below(&key::email_memberships_in(account, *email, mailbox));
            view.scan(&further.from, &further.end, &mut |key, _| {
                if let Some(uid) = key::uid_at_end(key) {
                    uids.insert(uid.value());
                }
                places += 1;
                if places < PLACES_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            if places >= PLACES_MAX {
                return Ok(None);
            }
        }
        Ok(Some(uids))
    }
    /// UIDs that were given out after what the index knows. Nothing when there is a row that cannot be read.
    fn later(&self, snapshot: &Snapshot<'_>, mailbox: MailboxId) -> Result<Option<NumSet>> {
        let Some(first) = first_after(snapshot, mailbox, self.modseq)? else { return Ok(None) };
        let mut uids = NumSet::new();
        uids.insert_range(first..=u32::MAX);
        Ok(Some(uids))
    }
}

/// The emails of all messages that came after a MODSEQ; nothing when there is a row that cannot be read.
pub(super) fn came_after(snapshot: &Snapshot<'_>, modseq: ModSeq) -> Result<Option<HashSet<EmailId>>> {
    let mut emails = HashSet::new();
    if snapshot.modseq() <= modseq {
        return Ok(Some(emails));
    }
    for mailbox in snapshot.hierarchy().nodes().filter_map(|node| node.mailbox) {
        let record = snapshot.mailbox_record(mailbox.id)?;
        if record.is_none_or(|record| record.highest_modseq <= modseq) {
            continue;
        }
        let Some(first) = first_after(snapshot, mailbox.id, modseq)? else { return Ok(None) };
        let mut readable = true;
        let from = key::membership(snapshot.account, mailbox.id, first);
        let end = key::below(&key::mailbox(snapshot.account, table::MEMBERSHIP, mailbox.id)).end;
        snapshot.view.scan(&from, &end, &mut |_, row| {
            let email = Membership::decode(row).map(|row| row.email);
            readable = email.is_some();
            emails.extend(email);
            if readable { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if !readable {
            return Ok(None);
        }
    }
    Ok(Some(emails))
}

/// The first UID whose message came after a MODSEQ, or any message that comes: a mailbox gives UIDs out in
/// the order of MODSEQs, so that a few rows tell. Nothing when one of them cannot be read.
fn first_after(snapshot: &Snapshot<'_>, mailbox: MailboxId, modseq: ModSeq) -> Result<Option<u32>> {
    let rows = key::below(&key::mailbox(snapshot.account, table::MEMBERSHIP, mailbox));
    let mut last = Probe::Nothing;
    snapshot.view.scan_back(&rows.from, &rows.end, &mut |key, row| {
        last = Probe::of(key, row, modseq);
        ControlFlow::Break(())
    })?;
    let (mut first, mut end) = match last {
        Probe::Nothing => return Ok(Some(1)),
        Probe::Unreadable => return Ok(None),
        Probe::Before(uid) => return Ok(Some(uid.saturating_add(1))),
        Probe::After(uid) => (1, uid),
    };
    while first < end {
        let middle = first + (end - first) / 2;
        let from = key::membership(snapshot.account, mailbox, middle);
        let mut found = Probe::Unreadable;
        snapshot.view.scan(&from, &rows.end, &mut |key, row| {
            found = Probe::of(key, row, modseq);
            ControlFlow::Break(())
        })?;
        match found {
            Probe::Before(uid) => first = uid.saturating_add(1),
            Probe::After(_) => end = middle,
            Probe::Nothing | Probe::Unreadable => return Ok(None),
        }
    }
    Ok(Some(first))
}

/// One message, and whether it came after a MODSEQ.
enum Probe {
    Nothing,
    Unreadable,
    Before(u32),
    After(u32),
}

impl Probe {
    fn of(key: &[u8], row: &[u8], modseq: ModSeq) -> Self {
        match (key::uid_at_end(key), Membership::decode(row)) {
            (Some(uid), Some(row)) if row.created_modseq > modseq => Self::After(uid.value()),
            (Some(uid), Some(_)) => Self::Before(uid.value()),
            _ => Self::Unreadable,
        }
    }
}
