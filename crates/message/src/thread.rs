//! The Message-IDs by which messages are threaded (RFC 5256 §3, RFC 5322 §3.6.4), normalised, bounded.

use memchr::{memchr, memchr2};

use crate::limits::{MESSAGE_ID_OCTETS_MAX, REFERENCES_MAX};

/// Ids are without angle brackets, white space and quoting. RFC 5256 §3: they are compared octet by octet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadIds {
    pub message_id: Option<Vec<u8>>,
    pub in_reply_to: Vec<Vec<u8>>,
    /// In the order of the field; of too many the first one and the last ones.
    pub references: Vec<Vec<u8>>,
}

impl ThreadIds {
    pub(crate) fn message_id(&mut self, value: &[u8]) {
        self.message_id = message_id(value);
    }

    pub(crate) fn in_reply_to(&mut self, value: &[u8]) {
        self.in_reply_to = bounded(ids(value));
    }

    pub(crate) fn references(&mut self, value: &[u8]) {
        self.references = bounded(ids(value));
    }

    /// RFC 5256 §3: the ids of the ancestors, oldest first: References, or without them the first
    /// In-Reply-To.
    pub fn ancestors(&self) -> &[Vec<u8>] {
        if self.references.is_empty() {
            return self.in_reply_to.get(..1).unwrap_or_default();
        }
        &self.references
    }
}

/// The id in the value of a Message-ID field; `None` when there is none that can be read.
pub fn message_id(value: &[u8]) -> Option<Vec<u8>> {
    ids(value).next()
}

/// The first id and the last ones, at most `REFERENCES_MAX`.
fn bounded(ids: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut kept: std::collections::VecDeque<Vec<u8>> = std::collections::VecDeque::new();
    for id in ids {
        if kept.len() == REFERENCES_MAX {
            kept.remove(1);
        }
        kept.push_back(id);
    }
    kept.into()
}

/// The ids in `value`: what stands between `<` and `>` and holds an `@` (RFC 5256 §3: others are not
/// valid).
fn ids(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut rest = value;
    std::iter::from_fn(move || {
        loop {
            let open = memchr(b'<', rest)?;
            rest = rest.get(open + 1..).unwrap_or_default();
            let close = memchr2(b'>', b'<', rest)?;
            let inner = rest.get(..close).unwrap_or_default();
            let closed = rest.get(close) == Some(&b'>');
            rest = rest.get(close..).unwrap_or_default();
            if closed && inner.contains(&b'@') && inner.len() <= MESSAGE_ID_OCTETS_MAX {
                return Some(normalise(inner));
            }
        }
    })
}

/// RFC 5256 §3: `<"a"@b>` and `<a@b>` are the same id. White space and quoting go.
fn normalise(inner: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for &octet in inner {
        if octet == b'\\' && !escaped {
            escaped = true;
            continue;
        }
        if escaped || !(octet == b'"' || octet.is_ascii_whitespace()) {
            out.push(octet);
        }
        escaped = false;
    }
    out
}
