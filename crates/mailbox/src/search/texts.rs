//! Searching emails for texts, wherever their messages are: the index is asked once for all mailboxes, and
//! what it leaves is read, in pieces.
//!
//! Must not: be asked for conditions that only a message in its mailbox decides.

use std::collections::HashSet;
use std::sync::Arc;

use koi_store::key;
use koi_store::record::membership::Membership;
use koi_types::{AccountId, EmailId, ErrorKind, MailError, ModSeq, Result};

use super::narrow::came_after;
use super::plan::{Plan, Verdict};
use super::{Batch, Examined, text};
use crate::account::Account;
use crate::emails::table::Place;
use crate::filter::Filter;
use crate::index::lookup::{Looked, Lookup};
use crate::row::MessageRow;
use crate::service::Inner;
use crate::snapshot::Snapshot;

/// A search of emails under way.
pub(crate) struct TextSearch {
    inner: Arc<Inner>,
    account: AccountId,
    plan: Plan,
    /// While the index is asked.
    lookup: Option<Box<Lookup>>,
    /// The index knows what came up to here; nothing when there is none, or it is of no use.
    known: Option<ModSeq>,
    /// Emails that it does not know.
    later: HashSet<EmailId>,
    examined: Examined,
}

impl Account {
    /// Begins to search for texts. `InvalidInput` when the filter is too large.
    pub(crate) fn search_texts(&self, filter: &Filter) -> Result<TextSearch> {
        if !filter.is_bounded() {
            return Err(MailError::new(ErrorKind::InvalidInput, "the search has too many conditions"));
        }
        let snapshot = self.snapshot()?;
        let mut plan = Plan::new(filter, &snapshot.keywords());
        let lookup = match self.inner.options.index.enabled {
            true => super::begin_lookup(&snapshot, &mut plan)?,
            false => None,
        };
        Ok(TextSearch {
            inner: Arc::clone(&self.inner),
            account: self.id,
            plan,
            lookup,
            known: None,
            later: HashSet::new(),
            examined: Examined::default(),
        })
    }
}

impl TextSearch {
    /// Asks the index, a few milliseconds at a time. Answers whether it has said what it can.
    pub(crate) fn ask(&mut self) -> Result<bool> {
        let Some(lookup) = &mut self.lookup else { return Ok(true) };
        match lookup.advance(&self.inner, self.account)? {
            Looked::More => return Ok(false),
            Looked::Done(answers) => {
                // All have the same.
                self.known = answers.iter().flatten().next().map(|answer| answer.modseq());
                let mut answers = answers.into_iter();
                self.plan.each_indexed(&mut |text| text.answer(answers.next().flatten()));
            }
            Looked::Useless => {}
        }
        self.lookup = None;
        Ok(true)
    }
    /// After the index was asked: the only emails that may match, when these are few.
    pub(crate) fn candidates(&mut self, snapshot: &Snapshot<'_>) -> Result<Option<Vec<EmailId>>> {
        let Some(known) = self.known else { return Ok(None) };
        let Some(later) = came_after(snapshot, known)? else {
            self.plan.each_indexed(&mut |text| text.answer(None));
            return Ok(None);
        };
        self.later = later;
        let candidates = self.plan.candidates().map(|candidates| candidates.emails);
        Ok(candidates.map(|emails| emails.into_iter().chain(self.later.iter().copied()).collect()))
    }
    /// What the index says of an email; nothing when it must be read.
    pub(crate) fn decided(&self, email: EmailId) -> Option<bool> {
        match self.plan.by_index(email, self.later.contains(&email)) {
            Verdict::Yes => Some(true),
            Verdict::No => Some(false),
            Verdict::Ask => None,
        }
    }
    /// Reads one message after the other, as many as a step may. Those that cannot be read do not match.
    pub(crate) fn read(
        &mut self,
        snapshot: &Snapshot<'_>,
        next: &mut dyn FnMut() -> Option<Place>,
        found: &mut HashSet<EmailId>,
    ) -> Result<()> {
        let mut batch = Batch::default();
        while !batch.is_full() {
            let Some(place) = next() else { break };
            let row = snapshot.view.get(&key::membership(self.account, place.mailbox, place.uid.value()))?;
            if let Some(membership) = row.as_deref().and_then(Membership::decode) {
                batch.add(&MessageRow { uid: place.uid, membership });
            }
        }
        if batch.candidates.is_empty() {
            return Ok(());
        }
        self.examined.add(Examined { messages: batch.candidates.len() as u64, octets: batch.octets });
        let outcome = text::read(&self.inner, self.account, &self.plan, &batch)?;
        let matching = outcome.matching.iter().filter_map(|found| batch.candidates.get(found.at));
        found.extend(matching.map(|candidate| candidate.email));
        Ok(())
    }
    /// What was read so far.
    pub(crate) const fn examined(&self) -> Examined {
        self.examined
    }
}
