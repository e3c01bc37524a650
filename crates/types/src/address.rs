//! Mail addresses as a server compares them (RFC 5321 §4.1.2, RFC 6531 §3.3).
//!
//! The wire syntax is parsed in `proto`; here is only the value: local part and domain.

use std::fmt;

/// `local@domain`. The domain is kept in lower case; the local part as it was written.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Address {
    local: Box<str>,
    domain: Box<str>,
}

/// MAIL FROM: an address, or nothing for reports (RFC 5321 §4.5.5).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ReversePath {
    Null,
    Address(Address),
}

impl Address {
    /// `None` when a part is empty, longer than RFC 5321 §4.5.3.1 allows (64 and 255 octets), or has a
    /// control character.
    #[must_use]
    pub fn new(local: &str, domain: &str) -> Option<Self> {
        let fits = |s: &str, max: usize| !s.is_empty() && s.len() <= max && !s.chars().any(char::is_control);
        (fits(local, 64) && fits(domain, 255) && !domain.contains(['@', ' ']))
            .then(|| Self { local: local.into(), domain: domain.to_lowercase().into() })
    }
    /// Reads `local@domain`, split at the last `@`; no quoting, no comments.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.rsplit_once('@')?;
        Self::new(local, domain)
    }
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }
    /// The form under which an account is found: local part in lower case and without `+detail` (RFC 5233
    /// §4).
    #[must_use]
    pub fn account_key(&self) -> Self {
        let base = self.local.split('+').next().filter(|b| !b.is_empty()).unwrap_or(&self.local);
        Self { local: base.to_lowercase().into(), domain: self.domain.clone() }
    }
    /// What follows the first `+` of the local part (RFC 5233 §4).
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.local.split_once('+').filter(|(base, _)| !base.is_empty()).map(|(_, detail)| detail)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Address(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detail_and_case_do_not_change_the_account() {
        let a = Address::parse("Alice+Lists@Example.ORG").unwrap();
        assert_eq!(a.account_key().to_string(), "alice@example.org");
        assert_eq!(a.detail(), Some("Lists"));
        assert_eq!(Address::parse("+x@example.org").unwrap().detail(), None);
        for bad in ["alice", "@example.org", "alice@", "a\n@example.org"] {
            assert_eq!(Address::parse(bad), None, "{bad:?}");
        }
    }
}
