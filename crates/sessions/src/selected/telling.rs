//! How a client is told what has changed in its selected mailbox: when, what of it, and what its own command
//! adds (RFC 9051 §7, RFC 7162 §3.2, DMAP-00 §6.2). Must not: know a protocol's words.

use koi_types::{ModSeq, NumSet};

/// What is told before the tagged end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tells {
    Nothing,
    /// New messages and flags.
    NoExpunge,
    /// The same, with UID in every FETCH response.
    NoExpungeByUid,
    /// Everything.
    All,
    /// Everything, with UID in every FETCH response (RFC 9051 §6.4.9).
    AllByUid,
}

impl Tells {
    pub(crate) const fn expunge(self) -> bool {
        matches!(self, Self::All | Self::AllByUid)
    }
    /// RFC 9051 §6.4.9
    pub(crate) const fn uid(self) -> bool {
        matches!(self, Self::AllByUid | Self::NoExpungeByUid)
    }
    /// In the middle of a command, when no EXPUNGE may be told (RFC 9051 §7.5.1).
    pub(crate) const fn within(by_uid: bool) -> Self {
        if by_uid { Self::NoExpungeByUid } else { Self::NoExpunge }
    }
}

/// What a client wants to hear of its selected mailbox. New messages and EXPUNGE go together (RFC 5465 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Wants {
    /// New messages, and those that are gone.
    pub(crate) messages: bool,
    pub(crate) flags: bool,
}

impl Wants {
    pub(crate) const ALL: Self = Self { messages: true, flags: true };
}

/// What this command adds to the untagged data before its end.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    /// Messages whose flags are told whether they changed or not: the result of STORE.
    pub(crate) flags_of: NumSet,
    /// Those of them that this command changed: told even if they are gone by now.
    pub(crate) stored: NumSet,
    /// Messages this command changed with `.SILENT`: told only if somebody else changed them too, or if the
    /// client wants modseqs.
    pub(crate) silent: NumSet,
    /// The modseqs of this command's own changes.
    pub(crate) silent_commits: Vec<ModSeq>,
    /// UIDs of messages this command took out of the selected mailbox.
    pub(crate) expunged: NumSet,
}
