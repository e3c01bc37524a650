//! What the organisations are told of a message: each its own user, and the other domain (docs/DIME.md,
//! envelopes).
//!
//! ```text
//! Author: <address>                  Recipient: <address>
//! Author-Signet: [fingerprint]       Recipient-Signet: [fingerprint]
//! Destination: <domain>              Origin: <domain>
//! Destination-Signet: [fingerprint]  Origin-Signet: [fingerprint]
//! ```

use koi_types::Address;

use crate::fingerprint::Fingerprint;

/// Octets of an envelope.
const ENVELOPE_OCTETS_MAX: usize = 1024;
/// Octets of a domain (RFC 5321 §4.5.3.1.2).
const DOMAIN_OCTETS_MAX: usize = 255;

/// Chunk 2, for the author's organisation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OriginEnvelope {
    pub author: Address,
    /// Core fingerprint of the author's signet.
    pub author_signet: Fingerprint,
    pub destination: String,
    pub destination_signet: Fingerprint,
}

/// Chunk 3, for the recipient's organisation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DestinationEnvelope {
    pub recipient: Address,
    pub recipient_signet: Fingerprint,
    pub origin: String,
    pub origin_signet: Fingerprint,
}

/// Not exactly the four lines, or one of them does not hold what it should.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadEnvelope;

impl std::fmt::Display for BadEnvelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the envelope has not exactly its four lines")
    }
}

impl std::error::Error for BadEnvelope {}

/// What both have.
struct Lines {
    address: Address,
    signet: Fingerprint,
    domain: String,
    domain_signet: Fingerprint,
}

impl OriginEnvelope {
    pub fn parse(data: &[u8]) -> Result<Self, BadEnvelope> {
        let lines = parse(data, "Author", "Destination").ok_or(BadEnvelope)?;
        Ok(Self {
            author: lines.address,
            author_signet: lines.signet,
            destination: lines.domain,
            destination_signet: lines.domain_signet,
        })
    }
    #[must_use]
    pub fn text(&self) -> String {
        let address = self.author.as_path();
        let signets = [self.author_signet, self.destination_signet];
        print(["Author", "Destination"], &address, &self.destination, signets)
    }
}

impl DestinationEnvelope {
    pub fn parse(data: &[u8]) -> Result<Self, BadEnvelope> {
        let lines = parse(data, "Recipient", "Origin").ok_or(BadEnvelope)?;
        Ok(Self {
            recipient: lines.address,
            recipient_signet: lines.signet,
            origin: lines.domain,
            origin_signet: lines.domain_signet,
        })
    }
    #[must_use]
    pub fn text(&self) -> String {
        let address = self.recipient.as_path();
        let signets = [self.recipient_signet, self.origin_signet];
        print(["Recipient", "Origin"], &address, &self.origin, signets)
    }
}

fn print(names: [&str; 2], address: &str, domain: &str, signets: [Fingerprint; 2]) -> String {
    let [user, organisation] = names;
    let [signet, domain_signet] = signets.map(|signet| signet.standard());
    format!(
        "{user}: <{address}>\r\n{user}-Signet: [{signet}]\r\n\
         {organisation}: <{domain}>\r\n{organisation}-Signet: [{domain_signet}]\r\n"
    )
}

fn parse(data: &[u8], user: &str, organisation: &str) -> Option<Lines> {
    if data.len() > ENVELOPE_OCTETS_MAX {
        return None;
    }
    let mut lines = std::str::from_utf8(data).ok()?.split("\r\n");
    let mut value = |name: &str, suffix: &str, open: char, close: char| {
        let value = lines.next()?.strip_prefix(name)?.strip_prefix(suffix)?.strip_prefix(": ")?;
        value.strip_prefix(open)?.strip_suffix(close)
    };
    let address = Address::from_path(value(user, "", '<', '>')?)?;
    let signet = Fingerprint::parse(value(user, "-Signet", '[', ']')?)?;
    let domain = value(organisation, "", '<', '>').filter(|domain| is_domain(domain))?.to_owned();
    let domain_signet = Fingerprint::parse(value(organisation, "-Signet", '[', ']')?)?;
    let is_end = (lines.next(), lines.next()) == (Some(""), None);
    is_end.then_some(Lines { address, signet, domain, domain_signet })
}

fn is_domain(text: &str) -> bool {
    let is_named = (1..=DOMAIN_OCTETS_MAX).contains(&text.len());
    is_named && !text.contains(|c: char| c.is_control() || matches!(c, ' ' | '@' | '<' | '>'))
}
