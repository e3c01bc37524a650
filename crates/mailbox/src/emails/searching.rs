//! Deciding what the table of emails does not: texts and attachments, one leaf of a filter at a time, among
//! the emails that nothing else decides.

use std::collections::HashSet;

use koi_types::{EmailId, Result};

use super::Emails;
use super::attachments;
use super::filter::{Test, Verdict};
use super::leaves::LeafKind;
use super::sieve::Sieve;
use super::table::Place;
use crate::account::Account;
use crate::search::{Examined, TextSearch};

/// A leaf being decided.
pub(super) struct Searching {
    kind: Kind,
    sieve: Sieve,
    /// Emails that are still to be read, from the end; nothing until they were chosen.
    left: Option<Vec<EmailId>>,
    found: HashSet<EmailId>,
}

enum Kind {
    Texts(Box<TextSearch>),
    Attachments,
}

impl Searching {
    pub(super) fn begin(account: &Account, leaf: &LeafKind) -> Result<Self> {
        let kind = match leaf {
            LeafKind::Search(filter) => Kind::Texts(Box::new(account.search_texts(filter)?)),
            LeafKind::Attachment => Kind::Attachments,
        };
        Ok(Self { kind, sieve: Sieve::new(Verdict::Unknown), left: None, found: HashSet::new() })
    }
    /// Does the next piece, a few milliseconds. Answers whether the leaf is decided.
    pub(super) fn advance(&mut self, emails: &Emails<'_>, test: &Test) -> Result<bool> {
        let left = match &mut self.left {
            Some(left) => left,
            None => {
                if let Kind::Texts(texts) = &mut self.kind
                    && !texts.ask()?
                {
                    return Ok(false);
                }
                let Some(chosen) = self.choose(emails, test)? else { return Ok(false) };
                self.left.insert(chosen)
            }
        };
        match &mut self.kind {
            Kind::Attachments => attachments::look(&emails.snapshot, left, &mut self.found),
            Kind::Texts(texts) => {
                // One message of each email: their texts are the same.
                let mut next = || {
                    while let Some(id) = left.pop() {
                        let member = emails.table.email(id).and_then(|email| email.shown().next());
                        if let Some(member) = member {
                            return Some(Place { mailbox: member.mailbox, uid: member.uid });
                        }
                    }
                    None
                };
                texts.read(&emails.snapshot, &mut next, &mut self.found)?;
                Ok(left.is_empty())
            }
        }
    }
    /// Emails that must be read, in the order of their slots from the end: about as they lie in the store.
    /// Nothing as long as they are not all known.
    fn choose(&mut self, emails: &Emails<'_>, test: &Test) -> Result<Option<Vec<EmailId>>> {
        let (table, keywords) = (&*emails.table, emails.snapshot.keywords());
        let kind = &mut self.kind;
        let few = || {
            let candidates = match kind {
                Kind::Texts(texts) => texts.candidates(&emails.snapshot)?,
                Kind::Attachments => None,
            };
            let Some(candidates) = candidates else { return Ok(test.few(table)) };
            let mut slots: Vec<u32> = candidates.iter().filter_map(|id| table.slot_of(*id)).collect();
            slots.sort_unstable();
            slots.dedup();
            Ok(Some(slots))
        };
        if !self.sieve.advance(test, table, &keywords, few)? {
            return Ok(None);
        }
        let slots = self.sieve.chosen(table);
        let mut left = Vec::new();
        for email in slots.iter().rev().filter_map(|slot| table.slot(*slot)) {
            let decided = match &self.kind {
                Kind::Texts(texts) => texts.decided(email.id),
                Kind::Attachments => None,
            };
            match decided {
                None => left.push(email.id),
                Some(true) => drop(self.found.insert(email.id)),
                Some(false) => {}
            }
        }
        Ok(Some(left))
    }
    /// What was read so far.
    pub(super) fn examined(&self) -> Examined {
        match &self.kind {
            Kind::Texts(texts) => texts.examined(),
            Kind::Attachments => Examined::default(),
        }
    }
    /// How many emails it holds for, as far as it is decided.
    pub(super) fn found_now(&self) -> usize {
        self.found.len()
    }
    /// The emails it holds for, when it is decided.
    pub(super) fn found(self) -> HashSet<EmailId> {
        self.found
    }
}
