//! The octets of a message from its parts (RFC 2045 §4, RFC 2046 §5.1).

use std::borrow::Cow;

use memchr::memmem;

use super::field::{self, Piece, fold};
use super::param::push_param;
use super::transfer::{Contents, Encoding};
use super::tree::{Node, Source};
use super::{BuildError, EmailForm, Given, HeaderSetting};
use crate::form::HeaderValue;

/// How often other boundaries are tried when contents hold the first. That takes a sender who knows what
/// nobody can guess.
const BOUNDARY_TRIES: usize = 4;

/// The fields of a header in the order in which people expect them; others come behind.
const ORDER: &[&str] = &[
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
];

type BlobOf<'b> = dyn FnMut(&str) -> Option<Vec<u8>> + 'b;

pub(super) fn message(
    form: &EmailForm,
    given: &Given<'_>,
    blob: &mut BlobOf<'_>,
) -> Result<Vec<u8>, BuildError> {
    let tree = Node::of(form);
    for attempt in 0..BOUNDARY_TRIES {
        let mut writer = Writer {
            form,
            octets_max: given.octets_max,
            stem: stem(given.random, attempt),
            boundaries: 0,
            is_taken: false,
            missing: Vec::new(),
            widest: Encoding::SevenBit,
            out: Vec::new(),
        };
        writer.header(given);
        writer.part(&tree, blob)?;
        if !writer.missing.is_empty() {
            return Err(BuildError::BlobsNotFound(writer.missing));
        }
        if !writer.is_taken {
            return Ok(writer.out);
        }
    }
    Err(BuildError::TooLarge)
}

/// What all boundaries begin with. RFC 2045 §6.7: `=_` is in no quoted-printable or base64.
fn stem(random: [u8; 16], attempt: usize) -> String {
    let hex: String = random.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("=_{hex}{}", "x".repeat(attempt))
}

struct Writer<'f> {
    form: &'f EmailForm,
    octets_max: usize,
    stem: String,
    boundaries: usize,
    /// Whether contents hold what boundaries begin with.
    is_taken: bool,
    /// Blobs that are not there.
    missing: Vec<String>,
    /// The encoding of a part so far that needs most of a way.
    widest: Encoding,
    out: Vec<u8>,
}

impl<'f> Writer<'f> {
    /// The fields of the message but those of its body.
    fn header(&mut self, given: &Given<'_>) {
        let settings = &self.form.headers;
        let root = self.form.body_structure.iter().flat_map(|root| &root.headers);
        let is_set = |name: &str| {
            let writes =
                |setting: &&HeaderSetting| setting.field.eq_ignore_ascii_case(name) && setting.is_written();
            settings.iter().chain(root.clone()).any(|setting| writes(&setting))
        };
        let date = HeaderValue::Date(Some(given.date));
        let message_id = HeaderValue::MessageIds(Some(vec![given.message_id.to_owned()]));
        let out = &mut self.out;
        for name in ORDER {
            let named = settings.iter().filter(|setting| setting.field.eq_ignore_ascii_case(name));
            named.for_each(|setting| setting.push_as(name, out));
            match *name {
                "Date" if !is_set(name) => field::push(name, &date, out),
                "Message-ID" if !is_set(name) => field::push(name, &message_id, out),
                _ => {}
            }
        }
        let is_ordered =
            |setting: &&HeaderSetting| ORDER.iter().any(|name| setting.field.eq_ignore_ascii_case(name));
        settings.iter().filter(|setting| !is_ordered(setting)).for_each(|setting| setting.push(out));
        if !is_set("MIME-Version") {
            out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        }
    }

    /// The fields of a part, the blank line, its contents.
    fn part(&mut self, node: &Node<'f>, blob: &mut BlobOf<'_>) -> Result<(), BuildError> {
        match &node.contents {
            Source::Parts(parts) => return self.multipart(node, parts, blob),
            Source::Value(id) => {
                let value = self.form.body_values.get(*id).map(|value| value.value.as_str());
                let text = with_crlf(value.unwrap_or_default());
                self.leaf(node, text.as_bytes())?;
            }
            Source::Blob(id) => match blob(id) {
                Some(octets) => self.leaf(node, &octets)?,
                None if self.missing.iter().any(|missing| missing == id) => {}
                None => self.missing.push((*id).to_owned()),
            },
            Source::Nothing => self.leaf(node, b"")?,
        }
        if self.out.len() > self.octets_max { Err(BuildError::TooLarge) } else { Ok(()) }
    }

    fn leaf(&mut self, node: &Node<'f>, octets: &[u8]) -> Result<(), BuildError> {
        if octets.len() > self.octets_max {
            return Err(BuildError::TooLarge);
        }
        let encoding = Encoding::choose(Contents::of(&node.media_type), octets);
        let charset = match (&node.contents, node.form.and_then(|form| form.charset.as_deref())) {
            (Source::Blob(_), charset) => charset,
            _ if node.media_type.starts_with("text/") => Some("utf-8"),
            _ => None,
        };
        let mut params = Vec::new();
        params.extend(charset.map(|charset| Param { name: "charset", value: Cow::Borrowed(charset) }));
        self.fields(node, params);
        if let Some(name) = encoding.name() {
            field::push("Content-Transfer-Encoding", &HeaderValue::Raw(format!(" {name}")), &mut self.out);
        }
        self.out.extend_from_slice(b"\r\n");
        self.widest = self.widest.wider(encoding);
        self.is_taken |= encoding.is_identity() && memmem::find(octets, self.stem.as_bytes()).is_some();
        encoding.push(octets, &mut self.out);
        Ok(())
    }

    fn multipart(
        &mut self,
        node: &Node<'f>,
        parts: &[Node<'f>],
        blob: &mut BlobOf<'_>,
    ) -> Result<(), BuildError> {
        self.boundaries += 1;
        let boundary = format!("{}_{}", self.stem, self.boundaries);
        let mut params = vec![Param { name: "boundary", value: Cow::Owned(boundary.clone()) }];
        params.extend(required_param(&node.media_type, parts));
        self.fields(node, params);
        let before = std::mem::replace(&mut self.widest, Encoding::SevenBit);
        let header_end = self.out.len();
        for part in parts {
            self.out.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
            self.part(part, blob)?;
        }
        self.out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        // RFC 2045 §6.4: a multipart is not 7bit when a part of it is not.
        if let Some(encoding) = self.widest.name() {
            let field = format!("Content-Transfer-Encoding: {encoding}\r\n");
            drop(self.out.splice(header_end..header_end, field.into_bytes()));
        }
        self.widest = self.widest.wider(before);
        Ok(())
    }

    /// The MIME fields of a part but its transfer encoding.
    fn fields(&mut self, node: &Node<'f>, mut params: Vec<Param<'f>>) {
        let out = &mut self.out;
        let form = node.form;
        let disposition = form.and_then(|form| form.disposition.as_deref()).or(node.disposition);
        let name = form.and_then(|form| form.name.as_deref()).filter(|name| !name.is_empty());
        let set = |field: &str| form.and_then(|form| form.setting(field));
        let named = name.map(|name| Param { name: "name", value: Cow::Borrowed(name) });
        if let Some(setting) = set("Content-Type") {
            let has_charset = form.is_some_and(|form| form.raw_charset().is_some());
            push_raw_type(setting, params.into_iter().filter(|_| !has_charset), out);
        } else {
            params.extend(named.filter(|_| disposition.is_none()));
            push_with_params("Content-Type", &node.media_type, &params, out);
        }
        if let Some(kind) = disposition.filter(|_| set("Content-Disposition").is_none()) {
            let filename = name.map(|name| Param { name: "filename", value: Cow::Borrowed(name) });
            push_with_params("Content-Disposition", kind, filename.as_slice(), out);
        }
        let Some(form) = form else { return };
        if let Some(cid) = &form.cid {
            field::push("Content-ID", &HeaderValue::MessageIds(Some(vec![cid.clone()])), out);
        }
        if let Some(tags) = form.language.as_ref().filter(|tags| !tags.is_empty()) {
            field::push("Content-Language", &HeaderValue::Text(tags.join(", ")), out);
        }
        if let Some(uri) = &form.location {
            field::push("Content-Location", &HeaderValue::Raw(format!(" {uri}")), out);
        }
        let others =
            form.headers.iter().filter(|setting| !setting.field.eq_ignore_ascii_case("Content-Type"));
        others.for_each(|setting| setting.push(out));
    }
}

/// The parameter besides the boundary that a multipart must have: RFC 2387 §3.1 type, RFC 6522 §3
/// report-type.
fn required_param(media_type: &str, parts: &[Node<'_>]) -> Option<Param<'static>> {
    let type_of = |at: usize| parts.get(at).map(|part| part.media_type.as_str());
    match media_type {
        "multipart/related" => Some(Param { name: "type", value: Cow::Owned(type_of(0)?.to_owned()) }),
        "multipart/report" => {
            let report = type_of(1)?.strip_prefix("message/")?;
            Some(Param { name: "report-type", value: Cow::Owned(report.to_owned()) })
        }
        _ => None,
    }
}

struct Param<'v> {
    name: &'static str,
    value: Cow<'v, str>,
}

fn push_with_params(field_name: &str, value: &str, params: &[Param<'_>], out: &mut Vec<u8>) {
    let mut pieces = vec![Piece::word(value.to_owned())];
    params.iter().for_each(|param| push_param(param.name, &param.value, &mut pieces));
    fold(field_name, &pieces, out);
}

/// A Content-Type as the client wrote it, and the charset of a value behind it.
fn push_raw_type<'p>(setting: &HeaderSetting, params: impl Iterator<Item = Param<'p>>, out: &mut Vec<u8>) {
    setting.push(out);
    for param in params {
        if out.ends_with(b"\r\n") {
            out.truncate(out.len() - 2);
            out.extend_from_slice(format!(";\r\n {}={}\r\n", param.name, param.value).as_bytes());
        }
    }
}

/// RFC 2046 §4.1.1: lines of text end with CRLF.
fn with_crlf(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\n', "\r\n"))
}

impl HeaderSetting {
    /// Whether there is anything to write: RFC 8621 §4.1.3 null is no field.
    fn is_written(&self) -> bool {
        self.values.iter().any(|value| match value {
            HeaderValue::MessageIds(list) | HeaderValue::Urls(list) => {
                list.as_ref().is_some_and(|l| !l.is_empty())
            }
            HeaderValue::Date(date) => date.is_some(),
            HeaderValue::Addresses(list) => !list.is_empty(),
            HeaderValue::GroupedAddresses(list) => {
                list.iter().any(|g| g.name.is_some() || !g.addresses.is_empty())
            }
            HeaderValue::Raw(_) | HeaderValue::Text(_) => true,
        })
    }

    fn push(&self, out: &mut Vec<u8>) {
        self.push_as(&self.field, out);
    }

    /// With the name in another spelling.
    fn push_as(&self, name: &str, out: &mut Vec<u8>) {
        self.values.iter().for_each(|value| field::push(name, value, out));
    }
}
