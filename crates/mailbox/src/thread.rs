//! Threads of messages (RFC 5256 §3: ORDEREDSUBJECT and REFERENCES; draft-ietf-morg-inthread: REFS), in
//! pieces: each call of [`ThreadRun::advance`] does a bounded amount, so that a session can answer others in
//! between.
//!
//! REFS links messages as REFERENCES does, does not look at subjects, and has the thread with the latest
//! arrival last. Must not: know how threads are written.

use koi_message::Collation;
use koi_types::{MailboxId, Result, Uid, UidSet};

use crate::account::Account;
use crate::sort::column::{Kind, TextKind};
use crate::sort::fill::Filling;

mod climb;
mod gather;
mod linkcut;
mod links;
mod prune;
mod subjects;
mod tree;

use links::Linking;
use tree::{Facts, Growing};

/// How messages come together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ThreadAlgorithm {
    OrderedSubject,
    References,
    Refs,
}

/// Threads: trees of messages. A root may be no message, and has two children at least then.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Threads {
    uids: Vec<u32>,
    roots: Vec<u32>,
    /// Of each node, where its children begin; one more at the end.
    starts: Vec<u32>,
    children: Vec<u32>,
}

/// What one message takes in memory while threads are made, and one that is only named.
const NODE_OCTETS: usize = 128;

impl Threads {
    fn octets(&self) -> usize {
        let lists = [&self.uids, &self.roots, &self.starts, &self.children];
        lists.iter().map(|list| list.capacity()).sum::<usize>() * size_of::<u32>()
    }
    /// The nodes on top, in order.
    #[must_use]
    pub fn roots(&self) -> &[u32] {
        &self.roots
    }
    /// The children of a node, in order.
    #[must_use]
    pub fn children(&self, node: u32) -> &[u32] {
        let at = node as usize;
        let range = self.starts.get(at).zip(self.starts.get(at + 1));
        let range = range.map(|(start, end)| *start as usize..*end as usize);
        range.and_then(|range| self.children.get(range)).unwrap_or_default()
    }
    /// The message of a node; nothing for one that is not in the mailbox or was not asked for.
    #[must_use]
    pub fn uid(&self, node: u32) -> Option<Uid> {
        self.uids.get(node as usize).copied().and_then(Uid::new)
    }
}

/// Threads being made.
pub struct ThreadRun {
    algorithm: ThreadAlgorithm,
    uids: Vec<u32>,
    phase: Phase,
}

enum Phase {
    Fill(Filling),
    Link(Box<Linking>, Facts),
    Grow(Box<Growing>),
    Subjects(subjects::Grouping),
    Done(Threads),
}

impl Account {
    /// Begins to put messages of a mailbox into threads; some of them may be gone by now. Subjects are
    /// compared by `collation`.
    #[must_use]
    pub fn thread(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        algorithm: ThreadAlgorithm,
        collation: Collation,
    ) -> ThreadRun {
        let subject = Kind::Text(TextKind::Subject, collation);
        let kinds = match algorithm {
            ThreadAlgorithm::OrderedSubject => vec![Kind::Sent, subject],
            ThreadAlgorithm::References => vec![Kind::Sent, subject, Kind::Links],
            ThreadAlgorithm::Refs => vec![Kind::Sent, Kind::Arrival, Kind::Links],
        };
        let filling = Filling::new(&self.inner, self.id, mailbox, uids, kinds);
        ThreadRun { algorithm, uids: uids.0.iter().collect(), phase: Phase::Fill(filling) }
    }
}

impl ThreadRun {
    /// Does the next piece, a few milliseconds. Answers whether all is done.
    pub fn advance(&mut self) -> Result<bool> {
        match &mut self.phase {
            Phase::Fill(filling) => {
                let Some(columns) = filling.advance()? else { return Ok(false) };
                let column = |kind: Kind| columns.iter().find(|column| column.kind == kind);
                let text = columns.iter().find(|column| matches!(column.kind, Kind::Text(..)));
                let numbers =
                    |kind| column(kind).map(|column| column.keys_of(&self.uids)).unwrap_or_default();
                let facts = Facts {
                    sent: numbers(Kind::Sent),
                    arrived: numbers(Kind::Arrival),
                    subjects: text.map(|text| tree::subjects(text, &self.uids)).unwrap_or_default(),
                };
                self.phase = match column(Kind::Links) {
                    Some(links) => Phase::Link(Box::new(Linking::new(links.clone(), &self.uids)), facts),
                    None => Phase::Subjects(subjects::Grouping::new(facts)),
                };
            }
            Phase::Link(linking, facts) => {
                if linking.advance() {
                    let facts = std::mem::take(facts);
                    let growing = Growing::new(self.algorithm, linking.finish(), facts);
                    self.phase = Phase::Grow(Box::new(growing));
                }
            }
            Phase::Grow(growing) => {
                if let Some(shape) = growing.advance() {
                    self.phase = Phase::Done(shape.threads(&self.uids));
                    return Ok(true);
                }
            }
            Phase::Subjects(grouping) => {
                if let Some(shape) = grouping.advance() {
                    self.phase = Phase::Done(shape.threads(&self.uids));
                    return Ok(true);
                }
            }
            Phase::Done(_) => return Ok(true),
        }
        Ok(false)
    }
    /// How many messages are put into threads.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.uids.len() as u64
    }
    /// What it takes in memory for so many messages, but for facts that must be read first.
    #[must_use]
    pub fn octets_for(messages: u64) -> usize {
        usize::try_from(messages).unwrap_or(usize::MAX).saturating_mul(NODE_OCTETS)
    }
    /// Octets of memory it takes now, or will in its next pieces.
    #[must_use]
    pub fn memory_octets(&self) -> usize {
        let phase = match &self.phase {
            Phase::Fill(filling) => filling.octets(),
            Phase::Link(linking, _) => linking.nodes().saturating_mul(NODE_OCTETS),
            Phase::Grow(growing) => growing.nodes().saturating_mul(NODE_OCTETS),
            Phase::Subjects(_) => self.uids.len().saturating_mul(NODE_OCTETS),
            Phase::Done(threads) => threads.octets(),
        };
        phase + self.uids.capacity() * size_of::<u32>()
    }
    /// Runs to the end, on this thread. For tools and tests.
    pub fn finish(mut self) -> Result<Threads> {
        while !self.advance()? {}
        Ok(self.threads().clone())
    }
    /// The threads; none before all is done.
    #[must_use]
    pub fn threads(&self) -> &Threads {
        static NONE: Threads =
            Threads { uids: Vec::new(), roots: Vec::new(), starts: Vec::new(), children: Vec::new() };
        match &self.phase {
            Phase::Done(threads) => threads,
            _ => &NONE,
        }
    }
}
