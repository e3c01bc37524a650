//! EmailBodyPart and EmailBodyValue (RFC 8621 §4.1.4) as they are shown.

use std::borrow::Cow;

use super::header::{FieldValue, HeaderProperty, RawHeader};
use crate::jmap::id::Id;
use crate::jmap::json::{ObjectWriter, Slot, ToJson};
use crate::jmap::standard::{Property, properties};

properties! {
    /// The properties of an EmailBodyPart that have a name of their own.
    pub PartProperty {
        PartId "partId",
        BlobId "blobId",
        Size "size",
        Headers "headers",
        Name "name",
        Type "type",
        Charset "charset",
        Disposition "disposition",
        Cid "cid",
        Language "language",
        Location "location",
        SubParts "subParts",
    }
}

/// A property of an EmailBodyPart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BodyProperty {
    Part(PartProperty),
    /// `header:…`
    Header(HeaderProperty),
}

impl Property for BodyProperty {
    fn parse(name: &str) -> Option<Self> {
        let header = HeaderProperty::parse(name).map(Self::Header);
        header.or_else(|| PartProperty::parse(name).map(Self::Part))
    }
    fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Part(property) => property.text().into(),
            Self::Header(header) => header.to_string().into(),
        }
    }
}

/// RFC 8621 §4.2: what is shown of a part when nothing is named.
pub(super) const DEFAULTS: [PartProperty; 10] = [
    PartProperty::PartId,
    PartProperty::BlobId,
    PartProperty::Size,
    PartProperty::Name,
    PartProperty::Type,
    PartProperty::Charset,
    PartProperty::Disposition,
    PartProperty::Cid,
    PartProperty::Language,
    PartProperty::Location,
];

/// A part of a message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BodyPart {
    /// `None` for a multipart, as the blob.
    pub part_id: Option<Box<str>>,
    pub blob_id: Option<Id>,
    pub size: u64,
    pub headers: Vec<RawHeader>,
    pub name: Option<Box<str>>,
    /// `type`.
    pub media_type: Box<str>,
    pub charset: Option<Box<str>>,
    pub disposition: Option<Box<str>>,
    pub cid: Option<Box<str>>,
    pub language: Option<Vec<Box<str>>>,
    pub location: Option<Box<str>>,
    /// Of a multipart.
    pub sub_parts: Option<Vec<BodyPart>>,
    /// One for each `header:` property that was asked for, in that order.
    pub fields: Vec<FieldValue>,
}

impl BodyPart {
    /// As an item of textBody, htmlBody or attachments.
    pub fn write(&self, properties: &[BodyProperty], slot: Slot<'_>) {
        slot.members(|object| self.put_all(properties, object));
    }

    /// As bodyStructure: a multipart always shows its parts, which is what it is asked for.
    pub fn write_tree(&self, properties: &[BodyProperty], slot: Slot<'_>) {
        slot.members(|object| {
            self.put_all(properties, object);
            let is_named = properties.contains(&BodyProperty::Part(PartProperty::SubParts));
            if let Some(parts) = self.sub_parts.as_ref().filter(|_| !is_named) {
                object.member("subParts").each(parts, |part, slot| part.write_tree(properties, slot));
            }
        });
    }

    fn put_all(&self, properties: &[BodyProperty], object: &mut ObjectWriter<'_>) {
        let mut fields = self.fields.iter();
        for property in properties {
            match property {
                BodyProperty::Header(header) => object.put(&header.to_string(), &fields.next()),
                BodyProperty::Part(PartProperty::SubParts) => {
                    let slot = object.member("subParts");
                    if let Some(parts) = &self.sub_parts {
                        slot.each(parts, |part, slot| part.write_tree(properties, slot));
                    }
                }
                BodyProperty::Part(part) => self.put(*part, object.member(part.text())),
            }
        }
    }

    fn put(&self, property: PartProperty, slot: Slot<'_>) {
        match property {
            PartProperty::PartId => self.part_id.write(slot),
            PartProperty::BlobId => self.blob_id.write(slot),
            PartProperty::Size => self.size.write(slot),
            PartProperty::Headers => self.headers.write(slot),
            PartProperty::Name => self.name.write(slot),
            PartProperty::Type => self.media_type.write(slot),
            PartProperty::Charset => self.charset.write(slot),
            PartProperty::Disposition => self.disposition.write(slot),
            PartProperty::Cid => self.cid.write(slot),
            PartProperty::Language => self.language.write(slot),
            PartProperty::Location => self.location.write(slot),
            PartProperty::SubParts => slot.null(),
        }
    }
}

/// EmailBodyValue of the part with this id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BodyValue {
    pub part_id: Box<str>,
    pub value: Box<str>,
    pub is_encoding_problem: bool,
    pub is_truncated: bool,
}

impl ToJson for BodyValue {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("value", &self.value);
            object.put("isEncodingProblem", &self.is_encoding_problem);
            object.put("isTruncated", &self.is_truncated);
        });
    }
}
