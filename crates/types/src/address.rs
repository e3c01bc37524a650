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
    /// As it is written in a path or a header field: the local part quoted if it is no dot-string (RFC 5321
    /// §4.1.2, RFC 6531 §3.3).
    #[must_use]
    pub fn as_path(&self) -> String {
        if Self::is_dot_string(&self.local) {
            return self.to_string();
        }
        let mut text = String::from("\"");
        for c in self.local.chars() {
            if matches!(c, '"' | '\\') {
                text.push('\\');
            }
            text.push(c);
        }
        text + "\"@" + &self.domain
    }
    /// Reads what [`Address::as_path`] writes, and what [`Address::parse`] does.
    #[must_use]
    pub fn from_path(text: &str) -> Option<Self> {
        let Some(inner) = text.strip_prefix('"') else { return Self::parse(text) };
        let mut local = String::new();
        let mut chars = inner.chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => local.push(chars.next()?),
                c => local.push(c),
            }
        }
        Self::new(&local, chars.as_str().strip_prefix('@')?)
    }
    /// Whether a local part may stand without quotes (RFC 5321 §4.1.2).
    #[must_use]
    pub fn is_dot_string(local: &str) -> bool {
        local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(Self::is_atext))
    }
    /// `atext` of RFC 5322 §3.2.3 and `UTF8-non-ascii` of RFC 6531 §3.3.
    #[must_use]
    pub fn is_atext(c: char) -> bool {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && !c.is_control())
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

    // spec: RFC 5321 §4.1.2
    #[test]
    fn paths_read_back() {
        for local in ["smith", "a b", "a\"b\\c", ".a", "a@b", "j\u{f6}rg"] {
            let address = Address::new(local, "x").unwrap();
            assert_eq!(Address::from_path(&address.as_path()), Some(address));
        }
        for bad in ["\"a", "\"a\"", "\"a\"b@x", "\"a\\"] {
            assert_eq!(Address::from_path(bad), None, "{bad}");
        }
    }

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
