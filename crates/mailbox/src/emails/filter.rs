//! What a query of emails looks for (RFC 8621 §4.4.1), and how far a table of emails decides it.
//!
//! Everything but texts, header fields and attachments is decided by the table. Those are *leaves*: they are
//! searched for among the emails that nothing else decides, and then each is a set of emails (`leaves`).

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use koi_types::{EmailId, Keyword, MailboxId, SystemFlags, ThreadId, Timestamp};

use super::leaves::{Gathering, Leaves};
use super::table::{EmailEntry, Table, TableVersion};
use crate::filter::{FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX};
use crate::row::KeywordTable;

/// A filter. Deep and long ones are refused: see [`FILTER_DEPTH_MAX`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EmailFilter {
    /// All of them; without any, every email.
    And(Vec<EmailFilter>),
    /// One of them; without any, none.
    Or(Vec<EmailFilter>),
    /// None of them; without any, every email.
    Not(Vec<EmailFilter>),
    Is(EmailCondition),
}

/// A condition on one email.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum EmailCondition {
    InMailbox(MailboxId),
    /// In at least one mailbox that is none of these.
    InMailboxOtherThan(Vec<MailboxId>),
    /// Received earlier.
    Before(Timestamp),
    /// Received then or later.
    After(Timestamp),
    /// RFC822.SIZE, in octets: at least.
    MinSize(u64),
    /// Less than.
    MaxSize(u64),
    AllInThreadHave(EmailKeyword),
    SomeInThreadHave(EmailKeyword),
    NoneInThreadHave(EmailKeyword),
    Has(EmailKeyword),
    HasNot(EmailKeyword),
    HasAttachment(bool),
    /// Words and quoted phrases, each in From, To, Cc, Bcc, Subject or the text of the body.
    Text(Box<str>),
    /// The same in one field.
    From(Box<str>),
    To(Box<str>),
    Cc(Box<str>),
    Bcc(Box<str>),
    Subject(Box<str>),
    /// The same in the text of the body.
    Body(Box<str>),
    /// A field of that name, with that text in it, if there is one.
    Header {
        name: Box<str>,
        text: Option<Box<str>>,
    },
}

impl EmailCondition {
    /// Whether it is the same for all emails of a thread.
    const fn is_of_thread(&self) -> bool {
        matches!(self, Self::AllInThreadHave(_) | Self::SomeInThreadHave(_) | Self::NoneInThreadHave(_))
    }
}

/// A keyword as JMAP names it: four of the system flags are keywords too (RFC 8621 §4.1.1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum EmailKeyword {
    Flag(SystemFlags),
    Keyword(Keyword),
}

impl EmailKeyword {
    /// Names of flags and what they are.
    pub const FLAGS: [(&'static str, SystemFlags); 4] = [
        ("$draft", SystemFlags::DRAFT),
        ("$seen", SystemFlags::SEEN),
        ("$flagged", SystemFlags::FLAGGED),
        ("$answered", SystemFlags::ANSWERED),
    ];

    /// Nothing for what cannot be a keyword.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let flag = Self::FLAGS.iter().find(|(flag, _)| flag.eq_ignore_ascii_case(name));
        match flag {
            Some((_, flag)) => Some(Self::Flag(*flag)),
            None => Keyword::new(name).map(Self::Keyword),
        }
    }
}

impl EmailFilter {
    /// Every email.
    #[must_use]
    pub const fn all() -> Self {
        Self::And(Vec::new())
    }
    /// Whether it is within the limits.
    pub(super) fn is_bounded(&self) -> bool {
        let mut left = FILTER_CONDITIONS_MAX;
        self.bounded(FILTER_DEPTH_MAX, &mut left)
    }
    fn bounded(&self, depth: usize, left: &mut usize) -> bool {
        if depth == 0 || *left == 0 {
            return false;
        }
        *left -= 1;
        match self {
            Self::And(all) | Self::Or(all) | Self::Not(all) => {
                all.iter().all(|filter| filter.bounded(depth - 1, left))
            }
            Self::Is(EmailCondition::InMailboxOtherThan(mailboxes)) => {
                *left = left.saturating_sub(mailboxes.len());
                true
            }
            Self::Is(_) => true,
        }
    }
    fn any(&self, holds: &impl Fn(&EmailCondition) -> bool) -> bool {
        match self {
            Self::And(all) | Self::Or(all) | Self::Not(all) => all.iter().any(|filter| filter.any(holds)),
            Self::Is(condition) => holds(condition),
        }
    }
    /// What may change about an email that changes whether it is found.
    pub(super) fn depends_on(&self) -> DependsOn {
        use EmailCondition as C;
        let threads = C::is_of_thread;
        DependsOn {
            mailboxes: self.any(&|c| matches!(c, C::InMailbox(_) | C::InMailboxOtherThan(_))),
            keywords: self.any(&|c| matches!(c, C::Has(_) | C::HasNot(_)) || threads(c)),
            threads: self.any(&threads),
        }
    }
    /// The one mailbox it asks for, and nothing else; every mailbox is nothing.
    pub(super) fn only_mailbox(&self) -> Option<Option<MailboxId>> {
        match self {
            Self::And(all) if all.is_empty() => Some(None),
            Self::And(all) | Self::Or(all) => match all.as_slice() {
                [one] => one.only_mailbox(),
                _ => None,
            },
            Self::Is(EmailCondition::InMailbox(mailbox)) => Some(Some(*mailbox)),
            _ => None,
        }
    }
}

/// Properties of emails that change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct DependsOn {
    pub(super) mailboxes: bool,
    pub(super) keywords: bool,
    pub(super) threads: bool,
}

/// What is known of an email and a filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Yes,
    No,
    Unknown,
}

impl Verdict {
    const fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
    const fn negated(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// A filter made ready.
pub(super) struct Test {
    root: Node,
    pub(super) leaves: Leaves,
    cost: u64,
}

enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Vec<Node>),
    Is(EmailCondition),
    /// A condition on the thread of an email.
    Thread(EmailCondition, RefCell<OfThreads>),
    Leaf(usize),
}

impl Node {
    fn cost(&self) -> u64 {
        match self {
            Self::And(nodes) | Self::Or(nodes) | Self::Not(nodes) => {
                nodes.iter().map(Self::cost).sum::<u64>().saturating_add(1)
            }
            Self::Is(EmailCondition::InMailboxOtherThan(mailboxes)) => mailboxes.len() as u64 + 1,
            Self::Is(_) => 1,
            // A table of their own is looked into.
            Self::Thread(..) | Self::Leaf(_) => 4,
        }
    }
}

/// For which threads a condition holds: each is looked at once, however many emails it has.
struct OfThreads {
    /// As of which table.
    of: TableVersion,
    known: HashMap<ThreadId, bool>,
}

impl OfThreads {
    fn nothing() -> RefCell<Self> {
        RefCell::new(Self { of: TableVersion::NONE, known: HashMap::new() })
    }
    fn holds(&mut self, table: &Table, thread: ThreadId, look: impl FnOnce() -> bool) -> bool {
        let version = table.version();
        if self.of != version {
            *self = Self { of: version, known: HashMap::new() };
        }
        *self.known.entry(thread).or_insert_with(look)
    }
}

impl Test {
    pub(super) fn new(filter: &EmailFilter) -> Self {
        let mut gathering = Gathering::default();
        let root = node(filter, &mut gathering);
        Self { cost: root.cost(), root, leaves: gathering.leaves }
    }
    /// Conditions that one email may have to be looked at for, about; at least one.
    pub(super) const fn cost(&self) -> u64 {
        self.cost
    }
    pub(super) fn verdict(&self, table: &Table, keywords: &KeywordTable, email: &EmailEntry) -> Verdict {
        let known = Known { test: self, table, keywords };
        known.verdict(&self.root, email)
    }
    /// Of the email in a slot; nothing when none is shown there.
    pub(super) fn verdict_of(&self, table: &Table, keywords: &KeywordTable, slot: u32) -> Option<Verdict> {
        let email = table.slot(slot).filter(|email| email.is_shown())?;
        Some(self.verdict(table, keywords, email))
    }
    pub(super) fn holds(&self, table: &Table, keywords: &KeywordTable, slot: u32) -> bool {
        self.verdict_of(table, keywords, slot) == Some(Verdict::Yes)
    }
    /// Slots of the only emails it can hold for, ascending, when what was found bounds them and they are
    /// few beside the table.
    pub(super) fn few(&self, table: &Table) -> Option<Vec<u32>> {
        if self.bound(&self.root)? > table.slots_end() as usize / FEW {
            return None;
        }
        let mut slots = Vec::new();
        self.gather(&self.root, table, &mut slots);
        slots.sort_unstable();
        slots.dedup();
        Some(slots)
    }
    /// At most so many emails it can hold for; nothing when that is not known.
    fn bound(&self, node: &Node) -> Option<usize> {
        match node {
            Node::Leaf(_) => self.found(node).map(HashSet::len),
            Node::And(nodes) => nodes.iter().filter_map(|node| self.bound(node)).min(),
            Node::Or(nodes) => nodes.iter().try_fold(0usize, |all, node| Some(all + self.bound(node)?)),
            Node::Not(_) | Node::Is(_) | Node::Thread(..) => None,
        }
    }
    fn gather(&self, node: &Node, table: &Table, slots: &mut Vec<u32>) {
        match node {
            Node::And(nodes) => {
                let bounded = nodes.iter().filter_map(|node| Some((self.bound(node)?, node)));
                if let Some((_, least)) = bounded.min_by_key(|(bound, _)| *bound) {
                    self.gather(least, table, slots);
                }
            }
            Node::Or(nodes) => nodes.iter().for_each(|node| self.gather(node, table, slots)),
            _ => slots.extend(self.found(node).into_iter().flatten().filter_map(|id| table.slot_of(*id))),
        }
    }
    /// What was found of a leaf.
    fn found(&self, node: &Node) -> Option<&HashSet<EmailId>> {
        let Node::Leaf(at) = node else { return None };
        self.leaves.found(*at)
    }
}

/// When what was found is less than this part of the table, the table is not gone through.
const FEW: usize = 4;

fn node<'f>(filter: &'f EmailFilter, gathering: &mut Gathering<'f>) -> Node {
    let mut all = |filters: &'f [EmailFilter]| filters.iter().map(|filter| node(filter, gathering)).collect();
    let condition = match filter {
        EmailFilter::And(filters) => return Node::And(all(filters)),
        EmailFilter::Or(filters) => return Node::Or(all(filters)),
        EmailFilter::Not(filters) => return Node::Not(all(filters)),
        EmailFilter::Is(condition) => condition,
    };
    match (gathering.leaf(condition), condition) {
        (Some(leaf), EmailCondition::HasAttachment(false)) => Node::Not(vec![Node::Leaf(leaf)]),
        (Some(leaf), _) => Node::Leaf(leaf),
        (None, other) if other.is_of_thread() => Node::Thread(other.clone(), OfThreads::nothing()),
        (None, other) => Node::Is(other.clone()),
    }
}

/// Everything a verdict needs.
struct Known<'k> {
    test: &'k Test,
    table: &'k Table,
    keywords: &'k KeywordTable,
}

impl Known<'_> {
    fn verdict(&self, node: &Node, email: &EmailEntry) -> Verdict {
        match node {
            Node::And(nodes) => self.all(nodes, email, Verdict::Yes),
            Node::Or(nodes) => self.all(nodes, email, Verdict::No),
            Node::Not(nodes) => self.all(nodes, email, Verdict::No).negated(),
            Node::Is(condition) => Verdict::of(self.holds(condition, email)),
            Node::Thread(condition, known) => {
                let look = || self.holds(condition, email);
                Verdict::of(known.borrow_mut().holds(self.table, email.thread, look))
            }
            Node::Leaf(_) => {
                let found = self.test.found(node);
                found.map_or(Verdict::Unknown, |found| Verdict::of(found.contains(&email.id)))
            }
        }
    }
    /// `usual` unless one of the nodes says otherwise.
    fn all(&self, nodes: &[Node], email: &EmailEntry, usual: Verdict) -> Verdict {
        let mut verdict = usual;
        for node in nodes {
            match self.verdict(node, email) {
                Verdict::Unknown => verdict = Verdict::Unknown,
                decided if decided != usual => return decided,
                _ => {}
            }
        }
        verdict
    }
    fn holds(&self, condition: &EmailCondition, email: &EmailEntry) -> bool {
        match condition {
            EmailCondition::InMailbox(mailbox) => email.is_in(*mailbox),
            EmailCondition::InMailboxOtherThan(mailboxes) => {
                email.shown().any(|member| !mailboxes.contains(&member.mailbox))
            }
            EmailCondition::Before(at) => email.received_at < *at,
            EmailCondition::After(at) => email.received_at >= *at,
            EmailCondition::MinSize(octets) => u64::from(email.octets) >= *octets,
            EmailCondition::MaxSize(octets) => u64::from(email.octets) < *octets,
            EmailCondition::Has(keyword) => self.has(keyword, email),
            EmailCondition::HasNot(keyword) => !self.has(keyword, email),
            EmailCondition::AllInThreadHave(keyword) => {
                self.thread_of(email).all(|other| self.has(keyword, other))
            }
            EmailCondition::SomeInThreadHave(keyword) => {
                self.thread_of(email).any(|other| self.has(keyword, other))
            }
            EmailCondition::NoneInThreadHave(keyword) => {
                !self.thread_of(email).any(|other| self.has(keyword, other))
            }
            // Leaves.
            _ => false,
        }
    }
    fn thread_of(&self, email: &EmailEntry) -> impl Iterator<Item = &EmailEntry> {
        self.table.thread(email.thread).filter(|other| other.is_shown())
    }
    fn has(&self, keyword: &EmailKeyword, email: &EmailEntry) -> bool {
        has_keyword(self.table, self.keywords, keyword, email)
    }
}

/// Whether an email has a keyword, over all its messages that are shown.
pub(super) fn has_keyword(
    table: &Table,
    keywords: &KeywordTable,
    keyword: &EmailKeyword,
    email: &EmailEntry,
) -> bool {
    match keyword {
        EmailKeyword::Flag(flag) => email.flags().contains(*flag),
        EmailKeyword::Keyword(keyword) => {
            keywords.number(keyword).is_some_and(|number| table.has_keyword(email, number))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_that_are_flags() {
        assert_eq!(EmailKeyword::parse("$Seen"), Some(EmailKeyword::Flag(SystemFlags::SEEN)));
        assert!(matches!(EmailKeyword::parse("$junk"), Some(EmailKeyword::Keyword(_))));
        assert_eq!(EmailKeyword::parse("\\Seen"), None);
        assert_eq!(EmailKeyword::parse("a b"), None);
    }
}
