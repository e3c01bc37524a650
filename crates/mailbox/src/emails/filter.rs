//! What a query of emails looks for (RFC 8621 §4.4.1), and how far a table of emails decides it.
//!
//! Everything but texts, header fields and attachments is decided by the table. Those are *leaves*: they are
//! searched for among the emails that nothing else decides, and then each is a set of emails.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use koi_types::{EmailId, Keyword, MailboxId, SystemFlags, ThreadId, Timestamp};

use super::table::{EmailEntry, Table};
use crate::filter::{FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX, Filter};
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
#[derive(Clone, PartialEq, Eq, Debug)]
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
#[derive(Clone, PartialEq, Eq, Debug)]
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
    pub(super) leaves: Vec<Leaf>,
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

/// For which threads a condition holds: each is looked at once, however many emails it has.
#[derive(Default)]
struct OfThreads {
    /// As of which table.
    of: TableVersion,
    known: HashMap<ThreadId, bool>,
}

/// A table at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct TableVersion {
    number: u64,
    modseq: u64,
}

impl OfThreads {
    fn holds(&mut self, table: &Table, thread: ThreadId, look: impl FnOnce() -> bool) -> bool {
        let version = TableVersion { number: table.number, modseq: table.modseq };
        if self.of != version {
            *self = Self { of: version, known: HashMap::new() };
        }
        *self.known.entry(thread).or_insert_with(look)
    }
}

/// Something the table does not know.
pub(super) struct Leaf {
    pub(super) what: LeafKind,
    /// The emails it holds for, once that was searched.
    pub(super) found: Option<HashSet<EmailId>>,
}

pub(super) enum LeafKind {
    Search(Filter),
    Attachment,
}

impl Test {
    pub(super) fn new(filter: &EmailFilter) -> Self {
        let mut leaves = Vec::new();
        let root = node(filter, &mut leaves);
        Self { root, leaves }
    }
    pub(super) fn verdict(&self, table: &Table, keywords: &KeywordTable, email: &EmailEntry) -> Verdict {
        let known = Known { test: self, table, keywords };
        known.verdict(&self.root, email)
    }
}

fn node(filter: &EmailFilter, leaves: &mut Vec<Leaf>) -> Node {
    let mut all = |filters: &[EmailFilter]| filters.iter().map(|filter| node(filter, leaves)).collect();
    let condition = match filter {
        EmailFilter::And(filters) => return Node::And(all(filters)),
        EmailFilter::Or(filters) => return Node::Or(all(filters)),
        EmailFilter::Not(filters) => return Node::Not(all(filters)),
        EmailFilter::Is(condition) => condition,
    };
    let (what, holds) = match (condition, search_of(condition)) {
        (EmailCondition::HasAttachment(wanted), _) => (LeafKind::Attachment, *wanted),
        (_, Some(search)) => (LeafKind::Search(search), true),
        (other, None) if other.is_of_thread() => return Node::Thread(other.clone(), RefCell::default()),
        (other, None) => return Node::Is(other.clone()),
    };
    leaves.push(Leaf { what, found: None });
    let leaf = Node::Leaf(leaves.len() - 1);
    if holds { leaf } else { Node::Not(vec![leaf]) }
}

/// The search of messages that decides a condition on texts.
fn search_of(condition: &EmailCondition) -> Option<Filter> {
    let field = |name: &'static str, text: &str| by_words(text, &|word| Filter::header(name, word));
    Some(match condition {
        EmailCondition::Text(text) => by_words(text, &|word| {
            let fields = ["From", "To", "Cc", "Bcc", "Subject"].map(|name| Filter::header(name, word));
            Filter::Or(fields.into_iter().chain([Filter::Body(word.into())]).collect())
        }),
        EmailCondition::From(text) => field("From", text),
        EmailCondition::To(text) => field("To", text),
        EmailCondition::Cc(text) => field("Cc", text),
        EmailCondition::Bcc(text) => field("Bcc", text),
        EmailCondition::Subject(text) => field("Subject", text),
        EmailCondition::Body(text) => by_words(text, &|word| Filter::Body(word.into())),
        EmailCondition::Header { name, text } => {
            Filter::Header { name: name.clone(), text: text.clone().unwrap_or_default() }
        }
        _ => return None,
    })
}

/// RFC 8621 §4.4.1: a quoted phrase is looked for as it is, other words each by itself, anywhere.
fn by_words(text: &str, of_word: &dyn Fn(&str) -> Filter) -> Filter {
    Filter::And(words(text).iter().map(|word| of_word(word)).collect())
}

/// Words that are looked for at a time; what is behind them is one more.
const WORDS_MAX: usize = 32;

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if words.len() >= WORDS_MAX {
            words.push(rest.trim_end().to_owned());
            break;
        }
        let quoted = matches!(first, '"' | '\'').then(|| phrase(rest, first)).flatten();
        let (word, behind) = match quoted {
            Some((word, behind)) => (word, behind),
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let (word, behind) = rest.split_at(end);
                (word.to_owned(), behind)
            }
        };
        if !word.is_empty() {
            words.push(word);
        }
        rest = behind.trim_start();
    }
    words
}

/// What is between two quotes, of which the second ends a word, and what is behind it.
fn phrase(text: &str, quote: char) -> Option<(String, &str)> {
    let mut phrase = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            phrase.extend(chars.next().map(|(_, c)| c));
        } else if c == quote {
            let behind = text.get(at + c.len_utf8()..)?;
            let ends = behind.chars().next().is_none_or(char::is_whitespace);
            return ends.then_some((phrase, behind));
        } else {
            phrase.push(c);
        }
    }
    None
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
            Node::Leaf(at) => {
                let found = self.test.leaves.get(*at).and_then(|leaf| leaf.found.as_ref());
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

    // spec: RFC 8621 §4.4.1
    #[test]
    fn words_and_phrases() {
        let cases: [(&str, &[&str]); 8] = [
            ("", &[]),
            (" one  two ", &["one", "two"]),
            ("\"one two\" three", &["one two", "three"]),
            ("'one two'", &["one two"]),
            ("don't stop", &["don't", "stop"]),
            ("\"no end", &["\"no", "end"]),
            ("\"a \\\" b\"", &["a \" b"]),
            ("\"a\"b c", &["\"a\"b", "c"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text}");
        }
        assert_eq!(words(&"w ".repeat(40)).len(), WORDS_MAX + 1);
    }

    #[test]
    fn keywords_that_are_flags() {
        assert_eq!(EmailKeyword::parse("$Seen"), Some(EmailKeyword::Flag(SystemFlags::SEEN)));
        assert!(matches!(EmailKeyword::parse("$junk"), Some(EmailKeyword::Keyword(_))));
        assert_eq!(EmailKeyword::parse("\\Seen"), None);
        assert_eq!(EmailKeyword::parse("a b"), None);
    }
}
