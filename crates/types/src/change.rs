//! What changed in an account, and how far it has come.

use crate::{AccountId, EmailId, MailboxId, ModSeq, Uid};

/// One line of the change log: what a commit did at its modseq.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    pub modseq: ModSeq,
    pub mailbox: MailboxId,
    pub kind: ChangeKind,
}

/// Kinds of change; messages are named by UID inside the change's mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChangeKind {
    MessageAdded { uid: Uid, email: EmailId },
    FlagsChanged { uid: Uid, email: EmailId },
    MessageExpunged { uid: Uid, email: EmailId },
    MailboxCreated,
    MailboxRenamed,
    MailboxDeleted,
    SubscriptionChanged,
}

/// "Account X has come to modseq N": a hint that may be merged, repeated or lost; receivers read the change
/// log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommitNotice {
    pub account: AccountId,
    pub modseq: ModSeq,
    /// It has something new for the sender of pushes, who need not be told: he looks at the clock too.
    pub pushes: bool,
    /// It has something new for the courier to other organisations, who looks at the clock too.
    pub sends: bool,
}
