//! Whether an index says what the texts say: every term of every email, and every email.

use std::collections::HashSet;
use std::ops::ControlFlow;

use koi_message::search::{Scratch, term_rules, visit_passages, visit_terms};
use koi_store::key::{self, table};
use koi_store::kv::View;
use koi_store::mail::check::{Finding, index_to_be_built};
use koi_store::mail::index;
use koi_store::record::email::EmailRecord;
use koi_store::record::index::{IndexHead, TermRow};
use koi_store::record::membership::Membership;
use koi_types::{AccountId, EmailId, ErrorKind, Result};

use super::batch::ALWAYS;
use super::merge;
use koi_store::key::index as keys;

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
            if !has_terms(view, account, segment.number, segment.rows, first, some)? {
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

/// A term of an email, by hash.
#[derive(PartialEq, Eq, Hash)]
struct Has {
    doc: u32,
    term: u64,
}

/// Whether the postings of a segment have every term of some of its emails.
fn has_terms(
    view: &dyn View,
    account: AccountId,
    segment: u32,
    rows: u32,
    first: u32,
    emails: &[EmailId],
) -> Result<bool> {
    let mut stored = HashSet::new();
    let mut always = HashSet::new();
    let docs = first..first + emails.len() as u32;
    for number in 0..rows {
        let row = view.get(&keys::terms(account, segment, number))?.ok_or_else(merge::unreadable)?;
        let mut walk = TermRow::decode(&row).ok_or_else(merge::unreadable)?.walk();
        while let Some(term) = walk.next_term().map_err(|_| merge::unreadable())? {
            let hash = koi_store::mail::short_hash(term);
            let read = walk.postings(|doc| {
                if docs.contains(&doc) {
                    stored.insert(Has { doc, term: hash });
                    if term == ALWAYS {
                        always.insert(doc);
                    }
                }
            });
            read.map_err(|_| merge::unreadable())?;
        }
    }
    let (mut octets, mut scratch) = (Vec::new(), Scratch::default());
    for (doc, email) in docs.zip(emails) {
        if always.contains(&doc) {
            continue;
        }
        let Some(row) = view.get(&key::email(account, *email))? else { continue };
        // What cannot be read is for others to say.
        let Some(record) = EmailRecord::decode(&row) else { continue };
        octets.clear();
        if view.read_body(&record.body, 0..record.body.octets, &mut octets).is_err() {
            continue;
        }
        let mut complete = true;
        let _ = visit_passages(&octets, record.structure, &mut scratch, &mut |passage| {
            visit_terms(passage.text, |term| {
                complete &= stored.contains(&Has { doc, term: koi_store::mail::short_hash(term.octets) });
            });
            if complete { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        if !complete {
            return Ok(false);
        }
    }
    Ok(true)
}
