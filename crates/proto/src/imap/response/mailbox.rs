//! What the server says about mailboxes: LIST, LSUB, STATUS, NAMESPACE, FLAGS, EXISTS, RECENT, EXPUNGE
//! (RFC 9051 §7.3 and §7.4, RFC 3501 §7.2 and §7.3, RFC 5258 §4, RFC 6154 §5).

use koi_types::name::SEPARATOR;
use koi_types::{MailboxId, ModSeq, Role, SeqNum, SystemFlags, Uid, UidValidity};

use super::fetch::push_flags;
use super::number::push_number;
use super::string::{push_astring, push_string, push_utf8};
use crate::imap::utf7;

/// How mailbox names are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NameEncoding {
    /// Modified UTF-7 (RFC 3501 §5.1.3).
    #[default]
    ModifiedUtf7,
    /// UTF-8 in quoted strings, after ENABLE (RFC 9051 §5.1, RFC 6855 §3).
    Utf8,
}

/// `mbx-list-flags` of RFC 9051 §7.3.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attribute {
    NonExistent,
    NoInferiors,
    NoSelect,
    /// RFC 5465 §3.1
    NoAccess,
    HasChildren,
    HasNoChildren,
    Marked,
    Unmarked,
    Subscribed,
    Remote,
    Role(Role),
}

/// A line of LIST or LSUB.
#[derive(Clone, Copy, Debug)]
pub struct ListEntry<'a> {
    /// The whole name in UTF-8; also `""` for `LIST "" ""`, which asks for the separator.
    pub name: &'a str,
    pub attributes: &'a [Attribute],
    /// `("CHILDINFO" ("SUBSCRIBED"))`: something subscribed is below (RFC 9051 §6.3.9.6).
    pub subscribed_below: bool,
    /// `("OLDNAME" (name))`: what the client called it (RFC 9051 §6.3.9.7).
    pub old_name: Option<&'a str>,
}

/// `status-att-val` of RFC 9051 §9.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusValue {
    Messages(u32),
    Recent(u32),
    UidNext(Uid),
    UidValidity(UidValidity),
    Unseen(u32),
    Deleted(u32),
    Size(u64),
    HighestModSeq(ModSeq),
    /// RFC 9208 §4.1.4
    DeletedStorage(u64),
    /// RFC 7889 §3.1
    AppendLimit(u64),
    /// RFC 8474 §4.3
    MailboxId(MailboxId),
}

/// One namespace (RFC 9051 §6.3.10): all have the same separator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Namespace<'a> {
    /// In UTF-8, with the separator at its end unless empty.
    pub prefix: &'a str,
}

impl Attribute {
    const fn name(self) -> &'static str {
        match self {
            Self::NonExistent => "\\NonExistent",
            Self::NoInferiors => "\\Noinferiors",
            Self::NoSelect => "\\Noselect",
            Self::NoAccess => "\\NoAccess",
            Self::HasChildren => "\\HasChildren",
            Self::HasNoChildren => "\\HasNoChildren",
            Self::Marked => "\\Marked",
            Self::Unmarked => "\\Unmarked",
            Self::Subscribed => "\\Subscribed",
            Self::Remote => "\\Remote",
            Self::Role(role) => role.attribute(),
        }
    }
}

/// Appends a mailbox name as astring.
pub fn push_mailbox(name: &str, encoding: NameEncoding, out: &mut Vec<u8>) {
    if name.is_ascii() && !name.contains('&') {
        push_astring(name.as_bytes(), out);
    } else if encoding == NameEncoding::Utf8 {
        push_utf8(name, out);
    } else {
        let mut wire = Vec::with_capacity(name.len() * 2);
        utf7::encode(name, &mut wire);
        push_astring(&wire, out);
    }
}

/// RFC 9051 §7.3.1
///
/// ```abnf
/// mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox
///                [SP mbox-list-extended]                                       ; RFC 9051 §9
/// ```
pub fn list(entry: &ListEntry<'_>, encoding: NameEncoding, out: &mut Vec<u8>) {
    push_list(b"* LIST (", entry, encoding, out);
}

/// RFC 3501 §7.2.3
pub fn lsub(entry: &ListEntry<'_>, encoding: NameEncoding, out: &mut Vec<u8>) {
    push_list(b"* LSUB (", entry, encoding, out);
}

fn push_list(word: &[u8], entry: &ListEntry<'_>, encoding: NameEncoding, out: &mut Vec<u8>) {
    out.extend_from_slice(word);
    for (at, attribute) in entry.attributes.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(attribute.name().as_bytes());
    }
    out.extend_from_slice(b") ");
    push_separator(out);
    out.push(b' ');
    push_mailbox(entry.name, encoding, out);
    push_extended(entry, encoding, out);
    out.extend_from_slice(b"\r\n");
}

/// ```abnf
/// mbox-list-extended      = "(" [mbox-list-extended-item *(SP mbox-list-extended-item)] ")"   ; RFC 9051 §9
/// childinfo-extended-item = "CHILDINFO" SP "(" list-select-base-opt-quoted
///                           *(SP list-select-base-opt-quoted) ")"
/// oldname-extended-item   = "OLDNAME" SP "(" mailbox ")"
/// ```
fn push_extended(entry: &ListEntry<'_>, encoding: NameEncoding, out: &mut Vec<u8>) {
    if !entry.subscribed_below && entry.old_name.is_none() {
        return;
    }
    out.extend_from_slice(b" (");
    if entry.subscribed_below {
        out.extend_from_slice(b"\"CHILDINFO\" (\"SUBSCRIBED\")");
    }
    if let Some(old_name) = entry.old_name {
        out.extend_from_slice(if entry.subscribed_below { b" " } else { b"" });
        out.extend_from_slice(b"\"OLDNAME\" (");
        push_mailbox(old_name, encoding, out);
        out.push(b')');
    }
    out.push(b')');
}

fn push_separator(out: &mut Vec<u8>) {
    out.push(b'"');
    out.push(SEPARATOR as u8);
    out.push(b'"');
}

/// RFC 9051 §7.3.3
///
/// ```abnf
/// mailbox-data =/ "STATUS" SP mailbox SP "(" [status-att-list] ")"   ; RFC 9051 §9
/// ```
pub fn status_data(name: &str, encoding: NameEncoding, values: &[StatusValue], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* STATUS ");
    push_mailbox(name, encoding, out);
    for (at, value) in values.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b" (" } else { b" " });
        let (word, number) = match *value {
            StatusValue::Messages(count) => ("MESSAGES ", u64::from(count)),
            StatusValue::Recent(count) => ("RECENT ", u64::from(count)),
            StatusValue::UidNext(uid) => ("UIDNEXT ", u64::from(uid.value())),
            StatusValue::UidValidity(number) => ("UIDVALIDITY ", u64::from(number.value())),
            StatusValue::Unseen(count) => ("UNSEEN ", u64::from(count)),
            StatusValue::Deleted(count) => ("DELETED ", u64::from(count)),
            StatusValue::Size(octets) => ("SIZE ", octets),
            StatusValue::HighestModSeq(mod_seq) => ("HIGHESTMODSEQ ", mod_seq.value()),
            StatusValue::DeletedStorage(octets) => ("DELETED-STORAGE ", octets),
            StatusValue::AppendLimit(octets) => ("APPENDLIMIT ", octets),
            StatusValue::MailboxId(mailbox) => {
                out.extend_from_slice(format!("MAILBOXID ({mailbox})").as_bytes());
                continue;
            }
        };
        out.extend_from_slice(word.as_bytes());
        push_number(number, out);
    }
    out.extend_from_slice(if values.is_empty() { b" ()\r\n" } else { b")\r\n" });
}

/// RFC 9051 §7.3.2 (rev1: RFC 2342 §5): personal namespaces, other users', shared.
pub fn namespace(
    personal: &[Namespace<'_>],
    others: &[Namespace<'_>],
    shared: &[Namespace<'_>],
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"* NAMESPACE");
    for namespaces in [personal, others, shared] {
        for (at, namespace) in namespaces.iter().enumerate() {
            out.extend_from_slice(if at == 0 { b" ((" } else { b"(" });
            let mut prefix = Vec::new();
            utf7::encode(namespace.prefix, &mut prefix);
            push_string(&prefix, out);
            out.push(b' ');
            push_separator(out);
            out.push(b')');
        }
        out.extend_from_slice(if namespaces.is_empty() { b" NIL" } else { b")" });
    }
    out.extend_from_slice(b"\r\n");
}

/// RFC 9051 §7.3.5
pub fn flags<'k>(system: SystemFlags, keywords: impl IntoIterator<Item = &'k str>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* FLAGS ");
    push_flags(system, keywords, out);
    out.extend_from_slice(b"\r\n");
}

/// RFC 9051 §7.4.1
pub fn exists(messages: u32, out: &mut Vec<u8>) {
    numbered(messages, b" EXISTS\r\n", out);
}

/// RFC 3501 §7.3.2
pub fn recent(messages: u32, out: &mut Vec<u8>) {
    numbered(messages, b" RECENT\r\n", out);
}

/// RFC 9051 §7.5.1
pub fn expunge(seq: SeqNum, out: &mut Vec<u8>) {
    numbered(seq.value(), b" EXPUNGE\r\n", out);
}

fn numbered(number: u32, word: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* ");
    push_number(u64::from(number), out);
    out.extend_from_slice(word);
}
