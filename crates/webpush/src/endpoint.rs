//! The push resource of a subscription: an absolute https URL (RFC 8030 §5, COI-webpush §subscribe).
//!
//! Stricter than RFC 3986 where nothing is lost by it: https only, no user, no fragment, visible ASCII.

use std::fmt;

use koi_types::limits::PUSH_ENDPOINT_OCTETS_MAX;

/// The port of https (RFC 9110 §4.2.2).
const HTTPS_PORT: u16 = 443;
const SCHEME: &str = "https://";
/// Of a name in the DNS as text (RFC 1035 §2.3.4).
const HOST_OCTETS_MAX: usize = 253;

/// A push resource, as it was written.
///
/// DEVIATION COI-webpush §subscribe: up to 2,048 octets instead of 512, because there are push services whose
/// resources are longer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Endpoint {
    text: Box<str>,
    /// Where the authority ends.
    path_at: usize,
    port: Option<u16>,
    /// Octets of the host behind the scheme, brackets included.
    host_octets: usize,
}

impl Endpoint {
    /// The URL, or what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > PUSH_ENDPOINT_OCTETS_MAX {
            return Err("endpoint is longer than 2048 octets");
        }
        if !text.bytes().all(|octet| octet.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&octet)) {
            return Err("endpoint has a character that is not allowed in a URL, or a fragment");
        }
        let scheme = text.get(..SCHEME.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME));
        let rest = scheme.and_then(|_| text.get(SCHEME.len()..)).ok_or("endpoint is not an https URL")?;
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err("endpoint names a user");
        }
        let (host, port) = split_port(authority)?;
        if !is_host(host) {
            return Err("endpoint has no valid host");
        }
        let path_at = SCHEME.len() + authority.len();
        Ok(Self { text: text.into(), path_at, port, host_octets: host.len() })
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// A name, an IPv4 address, or an IPv6 address in brackets, as it was written.
    #[must_use]
    pub fn host(&self) -> &str {
        self.text.get(SCHEME.len()..SCHEME.len() + self.host_octets).unwrap_or_default()
    }
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(HTTPS_PORT)
    }
    /// Path and query as they stand in a request; at least `/`.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        let text = self.text.get(self.path_at..).unwrap_or_default();
        if text.starts_with('/') { text.to_owned() } else { format!("/{text}") }
    }
    #[must_use]
    pub fn origin(&self) -> Origin {
        let host = self.host().to_ascii_lowercase();
        let port = self.port();
        let text =
            if port == HTTPS_PORT { format!("https://{host}") } else { format!("https://{host}:{port}") };
        Origin(text.into())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The push service an endpoint belongs to (RFC 8292 §2): what a token is valid for, and what is throttled
/// together.
///
/// DEVIATION RFC 8292 §2: the origin is in its ASCII serialization, because every push service that is known
/// has an ASCII name, and decoding others would need the tables of IDNA.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Origin(Box<str>);

impl Origin {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let digits_at = match authority.rfind(':') {
        Some(at) if !authority.ends_with(']') => at,
        _ => return Ok((authority, None)),
    };
    let (host, port) = authority.split_at_checked(digits_at).unwrap_or((authority, ""));
    let digits = port.get(1..).unwrap_or_default();
    if digits.is_empty() {
        return Ok((host, None));
    }
    let is_number = digits.bytes().all(|octet| octet.is_ascii_digit());
    match digits.parse::<u16>() {
        Ok(port) if is_number && port != 0 => Ok((host, Some(port))),
        _ => Err("endpoint has no valid port"),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<core::net::Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        let fits = (1..=63).contains(&label.len());
        fits && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet))
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    name.len() <= HOST_OCTETS_MAX && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, u16, String, String) {
        let endpoint = Endpoint::parse(text).unwrap();
        assert_eq!(endpoint.as_str(), text);
        let origin = endpoint.origin().to_string();
        (endpoint.host().to_owned(), endpoint.port(), endpoint.path_and_query(), origin)
    }

    /// spec: COI-webpush §subscribe; RFC 8292 §2
    #[test]
    fn the_parts_of_a_url() {
        for (text, host, port, path, origin) in [
            ("https://a.example/x?y=z", "a.example", 443, "/x?y=z", "https://a.example"),
            ("HTTPS://A.Example", "A.Example", 443, "/", "https://a.example"),
            ("https://a.example:443/", "a.example", 443, "/", "https://a.example"),
            ("https://a.example:/x", "a.example", 443, "/x", "https://a.example"),
            ("https://a.example:8443/x", "a.example", 8443, "/x", "https://a.example:8443"),
            ("https://a.example?q", "a.example", 443, "/?q", "https://a.example"),
            ("https://a.example/:80/@", "a.example", 443, "/:80/@", "https://a.example"),
            ("https://[2001:DB8::1]/", "[2001:DB8::1]", 443, "/", "https://[2001:db8::1]"),
            ("https://[::1]:1/x", "[::1]", 1, "/x", "https://[::1]:1"),
            ("https://127.0.0.1:9/x", "127.0.0.1", 9, "/x", "https://127.0.0.1:9"),
            ("https://a_b.example./x", "a_b.example.", 443, "/x", "https://a_b.example."),
        ] {
            let expected = (host.to_owned(), port, path.to_owned(), origin.to_owned());
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    /// spec: COI-webpush §subscribe
    #[test]
    fn what_is_no_endpoint() {
        for text in [
            "",
            "https://",
            "https:///x",
            "http://a.example/",
            "ftp://a",
            "a.example",
            "//a.example/x",
            "https:/a.example",
            "https://user@a.example/",
            "https://user:pw@a.example/",
            "https://a:0/",
            "https://a:65536/",
            "https://a:+1/",
            "https://a:b/",
            "https://a..b/",
            "https://.a/",
            "https://a b/",
            "https://a/ b",
            "https://a/\n",
            "https://a/#x",
            "https://ä.example/",
            "https://a/ä",
            "https://[::1/",
            "https://[::g]/",
            "https://[::1]x/",
            "https://a%2eb/",
            "https://a\\b/",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text:?}");
        }
        let longest = format!("https://a/{}", "x".repeat(2048 - 10));
        assert!(Endpoint::parse(&longest).is_ok());
        assert!(Endpoint::parse(&format!("{longest}x")).is_err());
    }
}
