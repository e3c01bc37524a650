//! The rules for Emails to be created (RFC 8621 §4.6), all checked before anything is written.

use std::collections::HashSet;

use super::refusal::{Refusal, Rule};
use super::{BUILD_DEPTH_MAX, BUILD_PARTS_MAX, EmailForm, HeaderSetting, PartForm};
use crate::build::field;
use crate::content::Content;
use crate::parse::parse;

/// Refusals that are told; one is enough to refuse the whole.
const REFUSALS_MAX: usize = 100;

/// RFC 5322 §3.6, RFC 2045 §3: the fields that a header has once at most.
const ONCE: [&str; 19] = [
    "Date",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-ID",
    "Content-Description",
    "Content-Disposition",
    "Content-Language",
    "Content-Location",
];

/// Octets of the name of a file: RFC 2231 parts it, and readers keep only so many parameters.
const FILE_NAME_OCTETS_MAX: usize = 1_000;

/// All refusals of `form`, in its order.
pub(super) fn refusals(form: &EmailForm) -> Vec<Refusal> {
    let mut check = Check { form, refusals: Vec::new(), parts: 0 };
    check.email();
    check.refusals
}

struct Check<'f> {
    form: &'f EmailForm,
    refusals: Vec<Refusal>,
    parts: usize,
}

impl Check<'_> {
    fn refuse(&mut self, property: impl Into<String>, rule: Rule) {
        if self.refusals.len() < REFUSALS_MAX {
            self.refusals.push(Refusal { property: property.into(), rule });
        }
    }

    fn email(&mut self) {
        let form = self.form;
        if form.has_headers {
            self.refuse("headers", Rule::HeadersGiven);
        }
        self.fields("", &form.headers, &[]);
        for setting in &form.headers {
            if starts_with_content(&setting.field) {
                self.refuse(&setting.property, Rule::ContentFieldOnEmail);
            }
        }
        if let Some(structure) = &form.body_structure {
            self.instead_of_lists();
            self.root(structure);
        }
        if let Some(parts) = &form.text_body {
            self.one("textBody", parts, "text/plain", Rule::NotOneTextPart);
        }
        if let Some(parts) = &form.html_body {
            self.one("htmlBody", parts, "text/html", Rule::NotOneHtmlPart);
        }
        for (at, part) in form.attachments.iter().flatten().enumerate() {
            self.part(&format!("attachments/{at}/"), part, 1);
        }
        for (id, value) in &form.body_values {
            if value.is_encoding_problem {
                self.refuse(format!("bodyValues/{id}/isEncodingProblem"), Rule::EncodingProblem);
            }
            if value.is_truncated {
                self.refuse(format!("bodyValues/{id}/isTruncated"), Rule::Truncated);
            }
        }
    }

    /// RFC 8621 §4.6: beside bodyStructure there are no lists.
    fn instead_of_lists(&mut self) {
        let form = self.form;
        let given = [
            ("textBody", form.text_body.is_some()),
            ("htmlBody", form.html_body.is_some()),
            ("attachments", form.attachments.is_some()),
        ];
        for (property, _) in given.into_iter().filter(|(_, given)| *given) {
            self.refuse(property, Rule::BodyTwice);
        }
    }

    fn root(&mut self, root: &PartForm) {
        let on_email: HashSet<String> =
            self.form.headers.iter().map(|setting| setting.field.to_ascii_lowercase()).collect();
        for setting in &root.headers {
            if on_email.contains(&setting.field.to_ascii_lowercase()) {
                self.refuse(format!("bodyStructure/{}", setting.property), Rule::FieldOnEmailAndBody);
            }
        }
        self.part("bodyStructure/", root, 0);
    }

    fn one(&mut self, property: &str, parts: &[PartForm], media_type: &str, rule: Rule) {
        let is_right = |part: &PartForm| {
            let written = part.type_written();
            written.as_deref().unwrap_or(media_type).eq_ignore_ascii_case(media_type)
        };
        if parts.len() != 1 || !parts.iter().all(is_right) {
            self.refuse(property, rule);
        }
        for (at, part) in parts.iter().enumerate() {
            self.part(&format!("{property}/{at}/"), part, 1);
        }
    }

    /// `way` ends with a slash.
    fn part(&mut self, way: &str, part: &PartForm, depth: usize) {
        self.parts += 1;
        if self.parts > BUILD_PARTS_MAX {
            if self.parts == BUILD_PARTS_MAX + 1 {
                self.refuse(way.trim_end_matches('/'), Rule::TooManyParts);
            }
            return;
        }
        if part.has_headers {
            self.refuse(format!("{way}headers"), Rule::HeadersGiven);
        }
        self.fields(way, &part.headers, &part.convenient_fields());
        self.facts(way, part);
        self.contents(way, part);
        if let Some(parts) = &part.sub_parts {
            if depth >= BUILD_DEPTH_MAX {
                return self.refuse(format!("{way}subParts"), Rule::TooDeep);
            }
            for (at, child) in parts.iter().enumerate() {
                self.part(&format!("{way}subParts/{at}/"), child, depth + 1);
            }
        }
    }

    /// The properties that become MIME fields.
    fn facts(&mut self, way: &str, part: &PartForm) {
        if part.media_type.as_deref().is_some_and(|text| !is_media_type(text)) {
            self.refuse(format!("{way}type"), Rule::MediaType);
        }
        let visible = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic());
        let checks = [
            ("disposition", part.disposition.as_deref().is_none_or(is_token)),
            ("charset", part.charset.as_deref().is_none_or(is_token)),
            (
                "name",
                part.name
                    .as_deref()
                    .is_none_or(|name| field::is_line(name) && name.len() <= FILE_NAME_OCTETS_MAX),
            ),
            (
                "cid",
                part.cid.as_deref().is_none_or(|cid| {
                    visible(cid) && !cid.contains(['<', '>', '(', ')', '"']) && cid.len() <= 900
                }),
            ),
            (
                "location",
                part.location
                    .as_deref()
                    .is_none_or(|uri| visible(uri) && !uri.contains(['(', ')']) && uri.len() <= 900),
            ),
            ("language", part.language.iter().flatten().all(|tag| is_token(tag) && tag.len() <= 100)),
        ];
        for (property, _) in checks.into_iter().filter(|(_, fine)| !fine) {
            self.refuse(format!("{way}{property}"), Rule::FieldValue);
        }
        if let Some(setting) = part.setting("Content-Type").filter(|_| part.media_type.is_none()) {
            let written = part.type_written();
            let is_multipart = written.as_deref().is_some_and(is_multipart);
            let other = part.raw_charset().is_some_and(|charset| !charset.eq_ignore_ascii_case(b"utf-8"));
            if is_multipart || (other && part.part_id.is_some()) {
                self.refuse(format!("{way}{}", setting.property), Rule::RawContentType);
            }
        }
    }

    fn contents(&mut self, way: &str, part: &PartForm) {
        let multipart = part.type_written().as_deref().is_some_and(is_multipart);
        let has_contents = part.part_id.is_some() || part.blob_id.is_some();
        let has_parts = part.sub_parts.as_ref().is_some_and(|parts| !parts.is_empty());
        if part.part_id.is_some() && part.blob_id.is_some() {
            self.refuse(format!("{way}blobId"), Rule::PartIdAndBlobId);
        }
        if (has_parts && !multipart) || (multipart && has_contents) {
            self.refuse(format!("{way}subParts"), Rule::SubPartsMisplaced);
        } else if !has_contents && !has_parts {
            self.refuse(way.trim_end_matches('/'), Rule::NothingInPart);
        }
        let Some(id) = &part.part_id else { return };
        if !self.form.body_values.contains_key(id) {
            self.refuse(format!("{way}partId"), Rule::NoSuchBodyValue);
        }
        if part.charset.is_some() {
            self.refuse(format!("{way}charset"), Rule::CharsetWithPartId);
        }
        if part.has_size {
            self.refuse(format!("{way}size"), Rule::SizeWithPartId);
        }
    }

    /// Header properties of one object; `convenient` are those of its other properties that stand for
    /// fields.
    fn fields(&mut self, way: &str, settings: &[HeaderSetting], convenient: &[Convenient]) {
        let mut seen: HashSet<String> = convenient.iter().map(|one| one.field.to_ascii_lowercase()).collect();
        for setting in settings {
            let property = format!("{way}{}", setting.property);
            let same = |field: &str| setting.field.eq_ignore_ascii_case(field);
            if !seen.insert(setting.field.to_ascii_lowercase()) {
                self.refuse(&property, Rule::FieldTwice);
            }
            if setting.values.len() > 1 && ONCE.iter().any(|field| same(field)) {
                self.refuse(&property, Rule::FieldOnce);
            }
            if !field::is_name(&setting.field) {
                self.refuse(&property, Rule::FieldName);
            } else if !setting.form.is_for(&setting.field) {
                self.refuse(&property, Rule::FormForbidden);
            }
            if same("Content-Transfer-Encoding") && !way.is_empty() {
                self.refuse(&property, Rule::TransferEncodingGiven);
            }
            let fits = |value| field::can_hold(&setting.field, value);
            if !setting.values.iter().all(|value| value.form() == setting.form && fits(value)) {
                self.refuse(&property, Rule::FieldValue);
            }
        }
    }
}

/// A property of a part other than `header:…` that becomes the field.
struct Convenient {
    field: &'static str,
}

impl PartForm {
    fn convenient_fields(&self) -> Vec<Convenient> {
        let named = self.name.is_some();
        let given = [
            ("Content-Type", self.media_type.is_some() || self.charset.is_some()),
            ("Content-Type", named && self.disposition.is_none()),
            ("Content-Disposition", named || self.disposition.is_some()),
            ("Content-ID", self.cid.is_some()),
            ("Content-Language", self.language.is_some()),
            ("Content-Location", self.location.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(field, _)| Convenient { field }).collect()
    }

    pub(super) fn setting(&self, field: &str) -> Option<&HeaderSetting> {
        let is = |setting: &&HeaderSetting| setting.field.eq_ignore_ascii_case(field);
        self.headers.iter().filter(|setting| !setting.values.is_empty()).find(is)
    }

    /// The type that the part will have, if it says one: by its property or by a raw Content-Type. In lower
    /// case.
    pub(super) fn type_written(&self) -> Option<String> {
        if let Some(media_type) = &self.media_type {
            return Some(media_type.to_ascii_lowercase());
        }
        if let Some(content) = self.raw_content() {
            let full = [content.media_type.as_slice(), b"/", &content.subtype].concat();
            return Some(String::from_utf8_lossy(&full).to_ascii_lowercase());
        }
        let has_parts = self.sub_parts.as_ref().is_some_and(|parts| !parts.is_empty());
        has_parts.then(|| "multipart/mixed".to_owned())
    }

    /// What a Content-Type set by `header:` says.
    pub(super) fn raw_content(&self) -> Option<Content> {
        let setting = self.setting("Content-Type")?;
        let mut header = Vec::new();
        setting.values.iter().for_each(|value| field::push("Content-Type", value, &mut header));
        Some(parse(&header).facts.structure.root.content)
    }

    /// The charset that it names, if it does: what is read has a default in the place of none, so another
    /// one is put behind it, which counts only there.
    pub(super) fn raw_charset(&self) -> Option<Vec<u8>> {
        const NONE: &str = "x-none";
        let setting = self.setting("Content-Type")?;
        let mut header = Vec::new();
        setting.values.iter().take(1).for_each(|value| field::push("Content-Type", value, &mut header));
        header.truncate(header.trim_ascii_end().len());
        header.extend_from_slice(format!("; charset={NONE}\r\n").as_bytes());
        let content = parse(&header).facts.structure.root.content;
        let named = content.param(b"charset*").or_else(|| content.param(b"charset"));
        named.filter(|charset| *charset != NONE.as_bytes()).map(<[u8]>::to_vec)
    }
}

fn starts_with_content(field: &str) -> bool {
    field.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
}

pub(super) fn is_multipart(media_type: &str) -> bool {
    media_type.starts_with("multipart/")
}

fn is_media_type(text: &str) -> bool {
    let mut halves = text.splitn(2, '/');
    text.len() <= 200 && halves.next().is_some_and(is_token) && halves.next().is_some_and(is_token)
}

/// RFC 2045 §5.1 token.
pub(super) fn is_token(text: &str) -> bool {
    let is = |octet: u8| octet.is_ascii_graphic() && crate::lexer::is_token(octet);
    !text.is_empty() && text.len() <= 200 && text.bytes().all(is)
}
