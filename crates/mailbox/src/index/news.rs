//! Which emails are to be added next, and how far the index has come when they are in.

use std::collections::{BinaryHeap, HashSet};
use std::ops::ControlFlow;

use koi_store::key::{self, table};
use koi_store::kv::View;
use koi_store::record::email::{EmailRecord, Place};
use koi_store::record::index::IndexHead;
use koi_store::record::mailbox::MailboxRecord;
use koi_store::record::membership::Membership;
use koi_types::{AccountId, EmailId, MailboxId, ModSeq, Result};

use super::{known, merge};

/// Emails of one list.
const NEWS_MAX: usize = 32_768;
/// Rows copied at a time.
const PAGE_ROWS: usize = 4096;

/// Emails in the order they are to be added.
pub(super) struct News {
    emails: std::vec::IntoIter<NewEmail>,
    /// When all are in.
    end: Reach,
}

/// How far an index has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reach {
    pub(super) modseq: ModSeq,
    pub(super) upto: Option<EmailId>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NewEmail {
    created: u64,
    pub(super) email: EmailId,
    /// It may be in the index already, having come into another mailbox before.
    moved: bool,
}

impl News {
    /// What comes after what the index holds. Nothing when it holds all.
    pub(super) fn find(
        view: &dyn View,
        account: AccountId,
        head: &IndexHead,
        now: ModSeq,
    ) -> Result<Option<Self>> {
        match head.upto {
            Some(upto) => Self::further(view, account, head.modseq, upto).map(Some),
            None if head.modseq >= now => Ok(None),
            None => Self::since(view, account, head, now).map(Some),
        }
    }
    /// While the index is built for the first time: all emails in the order of their ids.
    fn further(view: &dyn View, account: AccountId, modseq: ModSeq, upto: EmailId) -> Result<Self> {
        let mut from = key::email(account, upto).to_vec();
        from.push(0);
        let end = key::all(account, table::EMAIL).end;
        let mut emails = Vec::new();
        view.scan(&from, &end, &mut |key, _| {
            emails.extend(key::email_of(key).map(|email| NewEmail { created: 0, email, moved: false }));
            if emails.len() < NEWS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let last = emails.last().map(|last| last.email).filter(|_| emails.len() == NEWS_MAX);
        Ok(Self { emails: emails.into_iter(), end: Reach { modseq, upto: last } })
    }
    /// Emails that came into a mailbox since, in the order in which they did.
    fn since(view: &dyn View, account: AccountId, head: &IndexHead, now: ModSeq) -> Result<Self> {
        let since = head.modseq;
        let mut found = Found { heap: BinaryHeap::new(), more_from: None };
        for mailbox in changed_mailboxes(view, account, since)? {
            found.add_mailbox(view, account, mailbox, since)?;
        }
        let mut emails = found.heap.into_sorted_vec();
        let mut seen = HashSet::new();
        emails.retain(|new| seen.insert(new.email));
        if emails.iter().any(|new| new.moved) {
            leave_out_known(view, account, head, &mut emails)?;
        }
        let modseq = found.more_from.and_then(|more| ModSeq::new(more - 1)).unwrap_or(now);
        Ok(Self { emails: emails.into_iter(), end: Reach { modseq: modseq.min(now), upto: None } })
    }
    pub(super) fn len(&self) -> usize {
        self.emails.len()
    }
    /// The next emails, at most `max`, but all that came with one commit together.
    pub(super) fn take(&mut self, max: usize) -> Vec<NewEmail> {
        let mut taken: Vec<NewEmail> = self.emails.by_ref().take(max).collect();
        let last = taken.last().map(|last| last.created);
        while let Some(next) = self.emails.as_slice().first()
            && next.created != 0
            && Some(next.created) == last
        {
            taken.extend(self.emails.next());
        }
        taken
    }
    /// How far the index has come when everything that was taken is in it.
    pub(super) fn reach(&self, last: Option<NewEmail>, before: Reach) -> Reach {
        let Some(next) = self.emails.as_slice().first() else { return self.end };
        match last {
            None => before,
            Some(last) if next.created == 0 => Reach { modseq: before.modseq, upto: Some(last.email) },
            Some(_) => Reach { modseq: ModSeq::new(next.created - 1).unwrap_or(before.modseq), upto: None },
        }
    }
}

struct Row {
    created: u64,
    email: EmailId,
    place: Place,
}

/// The first emails to have come, in bounded memory.
struct Found {
    heap: BinaryHeap<NewEmail>,
    /// The first MODSEQ of which emails were left out.
    more_from: Option<u64>,
}

impl Found {
    fn add_mailbox(
        &mut self,
        view: &dyn View,
        account: AccountId,
        mailbox: MailboxId,
        since: ModSeq,
    ) -> Result<()> {
        // A mailbox gives UIDs in the order of MODSEQs: what is new is at the end.
        let mut range = key::below(&key::mailbox(account, table::MEMBERSHIP, mailbox));
        let mut first = None;
        view.scan_back(&range.from, &range.end, &mut |key, row| {
            if Membership::decode(row).is_some_and(|row| row.created_modseq <= since) {
                return ControlFlow::Break(());
            }
            first = Some(key.to_vec());
            ControlFlow::Continue(())
        })?;
        while let Some(from) = first.take() {
            range.from = from;
            let mut rows = Vec::new();
            view.scan(&range.from, &range.end, &mut |key, row| {
                if rows.len() == PAGE_ROWS {
                    first = Some(key.to_vec());
                    return ControlFlow::Break(());
                }
                if let (Some(row), Some(uid)) = (Membership::decode(row), key::uid_at_end(key)) {
                    let place = Place { mailbox, uid };
                    rows.push(Row { created: row.created_modseq.value(), email: row.email, place });
                }
                ControlFlow::Continue(())
            })?;
            for row in rows {
                if self.more_from.is_some_and(|more| row.created >= more) {
                    return Ok(());
                }
                self.add(view, account, &row)?;
            }
        }
        Ok(())
    }
    fn add(&mut self, view: &dyn View, account: AccountId, row: &Row) -> Result<()> {
        let record = view.get(&key::email(account, row.email))?;
        let moved = record.and_then(|row| EmailRecord::first_place(&row)) != Some(row.place);
        self.heap.push(NewEmail { created: row.created, email: row.email, moved });
        // What one commit brought stays together.
        if self.heap.len() > NEWS_MAX
            && let Some(last) = self.heap.peek().map(|last| last.created)
            && self.heap.iter().any(|each| each.created != last)
        {
            self.more_from = Some(last);
            while self.heap.peek().is_some_and(|each| each.created == last) {
                self.heap.pop();
            }
        }
        Ok(())
    }
}

fn changed_mailboxes(view: &dyn View, account: AccountId, since: ModSeq) -> Result<Vec<MailboxId>> {
    let range = key::all(account, table::MAILBOX);
    let mut changed = Vec::new();
    view.scan(&range.from, &range.end, &mut |key, row| {
        // One that cannot be read may hold anything.
        if MailboxRecord::decode(row).is_none_or(|record| record.highest_modseq > since) {
            changed.extend(key::mailbox_of(key));
        }
        ControlFlow::Continue(())
    })?;
    Ok(changed)
}

/// Leaves out those that only came into another mailbox and are in the index already.
fn leave_out_known(
    view: &dyn View,
    account: AccountId,
    head: &IndexHead,
    emails: &mut Vec<NewEmail>,
) -> Result<()> {
    let mut known = match known::left_since(view, account, head.modseq)? {
        Some(left) => left,
        // The log does not tell: the index itself does.
        None => {
            let segments = head.segments.iter().map(|segment| merge::emails(view, account, segment));
            segments.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect()
        }
    };
    for new in emails.iter().filter(|new| new.moved) {
        if !known.contains(&new.email) && known::was_there(view, account, new.email, head.modseq)? {
            known.insert(new.email);
        }
    }
    emails.retain(|new| !new.moved || !known.contains(&new.email));
    Ok(())
}
