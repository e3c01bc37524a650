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
    /// UIDs that were given out after what the index knows: a mailbox gives them in the order of MODSEQs.
    /// Nothing when there is a row that cannot be read.
    fn later(&self, snapshot: &Snapshot<'_>, mailbox: MailboxId) -> Result<Option<NumSet>> {
        let mut uids = NumSet::new();
        let mut readable = true;
        let rows = key::below(&key::mailbox(snapshot.account, table::MEMBERSHIP, mailbox));
        snapshot.view.scan_back(&rows.from, &rows.end, &mut |key, row| {
            let (Some(uid), Some(row)) = (key::uid_at_end(key), Membership::decode(row)) else {
                readable = false;
                return ControlFlow::Break(());
            };
            if row.created_modseq <= self.modseq {
                return ControlFlow::Break(());
            }
            uids.insert(uid.value());
            ControlFlow::Continue(())
        })?;
        Ok(readable.then_some(uids))
    }
}
