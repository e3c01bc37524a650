//! The MIME fields of one part as IMAP shows them: Content-Type (RFC 2045 §5.1), Content-Transfer-Encoding
//! (RFC 2045 §6.1), Content-Disposition (RFC 2183 §2), Content-Language (RFC 3282 §2), Content-ID and
//! Content-Description (RFC 2045 §7, §8), Content-MD5 (RFC 1864), Content-Location (RFC 2557 §4).
//!
//! Values stay octet strings; nothing is decoded here but quoting and comments.

use crate::header::{Field, unfold};
use crate::lexer::{Lexer, is_token};
use crate::limits::{LANGUAGES_MAX, PARAMS_MAX};

pub use crate::transfer_encoding::TransferEncoding;

/// What the MIME header of a part says about its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Type and subtype in the spelling of the message; `text` and `plain` where the field is absent or
    /// unreadable.
    pub media_type: Vec<u8>,
    pub subtype: Vec<u8>,
    pub params: Vec<Param>,
    /// The raw values, unfolded; comments stay.
    pub id: Option<Vec<u8>>,
    pub description: Option<Vec<u8>>,
    /// The first token of Content-Transfer-Encoding in the spelling of the message; None means 7bit.
    pub encoding: Option<Vec<u8>>,
    pub md5: Option<Vec<u8>>,
    pub disposition: Option<Disposition>,
    pub language: Vec<Vec<u8>>,
    pub location: Option<Vec<u8>>,
}

/// A parameter with its value unquoted. RFC 2231 §3: continuations are joined into one; a value in the
/// extended notation keeps it, and its name keeps the `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Param {
    pub name: Vec<u8>,
    pub value: Vec<u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disposition {
    pub kind: Vec<u8>,
    pub params: Vec<Param>,
}

impl Content {
    /// RFC 2045 §5.2: plain US-ASCII text.
    pub fn text_plain() -> Content {
        Content {
            media_type: b"text".to_vec(),
            subtype: b"plain".to_vec(),
            params: vec![us_ascii()],
            ..Content::default()
        }
    }

    /// RFC 2046 §5.1.5: what a part of a digest is by default.
    pub fn message_rfc822() -> Content {
        Content { media_type: b"message".to_vec(), subtype: b"rfc822".to_vec(), ..Content::default() }
    }

    /// Whether type and subtype are these, ASCII case ignored.
    pub fn is(&self, media_type: &[u8], subtype: &[u8]) -> bool {
        self.is_type(media_type) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    pub fn is_type(&self, media_type: &[u8]) -> bool {
        self.media_type.eq_ignore_ascii_case(media_type)
    }

    /// message/rfc822 or message/global (RFC 9051 §6.4.5.1): what has an envelope of its own.
    pub fn is_message(&self) -> bool {
        self.is(b"message", b"rfc822") || self.is(b"message", b"global")
    }

    /// RFC 8098 §3: whether a message with this content says that another one was displayed, or not. A
    /// receipt is no news: nobody is woken by it (COI-webpush §push-notification-payload).
    pub fn is_disposition_notification(&self) -> bool {
        let report_type = self.param(b"report-type").unwrap_or_default();
        let is_report = self.is(b"multipart", b"report");
        (is_report && report_type.eq_ignore_ascii_case(b"disposition-notification"))
            || self.is(b"message", b"disposition-notification")
    }

    /// The value of the first parameter of this name.
    pub fn param(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self.params.iter().find(|param| param.name.eq_ignore_ascii_case(name));
        found.map(|param| param.value.as_slice())
    }

    pub fn transfer_encoding(&self) -> TransferEncoding {
        self.encoding.as_deref().map_or(TransferEncoding::SevenBit, TransferEncoding::from_token)
    }

    /// What IMAP shows as the encoding: RFC 2045 §6.1, the default is `7bit`.
    pub fn encoding_or_default(&self) -> &[u8] {
        self.encoding.as_deref().unwrap_or(b"7bit")
    }
}

/// Collects the MIME fields of one header. RFC 2045 §3 allows each once; of several the first one counts.
#[derive(Default)]
pub(crate) struct ContentBuilder {
    content: Content,
    typed: bool,
}

impl ContentBuilder {
    /// Takes in `field`, if it is one of ours.
    pub(crate) fn field(&mut self, field: &Field<'_>) {
        let Some(name) = strip_content(field.name) else { return };
        let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
        let content = &mut self.content;
        if is(b"type") {
            if !self.typed {
                self.typed = true;
                parse_type(field.value, content);
            }
        } else if is(b"transfer-encoding") {
            if content.encoding.is_none() {
                content.encoding = parse_encoding(field.value);
            }
        } else if is(b"disposition") {
            if content.disposition.is_none() {
                content.disposition = parse_disposition(field.value);
            }
        } else if is(b"language") {
            if content.language.is_empty() {
                content.language = parse_languages(field.value);
            }
        } else if is(b"id") {
            first(&mut content.id, field.value);
        } else if is(b"description") {
            first(&mut content.description, field.value);
        } else if is(b"md5") {
            first(&mut content.md5, field.value);
        } else if is(b"location") {
            first(&mut content.location, field.value);
        }
    }

    /// The content, with `default` in place of an absent or unreadable Content-Type.
    pub(crate) fn finish(self, default: DefaultType) -> Content {
        let mut content = self.content;
        if content.media_type.is_empty() {
            let digest = default == DefaultType::Message && !self.typed;
            let basis = if digest { Content::message_rfc822() } else { Content::text_plain() };
            content.media_type = basis.media_type;
            content.subtype = basis.subtype;
            content.params = basis.params;
        } else if content.is_type(b"text") && content.param(b"charset").is_none() {
            // RFC 2046 §4.1.2: so nobody has to know the default.
            if content.param(b"charset*").is_none() {
                content.params.push(us_ascii());
            }
        }
        content
    }
}

/// What a part without Content-Type is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum DefaultType {
    Text,
    /// RFC 2046 §5.1.5: within multipart/digest.
    Message,
}

/// The name after `Content-`.
fn strip_content(name: &[u8]) -> Option<&[u8]> {
    let (prefix, rest) = name.split_at_checked(8)?;
    (prefix.eq_ignore_ascii_case(b"content-") && rest.len() <= 17).then_some(rest)
}

fn us_ascii() -> Param {
    Param { name: b"charset".to_vec(), value: b"us-ascii".to_vec() }
}

/// Puts the unfolded value in an empty place.
fn first(place: &mut Option<Vec<u8>>, value: &[u8]) {
    place.get_or_insert_with(|| {
        let mut out = Vec::with_capacity(value.len());
        unfold(value, &mut out);
        out
    });
}

/// `type "/" subtype *(";" parameter)` (RFC 2045 §5.1). Leaves `content` untouched if there is no type or
/// subtype.
fn parse_type(value: &[u8], content: &mut Content) {
    let mut lexer = Lexer::new(value);
    lexer.skip_cfws();
    let media_type = lexer.run(is_token);
    lexer.skip_cfws();
    if media_type.is_empty() || !lexer.take(b'/') {
        return;
    }
    lexer.skip_cfws();
    let subtype = lexer.run(is_token);
    if subtype.is_empty() {
        return;
    }
    content.media_type = media_type.to_vec();
    content.subtype = subtype.to_vec();
    content.params = parse_params(&mut lexer);
}

fn parse_encoding(value: &[u8]) -> Option<Vec<u8>> {
    let mut lexer = Lexer::new(value);
    lexer.skip_cfws();
    let token = if lexer.peek() == Some(b'"') {
        let mut quoted = Vec::new();
        lexer.quoted(&mut quoted);
        quoted.trim_ascii().to_vec()
    } else {
        lexer.run(is_token).to_vec()
    };
    (!token.is_empty()).then_some(token)
}

/// `type *(";" parameter)` (RFC 2183 §2).
fn parse_disposition(value: &[u8]) -> Option<Disposition> {
    let mut lexer = Lexer::new(value);
    lexer.skip_cfws();
    let kind = lexer.run(is_token).to_vec();
    let params = parse_params(&mut lexer);
    (!kind.is_empty() || !params.is_empty()).then_some(Disposition { kind, params })
}

/// `Language-tag *("," Language-tag)` (RFC 3282 §2), with comments.
fn parse_languages(value: &[u8]) -> Vec<Vec<u8>> {
    let mut lexer = Lexer::new(value);
    let mut tags = Vec::new();
    while !lexer.at_end() && tags.len() < LANGUAGES_MAX {
        lexer.skip_cfws();
        let tag = lexer.run(is_token);
        if !tag.is_empty() {
            tags.push(tag.to_vec());
        }
        lexer.skip_cfws();
        if !lexer.take(b',') && tag.is_empty() {
            lexer.bump();
        }
    }
    tags
}

/// `*(";" attribute "=" value)` (RFC 2045 §5.1). Lenient: semicolons may be missing or doubled, white space
/// may stand around `=`, a value may be any run up to white space or `;`.
fn parse_params(lexer: &mut Lexer<'_>) -> Vec<Param> {
    let mut params = Vec::new();
    let mut extended = false;
    while params.len() < PARAMS_MAX {
        lexer.skip_cfws();
        while lexer.take(b';') {
            lexer.skip_cfws();
        }
        if lexer.at_end() {
            break;
        }
        let name = lexer.run(is_token);
        lexer.skip_cfws();
        if name.is_empty() {
            lexer.bump();
            continue;
        }
        if !lexer.take(b'=') {
            continue;
        }
        lexer.skip_cfws();
        extended |= name.contains(&b'*');
        params.push(Param { name: name.to_vec(), value: param_value(lexer) });
    }
    if extended { crate::continuation::join(params) } else { params }
}

fn param_value(lexer: &mut Lexer<'_>) -> Vec<u8> {
    if lexer.peek() == Some(b'"') {
        let mut value = Vec::new();
        lexer.quoted(&mut value);
        return value;
    }
    lexer.run(|b| !crate::lexer::is_white(b) && !matches!(b, b';' | b'"')).to_vec()
}

#[cfg(test)]
mod tests {
    use crate::parse;

    /// spec: RFC 8098 §3
    #[test]
    fn receipts() {
        for (content_type, expected) in [
            ("multipart/report; report-type=disposition-notification; boundary=b", true),
            ("Multipart/Report; boundary=b; Report-Type=\"Disposition-Notification\"", true),
            ("message/disposition-notification", true),
            ("multipart/report; report-type=delivery-status; boundary=b", false),
            ("multipart/report; boundary=b", false),
            ("multipart/mixed; report-type=disposition-notification; boundary=b", false),
            ("text/plain", false),
        ] {
            let message = format!("Content-Type: {content_type}\r\n\r\n--b\r\n\r\nread\r\n--b--\r\n");
            let content = parse(message.as_bytes()).facts.structure.root.content;
            assert_eq!(content.is_disposition_notification(), expected, "{content_type}");
        }
    }
}
