//! What the server says of mailboxes: LIST and STATUS (DMAP-00 §7.3.8 and §8.2.2, RFC 5819 §2, RFC 5258
//! §3.5).

use koi_types::{ModSeq, Uid, UidValidity};

use crate::dmap::command::{StatusItem, UseAttr, mod_seq, status_item, use_attr};
use crate::dmap::name::{self, MailboxArg};
use crate::dmap::text::{self, push_list, push_nbin, push_text};
use crate::line::lex::{Cursor, SyntaxError};
use crate::line::number::push_number;
use crate::line::string::push_utf8;

/// One mailbox in the answer to LIST. The separator of levels is always `/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListEntry {
    pub mailbox: MailboxArg,
    pub attributes: Vec<MailboxAttr>,
    pub extras: Vec<ListExtra>,
}

/// What is true of a mailbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailboxAttr {
    NoSelect,
    NonExistent,
    NoInferiors,
    HasChildren,
    HasNoChildren,
    Subscribed,
    /// Its use, or an attribute that is not known here.
    Use(UseAttr),
}

const ATTRIBUTES: &[(&str, MailboxAttr)] = &[
    ("\\Noselect", MailboxAttr::NoSelect),
    ("\\NonExistent", MailboxAttr::NonExistent),
    ("\\Noinferiors", MailboxAttr::NoInferiors),
    ("\\HasChildren", MailboxAttr::HasChildren),
    ("\\HasNoChildren", MailboxAttr::HasNoChildren),
    ("\\Subscribed", MailboxAttr::Subscribed),
];

/// What else LIST was asked to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListExtra {
    Status(Vec<StatusValue>),
    /// The META block; `None` when there is none.
    Meta(Option<Vec<u8>>),
    /// Selection options that mailboxes below this one match (RFC 5258 §3.5); at least one.
    ChildInfo(Vec<Box<str>>),
    /// Something that is not known here; the name in upper case.
    Other {
        name: Box<str>,
        value: Box<str>,
    },
}

/// `stat-val`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusValue {
    Messages(u64),
    UidNext(Uid),
    UidValidity(UidValidity),
    Unseen(u64),
    Deleted(u64),
    Size(u64),
    HighestModSeq(ModSeq),
}

/// ```abnf
/// list-resp = "LIST" SP "(" [mbx-attr *(SP mbx-attr)] ")" SP (DQUOTE "/" DQUOTE / nil) SP mailbox
///             [SP "(" list-ext *(SP list-ext) ")"]
/// ```
pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<ListEntry, SyntaxError> {
    cursor.space()?;
    let attributes = cursor.list_or_empty(attribute)?;
    cursor.space()?;
    if !cursor.take_word("\"/\"") && !cursor.take_word("NIL") {
        return cursor.fail("expected \"/\"");
    }
    let mailbox = name::spaced(cursor)?;
    let extras = text::optional(cursor, |cursor| cursor.list(extra))?.unwrap_or_default();
    Ok(ListEntry { mailbox, attributes, extras })
}

/// ```abnf
/// mbx-attr = "\Noselect" / "\NonExistent" / "\Noinferiors" / "\HasChildren" / "\HasNoChildren" /
///            "\Subscribed" / use-attr
/// ```
fn attribute(cursor: &mut Cursor<'_>) -> Result<MailboxAttr, SyntaxError> {
    let attribute = use_attr(cursor)?;
    let known = ATTRIBUTES.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute.name()));
    Ok(known.map_or_else(|| MailboxAttr::Use(attribute), |(_, known)| known.clone()))
}

/// ```abnf
/// list-ext = "STATUS" SP "(" [stat-val *(SP stat-val)] ")" / "META" SP nbin /
///            "CHILDINFO" SP "(" quoted *(SP quoted) ")" / astring SP astring
/// ```
fn extra(cursor: &mut Cursor<'_>) -> Result<ListExtra, SyntaxError> {
    let name = text::astring(cursor)?.to_ascii_uppercase();
    cursor.space()?;
    match name.as_str() {
        "STATUS" => status_values(cursor).map(ListExtra::Status),
        "META" => text::nbin(cursor, usize::MAX, "").map(ListExtra::Meta),
        "CHILDINFO" => cursor.list(text::astring).map(ListExtra::ChildInfo),
        _ => Ok(ListExtra::Other { name: name.into(), value: text::astring(cursor)? }),
    }
}

/// ```abnf
/// status-resp = "STATUS" SP mailbox SP "(" [stat-val *(SP stat-val)] ")"
/// stat-val    = status-att SP number64
/// ```
pub(super) fn status_values(cursor: &mut Cursor<'_>) -> Result<Vec<StatusValue>, SyntaxError> {
    cursor.list_or_empty(|cursor| {
        let item = status_item(cursor)?;
        cursor.space()?;
        let before = cursor.error("number must not be 0");
        match item {
            StatusItem::Messages => cursor.number64().map(StatusValue::Messages),
            StatusItem::Unseen => cursor.number64().map(StatusValue::Unseen),
            StatusItem::Deleted => cursor.number64().map(StatusValue::Deleted),
            StatusItem::Size => cursor.number64().map(StatusValue::Size),
            StatusItem::HighestModSeq => mod_seq(cursor).map(StatusValue::HighestModSeq),
            StatusItem::UidNext => Uid::new(cursor.number()?).map(StatusValue::UidNext).ok_or(before),
            StatusItem::UidValidity => {
                UidValidity::new(cursor.number()?).map(StatusValue::UidValidity).ok_or(before)
            }
        }
    })
}

pub(super) fn push_status(mailbox: &MailboxArg, values: &[StatusValue], out: &mut Vec<u8>) {
    out.extend_from_slice(b"STATUS ");
    push_text(mailbox.as_str(), out);
    out.push(b' ');
    push_list(values, |value, out| value.push(out), out);
}

impl ListEntry {
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"LIST ");
        push_list(&self.attributes, |attribute, out| out.extend_from_slice(attribute.name().as_bytes()), out);
        out.extend_from_slice(b" \"/\" ");
        push_text(self.mailbox.as_str(), out);
        if !self.extras.is_empty() {
            out.push(b' ');
            push_list(&self.extras, |extra, out| extra.push(out), out);
        }
    }
}

impl MailboxAttr {
    /// With its `\`.
    #[must_use]
    pub fn name(&self) -> &str {
        if let Self::Use(attribute) = self {
            return attribute.name();
        }
        ATTRIBUTES.iter().find(|(_, known)| known == self).map_or("", |(name, _)| name)
    }
}

impl ListExtra {
    fn push(&self, out: &mut Vec<u8>) {
        match self {
            Self::Status(values) => {
                out.extend_from_slice(b"STATUS ");
                push_list(values, |value, out| value.push(out), out);
            }
            Self::Meta(meta) => {
                out.extend_from_slice(b"META ");
                push_nbin(meta.as_deref(), out);
            }
            Self::ChildInfo(options) => {
                out.extend_from_slice(b"CHILDINFO ");
                push_list(options, |option, out| push_utf8(option, out), out);
            }
            Self::Other { name, value } => {
                push_text(name, out);
                out.push(b' ');
                push_text(value, out);
            }
        }
    }
}

impl StatusValue {
    fn push(self, out: &mut Vec<u8>) {
        let (item, number) = match self {
            Self::Messages(count) => (StatusItem::Messages, count),
            Self::UidNext(uid) => (StatusItem::UidNext, u64::from(uid.value())),
            Self::UidValidity(number) => (StatusItem::UidValidity, u64::from(number.value())),
            Self::Unseen(count) => (StatusItem::Unseen, count),
            Self::Deleted(count) => (StatusItem::Deleted, count),
            Self::Size(octets) => (StatusItem::Size, octets),
            Self::HighestModSeq(mod_seq) => (StatusItem::HighestModSeq, mod_seq.value()),
        };
        out.extend_from_slice(item.name().as_bytes());
        out.push(b' ');
        push_number(number, out);
    }
}
