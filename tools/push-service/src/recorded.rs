//! What came to the push service.

use std::time::Instant;

/// A version of HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Http {
    One,
    Two,
}

/// A header field, its name in lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    pub name: String,
    pub value: String,
}

/// One request, complete with its body.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What followed `/push/`.
    pub resource: String,
    pub method: String,
    /// `Host`, or `:authority`.
    pub authority: String,
    pub http: Http,
    pub headers: Vec<Field>,
    pub body: Vec<u8>,
    /// Connections are counted from 1.
    pub connection: usize,
    pub at: Instant,
    /// What RFC 8030 says must be answered with 400, when something of the kind was there; the resource's
    /// script was not asked then.
    pub fault: Option<&'static str>,
}

impl Recorded {
    /// The value of the only field of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|field| field.name == name);
        let first = found.next();
        assert!(found.next().is_none(), "{name} is there twice: {:?}", self.headers);
        first.map(|field| field.value.as_str())
    }

    /// RFC 8620 §7.2: of a client that gave no keys.
    fn is_plain_json(&self) -> bool {
        let is_json = self.header("content-type") == Some("application/json");
        is_json && self.header("content-encoding").is_none()
    }

    /// RFC 8030 §5: what a push service refuses.
    pub(crate) fn find_fault(&self) -> Option<&'static str> {
        let is_ttl = |value: &str| !value.is_empty() && value.bytes().all(|octet| octet.is_ascii_digit());
        let is_topic = |value: &str| {
            let is_base64url = |octet: u8| octet.is_ascii_alphanumeric() || b"-_".contains(&octet);
            (1..=32).contains(&value.len()) && value.bytes().all(is_base64url)
        };
        let urgencies = ["very-low", "low", "normal", "high"];
        let count = |name| self.headers.iter().filter(|field| field.name == name).count();
        if self.method != "POST" {
            Some("the method is not POST")
        } else if count("ttl") != 1 || !self.header("ttl").is_some_and(is_ttl) {
            Some("RFC 8030 §5.2: no valid TTL")
        } else if count("urgency") > 1
            || !self.header("urgency").is_none_or(|value| urgencies.contains(&value))
        {
            Some("RFC 8030 §5.3: no valid Urgency")
        } else if count("topic") > 1 || !self.header("topic").is_none_or(is_topic) {
            Some("RFC 8030 §5.4: no valid Topic")
        } else if self.header("content-encoding") != Some("aes128gcm") && !self.is_plain_json() {
            Some("RFC 8291 §4: the content coding is not aes128gcm")
        } else if self.body.len() > 4096 {
            Some("RFC 8030 §7.2: more than 4096 octets")
        } else {
            None
        }
    }
}
