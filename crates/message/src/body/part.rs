//! What JMAP shows of one part (RFC 8621 §4.1.4 EmailBodyPart): its contents and the decoded facts of its
//! MIME header. A property is `None` where the standard has null.

use std::borrow::Cow;

use crate::charset;
use crate::content::{Param, TransferEncoding};
use crate::encoded_word;
use crate::header::unfold;
use crate::lexer::Lexer;
use crate::range::Range32;
use crate::structure::Part;
use crate::transfer::{self, Decoder};

/// Octets of a body that are decoded at a time when only their number is wanted.
const PIECE_OCTETS: usize = 64 * 1024;

impl Part {
    /// Type and subtype in lower case, such as `text/plain`.
    #[must_use]
    pub fn full_type(&self) -> String {
        let full = [self.content.media_type.as_slice(), b"/", &self.content.subtype].concat();
        String::from_utf8_lossy(&full).to_ascii_lowercase()
    }

    /// The charset as it is spelt; `us-ascii` for text that names none.
    #[must_use]
    pub fn charset(&self) -> Option<String> {
        decoded_param(&self.content.params, "charset")
    }

    /// The disposition in lower case.
    #[must_use]
    pub fn disposition(&self) -> Option<String> {
        let kind = &self.content.disposition.as_ref()?.kind;
        (!kind.is_empty()).then(|| String::from_utf8_lossy(kind).to_ascii_lowercase())
    }

    /// The name of the file: RFC 2231 as the standard has it, RFC 2047 as many senders have it.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let disposition = self.content.disposition.as_ref();
        let filename = disposition.and_then(|found| decoded_param(&found.params, "filename"));
        filename.or_else(|| decoded_param(&self.content.params, "name"))
    }

    /// The Content-ID without angle brackets, white space and comments.
    #[must_use]
    pub fn cid(&self) -> Option<String> {
        let value = self.content.id.as_deref()?;
        let mut lexer = Lexer::new(value);
        lexer.skip_cfws();
        let id = if lexer.take(b'<') {
            lexer.run(|octet| octet != b'>')
        } else {
            lexer.run(|octet| octet != b'(')
        };
        let id: Vec<u8> = id.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
        (!id.is_empty()).then(|| crate::form::raw(&id))
    }

    /// The language tags.
    #[must_use]
    pub fn language(&self) -> Option<Vec<String>> {
        let tags = &self.content.language;
        (!tags.is_empty()).then(|| tags.iter().map(|tag| crate::form::raw(tag)).collect())
    }

    /// The URI of Content-Location. RFC 2557 §4.4: encoded words are decoded, white space is no part of it.
    #[must_use]
    pub fn location(&self) -> Option<String> {
        let value = self.content.location.as_deref()?;
        let mut unfolded = Vec::with_capacity(value.len());
        unfold(value, &mut unfolded);
        let mut text = encoded_word::decode_text(&unfolded);
        text.retain(|c| !c.is_whitespace() && c != '\0');
        (!text.is_empty()).then_some(text)
    }

    /// The octets of the contents, transfer encoding taken off. RFC 8621 §4.1.4: one that is not known is
    /// none.
    #[must_use]
    pub fn octets<'r>(&self, raw: &'r [u8]) -> Cow<'r, [u8]> {
        let body = self.body.of(raw);
        let encoding = self.known_encoding();
        if encoding.is_identity() {
            return Cow::Borrowed(body);
        }
        let mut decoded = Vec::new();
        transfer::decode(encoding, body, &mut decoded);
        Cow::Owned(decoded)
    }

    /// How many octets [`Part::octets`] has.
    #[must_use]
    pub fn size(&self, raw: &[u8]) -> u32 {
        let encoding = self.known_encoding();
        if encoding.is_identity() {
            return self.body.len();
        }
        let Some(mut decoder) = Decoder::new(encoding) else {
            return u32::try_from(self.octets(raw).len()).unwrap_or(u32::MAX);
        };
        let mut decoded = Vec::new();
        let mut size = 0_usize;
        for piece in self.body.of(raw).chunks(PIECE_OCTETS) {
            decoder.push(piece, &mut decoded);
            size += decoded.len();
            decoded.clear();
        }
        decoder.finish(&mut decoded);
        u32::try_from(size + decoded.len()).unwrap_or(u32::MAX)
    }

    /// The transfer encoding by which the contents are read. Multiparts have none (RFC 2045 §6.4).
    pub(crate) fn known_encoding(&self) -> TransferEncoding {
        let encoding = self.content.transfer_encoding();
        let opaque = encoding == TransferEncoding::Unknown || self.content.is_type(b"multipart");
        if opaque { TransferEncoding::Binary } else { encoding }
    }

    /// Where the header lies, for the forms of its fields.
    #[must_use]
    pub fn header_range(&self) -> Range32 {
        self.header
    }
}

/// The parameter of this name: in the notation of RFC 2231 §4, else with encoded words decoded.
fn decoded_param(params: &[Param], name: &str) -> Option<String> {
    let is = |param: &&Param, name: &[u8]| param.name.eq_ignore_ascii_case(name);
    let extended_name = [name.as_bytes(), b"*"].concat();
    let extended = params.iter().find(|param| is(param, &extended_name));
    let mut value = match extended.map(|param| encoded_word::decode_extended(&param.value)) {
        Some(Some(decoded)) => decoded,
        _ => {
            let plain = params.iter().find(|param| is(param, name.as_bytes())).or(extended)?;
            let mut text = String::new();
            if memchr::memmem::find(&plain.value, b"=?").is_some() {
                encoded_word::decode_text_into(&plain.value, &mut text);
            } else {
                charset::decode_guessing(&plain.value, &mut text);
            }
            text
        }
    };
    value.retain(|c| !c.is_control());
    Some(value)
}
