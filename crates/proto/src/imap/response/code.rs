//! Response codes (RFC 9051 §7.1, RFC 3501 §7.1, RFC 4315 §3, RFC 5530 §3, RFC 7162 §3.1.2, RFC 6154 §3,
//! RFC 8474 §4, RFC 5464 §4, RFC 5465 §8, RFC 9585 §4).

use koi_types::{Keyword, MailboxId, ModSeq, NumSet, SeqNum, SystemFlags, Uid, UidSet, UidValidity};

use super::fetch::push_flags;
use super::number::push_number;
use super::string::push_astring;
use crate::imap::capability::Capabilities;
use crate::imap::command::Tag;
use crate::imap::set::push_set;

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
    /// The events the server knows (RFC 5465 §8).
    BadEvent(&'a [&'a str]),
    /// The charsets the server knows.
    BadCharset(&'a [&'a str]),
    /// RFC 5255 §4.9
    BadComparator,
    /// The URL that could not be followed, as the client sent it (RFC 4469 §4.1).
    BadUrl(&'a [u8]),
    Cannot,
    Capability(&'a Capabilities),
    ClientBug,
    /// RFC 7162 §3.2.11
    Closed,
    /// RFC 4978 §3
    CompressionActive,
    /// RFC 5466 §3.1; the name of the filter.
    UndefinedFilter(&'a str),
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
    /// RFC 9585 §4; `total` counts only with `done`, and only while it is more.
    InProgress {
        tag: &'a Tag,
        done: Option<u32>,
        total: Option<u32>,
    },
    InUse,
    Limit,
    /// RFC 8474 §4.1 and §4.2
    MailboxId(MailboxId),
    /// Octets of the largest value that was left out (RFC 5464 §4.2.1).
    MetadataLongEntries(u64),
    /// Octets of the largest value that is taken (RFC 5464 §4.3).
    MetadataMaxSize(u64),
    /// RFC 5464 §4.3
    MetadataNoPrivate,
    /// RFC 5464 §4.3
    MetadataTooMany,
    /// RFC 7162 §3.1.3; UIDs in the UID form, else message sequence numbers.
    Modified(&'a NumSet),
    /// RFC 7162 §3.1.2.2
    NoModSeq,
    /// RFC 5267 §4.3.1: the search with this tag gets no updates.
    NoUpdate(&'a Tag),
    NonExistent,
    NoPerm,
    NotSaved,
    /// RFC 5465 §5.8
    NotificationOverflow,
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
    /// RFC 9586 §3
    UidRequired,
    UidValidity(UidValidity),
    Unavailable,
    UnknownCte,
    /// RFC 3501 §7.1
    Unseen(SeqNum),
    /// The one mechanism (RFC 4467 §8).
    UrlMech,
    /// RFC 6154 §3
    UseAttr,
}

impl Code<'_> {
    /// Appends what stands between the brackets.
    pub fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.name().as_bytes());
        match self {
            Self::AppendUid { uid_validity, uids } => {
                number(u64::from(uid_validity.value()), out);
                set(&uids.0, out);
            }
            Self::CopyUid { uid_validity, from, to } => {
                number(u64::from(uid_validity.value()), out);
                set(&from.0, out);
                set(&to.0, out);
            }
            Self::BadEvent(events) => {
                out.extend_from_slice(b" (");
                out.extend_from_slice(events.join(" ").as_bytes());
                out.push(b')');
            }
            Self::BadCharset(charsets) => {
                let names = charsets.iter().map(|name| name.as_bytes());
                names.enumerate().for_each(|(at, name)| {
                    out.extend_from_slice(if at == 0 { b" (" } else { b" " });
                    push_astring(name, out);
                });
                out.extend_from_slice(if charsets.is_empty() { b"" } else { b")" });
            }
            Self::BadUrl(url) => {
                out.push(b' ');
                push_url(url, out);
            }
            Self::Capability(capabilities) => capabilities.push(out),
            Self::InProgress { tag, done, total } => in_progress(tag, *done, *total, out),
            Self::MailboxId(mailbox) => out.extend_from_slice(format!(" ({mailbox})").as_bytes()),
            Self::HighestModSeq(mod_seq) => number(mod_seq.value(), out),
            Self::MetadataLongEntries(octets) | Self::MetadataMaxSize(octets) => number(*octets, out),
            Self::Modified(numbers) => set(numbers, out),
            Self::UndefinedFilter(name) => {
                out.push(b' ');
                out.extend_from_slice(name.as_bytes());
            }
            Self::NoUpdate(tag) => {
                out.extend_from_slice(b" \"");
                out.extend_from_slice(tag.as_str().as_bytes());
                out.push(b'"');
            }
            Self::PermanentFlags { system, keywords, new_keywords } => {
                out.push(b' ');
                let wildcard = new_keywords.then_some("\\*");
                push_flags(*system, keywords.iter().map(Keyword::as_str).chain(wildcard), out);
            }
            Self::UidNext(uid) => number(u64::from(uid.value()), out),
            Self::UidValidity(uid_validity) => number(u64::from(uid_validity.value()), out),
            Self::Unseen(seq) => number(u64::from(seq.value()), out),
            _ => {}
        }
    }
    const fn name(&self) -> &'static str {
        match self {
            Self::Alert => "ALERT",
            Self::AlreadyExists => "ALREADYEXISTS",
            Self::AppendUid { .. } => "APPENDUID",
            Self::AuthenticationFailed => "AUTHENTICATIONFAILED",
            Self::AuthorizationFailed => "AUTHORIZATIONFAILED",
            Self::BadCharset(_) => "BADCHARSET",
            Self::BadComparator => "BADCOMPARATOR",
            Self::BadEvent(_) => "BADEVENT",
            Self::BadUrl(_) => "BADURL",
            Self::Cannot => "CANNOT",
            Self::Capability(_) => "CAPABILITY",
            Self::ClientBug => "CLIENTBUG",
            Self::Closed => "CLOSED",
            Self::CompressionActive => "COMPRESSIONACTIVE",
            Self::ContactAdmin => "CONTACTADMIN",
            Self::CopyUid { .. } => "COPYUID",
            Self::Corruption => "CORRUPTION",
            Self::Expired => "EXPIRED",
            Self::ExpungeIssued => "EXPUNGEISSUED",
            Self::HasChildren => "HASCHILDREN",
            Self::HighestModSeq(_) => "HIGHESTMODSEQ",
            Self::InProgress { .. } => "INPROGRESS",
            Self::InUse => "INUSE",
            Self::Limit => "LIMIT",
            Self::MailboxId(_) => "MAILBOXID",
            Self::MetadataLongEntries(_) => "METADATA LONGENTRIES",
            Self::MetadataMaxSize(_) => "METADATA MAXSIZE",
            Self::MetadataNoPrivate => "METADATA NOPRIVATE",
            Self::MetadataTooMany => "METADATA TOOMANY",
            Self::Modified(_) => "MODIFIED",
            Self::NoModSeq => "NOMODSEQ",
            Self::NoUpdate(_) => "NOUPDATE",
            Self::NonExistent => "NONEXISTENT",
            Self::NoPerm => "NOPERM",
            Self::NotSaved => "NOTSAVED",
            Self::NotificationOverflow => "NOTIFICATIONOVERFLOW",
            Self::OverQuota => "OVERQUOTA",
            Self::Parse => "PARSE",
            Self::PermanentFlags { .. } => "PERMANENTFLAGS",
            Self::PrivacyRequired => "PRIVACYREQUIRED",
            Self::ReadOnly => "READ-ONLY",
            Self::ReadWrite => "READ-WRITE",
            Self::ServerBug => "SERVERBUG",
            Self::TooBig => "TOOBIG",
            Self::TryCreate => "TRYCREATE",
            Self::UidNext(_) => "UIDNEXT",
            Self::UidNotSticky => "UIDNOTSTICKY",
            Self::UidRequired => "UIDREQUIRED",
            Self::UidValidity(_) => "UIDVALIDITY",
            Self::Unavailable => "UNAVAILABLE",
            Self::UndefinedFilter(_) => "UNDEFINED-FILTER",
            Self::UnknownCte => "UNKNOWN-CTE",
            Self::Unseen(_) => "UNSEEN",
            Self::UrlMech => "URLMECH INTERNAL",
            Self::UseAttr => "USEATTR",
        }
    }
}

/// ```abnf
/// "INPROGRESS" [ SP "(" inprogress-tag SP inprogress-state ")" ]   ; RFC 9585 §5
/// inprogress-tag = quoted / nil
/// inprogress-state = nil SP nil / number SP nil / number SP nz-number
/// ```
fn in_progress(tag: &Tag, done: Option<u32>, total: Option<u32>, out: &mut Vec<u8>) {
    out.extend_from_slice(b" (");
    // RFC 9585 §4: a `]` would end the code for many a client. No tag has what a quoted string escapes.
    match tag.as_str() {
        text if text.contains(']') => out.extend_from_slice(b"NIL"),
        text => {
            out.push(b'"');
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
        }
    }
    for part in [done, total.filter(|total| done.is_some_and(|done| done < *total))] {
        match part {
            Some(part) => number(u64::from(part), out),
            None => out.extend_from_slice(b" NIL"),
        }
    }
    out.push(b')');
}

/// A longer URL is cut: the client knows what it sent.
const URL_OCTETS_MAX: usize = 1000;

/// What cannot stand between brackets is percent-encoded.
///
/// ```abnf
/// url-resp-text = 1*(%x01-09 / %x0B-0C / %x0E-5B / %x5D-FE) ; Any TEXT-CHAR except "]"   ; RFC 4469 §5
/// ```
fn push_url(url: &[u8], out: &mut Vec<u8>) {
    for octet in url.iter().take(URL_OCTETS_MAX) {
        match octet {
            b']' | 0..=0x20 | 0x7f..=0xff => out.extend_from_slice(format!("%{octet:02X}").as_bytes()),
            octet => out.push(*octet),
        }
    }
    if url.is_empty() {
        out.extend_from_slice(b"\"\"");
    }
}

fn number(number: u64, out: &mut Vec<u8>) {
    out.push(b' ');
    push_number(number, out);
}

fn set(numbers: &NumSet, out: &mut Vec<u8>) {
    out.push(b' ');
    push_set(numbers, out);
}
