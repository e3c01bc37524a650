//! What a search asks of messages that their rows do not tell: their size, chunks, key and peer (DMAP-00
//! §7.6.3, docs/DMAP-SYNTAX.md).
//!
//! Each such key becomes a set of UIDs before the search begins, in slices: nothing of a message is opened or
//! made for it.

use std::ops::ControlFlow;

use koi_mailbox::Snapshot;
use koi_mailbox::dmap::ContentFacts;
use koi_proto::dmap::command::SearchKey;
use koi_types::{EmailId, ErrorKind, MailboxId, NumSet, Result, Uid};

/// Messages looked at in one step.
const MESSAGES_PER_STEP: usize = 1000;

/// The keys of one search, and what is known of each.
pub(crate) struct Facts {
    mailbox: MailboxId,
    /// UIDs not yet looked at.
    left: NumSet,
    pub(crate) answers: Vec<Answer>,
    /// What nobody knows this of, because it cannot be read: found by no search that asks.
    pub(crate) unreadable: NumSet,
    /// Of ordinary mail: the same of all.
    ordinary: Option<ContentFacts>,
}

/// What one key has found so far.
pub(crate) struct Answer {
    pub(crate) key: SearchKey,
    pub(crate) found: NumSet,
}

/// One message.
struct Looked {
    uid: Uid,
    email: EmailId,
    /// SIZE.
    octets: u64,
    ordinary: bool,
}

impl Facts {
    /// What is to be found out for these keys about these messages; nothing when rows tell it all.
    pub(crate) fn of(mailbox: MailboxId, among: &NumSet, keys: &[SearchKey]) -> Self {
        let mut answers = Vec::new();
        gather(keys, &mut answers);
        let left = if answers.is_empty() { NumSet::new() } else { among.clone() };
        Self { mailbox, left, answers, unreadable: NumSet::new(), ordinary: None }
    }
    /// What a key has found.
    pub(crate) fn found(&self, key: &SearchKey) -> NumSet {
        let answer = self.answers.iter().find(|answer| answer.key == *key);
        answer.map(|answer| answer.found.clone()).unwrap_or_default()
    }
    pub(crate) fn memory_octets(&self) -> usize {
        let found: usize = self.answers.iter().map(|answer| answer.found.memory_octets()).sum();
        self.left.memory_octets().saturating_add(self.unreadable.memory_octets()).saturating_add(found)
    }
    /// Looks at some more; whether that was all.
    pub(crate) fn advance(&mut self, snapshot: &Snapshot<'_>) -> Result<bool> {
        if self.left.is_empty() {
            return Ok(true);
        }
        let wants_octets =
            self.answers.iter().any(|a| matches!(a.key, SearchKey::Larger(_) | SearchKey::Smaller(_)));
        let (mut looked, mut failed, mut last) = (Vec::new(), None, None);
        let mut count = 0;
        let _ = snapshot.messages(self.mailbox, &self.left, |row| {
            (count, last) = (count + 1, Some(row.uid));
            let octets = if wants_octets { snapshot.dmap_octets(row) } else { Ok(0) };
            match octets {
                Ok(octets) => {
                    let (uid, email, ordinary) = (row.uid, row.email, row.prime_octets == 0);
                    looked.push(Looked { uid, email, octets, ordinary });
                }
                Err(error) if error.kind == ErrorKind::Corrupt => self.unreadable.insert(row.uid.value()),
                Err(error) => failed = Some(error),
            }
            let more = failed.is_none() && count < MESSAGES_PER_STEP;
            if more { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        for one in &looked {
            self.look(snapshot, one)?;
        }
        match last.filter(|_| count >= MESSAGES_PER_STEP) {
            Some(last) => self.left.remove_range(0..=last.value()),
            None => self.left = NumSet::new(),
        }
        Ok(self.left.is_empty())
    }
    fn look(&mut self, snapshot: &Snapshot<'_>, one: &Looked) -> Result<()> {
        let needs = |key: &SearchKey| !matches!(key, SearchKey::Larger(_) | SearchKey::Smaller(_));
        let facts = match (&self.ordinary, one.ordinary) {
            _ if !self.answers.iter().any(|answer| needs(&answer.key)) => None,
            (Some(ordinary), true) => Some(ordinary.clone()),
            _ => match snapshot.dmap_facts(one.email) {
                Err(error) if error.kind == ErrorKind::Corrupt => {
                    self.unreadable.insert(one.uid.value());
                    return Ok(());
                }
                facts => facts?,
            },
        };
        for Answer { key, found } in &mut self.answers {
            if matches(key, one.octets, facts.as_ref()) {
                found.insert(one.uid.value());
            }
        }
        if one.ordinary && self.ordinary.is_none() {
            self.ordinary = facts;
        }
        Ok(())
    }
}

/// Whether this key cannot be answered by the row of a message.
pub(crate) const fn is_fact(key: &SearchKey) -> bool {
    matches!(
        key,
        SearchKey::Larger(_)
            | SearchKey::Smaller(_)
            | SearchKey::Chunk(_)
            | SearchKey::KeyId(_)
            | SearchKey::Peer(_)
    )
}

fn gather(keys: &[SearchKey], answers: &mut Vec<Answer>) {
    for key in keys {
        if is_fact(key) && !answers.iter().any(|answer| answer.key == *key) {
            answers.push(Answer { key: key.clone(), found: NumSet::new() });
        }
        gather(key.inner(), answers);
    }
}

fn matches(key: &SearchKey, octets: u64, facts: Option<&ContentFacts>) -> bool {
    let of = |test: &dyn Fn(&ContentFacts) -> bool| facts.is_some_and(test);
    match key {
        SearchKey::Larger(than) => octets > *than,
        SearchKey::Smaller(than) => octets < *than,
        SearchKey::Chunk(kind) => of(&|facts| facts.kinds.iter().any(|each| each.0 == kind.0)),
        SearchKey::KeyId(id) => of(&|facts| facts.key_id.is_some_and(|each| each.0 == id.0)),
        SearchKey::Peer(domain) => {
            of(&|facts| facts.peer.as_deref().is_some_and(|peer| peer.eq_ignore_ascii_case(domain)))
        }
        _ => false,
    }
}
