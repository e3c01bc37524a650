//! Whether an index says what the texts say: every term of every email, and every email.

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};

use koi_message::search::{Scratch, term_rules};
use koi_store::key::{self, index as keys, table};
use koi_store::kv::View;
use koi_store::mail::check::{Finding, index_to_be_built};
use koi_store::mail::index;
use koi_store::record::email::EmailRecord;
use koi_store::record::index::{IndexHead, SegmentRecord, TermRow};
use koi_store::record::membership::Membership;
use koi_types::{AccountId, EmailId, ErrorKind, Result};

use super::batch::{ALWAYS, Batch};
use super::merge;

/// Emails whose terms are compared together.
const DOCS_PER_ROUND: usize = 4096;

/// The index of one account: what is wrong with it, if anything is.
pub(crate) fn finding(view: &dyn View, account: AccountId) -> Result<Option<Finding>> {
    let head = match index::head(view, account) {
        // The store's own check says so.
        Err(error) if error.kind == ErrorKind::Corrupt => return Ok(None),
        head => head?,
    };
    // One made by other rules is made anew anyway.
    let Some(head) = head.filter(|head| head.rules == term_rules()) else { return Ok(None) };
    let problem = match problem(view, account, &head) {
        Err(error) if error.kind == ErrorKind::Corrupt => Some("the search index cannot be read"),
        problem => problem?,
    };
    problem.map_or(Ok(None), |problem| index_to_be_built(view, account, problem))
}

fn problem(view: &dyn View, account: AccountId, head: &IndexHead) -> Result<Option<&'static str>> {
    let mut known = HashSet::new();
    for segment in &head.segments {
        let emails = merge::emails(view, account, segment)?;
        for (number, some) in (0u32..).zip(emails.chunks(DOCS_PER_ROUND)) {
            let first = number * DOCS_PER_ROUND as u32;
            if !has_terms(view, account, segment, first, some)? {
                return Ok(Some("the search index lacks words of an email"));
            }
        }
        known.extend(emails);
    }
    let mut missing = false;
    let range = key::all(account, table::MEMBERSHIP);
    view.scan(&range.from, &range.end, &mut |_, row| {
        let Some(row) = Membership::decode(row) else { return ControlFlow::Continue(()) };
        let due = row.created_modseq <= head.modseq && head.upto.is_none_or(|upto| row.email <= upto);
        missing = due && !known.contains(&row.email);
        if missing { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(missing.then_some("the search index lacks an email"))
}

/// Whether the postings of a segment have every term of some of its emails, which are cut into terms anew.
fn has_terms(
    view: &dyn View,
    account: AccountId,
    segment: &SegmentRecord,
    first: u32,
    emails: &[EmailId],
) -> Result<bool> {
    let docs = first..first + emails.len() as u32;
    let mut stored =
        Stored { view, account, segment, docs: docs.clone(), row: 0, terms: Vec::new().into_iter() };
    let mut next = stored.next_term()?;
    let always = next.as_ref().filter(|term| term.octets == ALWAYS).map(|term| term.docs.clone());
    let always = always.unwrap_or_default();
    let mut batch = Batch::new(0);
    let (mut octets, mut scratch) = (Vec::new(), Scratch::default());
    for (doc, email) in docs.zip(emails) {
        let row = view.get(&key::email(account, *email))?;
        let record = row.as_deref().and_then(EmailRecord::decode).filter(|_| !always.contains(&doc));
        octets.clear();
        match record {
            Some(record) if view.read_body(&record.body, 0..record.body.octets, &mut octets).is_ok() => {
                batch.add(*email, &octets, record.structure, &mut scratch);
            }
            // It is gone, or is read anyway, or cannot be: that is for others to say.
            _ => batch.add_without_terms(*email),
        }
    }
    let fresh = batch.into_segment(0);
    for row in fresh.term_rows() {
        let mut walk = TermRow::decode(row).ok_or_else(merge::unreadable)?.walk();
        while let Some(term) = walk.next_term().map_err(|_| merge::unreadable())? {
            while next.as_ref().is_some_and(|next| *next.octets < *term) {
                next = stored.next_term()?;
            }
            let Some(known) = next.as_ref().filter(|next| next.octets == term) else { return Ok(false) };
            let mut known = known.docs.iter();
            let mut complete = true;
            // Both ascend.
            let read = walk.postings(|doc| complete &= known.any(|known| *known == first + doc));
            read.map_err(|_| merge::unreadable())?;
            if !complete {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The terms of a segment in order, with those of their postings that are asked for.
struct Stored<'a> {
    view: &'a dyn View,
    account: AccountId,
    segment: &'a SegmentRecord,
    docs: Range<u32>,
    row: u32,
    terms: std::vec::IntoIter<StoredTerm>,
}

struct StoredTerm {
    octets: Vec<u8>,
    docs: Vec<u32>,
}

impl Stored<'_> {
    fn next_term(&mut self) -> Result<Option<StoredTerm>> {
        loop {
            if let Some(term) = self.terms.next() {
                return Ok(Some(term));
            }
            if self.row >= self.segment.rows {
                return Ok(None);
            }
            let key = keys::terms(self.account, self.segment.number, self.row);
            let row = self.view.get(&key)?.ok_or_else(merge::unreadable)?;
            self.row += 1;
            let mut walk = TermRow::decode(&row).ok_or_else(merge::unreadable)?.walk();
            let mut terms = Vec::new();
            while let Some(term) = walk.next_term().map_err(|_| merge::unreadable())? {
                let mut docs = Vec::new();
                let read = walk.postings(|doc| docs.extend(Some(doc).filter(|doc| self.docs.contains(doc))));
                read.map_err(|_| merge::unreadable())?;
                if !docs.is_empty() {
                    terms.push(StoredTerm { octets: term.to_vec(), docs });
                }
            }
            self.terms = terms.into_iter();
        }
    }
}
