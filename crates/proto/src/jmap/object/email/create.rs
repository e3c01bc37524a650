//! An Email to be created (RFC 8621 §4.6): types are checked here, property by property; what the properties
//! mean together, as header fields and body of one message, is for whoever builds the message.

use koi_types::HeaderForm;

use super::header::{HeaderProperty, HeaderValue};
use super::{EmailProperty, Property};
use crate::jmap::date::UtcDate;
use crate::jmap::form::Form;
use crate::jmap::id::IdRef;
use crate::jmap::json::{Json, Member, Members};
use crate::jmap::keyword::EmailKeyword;
use crate::jmap::value::{FromJson, Reader, Wrong, set_of};

/// What a client says of an Email to be created.
#[derive(Clone, PartialEq, Debug)]
pub struct EmailCreate {
    /// At least one.
    pub mailbox_ids: Vec<IdRef>,
    pub keywords: Vec<EmailKeyword>,
    /// `None`: now.
    pub received_at: Option<UtcDate>,
    /// `headers` was given, which it must not be.
    pub has_headers: bool,
    pub headers: Vec<HeaderSetting>,
    pub body_structure: Option<PartCreate>,
    pub text_body: Option<Vec<PartCreate>>,
    pub html_body: Option<Vec<PartCreate>>,
    pub attachments: Option<Vec<PartCreate>>,
    pub body_values: Vec<BodyValueCreate>,
}

/// A property that stands for a header field, in the form it has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeaderSetting {
    /// As the client named it.
    pub property: Box<str>,
    pub field: Box<str>,
    pub form: HeaderForm,
    /// One for each field to be written; none for null.
    pub values: Vec<HeaderValue>,
}

/// An EmailBodyPart to be created.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PartCreate {
    /// `headers` was given, which it must not be.
    pub has_headers: bool,
    pub headers: Vec<HeaderSetting>,
    pub part_id: Option<Box<str>>,
    pub blob_id: Option<IdRef>,
    /// `size` was given; it is not needed.
    pub has_size: bool,
    pub name: Option<Box<str>>,
    pub media_type: Option<Box<str>>,
    pub charset: Option<Box<str>>,
    pub disposition: Option<Box<str>>,
    pub cid: Option<Box<str>>,
    pub language: Option<Vec<Box<str>>>,
    pub location: Option<Box<str>>,
    pub sub_parts: Option<Vec<PartCreate>>,
}

/// An EmailBodyValue to be a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BodyValueCreate {
    pub part_id: Box<str>,
    pub value: Box<str>,
    /// Must be false.
    pub is_encoding_problem: bool,
    /// Must be false.
    pub is_truncated: bool,
}

/// Reads the properties; `set_of` for mailboxes and keywords is shared with import and copy.
pub(super) fn read(form: &mut Form<'_>) -> Option<EmailCreate> {
    let mailbox_ids = mailbox_ids(form);
    let keywords = keywords(form);
    let received_at = form.optional("receivedAt");
    let has_headers = form.take("headers").is_some();
    let headers = headers(form, EmailProperty::parse_header);
    let body_structure = form.take("bodyStructure").filter(|value| !value.is_null());
    let body_structure = body_structure.and_then(|value| part(form, "bodyStructure", value));
    let text_body = parts(form, "textBody");
    let html_body = parts(form, "htmlBody");
    let attachments = parts(form, "attachments");
    let body_values = body_values(form);
    Some(EmailCreate {
        mailbox_ids: mailbox_ids?,
        keywords: keywords.unwrap_or_default(),
        received_at,
        has_headers,
        headers,
        body_structure,
        text_body,
        html_body,
        attachments,
        body_values,
    })
}

/// RFC 8621 §4.1.1: an Email is in at least one Mailbox.
pub(super) fn mailbox_ids(form: &mut Form<'_>) -> Option<Vec<IdRef>> {
    let value = form.required::<Json>("mailboxIds")?;
    let ids = form.read_with("mailboxIds", set_of(value, "an Id", IdRef::parse))?;
    if ids.is_empty() {
        form.wrong("mailboxIds", "mailboxIds must not be empty");
        return None;
    }
    Some(ids)
}

/// The keywords that are given; `None` when they are not, or null.
pub(super) fn keywords(form: &mut Form<'_>) -> Option<Vec<EmailKeyword>> {
    let value = form.take("keywords").filter(|value| !value.is_null())?;
    form.read_with("keywords", set_of(value, "a keyword", EmailKeyword::parse))
}

impl EmailProperty {
    /// The header field that a property to be set stands for.
    fn parse_header(name: &str) -> Option<HeaderProperty> {
        Self::parse(name).and_then(|property| property.as_header())
    }
}

/// The properties that stand for header fields, taken out. One in a form that the field cannot have is taken
/// for a field in raw form, so that the complaint names it.
fn headers(form: &mut Form<'_>, parse: impl Fn(&str) -> Option<HeaderProperty>) -> Vec<HeaderSetting> {
    let taken = form.take_if(|name| name.starts_with("header:") || parse(name).is_some());
    let mut settings = Vec::with_capacity(taken.len());
    for Member { name, value } in taken {
        let Some(property) = parse(&name) else {
            form.wrong(&name, format!("{} is no header field in a form it can have", form.path(&name)));
            continue;
        };
        let values = header_values(&property, value);
        if let Some(values) = form.read_with(&name, values) {
            let HeaderProperty { field, form, .. } = property;
            settings.push(HeaderSetting { property: name, field, form, values });
        }
    }
    settings
}

fn header_values(property: &HeaderProperty, value: Json) -> Result<Vec<HeaderValue>, Wrong> {
    let read = |value| HeaderValue::read(property.form, value);
    if !property.is_all {
        return if value.is_null() { Ok(Vec::new()) } else { Ok(vec![read(value)?]) };
    }
    let items = Vec::<Json>::from_json(value)?;
    let item = |(at, item)| read(item).map_err(|wrong: Wrong| wrong.within(&format!("{at}")));
    items.into_iter().enumerate().map(item).collect()
}

fn parts(form: &mut Form<'_>, name: &str) -> Option<Vec<PartCreate>> {
    let value = form.take(name).filter(|value| !value.is_null())?;
    part_list(form, name, value)
}

fn part_list(form: &mut Form<'_>, name: &str, value: Json) -> Option<Vec<PartCreate>> {
    let Json::Array(items) = value else {
        form.wrong(name, format!("{} must be an array", form.path(name)));
        return None;
    };
    let items = items.into_iter().enumerate();
    items.map(|(at, item)| part(form, &format!("{name}/{at}"), item)).collect()
}

/// The depth of parts within parts is bounded by that of the request.
fn part(form: &mut Form<'_>, name: &str, value: Json) -> Option<PartCreate> {
    let path = form.path(name);
    let Json::Object(members) = value else {
        form.wrong(name, format!("{path} must be an object"));
        return None;
    };
    Some(part_members(Form::within(members, &path, form.wrongs())))
}

fn part_members(mut form: Form<'_>) -> PartCreate {
    let has_headers = form.take("headers").is_some();
    let headers = headers(&mut form, HeaderProperty::parse);
    let sub_parts = form.take("subParts").filter(|value| !value.is_null());
    let sub_parts = sub_parts.and_then(|value| part_list(&mut form, "subParts", value));
    let part = PartCreate {
        has_headers,
        headers,
        part_id: form.optional("partId"),
        blob_id: form.optional("blobId"),
        has_size: form.optional::<u64>("size").is_some(),
        name: form.optional("name"),
        media_type: form.optional("type"),
        charset: form.optional("charset"),
        disposition: form.optional("disposition"),
        cid: form.optional("cid"),
        language: form.optional("language"),
        location: form.optional("location"),
        sub_parts,
    };
    form.finish();
    part
}

fn body_values(form: &mut Form<'_>) -> Vec<BodyValueCreate> {
    let values: Option<Members> = form.optional("bodyValues");
    let mut read = Vec::new();
    for Member { name, value } in values.unwrap_or_default() {
        let property = format!("bodyValues/{name}");
        let value = BodyValueCreate::read(name, value);
        read.extend(form.read_with(&property, value));
    }
    read
}

impl BodyValueCreate {
    fn read(part_id: Box<str>, value: Json) -> Result<Self, Wrong> {
        let mut reader = Reader::of(value)?;
        let read = Self {
            part_id,
            value: reader.required("value")?,
            // Null, which some clients send, is as good as nothing.
            is_encoding_problem: reader.optional("isEncodingProblem")?.unwrap_or(false),
            is_truncated: reader.optional("isTruncated")?.unwrap_or(false),
        };
        reader.finish().map(|()| read)
    }
}
