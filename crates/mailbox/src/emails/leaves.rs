//! The leaves of a filter of emails: what the table does not decide, each once, with the emails it holds for
//! when that was searched, and what all of them together may cost.
//!
//! Must not: search; that is for `searching`.

use std::collections::{HashMap, HashSet};

use koi_types::{EmailId, ErrorKind, MailError, Result};

use super::filter::EmailCondition;
use super::texts::search_of;
use crate::filter::Filter;

/// Emails in all that was found of one filter's leaves: some 100 MiB.
const FOUND_MAX: usize = 4 << 20;
/// Leaves where they stand in a filter, times emails: what going through the table looks up. Of a million
/// emails sixteen conditions can be asked for.
const LOOKUPS_MAX: u64 = 16 << 20;

/// Something the table does not know.
pub(super) struct Leaf {
    pub(super) what: LeafKind,
    /// The emails it holds for, once that was searched.
    found: Option<HashSet<EmailId>>,
}

pub(super) enum LeafKind {
    Search(Filter),
    Attachment,
}

#[derive(Default)]
pub(super) struct Leaves {
    list: Vec<Leaf>,
    /// Conditions that are leaves: those that are equal share one.
    conditions: u64,
}

impl Leaves {
    pub(super) fn get(&self, at: usize) -> Option<&Leaf> {
        self.list.get(at)
    }
    /// What was found of one.
    pub(super) fn found(&self, at: usize) -> Option<&HashSet<EmailId>> {
        self.get(at)?.found.as_ref()
    }
    pub(super) fn decide(&mut self, at: usize, found: HashSet<EmailId>) {
        if let Some(leaf) = self.list.get_mut(at) {
            leaf.found = Some(found);
        }
    }
    /// `LimitReached` when going through a table of so many slots would look up too much, or when too many
    /// emails were found, with those of the leaf that is searched now.
    pub(super) fn allow(&self, slots_end: u32, found_now: usize) -> Result<()> {
        let limit = |text, context: String| MailError::new(ErrorKind::LimitReached, text).context(context);
        if self.conditions.saturating_mul(slots_end.into()) > LOOKUPS_MAX {
            let context =
                format!("{} conditions on texts or attachments, {slots_end} emails", self.conditions);
            return Err(limit("this search has too many conditions for so many emails", context));
        }
        let found = self.list.iter().filter_map(|leaf| leaf.found.as_ref()).map(HashSet::len);
        let found = found.sum::<usize>().saturating_add(found_now);
        if found > FOUND_MAX {
            let context = format!("stopped after {found} emails over all its conditions");
            return Err(limit("this search finds too much", context));
        }
        Ok(())
    }
}

/// Leaves while a filter is gone through.
#[derive(Default)]
pub(super) struct Gathering<'f> {
    pub(super) leaves: Leaves,
    known: HashMap<&'f EmailCondition, usize>,
}

/// Attachments are looked for once, whether they are wanted or not.
static ATTACHMENT: EmailCondition = EmailCondition::HasAttachment(true);

impl<'f> Gathering<'f> {
    /// Which leaf a condition is; nothing when the table decides it.
    pub(super) fn leaf(&mut self, condition: &'f EmailCondition) -> Option<usize> {
        let is_attachment = matches!(condition, EmailCondition::HasAttachment(_));
        let condition = if is_attachment { &ATTACHMENT } else { condition };
        let at = match self.known.get(condition) {
            Some(at) => *at,
            None => {
                let what = match is_attachment {
                    true => LeafKind::Attachment,
                    false => LeafKind::Search(search_of(condition)?),
                };
                let at = self.leaves.list.len();
                self.leaves.list.push(Leaf { what, found: None });
                self.known.insert(condition, at);
                at
            }
        };
        self.leaves.conditions += 1;
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(conditions: &[EmailCondition]) -> (Vec<Option<usize>>, Leaves) {
        let mut gathering = Gathering::default();
        let places = conditions.iter().map(|condition| gathering.leaf(condition)).collect();
        (places, gathering.leaves)
    }

    fn refusal(allowed: Result<()>) -> String {
        let error = allowed.unwrap_err();
        assert_eq!(error.kind, ErrorKind::LimitReached);
        error.text.to_string()
    }

    #[test]
    fn equal_conditions_are_one_leaf() {
        let (places, leaves) = gathered(&[
            EmailCondition::Body("x".into()),
            EmailCondition::HasAttachment(true),
            EmailCondition::Body("x".into()),
            EmailCondition::MinSize(1),
            EmailCondition::HasAttachment(false),
            EmailCondition::Subject("x".into()),
        ]);
        assert_eq!(places, [Some(0), Some(1), Some(0), None, Some(1), Some(2)]);
        assert!(matches!(leaves.get(1).unwrap().what, LeafKind::Attachment));
        assert!(leaves.get(3).is_none());
    }

    // spec: RFC 8620 §3.6.2
    #[test]
    fn conditions_times_emails_are_bounded() {
        let texts: Vec<_> = (0..1024).map(|n| EmailCondition::Body(n.to_string().into())).collect();
        let refused = "this search has too many conditions for so many emails";
        let (_, leaves) = gathered(&texts);
        leaves.allow(16_384, 0).unwrap();
        assert_eq!(refusal(leaves.allow(16_385, 0)), refused);
        // Each is looked up where it stands, also where they are one.
        let (_, leaves) = gathered(&vec![EmailCondition::HasAttachment(true); 1024]);
        assert_eq!(refusal(leaves.allow(16_385, 0)), refused);
        // What the table decides is none of them.
        let (_, leaves) = gathered(&vec![EmailCondition::MinSize(1); 1024]);
        leaves.allow(u32::MAX, 0).unwrap();
    }

    // spec: RFC 8620 §3.6.2
    #[test]
    fn what_all_conditions_find_is_bounded() {
        let (_, mut leaves) = gathered(&["a", "b"].map(|text| EmailCondition::Body(text.into())));
        leaves.allow(1, FOUND_MAX).unwrap();
        leaves.decide(0, [EmailId([1; 16]), EmailId([2; 16])].into());
        leaves.allow(1, FOUND_MAX - 2).unwrap();
        leaves.decide(1, [EmailId([1; 16])].into());
        assert_eq!(refusal(leaves.allow(1, FOUND_MAX - 2)), "this search finds too much");
        assert_eq!((leaves.found(0).unwrap().len(), leaves.found(1).unwrap().len()), (2, 1));
    }
}
