//! Email (RFC 8621 §4): its properties, and how one is shown. What a client may say of one is in the files
//! below, by method.

pub mod body;
pub mod create;
pub mod fetch;
pub mod header;
pub mod import;
pub mod query;
pub mod search_text;
pub mod update;

use std::borrow::Cow;

use koi_types::HeaderForm;

use crate::jmap::date::UtcDate;
use crate::jmap::form::Form;
use crate::jmap::id::Id;
use crate::jmap::json::{ObjectWriter, Slot, ToJson};
use crate::jmap::keyword::EmailKeyword;
use crate::jmap::patch::Patch;
use crate::jmap::set_error::SetError;
use crate::jmap::standard::{Object, Property, Settable};

use body::{BodyPart, BodyProperty, BodyValue};
use create::EmailCreate;
use fetch::BodyFetch;
use header::{FieldValue, HeaderProperty, RawHeader};
use update::EmailUpdate;

/// The data type.
#[derive(Debug)]
pub struct Emails;

/// The properties of an Email that have one name each, and those that stand for a header field.
macro_rules! email_properties {
    ($($variant:ident $text:literal,)* ; $($field:ident $name:literal $header:literal $form:ident,)*) => {
        /// A property of an Email.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum EmailProperty {
            $($variant,)*
            $($field,)*
            /// `header:…`
            Header(HeaderProperty),
        }

        impl EmailProperty {
            /// All but those with `header:`.
            pub const NAMED: &'static [Self] = &[$(Self::$variant,)* $(Self::$field,)*];

            fn text(&self) -> Cow<'_, str> {
                match self {
                    $(Self::$variant => $text.into(),)*
                    $(Self::$field => $name.into(),)*
                    Self::Header(header) => header.to_string().into(),
                }
            }

            /// Whether it stands for a header field.
            const fn is_header(&self) -> bool {
                matches!(self, $(Self::$field |)* Self::Header(_))
            }

            /// The header field it stands for (RFC 8621 §4.1.3).
            #[must_use]
            pub fn as_header(&self) -> Option<HeaderProperty> {
                match self {
                    $(Self::$field => Some(HeaderProperty::last($header, HeaderForm::$form)),)*
                    Self::Header(header) => Some(header.clone()),
                    _ => None,
                }
            }
        }
    };
}

email_properties! {
    Id "id",
    BlobId "blobId",
    ThreadId "threadId",
    MailboxIds "mailboxIds",
    Keywords "keywords",
    Size "size",
    ReceivedAt "receivedAt",
    Headers "headers",
    BodyStructure "bodyStructure",
    BodyValues "bodyValues",
    TextBody "textBody",
    HtmlBody "htmlBody",
    Attachments "attachments",
    HasAttachment "hasAttachment",
    Preview "preview",
    ;
    MessageId "messageId" "Message-ID" MessageIds,
    InReplyTo "inReplyTo" "In-Reply-To" MessageIds,
    References "references" "References" MessageIds,
    Sender "sender" "Sender" Addresses,
    From "from" "From" Addresses,
    To "to" "To" Addresses,
    Cc "cc" "Cc" Addresses,
    Bcc "bcc" "Bcc" Addresses,
    ReplyTo "replyTo" "Reply-To" Addresses,
    Subject "subject" "Subject" Text,
    SentAt "sentAt" "Date" Date,
}

impl Property for EmailProperty {
    fn parse(name: &str) -> Option<Self> {
        if let Some(header) = HeaderProperty::parse(name) {
            return Some(Self::Header(header));
        }
        Self::NAMED.iter().find(|property| property.text() == name).cloned()
    }
    fn name(&self) -> Cow<'_, str> {
        self.text()
    }
}

/// RFC 8621 §4.9: what Email/parse shows when nothing is named.
pub(crate) const PARSE_DEFAULTS: [EmailProperty; 17] = [
    EmailProperty::MessageId,
    EmailProperty::InReplyTo,
    EmailProperty::References,
    EmailProperty::Sender,
    EmailProperty::From,
    EmailProperty::To,
    EmailProperty::Cc,
    EmailProperty::Bcc,
    EmailProperty::ReplyTo,
    EmailProperty::Subject,
    EmailProperty::SentAt,
    EmailProperty::HasAttachment,
    EmailProperty::Preview,
    EmailProperty::BodyValues,
    EmailProperty::TextBody,
    EmailProperty::HtmlBody,
    EmailProperty::Attachments,
];

/// RFC 8621 §4.2: what Email/get shows besides.
const GET_DEFAULTS: [EmailProperty; 7] = [
    EmailProperty::Id,
    EmailProperty::BlobId,
    EmailProperty::ThreadId,
    EmailProperty::MailboxIds,
    EmailProperty::Keywords,
    EmailProperty::Size,
    EmailProperty::ReceivedAt,
];

impl Object for Emails {
    const TYPE: &'static str = "Email";
    type Property = EmailProperty;
    type GetExtra = BodyFetch;
    fn default_properties() -> Vec<EmailProperty> {
        GET_DEFAULTS.into_iter().chain(PARSE_DEFAULTS).collect()
    }
}

impl Settable for Emails {
    type Create = EmailCreate;
    type Update = EmailUpdate;
    type SetExtra = ();
    fn create(form: &mut Form<'_>) -> Option<EmailCreate> {
        create::read(form)
    }
    fn update(patch: Patch) -> Result<EmailUpdate, SetError> {
        update::read(patch)
    }
}

/// An Email to be shown. Only what was asked for need be filled in: what is missing is null, as it is for a
/// message that is only parsed (RFC 8621 §4.9), or empty.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Email {
    pub id: Option<Id>,
    pub blob_id: Option<Id>,
    pub thread_id: Option<Id>,
    pub mailbox_ids: Option<Vec<Id>>,
    pub keywords: Option<Vec<EmailKeyword>>,
    pub size: u64,
    pub received_at: Option<UtcDate>,
    pub headers: Vec<RawHeader>,
    /// One for each property that stands for a header field, in the order in which they were asked for.
    pub fields: Vec<FieldValue>,
    pub body_structure: Option<BodyPart>,
    pub body_values: Vec<BodyValue>,
    pub text_body: Vec<BodyPart>,
    pub html_body: Vec<BodyPart>,
    pub attachments: Vec<BodyPart>,
    pub has_attachment: bool,
    pub preview: Box<str>,
}

impl Email {
    /// Prints these properties; the id too, unless it has none.
    pub fn write(&self, properties: &[EmailProperty], body: &[BodyProperty], slot: Slot<'_>) {
        slot.members(|object| {
            object.put_some("id", self.id.as_ref());
            let mut fields = self.fields.iter();
            for property in properties {
                if property.is_header() {
                    object.put(&property.text(), &fields.next());
                } else if *property != EmailProperty::Id {
                    self.put(property, body, object);
                } else if self.id.is_none() {
                    drop(object.member("id"));
                }
            }
        });
    }

    fn put(&self, property: &EmailProperty, body: &[BodyProperty], object: &mut ObjectWriter<'_>) {
        let slot = object.member(&property.text());
        let parts =
            |parts: &[BodyPart], slot: Slot<'_>| slot.each(parts, |part, slot| part.write(body, slot));
        match property {
            EmailProperty::BlobId => self.blob_id.write(slot),
            EmailProperty::ThreadId => self.thread_id.write(slot),
            EmailProperty::MailboxIds => set(self.mailbox_ids.as_deref(), slot),
            EmailProperty::Keywords => set(self.keywords.as_deref(), slot),
            EmailProperty::Size => self.size.write(slot),
            EmailProperty::ReceivedAt => self.received_at.write(slot),
            EmailProperty::Headers => self.headers.write(slot),
            EmailProperty::BodyStructure => {
                if let Some(part) = &self.body_structure {
                    part.write_tree(body, slot);
                }
            }
            EmailProperty::BodyValues => slot.members(|object| {
                self.body_values.iter().for_each(|value| object.put(&value.part_id, value));
            }),
            EmailProperty::TextBody => parts(&self.text_body, slot),
            EmailProperty::HtmlBody => parts(&self.html_body, slot),
            EmailProperty::Attachments => parts(&self.attachments, slot),
            EmailProperty::HasAttachment => self.has_attachment.write(slot),
            EmailProperty::Preview => self.preview.write(slot),
            // The id and the header fields were seen to.
            _ => slot.null(),
        }
    }
}

/// A set is an object whose values are all true (RFC 8621 §4.1.1).
fn set<T: std::fmt::Display>(members: Option<&[T]>, slot: Slot<'_>) {
    if let Some(members) = members {
        slot.members(|object| members.iter().for_each(|member| object.put(&member.to_string(), &true)));
    }
}

#[cfg(test)]
mod tests;
