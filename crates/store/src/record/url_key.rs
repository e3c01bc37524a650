//! B: a mailbox access key (RFC 4467 §2.2).

use std::fmt;

use super::{Fields, Record};

/// Octets of a key: twice what RFC 4467 §2.2 asks for.
pub const URL_KEY_OCTETS: usize = 32;

/// What the tokens of URLs are made with. Random, and never shown to anybody.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlKeyRecord(pub [u8; URL_KEY_OCTETS]);

impl fmt::Debug for UrlKeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UrlKeyRecord(…)")
    }
}

impl UrlKeyRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Record::new(URL_KEY_OCTETS).octets(&self.0).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let key = Self(f.array()?);
        f.end().map(|()| key)
    }
}
