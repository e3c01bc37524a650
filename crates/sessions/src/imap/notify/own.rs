//! What the client did itself, and is not told of (RFC 5465 §5).

use koi_types::{AccountId, ModSeq, UidSet};

use super::known::Place;

/// What was done since the logs were last read.
#[derive(Debug, Default)]
pub(crate) struct Own {
    /// Commits of CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE.
    names: Vec<Commit>,
    /// Commits of SETMETADATA.
    annotations: Vec<Commit>,
    added: Vec<Messages>,
    expunged: Vec<Messages>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Commit {
    account: AccountId,
    modseq: ModSeq,
}

#[derive(Debug)]
struct Messages {
    place: Place,
    uids: UidSet,
}

impl Own {
    pub(crate) fn named(&mut self, account: AccountId, commit: Option<ModSeq>) {
        self.names.extend(commit.map(|modseq| Commit { account, modseq }));
    }
    pub(crate) fn set_annotations(&mut self, account: AccountId, commit: Option<ModSeq>) {
        self.annotations.extend(commit.map(|modseq| Commit { account, modseq }));
    }
    pub(crate) fn added(&mut self, place: Place, uids: &UidSet) {
        self.added.push(Messages { place, uids: uids.clone() });
    }
    pub(crate) fn expunged(&mut self, place: Place, uids: &UidSet) {
        self.expunged.push(Messages { place, uids: uids.clone() });
    }
    /// Octets of memory it takes.
    pub(super) fn memory_octets(&self) -> usize {
        let sets = self.added.iter().chain(&self.expunged);
        let messages: usize = sets.map(|own| size_of::<Messages>() + own.uids.0.memory_octets()).sum();
        messages + (self.names.capacity() + self.annotations.capacity()) * size_of::<Commit>()
    }
    pub(super) fn has_named(&self, account: AccountId, modseq: ModSeq) -> bool {
        self.names.contains(&Commit { account, modseq })
    }
    pub(super) fn has_annotated(&self, account: AccountId, modseq: ModSeq) -> bool {
        self.annotations.contains(&Commit { account, modseq })
    }
    /// Commits of SETMETADATA in one account.
    pub(super) fn annotated(&self, account: AccountId) -> Vec<ModSeq> {
        let commits = self.annotations.iter().filter(|commit| commit.account == account);
        commits.map(|commit| commit.modseq).collect()
    }
    pub(super) fn has_added(&self, place: Place, uids: &UidSet) -> bool {
        has_all(&self.added, place, uids)
    }
    pub(super) fn has_expunged(&self, place: Place, uids: &UidSet) -> bool {
        has_all(&self.expunged, place, uids)
    }
}

fn has_all(own: &[Messages], place: Place, uids: &UidSet) -> bool {
    own.iter().any(|own| own.place == place && uids.0.difference(&own.uids.0).is_empty())
}
