//! Response codes (RFC 9051 §7.1, RFC 3501 §7.1, RFC 4315 §3, RFC 5530 §3, RFC 7162 §3.1.2, RFC 6154 §3).

use koi_types::{Keyword, ModSeq, NumSet, SeqNum, SystemFlags, Uid, UidSet, UidValidity};

use crate::imap::capability::Capability;

/// What a program may read in a status response: `[CODE arguments]`.
#[derive(Clone, Debug)]
pub enum Code<'a> {
    Alert,
    AlreadyExists,
    /// RFC 4315 §3
    AppendUid {
        uid_validity: UidValidity,
        uids: &'a UidSet,
    },
    AuthenticationFailed,
    AuthorizationFailed,
    /// The charsets the server knows.
    BadCharset(&'a [&'a str]),
    Cannot,
    Capability(&'a [Capability]),
    ClientBug,
    /// RFC 7162 §3.2.11
    Closed,
    ContactAdmin,
    /// RFC 4315 §3; both sets ascend and pair up in that order.
    CopyUid {
        uid_validity: UidValidity,
        from: &'a UidSet,
        to: &'a UidSet,
    },
    Corruption,
    Expired,
    ExpungeIssued,
    HasChildren,
    /// RFC 7162 §3.1.2.1
    HighestModSeq(ModSeq),
    InUse,
    Limit,
    /// RFC 7162 §3.1.3; UIDs in the UID form, else message sequence numbers.
    Modified(&'a NumSet),
    /// RFC 7162 §3.1.2.2
    NoModSeq,
    NonExistent,
    NoPerm,
    NotSaved,
    OverQuota,
    Parse,
    /// `new_keywords` adds `\*`.
    PermanentFlags {
        system: SystemFlags,
        keywords: &'a [Keyword],
        new_keywords: bool,
    },
    PrivacyRequired,
    ReadOnly,
    ReadWrite,
    ServerBug,
    /// RFC 4469 §4.2
    TooBig,
    TryCreate,
    UidNext(Uid),
    UidNotSticky,
    UidValidity(UidValidity),
    Unavailable,
    UnknownCte,
    /// RFC 3501 §7.1
    Unseen(SeqNum),
    /// RFC 6154 §3
    UseAttr,
}
