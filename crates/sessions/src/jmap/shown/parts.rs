//! Parts of a message (RFC 8621 §4.1.4) as they are shown, and the values of its texts.

use koi_message::{BodyLists, BodyPart, Part, PartKind, Range32, body_value};
use koi_proto::jmap::object::email::body::{self, BodyProperty, BodyValue, PartProperty};
use koi_proto::jmap::object::email::fetch::BodyFetch;
use koi_proto::jmap::object::email::header::HeaderProperty;
use koi_types::{BlobName, Result};

use super::octets::Octets;
use super::{Sizes, fields};

/// What is needed to show parts of one message.
pub(super) struct Parts<'p> {
    /// The message, as a blob.
    blob: &'p BlobName,
    octets: &'p Octets<'p>,
    sizes: &'p Sizes,
    wanted: Wanted,
    /// Properties that stand for header fields.
    fields: &'p [HeaderProperty],
}

/// Of a part, besides header fields. What costs nothing is filled in always.
#[derive(Clone, Copy)]
struct Wanted {
    headers: bool,
    size: bool,
    name: bool,
    charset: bool,
    cid: bool,
    language: bool,
    location: bool,
}

impl<'p> Parts<'p> {
    pub(super) fn new(
        blob: &'p BlobName,
        octets: &'p Octets<'p>,
        sizes: &'p Sizes,
        properties: &[BodyProperty],
        fields: &'p [HeaderProperty],
    ) -> Self {
        let wants = |property| properties.contains(&BodyProperty::Part(property));
        let wanted = Wanted {
            headers: wants(PartProperty::Headers),
            size: wants(PartProperty::Size),
            name: wants(PartProperty::Name),
            charset: wants(PartProperty::Charset),
            cid: wants(PartProperty::Cid),
            language: wants(PartProperty::Language),
            location: wants(PartProperty::Location),
        };
        Self { blob, octets, sizes, wanted, fields }
    }
    pub(super) fn list(&self, parts: &[&BodyPart<'_>]) -> Result<Vec<body::BodyPart>> {
        parts.iter().map(|part| self.part(part)).collect()
    }
    /// A part with all below it.
    pub(super) fn tree(&self, shown: &BodyPart<'_>) -> Result<body::BodyPart> {
        let mut part = self.part(shown)?;
        if shown.is_multipart() {
            part.sub_parts =
                Some(shown.sub_parts.iter().map(|below| self.tree(below)).collect::<Result<_>>()?);
        }
        Ok(part)
    }
    fn part(&self, shown: &BodyPart<'_>) -> Result<body::BodyPart> {
        let (part, wanted) = (shown.part, self.wanted);
        let text = |wanted: bool, text: fn(&Part) -> Option<String>| {
            if wanted { text(part).map(Into::into) } else { None }
        };
        let mut made = body::BodyPart {
            part_id: shown.part_id().map(Into::into),
            blob_id: (!shown.is_multipart()).then(|| self.blob.part(&shown.path).into()),
            size: if wanted.size { self.sizes.of(part).unwrap_or_default() } else { 0 },
            media_type: part.full_type().into(),
            disposition: part.disposition().map(Into::into),
            name: text(wanted.name, Part::name),
            charset: text(wanted.charset, Part::charset),
            cid: text(wanted.cid, Part::cid),
            location: text(wanted.location, Part::location),
            ..body::BodyPart::default()
        };
        if wanted.language {
            made.language = part.language().map(|tags| tags.into_iter().map(Into::into).collect());
        }
        if wanted.headers || !self.fields.is_empty() {
            let header = self.octets.of(part.header_range())?;
            made.fields = fields::of_header(self.fields, &header);
            if wanted.headers {
                made.headers = fields::raw(&header);
            }
        }
        Ok(made)
    }
    /// RFC 8621 §4.2: the texts that were asked for, each once.
    pub(super) fn values(
        &self,
        fetch: &BodyFetch,
        tree: &BodyPart<'_>,
        lists: &BodyLists<'_, '_>,
    ) -> Result<Vec<BodyValue>> {
        let mut values: Vec<BodyValue> = Vec::new();
        let octets_max = usize::try_from(fetch.value_octets_max.unwrap_or(0)).unwrap_or(usize::MAX);
        let mut all = Vec::new();
        if fetch.all_values {
            tree.visit(&mut |part| all.push(part));
        }
        let text = if fetch.text_values { lists.text.as_slice() } else { &[] };
        let html = if fetch.html_values { lists.html.as_slice() } else { &[] };
        for part in text.iter().chain(html).copied().chain(all) {
            let Some(part_id) = part.part_id().filter(|_| part.part.content.is_type(b"text")) else {
                continue;
            };
            if values.iter().any(|value| *value.part_id == *part_id) {
                continue;
            }
            let value = self.value(part.part, octets_max)?;
            values.push(BodyValue {
                part_id: part_id.into(),
                value: value.value.into(),
                is_encoding_problem: value.is_encoding_problem,
                is_truncated: value.is_truncated,
            });
        }
        Ok(values)
    }
    fn value(&self, part: &Part, octets_max: usize) -> Result<koi_message::BodyValue> {
        let octets = self.octets.of(part.body)?;
        // By itself, so that nothing else of the message need be in memory.
        let body = Range32::new(0, u32::try_from(octets.len()).unwrap_or(u32::MAX));
        let content = part.content.clone();
        let alone = Part { header: Range32::default(), body, body_lines: 0, content, kind: PartKind::Leaf };
        Ok(body_value(&alone, &octets, octets_max))
    }
}
