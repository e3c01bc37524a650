//! BODY and BODYSTRUCTURE (RFC 9051 §7.5.2): the tree a caller hands in and how it is written.

use super::envelope::{EnvelopeRef, push_envelope};
use super::number::push_number;
use super::string::{push_nstring, push_string};

/// One part with what is below it; the caller bounds the depth, as its parser of messages does. Media types
/// are written as given; the caller has put in the defaults of MIME.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BodyRef<'a> {
    /// `text`, `multipart` …
    pub media_type: &'a [u8],
    pub media_subtype: &'a [u8],
    pub parameters: Vec<Parameter<'a>>,
    pub disposition: Option<Disposition<'a>>,
    /// `Content-Language` tags.
    pub language: Vec<&'a [u8]>,
    pub location: Option<&'a [u8]>,
    pub kind: BodyKind<'a>,
}

/// `body-type-mpart`, `body-type-basic`, `body-type-text`, `body-type-msg`
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BodyKind<'a> {
    /// The grammar knows none without a part; an empty one is written with one empty text part.
    Multipart(Vec<BodyRef<'a>>),
    Basic(BodyFields<'a>),
    Text {
        fields: BodyFields<'a>,
        lines: u64,
    },
    Message {
        fields: BodyFields<'a>,
        envelope: Box<EnvelopeRef<'a>>,
        body: Box<BodyRef<'a>>,
        lines: u64,
    },
}

/// `body-fields` after the parameters, and MD5 of the extension data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BodyFields<'a> {
    pub id: Option<&'a [u8]>,
    pub description: Option<&'a [u8]>,
    /// `Content-Transfer-Encoding`; `7BIT` when the message has none.
    pub encoding: &'a [u8],
    /// Size in its transfer encoding.
    pub octets: u64,
    /// `Content-MD5`
    pub md5: Option<&'a [u8]>,
}

/// `attribute=value` of a MIME field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameter<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
}

/// `Content-Disposition`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disposition<'a> {
    pub kind: &'a [u8],
    pub parameters: Vec<Parameter<'a>>,
}

/// How much is told (RFC 9051 §6.4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyForm {
    /// BODY: without extension data.
    Short,
    /// BODYSTRUCTURE
    Extended,
}

/// Appends the value of BODY or BODYSTRUCTURE.
///
/// ```abnf
/// body            = "(" (body-type-1part / body-type-mpart) ")"   ; RFC 9051 §9
/// body-type-1part = (body-type-basic / body-type-msg / body-type-text) [SP body-ext-1part]
/// body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
/// body-ext-mpart  = body-fld-param [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc]]]
/// body-ext-1part  = body-fld-md5 [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc]]]
/// ```
pub fn push_body(part: &BodyRef<'_>, form: BodyForm, out: &mut Vec<u8>) {
    out.push(b'(');
    match &part.kind {
        BodyKind::Multipart(parts) => {
            parts.iter().for_each(|part| push_body(part, form, out));
            if parts.is_empty() {
                push_body(&empty_text(), form, out);
            }
            spaced_string(part.media_subtype, out);
            if form == BodyForm::Extended {
                out.push(b' ');
                push_parameters(&part.parameters, out);
                push_extension(part, out);
            }
        }
        BodyKind::Basic(fields) | BodyKind::Text { fields, .. } | BodyKind::Message { fields, .. } => {
            push_string(part.media_type, out);
            spaced_string(part.media_subtype, out);
            push_fields(part, fields, out);
            push_kind(&part.kind, form, out);
            if form == BodyForm::Extended {
                spaced_nstring(fields.md5, out);
                push_extension(part, out);
            }
        }
    }
    out.push(b')');
}

/// ```abnf
/// body-fields = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP
///               body-fld-octets   ; RFC 9051 §9
/// ```
fn push_fields(part: &BodyRef<'_>, fields: &BodyFields<'_>, out: &mut Vec<u8>) {
    out.push(b' ');
    push_parameters(&part.parameters, out);
    spaced_nstring(fields.id, out);
    spaced_nstring(fields.description, out);
    spaced_string(if fields.encoding.is_empty() { b"7BIT" } else { fields.encoding }, out);
    spaced_number(fields.octets, out);
}

/// ```abnf
/// body-type-msg  = media-message SP body-fields SP envelope SP body SP body-fld-lines   ; RFC 9051 §9
/// body-type-text = media-text SP body-fields SP body-fld-lines
/// ```
fn push_kind(kind: &BodyKind<'_>, form: BodyForm, out: &mut Vec<u8>) {
    match kind {
        BodyKind::Multipart(_) | BodyKind::Basic(_) => {}
        BodyKind::Text { lines, .. } => spaced_number(*lines, out),
        BodyKind::Message { envelope, body, lines, .. } => {
            out.push(b' ');
            push_envelope((**envelope).clone(), out);
            out.push(b' ');
            push_body(body, form, out);
            spaced_number(*lines, out);
        }
    }
}

/// ```abnf
/// body-fld-dsp  = "(" string SP body-fld-param ")" / nil              ; RFC 9051 §9
/// body-fld-lang = nstring / "(" string *(SP string) ")"
/// body-fld-loc  = nstring
/// ```
fn push_extension(part: &BodyRef<'_>, out: &mut Vec<u8>) {
    match &part.disposition {
        Some(disposition) => {
            out.extend_from_slice(b" (");
            push_string(disposition.kind, out);
            out.push(b' ');
            push_parameters(&disposition.parameters, out);
            out.push(b')');
        }
        None => out.extend_from_slice(b" NIL"),
    }
    for (at, tag) in part.language.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b" (" } else { b" " });
        push_string(tag, out);
    }
    out.extend_from_slice(if part.language.is_empty() { b" NIL" } else { b")" });
    spaced_nstring(part.location, out);
}

/// ```abnf
/// body-fld-param = "(" string SP string *(SP string SP string) ")" / nil   ; RFC 9051 §9
/// ```
fn push_parameters(parameters: &[Parameter<'_>], out: &mut Vec<u8>) {
    for (at, parameter) in parameters.iter().enumerate() {
        out.push(if at == 0 { b'(' } else { b' ' });
        push_string(parameter.name, out);
        spaced_string(parameter.value, out);
    }
    out.extend_from_slice(if parameters.is_empty() { b"NIL" } else { b")" });
}

fn spaced_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b' ');
    push_string(text, out);
}

fn spaced_nstring(text: Option<&[u8]>, out: &mut Vec<u8>) {
    out.push(b' ');
    push_nstring(text, out);
}

fn spaced_number(number: u64, out: &mut Vec<u8>) {
    out.push(b' ');
    push_number(number, out);
}

fn empty_text() -> BodyRef<'static> {
    BodyRef {
        media_type: b"text",
        media_subtype: b"plain",
        parameters: Vec::new(),
        disposition: None,
        language: Vec::new(),
        location: None,
        kind: BodyKind::Text { fields: BodyFields::default(), lines: 0 },
    }
}
