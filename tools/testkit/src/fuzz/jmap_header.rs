//! The names of properties of Emails and their parts: what is one prints as it was written, and a header
//! field has only forms that are for it (RFC 8621 §4.1.2, RFC 8621 §4.1.3). Search texts: any has tokens.

use koi_proto::jmap::object::email::EmailProperty;
use koi_proto::jmap::object::email::body::BodyProperty;
use koi_proto::jmap::object::email::search_text::{SearchToken, tokens};
use koi_proto::jmap::standard::Property;

use super::Target;

/// Names of properties.
#[must_use]
pub fn target() -> Target {
    let seeds: [&[u8]; 6] = [
        b"header:List-Post:asURLs:all",
        b"header:from:asGroupedAddresses",
        b"header:x",
        b"subject",
        b"subParts",
        b"foo \"exact 'words'\" don't 'it\\'s'",
    ];
    Target {
        name: "jmap_header",
        body,
        seeds: seeds.iter().map(|seed| seed.to_vec()).collect(),
        words: WORDS,
    }
}

const WORDS: &[&[u8]] =
    &[b"header:", b":asText", b":asDate", b":asRaw", b":all", b":as", b":", b"Received", b"\\\"", b"'"];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let Ok(name) = std::str::from_utf8(input) else { return };
    if let Some(property) = EmailProperty::parse(name) {
        assert_eq!(property.name(), name, "as it was asked for");
        if let Some(header) = property.as_header() {
            assert!(header.form.is_for(&header.field));
            assert!(!header.field.contains([':', ' ', '\r', '\n']) && !header.field.is_empty());
        }
    }
    if let Some(property) = BodyProperty::parse(name) {
        assert_eq!(property.name(), name, "as it was asked for");
    }
    for token in tokens(name) {
        let (SearchToken::Word(text) | SearchToken::Phrase(text)) = token;
        assert!(!text.is_empty() && text.len() <= name.len());
    }
}
