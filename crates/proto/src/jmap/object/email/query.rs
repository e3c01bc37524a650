//! Filters and sorting of Emails (RFC 8621 §4.4) in JMAP's words.

use super::Emails;
use crate::jmap::arguments::{Arguments, Reading};
use crate::jmap::date::UtcDate;
use crate::jmap::error::MethodError;
use crate::jmap::id::Id;
use crate::jmap::json::Json;
use crate::jmap::keyword::EmailKeyword;
use crate::jmap::standard::{Condition, Extra, Queried, SortKey};
use crate::jmap::value::{FromJson, Wrong};

/// FilterCondition: all of these must match (RFC 8621 §4.4.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EmailCondition(pub Vec<EmailTerm>);

/// One property of a FilterCondition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EmailTerm {
    InMailbox(Id),
    /// In at least one that is none of these.
    InMailboxOtherThan(Vec<Id>),
    /// Received before.
    Before(UtcDate),
    /// Received then or after.
    After(UtcDate),
    /// At least so many octets.
    MinSize(u64),
    /// Less than so many octets.
    MaxSize(u64),
    AllInThreadHaveKeyword(EmailKeyword),
    SomeInThreadHaveKeyword(EmailKeyword),
    NoneInThreadHaveKeyword(EmailKeyword),
    HasKeyword(EmailKeyword),
    NotKeyword(EmailKeyword),
    HasAttachment(bool),
    /// The text is written as `search_text` reads it; so in the following.
    Text(Box<str>),
    From(Box<str>),
    To(Box<str>),
    Cc(Box<str>),
    Bcc(Box<str>),
    Subject(Box<str>),
    Body(Box<str>),
    /// A field of this name is there, and contains the text if there is one.
    Header {
        name: Box<str>,
        text: Option<Box<str>>,
    },
}

/// What Emails are sorted by (RFC 8621 §4.4.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EmailSortKey {
    ReceivedAt,
    Size,
    From,
    To,
    /// The base subject.
    Subject,
    SentAt,
    HasKeyword(EmailKeyword),
    AllInThreadHaveKeyword(EmailKeyword),
    SomeInThreadHaveKeyword(EmailKeyword),
}

impl EmailSortKey {
    /// `emailQuerySortOptions` (RFC 8621 §1.3.1).
    pub const NAMES: [&'static str; 9] = [
        "receivedAt",
        "size",
        "from",
        "to",
        "subject",
        "sentAt",
        "hasKeyword",
        "allInThreadHaveKeyword",
        "someInThreadHaveKeyword",
    ];
}

/// Email/query and Email/queryChanges (RFC 8621 §4.4, RFC 8621 §4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CollapseThreads(pub bool);

impl FromJson for EmailKeyword {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        value.as_str().and_then(Self::parse).ok_or(Wrong::expected("a keyword"))
    }
}

impl Condition for EmailCondition {
    fn read(given: &mut Arguments, reading: &Reading<'_>) -> Result<Self, MethodError> {
        let created = reading.created_ids;
        let header: Option<Vec<Box<str>>> = given.given("header")?;
        let terms = [
            given.existing("inMailbox", created)?.map(EmailTerm::InMailbox),
            given.all_existing("inMailboxOtherThan", created)?.map(EmailTerm::InMailboxOtherThan),
            given.given("before")?.map(EmailTerm::Before),
            given.given("after")?.map(EmailTerm::After),
            given.given("minSize")?.map(EmailTerm::MinSize),
            given.given("maxSize")?.map(EmailTerm::MaxSize),
            given.given("allInThreadHaveKeyword")?.map(EmailTerm::AllInThreadHaveKeyword),
            given.given("someInThreadHaveKeyword")?.map(EmailTerm::SomeInThreadHaveKeyword),
            given.given("noneInThreadHaveKeyword")?.map(EmailTerm::NoneInThreadHaveKeyword),
            given.given("hasKeyword")?.map(EmailTerm::HasKeyword),
            given.given("notKeyword")?.map(EmailTerm::NotKeyword),
            given.given("hasAttachment")?.map(EmailTerm::HasAttachment),
            given.given("text")?.map(EmailTerm::Text),
            given.given("from")?.map(EmailTerm::From),
            given.given("to")?.map(EmailTerm::To),
            given.given("cc")?.map(EmailTerm::Cc),
            given.given("bcc")?.map(EmailTerm::Bcc),
            given.given("subject")?.map(EmailTerm::Subject),
            given.given("body")?.map(EmailTerm::Body),
            header.map(header_term).transpose()?,
        ];
        Ok(Self(terms.into_iter().flatten().collect()))
    }
}

/// RFC 8621 §4.4.1: one or two elements.
fn header_term(parts: Vec<Box<str>>) -> Result<EmailTerm, MethodError> {
    let mut parts = parts.into_iter();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(name), text, None) => Ok(EmailTerm::Header { name, text }),
        _ => Err(MethodError::invalid("header must be an array of one or two Strings")),
    }
}

impl SortKey for EmailSortKey {
    fn read(property: &str, comparator: &mut Arguments) -> Result<Option<Self>, MethodError> {
        Ok(Some(match property {
            "receivedAt" => Self::ReceivedAt,
            "size" => Self::Size,
            "from" => Self::From,
            "to" => Self::To,
            "subject" => Self::Subject,
            "sentAt" => Self::SentAt,
            "hasKeyword" => Self::HasKeyword(comparator.required("keyword")?),
            "allInThreadHaveKeyword" => Self::AllInThreadHaveKeyword(comparator.required("keyword")?),
            "someInThreadHaveKeyword" => Self::SomeInThreadHaveKeyword(comparator.required("keyword")?),
            _ => return Ok(None),
        }))
    }
}

impl Extra for CollapseThreads {
    fn take(arguments: &mut Arguments, _: &Reading<'_>) -> Result<Self, MethodError> {
        arguments.or("collapseThreads", false).map(Self)
    }
}

impl Queried for Emails {
    type Condition = EmailCondition;
    type SortKey = EmailSortKey;
    type QueryExtra = CollapseThreads;
    type QueryChangesExtra = CollapseThreads;
}
