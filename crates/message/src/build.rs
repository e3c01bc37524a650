//! A message made from the form in which JMAP creates one (RFC 8621 §4.6): header fields by form, the body as
//! a tree or as text, HTML and attachments.
//!
//! What the standard forbids is refused, naming the property. What comes out is a message by RFC 5322 and
//! MIME whatever was given, with one exception: a raw value is written as it is, so that its syntax is the
//! client's; that it is one field, and no line is too long, is ours. Time, chance and the contents of blobs
//! are given.

use std::collections::{BTreeMap, HashSet};

use koi_types::HeaderForm;

use crate::body::BodyValue;
use crate::date::DateTime;
use crate::form::HeaderValue;

mod check;
mod field;
mod param;
mod refusal;
mod transfer;
mod tree;
mod write;

pub use refusal::{Refusal, Rule};

/// Levels of parts within parts that are written.
pub const BUILD_DEPTH_MAX: usize = 32;
/// Parts of one message that are written.
pub const BUILD_PARTS_MAX: usize = 1_000;

/// The properties of an Email to be created that make its message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmailForm {
    /// The property `headers` was given, which it must not be.
    pub has_headers: bool,
    pub headers: Vec<HeaderSetting>,
    pub body_structure: Option<PartForm>,
    pub text_body: Option<Vec<PartForm>>,
    pub html_body: Option<Vec<PartForm>>,
    pub attachments: Option<Vec<PartForm>>,
    /// By part id.
    pub body_values: BTreeMap<String, BodyValue>,
}

/// A property that stands for a header field: `from`, or `header:List-Post:asURLs:all`.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderSetting {
    /// The name of the property as the client wrote it; a refusal names it.
    pub property: String,
    /// The name of the field.
    pub field: String,
    pub form: HeaderForm,
    /// One for each field that is to be written, all of `form`; none where the property is null.
    pub values: Vec<HeaderValue>,
}

/// An EmailBodyPart to be created (RFC 8621 §4.1.4).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartForm {
    /// The property `headers` was given, which it must not be.
    pub has_headers: bool,
    pub headers: Vec<HeaderSetting>,
    pub part_id: Option<String>,
    pub blob_id: Option<String>,
    pub has_size: bool,
    pub name: Option<String>,
    /// `type`.
    pub media_type: Option<String>,
    pub charset: Option<String>,
    pub disposition: Option<String>,
    pub cid: Option<String>,
    pub language: Option<Vec<String>>,
    pub location: Option<String>,
    pub sub_parts: Option<Vec<PartForm>>,
}

/// What the server adds to the form.
#[derive(Clone, Copy, Debug)]
pub struct Given<'g> {
    /// Without angle brackets; for a form that has none.
    pub message_id: &'g str,
    /// For a form that has none.
    pub date: DateTime,
    /// Nobody may guess it: boundaries are made of it.
    pub random: [u8; 16],
    /// Octets of the largest message.
    pub octets_max: usize,
}

/// Why no message was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// RFC 8621 §4.6: `invalidProperties`. At least one.
    Refused(Vec<Refusal>),
    /// RFC 8621 §4.6: `blobNotFound`, with all ids that were asked for in vain, each once.
    BlobsNotFound(Vec<String>),
    TooLarge,
}

/// The octets of the message. `blob` is asked for the contents of each part that refers to one, one after the
/// other in the order of the message.
pub fn build(
    form: &EmailForm,
    given: &Given<'_>,
    blob: &mut dyn FnMut(&str) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, BuildError> {
    let refusals = check::refusals(form);
    if !refusals.is_empty() {
        return Err(BuildError::Refused(refusals));
    }
    write::message(form, given, blob)
}

impl EmailForm {
    /// The blobs that parts refer to, each once, in the order of the parts.
    #[must_use]
    pub fn blob_ids(&self) -> Vec<&str> {
        let (mut ids, mut seen) = (Vec::new(), HashSet::new());
        let flat = [&self.text_body, &self.html_body, &self.attachments];
        let parts = self.body_structure.iter().chain(flat.into_iter().flatten().flatten());
        parts.for_each(|part| part.push_blob_ids(&mut seen, &mut ids));
        ids
    }
}

impl PartForm {
    fn push_blob_ids<'f>(&'f self, seen: &mut HashSet<&'f str>, ids: &mut Vec<&'f str>) {
        ids.extend(self.blob_id.as_deref().filter(|id| seen.insert(id)));
        self.sub_parts.iter().flatten().for_each(|part| part.push_blob_ids(seen, ids));
    }
}

#[cfg(test)]
mod tests;
