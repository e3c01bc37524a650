//! Names of keys, signets and realms, and octets in URL-safe base64 without padding (RFC 4648 §5,
//! DMAP-00 §7.4).

use std::borrow::Cow;
use std::fmt;

use koi_types::{Address, limits};

use super::text;
use crate::line::erase;
use crate::line::lex::{Cursor, SyntaxError};
use crate::sasl::{base64_decode, base64_encode};

/// The id of a key: SHA-512 of what is signed in its signing request (DMAP-00 §7.4.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 64]);

/// SHA-512 of the cryptographic part of a signet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 64]);

/// Whose signet: `user@domain`, or `domain` for that of an organisation (DMAP-00 §7.5). Not empty, at most
/// `ADDRESS_OCTETS_MAX` octets, no control characters, and of white space only spaces in the local part.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SignetAddress(Box<str>);

/// The name of a realm, such as `mail`: 1 to 32 letters, digits and hyphens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Label(Box<str>);

macro_rules! hash {
    ($name:ident) => {
        impl $name {
            /// From 86 characters of base64url.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let octets = base64url_decode(text.as_bytes()).ok()?;
                octets.try_into().ok().map(Self)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&base64url_encode(&self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}
hash!(KeyId);
hash!(Fingerprint);

impl SignetAddress {
    /// The local part without quotes, whatever is in it.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let domain = text.rsplit_once('@').map_or(text, |(_, domain)| domain);
        let valid = !text.is_empty()
            && text.len() <= limits::ADDRESS_OCTETS_MAX
            && !text.chars().any(|c| c.is_control() || c.is_whitespace() && c != ' ')
            && !domain.contains(' ');
        valid.then(|| Self(text.into()))
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// As it is written: with quotes where it would be read with them.
    pub(super) fn written(&self) -> Cow<'_, str> {
        match Address::parse(&self.0).filter(|_| self.0.starts_with('"')) {
            Some(address) => address.as_path().into(),
            None => Cow::from(&*self.0),
        }
    }
}

impl Label {
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let valid = !text.is_empty()
            && text.len() <= limits::DMAP_LABEL_OCTETS_MAX
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        valid.then(|| Self(text.into()))
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// ```abnf
/// key-id      = fingerprint
/// fingerprint = 86(ALPHA / DIGIT / "-" / "_")     ; base64url of SHA-512
/// ```
pub(super) fn key_id(cursor: &mut Cursor<'_>) -> Result<KeyId, SyntaxError> {
    octets64(cursor, "expected a key id of 86 characters").map(KeyId)
}

pub(super) fn fingerprint(cursor: &mut Cursor<'_>) -> Result<Fingerprint, SyntaxError> {
    octets64(cursor, "expected a fingerprint of 86 characters").map(Fingerprint)
}

/// ```abnf
/// address = astring               ; "user@domain" or "domain" (organisational)
/// ```
///
/// A local part may be in quotes (RFC 5321 §4.1.2), and is the same without.
pub(super) fn address(cursor: &mut Cursor<'_>) -> Result<SignetAddress, SyntaxError> {
    let before = cursor.error("expected an address or a domain");
    let text = text::astring(cursor)?;
    let unquoted = match text.starts_with('"') {
        true => Address::from_path(&text).map(|address| address.to_string().into()),
        false => Some(text),
    };
    unquoted.and_then(|text| SignetAddress::new(&text)).ok_or(before)
}

/// ```abnf
/// label = 1*32(ALPHA / DIGIT / "-")
/// ```
pub(super) fn label(cursor: &mut Cursor<'_>) -> Result<Label, SyntaxError> {
    let before = cursor.error("expected a label of at most 32 letters, digits and hyphens");
    let text = cursor.word(|b| b.is_ascii_alphanumeric() || b == b'-', before.what)?;
    Label::new(text).ok_or(before)
}

/// `b64u` of 64 octets.
pub(super) fn octets64(cursor: &mut Cursor<'_>, what: &'static str) -> Result<[u8; 64], SyntaxError> {
    let before = cursor.error(what);
    base64url(cursor, what)?.try_into().map_err(|_| before)
}

/// ```abnf
/// b64u = 1*(ALPHA / DIGIT / "-" / "_")
/// ```
pub(super) fn base64url(cursor: &mut Cursor<'_>, what: &'static str) -> Result<Vec<u8>, SyntaxError> {
    let before = cursor.error(what);
    let text = cursor.word(is_base64url, what)?;
    base64url_decode(text.as_bytes()).map_err(|_| before)
}

/// The octets, or why it is not base64url without padding: no other characters, no bits left over.
pub fn base64url_decode(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    if !text.iter().all(|b| is_base64url(*b)) {
        return Err("not a base64url character");
    }
    let standard = text.iter().map(|b| match b {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    });
    let padding = std::iter::repeat_n(b'=', (4 - text.len() % 4) % 4);
    // It may be that of a secret, and must not be left behind in a buffer that has grown.
    let mut padded = Vec::with_capacity(text.len() + 3);
    padded.extend(standard.chain(padding));
    let decoded = base64_decode(&padded);
    erase(&mut padded);
    decoded
}

/// Without padding.
#[must_use]
pub fn base64url_encode(octets: &[u8]) -> String {
    let standard = base64_encode(octets);
    let url = standard.trim_end_matches('=').chars().map(|c| match c {
        '+' => '-',
        '/' => '_',
        other => other,
    });
    url.collect()
}

const fn is_base64url(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_')
}
